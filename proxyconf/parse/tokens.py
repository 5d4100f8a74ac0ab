"""Tokenize a proxy's configuration, and apply Kamailio's preprocessor.

It follows the lexers of Kamailio (``cfg.lex``: comments ``#``, ``//`` and ``/* */``, adjacent strings in double quotes
are one string, escapes only in double quotes, ``#!define`` and its variants, ``#!ifdef``) and of OpenSIPS, which has
the same strings and comments and no preprocessor.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.variables import scan_variable

_DEEPEST_DEFINE = 20
_MOST_EXPANSIONS = 10_000  # nested definitions can grow exponentially
_LONGEST_TEXT = 65_536
_LONGEST_VARIABLE = 500


class TokenKind(StrEnum):
    WORD = "word"
    TEXT = "text"
    NUMBER = "number"
    VARIABLE = "variable"
    SIGN = "sign"


class Token(NamedTuple):
    """A token. The ``value`` of a string is its content.

    ``define`` is the ``#!define`` of which it is the expansion; ``depth`` counts the ``#!ifdef`` around it.
    """

    kind: TokenKind
    value: str
    line: int
    start: int
    end: int
    define: str = ""
    depth: int = 0


class Remark(NamedTuple):
    """A text that was not understood or was interpreted differently; ``why`` gives the reason and the consequence.

    ``file`` is set if a configuration consists of several files.
    """

    line: int
    text: str
    why: str
    file: str = ""


class Tested(NamedTuple):
    """A name tested by ``#!ifdef`` or ``#!ifndef`` that the text does not define before."""

    name: str
    line: int


class Definition(NamedTuple):
    """A ``#!define`` in an active branch; its value extends from ``start`` to ``end``."""

    name: str
    start: int
    end: int


_TOKEN = re.compile(
    r"""
    (?P<blank>\s+)
  | (?P<directive>(?:\#!|!!)(?:define|trydef|redefine|redef|defenv|trydefenv|defexp|defexps|substdefs|substdef|subst
        |ifdef|ifndef|ifexp|else|endif|include_file|import_file)\b)
  | (?P<comment>/\*.*?(?:\*/|\Z) | (?:\#|//)[^\n]*)
  | (?P<double>"(?:[^"\\]|\\.)*")
  | (?P<single>'[^']*')
  | (?P<unclosed>"(?:[^"\\]|\\.)*\\?\Z | '[^']*\Z)
  | (?P<number>0[xX][0-9a-fA-F]+|\d+(?![A-Za-z_]))
  | (?P<word>[A-Za-z_0-9][A-Za-z0-9_]*)
  | (?P<variable>\$)
  | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BRANCHING = re.compile(r"(?:#!|!!)(ifdef|ifndef|ifexp|else|endif)\b[ \t]*([A-Za-z_]\w*)?[^\n]*")
_DEFINITION = re.compile(r"[ \t]+([A-Za-z_]\w*)[ \t]*((?:\\\r?\n|[^\n])*)")
_COMMENT_IN_VALUE = re.compile(r"""(?:[^"'#/\s]|/(?!/)|"[^"]*"|'[^']*')(?:[^"'#/]|/(?!/)|"[^"]*"|'[^']*')*(?:\#|//)""")
_REST_OF_LINE = re.compile(r"[^\n]*")
_STRING = re.compile(r"\s*(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)')", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{2,3})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "a": "\a", "t": "\t", '"': '"', "\\": "\\", "\n": ""}
_PLAIN_PATTERN = re.compile(r"[^*+?{}()|\\\[\]^$]*")


class Reader:
    """Tokenizes a configuration once; ``remarks``, ``definitions`` and ``tested`` are complete after ``tokens()``.

    ``defines`` are the names defined on the command line, ``NAME`` or ``NAME=value`` (Kamailio's option ``-A``).
    """

    def __init__(self, text: str, defines: Iterable[str] = (), *, preprocess: bool = True) -> None:
        self._text = text
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", self._text))]
        self._defines = {name: value for name, _sign, value in (define.partition("=") for define in defines)}
        self._outside = frozenset(self._defines)
        self._preprocess = preprocess
        self._substitutions: list[tuple[str, str]] = []
        self._branches: list[bool] = []  # the enclosing conditions: whether their branch is active
        self._closed = 0  # number of inactive branches among them
        self._expansions = 0
        self.remarks: list[Remark] = []
        self.definitions: list[Definition] = []
        self.tested: dict[str, Tested] = {}

    def undecided(self) -> tuple[Tested, ...]:
        """Return the tested names that the text never defines."""
        own = self._defines.keys() - self._outside
        return tuple(tested for name, tested in self.tested.items() if name not in own)

    @property
    def defines(self) -> dict[str, str]:
        """The names defined at the end of the text, with their values."""
        return self._defines

    def source(self, start: int, end: int) -> str:
        """Return the text between two positions, on one line."""
        return " ".join(self._text[start:end].split())

    def tokens(self) -> Iterator[Token]:
        """Yield the tokens of the active branches."""
        position = 0
        while position < len(self._text):
            if self._closed:
                position = self._skip(position)
                continue
            match = _TOKEN.match(self._text, position)
            assert match is not None  # the last alternative matches any character
            if match.lastgroup == "directive" and self._preprocess:
                position = self._directive(match)
                continue
            if match.lastgroup == "directive":  # a comment for a proxy without preprocessor
                position = self._end_of_line(match.start())
                continue
            token = self._token(match)
            position = token.end if token else match.end()
            if token is not None:
                yield from self._expanded(token, 0)
        if self._branches:
            self._remark(len(self._text), "#!endif", _("an #!ifdef has no #!endif"))

    def _line(self, position: int) -> int:
        return bisect_right(self._line_starts, position)

    def _remark(self, position: int, text: str, why: str) -> None:
        self.remarks.append(Remark(self._line(position), text, why))

    def _end_of_line(self, position: int) -> int:
        end = self._text.find("\n", position)
        return len(self._text) if end < 0 else end + 1

    def _token(self, match: re.Match[str]) -> Token | None:
        start, end, line = match.start(), match.end(), self._line(match.start())
        match match.lastgroup:
            case "blank" | "comment":
                return None
            case "double":
                return self._made(TokenKind.TEXT, self._substituted(unescape(_unix(match[0][1:-1]))), line, start, end)
            case "single":
                return self._made(TokenKind.TEXT, self._substituted(_unix(match[0][1:-1])), line, start, end)
            case "number":
                return self._made(TokenKind.NUMBER, match[0], line, start, end)
            case "word":
                return self._made(TokenKind.WORD, match[0], line, start, end)
            case "variable":
                return self._variable(start, line)
            case "unclosed":
                self._remark(start, match[0][:40], _("a string without its closing quote"))
                return None
            case _:
                return self._made(TokenKind.SIGN, match[0], line, start, end)

    def _made(self, kind: TokenKind, value: str, line: int, start: int, end: int) -> Token:
        return Token(kind, value, line, start, end, depth=len(self._branches))

    def _variable(self, start: int, line: int) -> Token:
        try:
            expression, length = scan_variable(self._text[start : start + _LONGEST_VARIABLE], 0)
        except ValueError:
            return self._made(TokenKind.SIGN, "$", line, start, start + 1)
        return self._made(TokenKind.VARIABLE, expression.text, line, start, start + length)

    def _expanded(self, token: Token, depth: int) -> Iterator[Token]:
        value = self._defines.get(token.value) if token.kind is TokenKind.WORD else None
        if value is None or depth > _DEEPEST_DEFINE or self._expansions >= _MOST_EXPANSIONS:
            yield token
            return
        self._expansions += 1
        inner = Reader(value, preprocess=False)
        inner._substitutions = self._substitutions
        define = token.define or token.value
        for inner_token in inner.tokens():
            placed = inner_token._replace(
                line=token.line, start=token.start, end=token.end, define=define, depth=token.depth
            )
            yield from self._expanded(placed, depth + 1)

    def _substituted(self, text: str) -> str:
        for name, value in self._substitutions:
            text = text.replace(name, value)[:_LONGEST_TEXT]
        return text

    def _directive(self, match: re.Match[str]) -> int:
        word = match[0][2:]
        if word in ("ifdef", "ifndef", "ifexp", "else", "endif"):
            return self._branch(match.start())
        if word.startswith("subst"):
            return self._substitution(word, match)
        if word in ("include_file", "import_file"):
            end = self._end_of_line(match.end())
            file = self._text[match.end() : end].strip()
            self._remark(match.start(), f"{match[0]} {file}", _("this file is missing: add it to the import"))
            return end
        return self._definition(word, match)

    def _definition(self, word: str, match: re.Match[str]) -> int:
        rest = _DEFINITION.match(self._text, match.end())
        if rest is None:
            self._remark(match.start(), match[0], _("a definition without a name"))
            return self._end_of_line(match.start())
        name, value = rest[1], _unix(rest[2]).replace("\\\n", "").strip()
        if _COMMENT_IN_VALUE.match(value):
            why = _("the comment is part of the value: the proxy does not start where the name is used")
            self._remark(match.start(), f"{match[0]} {name} {value}", why)
        self.definitions.append(Definition(name, rest.start(2), rest.start(2) + len(rest[2].rstrip())))
        if word in ("defenv", "trydefenv", "defexp", "defexps"):
            why = _("the value is only known when the proxy starts")
            self._remark(match.start(), f"{match[0]} {name} {value}".strip(), why)
            self._defines.setdefault(name, "")
        elif word in ("redefine", "redef") or name not in self._defines:
            self._defines[name] = value
        elif word == "define" and name not in self._outside:
            self._remark(match.start(), f"{match[0]} {name}", _("defined before: the proxy would not start"))
        return rest.end()

    def _substitution(self, word: str, match: re.Match[str]) -> int:
        rule = string_after(self._text, match.end())
        if rule is None:
            self._remark(match.start(), match[0], _("a substitution without its rule in quotes"))
            return match.end()
        text, end = rule
        parts = text[1:].split(text[0]) if text else []
        if len(parts) < 2 or not parts[0]:
            self._remark(match.start(), f'{match[0]} "{text}"', _("not a substitution of the form /this/that/g"))
            return end
        pattern, value = parts[0], parts[1]
        if _PLAIN_PATTERN.fullmatch(pattern):
            self._substitutions.append((pattern, value))
        else:
            self._remark(match.start(), f'{match[0]} "{text}"', _("a substitution by pattern is not applied here"))
        if word != "subst":
            self._defines.setdefault(pattern, f'"{value}"' if word == "substdefs" else value)
        return end

    def _branch(self, position: int) -> int:
        match = _BRANCHING.match(self._text, position)
        assert match is not None  # the caller matched the directive at this position
        word, name = match[1], match[2] or ""
        if word in ("ifdef", "ifndef"):
            # Kamailio itself defines MOD_name if the module is loaded
            outside = name in self._outside or not (name in self._defines or name.startswith("MOD_"))
            if outside and not self._closed:
                self.tested.setdefault(name, Tested(name, self._line(position)))
            self._enter((name in self._defines) == (word == "ifdef"))
        elif word == "ifexp":
            if not self._closed:
                self._remark(position, match[0].strip(), _("an expression is not evaluated here: assumed to be true"))
            self._enter(True)
        elif not self._branches:
            self._remark(position, match[0].strip(), _("#!{word} without an #!ifdef before it", word=word))
        else:
            taken = self._leave()
            if word == "else":
                self._enter(not taken)
        return match.end()

    def _enter(self, taken: bool) -> None:
        self._branches.append(taken)
        self._closed += not taken

    def _leave(self) -> bool:
        taken = self._branches.pop()
        self._closed -= not taken
        return taken

    def _skip(self, position: int) -> int:
        match = _BRANCHING.search(self._text, position)
        return self._branch(match.start()) if match else len(self._text)


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")


def unescape(text: str) -> str:
    """Resolve the escapes in the content of a string in double quotes; unknown escapes stay unchanged."""
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 16))
    if match[2]:
        return chr(int(match[2], 8) & 0xFF)
    return _ESCAPED.get(match[3], match[0])


def token_matches(text: str) -> Iterator[re.Match[str]]:
    """Yield the lexer's matches of a text, including comments and white space."""
    return _TOKEN.finditer(text)


def string_after(text: str, position: int) -> tuple[str, int] | None:
    """Return the content of the string that follows a position and white space, and the position after it."""
    match = _STRING.match(text, position)
    if match is None:
        return None
    return (unescape(match[1]) if match[1] is not None else match[2]), match.end()
