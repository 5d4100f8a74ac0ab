"""Evaluate a condition of a script for one kind of request: true, false, or unknown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from proxyconf.parse.tokens import Token, TokenKind

_DEEPEST = 60
_IN_DIALOG = frozenset({"has_totag", "loose_route", "is_known_dlg", "match_dialog"})
_NEVER = frozenset({"t_is_canceled", "t_is_cancelled", "t_was_cancelled", "t_any_timeout"})
_METHOD_VARIABLES = frozenset({"$rm", "$(rm)"})


@dataclass(frozen=True, slots=True)
class RequestKind:
    """The properties of a request that conditions test."""

    method: str
    is_in_dialog: bool = False
    is_failed: bool = False


@dataclass(slots=True)
class ConditionReader:
    """Evaluates one condition. ``flags`` are those that are set on the request."""

    tokens: Sequence[Token]
    request: RequestKind
    flags: Iterable[str] = ()
    position: int = field(default=0, init=False)

    def value(self) -> bool | None:
        """Return the value of the condition; None if it is unknown."""
        return self._either(0)

    def _either(self, depth: int) -> bool | None:
        found = self._both(depth)
        while self._takes("|", "or"):
            other = self._both(depth)
            found = True if found or other else None if None in (found, other) else False
        return found

    def _both(self, depth: int) -> bool | None:
        found = self._one(depth)
        while self._takes("&", "and"):
            other = self._one(depth)
            found = False if False in (found, other) else None if None in (found, other) else True
        return found

    def _one(self, depth: int) -> bool | None:
        if depth > _DEEPEST or self.position >= len(self.tokens):
            return None
        token = self.tokens[self.position]
        if token.value in ("!", "not") and token.kind in (TokenKind.SIGN, TokenKind.WORD) and not self._is(1, "="):
            self.position += 1
            found = self._one(depth + 1)
            return None if found is None else not found
        if self._is(0, "("):
            self.position += 1
            found = self._either(depth + 1)
            self._skip_to_closing()
            return None if self._skip_comparison() else found
        return self._atom(token)

    def _atom(self, token: Token) -> bool | None:
        self.position += 1
        if self._is(0, "("):
            start = self.position + 1
            self.position += 1
            self._skip_to_closing()
            found = self._of_function(token.value, self.tokens[start : self.position - 1])
            return None if self._skip_comparison() else found
        compared = self._skip_comparison()
        if token.value in _METHOD_VARIABLES or token.value == "method":
            return self._of_method(compared)
        if not compared and token.value in ("true", "false", "1", "0"):
            return token.value in ("true", "1")
        return None

    def _of_function(self, name: str, arguments: Sequence[Token]) -> bool | None:
        texts = [token.value for token in arguments]
        if name == "is_method":
            return self.request.method in "".join(texts).upper().split("|")
        if name in _IN_DIALOG:
            return self.request.is_in_dialog
        if name in _NEVER:
            return False
        if name == "isflagset":
            names = {*texts, *(token.define for token in arguments if token.define)}
            return bool(names & set(self.flags))
        return None

    def _of_method(self, compared: Sequence[Token]) -> bool | None:
        signs = "".join(token.value for token in compared if token.kind is TokenKind.SIGN)
        texts = [token.value for token in compared if token.kind in (TokenKind.TEXT, TokenKind.WORD)]
        has_variable = any(token.kind is TokenKind.VARIABLE for token in compared)
        if len(texts) != 1 or has_variable:
            return None
        if signs.startswith("=~"):
            return self.request.method in texts[0].strip("^$()").upper().split("|")
        is_equal = self.request.method == texts[0].upper()
        return not is_equal if signs.startswith("!") else is_equal if signs.startswith("=") else None

    def _skip_comparison(self) -> Sequence[Token]:
        """Skip and return the tokens up to the next ``and``, ``or`` or closing parenthesis."""
        start = self.position
        while self.position < len(self.tokens) and not self._is(0, ")"):
            token = self.tokens[self.position]
            if self._is_operator(token, "&", "and") or self._is_operator(token, "|", "or"):
                break
            self.position += 1
            if token.value == "(":
                self._skip_to_closing()
        return self.tokens[start : self.position]

    def _skip_to_closing(self) -> None:
        """Move past the parenthesis that closes the open one."""
        depth = 1
        while self.position < len(self.tokens) and depth:
            depth += self._is(0, "(") - self._is(0, ")")
            self.position += 1

    def _takes(self, sign: str, word: str) -> bool:
        before = self.position
        while self.position < len(self.tokens) and self._is_operator(self.tokens[self.position], sign, word):
            self.position += 1
        return self.position > before

    def _is_operator(self, token: Token, sign: str, word: str) -> bool:
        return (token.kind is TokenKind.SIGN and token.value == sign) or (
            token.kind is TokenKind.WORD and token.value == word
        )

    def _is(self, offset: int, sign: str) -> bool:
        if self.position + offset >= len(self.tokens):
            return False
        token = self.tokens[self.position + offset]
        return token.kind is TokenKind.SIGN and token.value == sign
