"""The routes of a script as trees of statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from proxyconf.parse.tokens import Token, TokenKind

_DEEPEST = 60
_LOOPS = frozenset({"while", "switch", "for"})


class CallStep(NamedTuple):
    """A call of a function, or a bare word such as ``exit``; ``arguments`` are the tokens between its commas."""

    name: str
    arguments: tuple[tuple[Token, ...], ...] = ()


class ConditionStep(NamedTuple):
    """``if``: the tokens of the condition, and both branches."""

    condition: tuple[Token, ...]
    then: RouteBody
    otherwise: RouteBody


class LoopStep(NamedTuple):
    """``while``, ``for`` or ``switch``, whose body may or may not run."""

    body: RouteBody


RouteStep: TypeAlias = CallStep | ConditionStep | LoopStep
RouteBody: TypeAlias = tuple[RouteStep, ...]


class RouteKey(NamedTuple):
    """Kind and name of a route, as of ``failure_route[NAME]``; the name may be empty."""

    kind: str
    name: str = ""


def route_trees(tokens: Sequence[Token]) -> dict[RouteKey, RouteBody]:
    """Return the bodies of all routes, without the parts that cannot be parsed as statements."""
    trees: dict[RouteKey, RouteBody] = {}
    parser, position = _TreeParser(tokens), 0
    while position < len(tokens):
        token = tokens[position]
        opening, name = position + 1, ""
        if parser.is_sign(opening, "[") and opening + 1 < len(tokens):
            opening, name = opening + 3, tokens[opening + 1].value
        is_route = token.kind is TokenKind.WORD and token.value.endswith("route") and parser.is_sign(opening, "{")
        if is_route:
            body, position = parser.block(opening, 0)
            trees[RouteKey(token.value, "" if name == "0" else name)] = body
        else:
            position += 1
    return trees


class _TreeParser:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens

    def is_sign(self, position: int, sign: str) -> bool:
        if position >= len(self._tokens):
            return False
        token = self._tokens[position]
        return token.kind is TokenKind.SIGN and token.value == sign

    def block(self, position: int, depth: int) -> tuple[RouteBody, int]:
        """Read the block that opens at ``position``; return it and the position after it."""
        steps: list[RouteStep] = []
        position += 1
        while position < len(self._tokens) and not self.is_sign(position, "}"):
            read, position = self._statement(position, depth)
            steps += read
        return tuple(steps), position + 1

    def _statement(self, position: int, depth: int) -> tuple[RouteBody, int]:
        token = self._tokens[position]
        if depth > _DEEPEST:
            return (), self._closing(position) if self.is_sign(position, "{") else position + 1
        if self.is_sign(position, "{"):
            return self.block(position, depth + 1)
        if token.kind is not TokenKind.WORD:
            return (), self._after_statement(position)
        if token.value == "if":
            return self._condition(position, depth)
        if token.value in _LOOPS:
            body, end = self._branch(self._after_parentheses(position + 1), depth)
            return (LoopStep(body),), end
        if token.value in ("case", "default"):
            while position < len(self._tokens) and not self.is_sign(position, ":"):
                position += 1
            return (), position + 1
        arguments = self._arguments(position + 1)
        return (CallStep(token.value, arguments),), self._after_statement(position)

    def _condition(self, position: int, depth: int) -> tuple[RouteBody, int]:
        end = self._after_parentheses(position + 1)
        condition = tuple(self._tokens[position + 1 : end])
        then, end = self._branch(end, depth)
        otherwise: RouteBody = ()
        if end < len(self._tokens) and self._tokens[end].value == "else":
            otherwise, end = self._branch(end + 1, depth)
        return (ConditionStep(condition, then, otherwise),), end

    def _branch(self, position: int, depth: int) -> tuple[RouteBody, int]:
        if position >= len(self._tokens) or self.is_sign(position, "}"):
            return (), position
        return self._statement(position, depth + 1)

    def _arguments(self, position: int) -> tuple[tuple[Token, ...], ...]:
        if not self.is_sign(position, "("):
            return ()
        parts: list[list[Token]] = [[]]
        for token in self._tokens[position + 1 : self._after_parentheses(position) - 1]:
            if token.kind is TokenKind.SIGN and token.value == ",":
                parts.append([])
            else:
                parts[-1].append(token)
        return tuple(tuple(part) for part in parts)

    def _after_parentheses(self, position: int) -> int:
        return self._closing(position) if self.is_sign(position, "(") else position

    def _closing(self, position: int) -> int:
        """Return the position after the bracket that closes the one at ``position``."""
        opener = self._tokens[position].value
        closer, depth = {"(": ")", "{": "}"}[opener], 0
        while position < len(self._tokens):
            if self.is_sign(position, opener):
                depth += 1
            elif self.is_sign(position, closer):
                depth -= 1
                if depth == 0:
                    return position + 1
            position += 1
        return position

    def _after_statement(self, position: int) -> int:
        """Return the position after the semicolon of a statement; before a brace that closes its block."""
        while position < len(self._tokens):
            if self.is_sign(position, ";"):
                return position + 1
            if self.is_sign(position, "}") or self.is_sign(position, "{"):
                return max(position, 1)
            position = self._closing(position) if self.is_sign(position, "(") else position + 1
        return position
