"""The statements of a configuration that concern accounting, in the order of the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from proxyconf.parse.surroundings import Surroundings, surroundings_of
from proxyconf.parse.tokens import Definition, Reader, Remark, Token, TokenKind
from proxyconf.parse.variable_uses import VariableUse, variable_uses
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.parameters import Value

FLAG_FUNCTIONS = frozenset({"setflag", "resetflag", "isflagset"})
ACCOUNTING_FUNCTIONS = frozenset(
    {
        *("do_accounting", "drop_accounting", "acc_new_leg", "acc_request", "acc_log_request", "acc_db_request"),
        *("acc_rad_request", "acc_aaa_request", "acc_diam_request", "acc_evi_request", "acc_json_request"),
    }
)
_MOST_TOKENS = 2000  # of one statement: an unclosed parenthesis must not cost a look at the whole text each time
ASSIGNED_BY_TAG = ("acc_extra", "acc_leg")
TRACKING_FUNCTIONS = frozenset({"dlg_manage", "create_dialog"})
REPLY_FUNCTIONS = frozenset({"t_on_reply"})
_CALLS = FLAG_FUNCTIONS | ACCOUNTING_FUNCTIONS | TRACKING_FUNCTIONS | REPLY_FUNCTIONS
_HIGHEST_FLAG = 31


class Argument(NamedTuple):
    """One argument of a call. ``value`` is None where it is no constant; ``word`` is the bare word it was, or the name
    of the ``#!define`` that gave it; ``text`` is what was written, from ``start`` to ``end``; ``strings`` are the
    strings that it consists of, if it does.
    """

    value: Value | None
    word: str
    text: str
    start: int = 0
    end: int = 0
    strings: tuple[Token, ...] = ()


class WrittenParameter(NamedTuple):
    """One ``modparam(module, name, value)``; ``module`` may be a pattern that stands for several.

    It stands from ``start`` to ``end``, within ``depth`` conditions of the preprocessor.
    """

    module: str
    name: str
    argument: Argument
    line: int
    text: str
    start: int
    end: int
    depth: int


class Loaded(NamedTuple):
    """A module that is loaded: ``written`` is the argument as it stands, from ``start`` to ``end`` the statement."""

    module: str
    written: str
    start: int
    end: int
    depth: int


class Route(NamedTuple):
    """A route: its kind (``onreply_route``), its name, and the place after its opening brace."""

    kind: str
    name: str
    start: int
    body: int


class ScriptCall(NamedTuple):
    """One call of a script function that concerns accounting, flags, dialogs or the route of replies.

    It stands from ``start`` to ``end``, its semicolon included.
    """

    name: str
    arguments: tuple[Argument, ...]
    line: int
    text: str
    start: int
    end: int
    surroundings: Surroundings


class Assignment(NamedTuple):
    """``$acc_extra(tag) = expression`` or ``$acc_leg(tag) = expression`` (OpenSIPS 2.3 and later).

    It stands from ``start`` to ``end``, its semicolon included; the expression from ``value_start`` to ``value_end``.
    """

    variable: str
    tag: str
    expression: str
    line: int
    start: int
    end: int
    value_start: int
    value_end: int
    surroundings: Surroundings


@dataclass(slots=True)
class Statements:
    """What a configuration says about accounting. ``flag_numbers`` are the names declared by ``flags NAME:number``;
    ``flags NAME`` takes the lowest number that is free. ``closings`` are the positions of the tokens that close a
    parenthesis, by the position of the one that opens it; ``surroundings`` are those of calls and assignments.
    ``missing_files`` are included and were not given.
    """

    modparams: list[WrittenParameter] = field(default_factory=list)
    loaded: list[Loaded] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    defines: Mapping[str, str] = field(default_factory=dict)
    calls: list[ScriptCall] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    variables: list[VariableUse] = field(default_factory=list)
    missing_files: list[str] = field(default_factory=list)
    flag_numbers: dict[str, int] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    closings: dict[int, int] = field(default_factory=dict)
    surroundings: dict[int, Surroundings] = field(default_factory=dict)

    @property
    def modules(self) -> list[str]:
        """The modules that are loaded, in order."""
        return [one.module for one in self.loaded]


def read_statements(reader: Reader) -> Statements:
    """Read the whole configuration of ``reader``."""
    tokens = list(reader.tokens())
    closings = _closings(tokens)
    found = Statements(
        closings=closings,
        surroundings=surroundings_of(tokens, closings, reader.source, _has_surroundings),
        definitions=reader.definitions,
        defines=reader.defines,
        variables=list(variable_uses(tokens)),
    )
    position = 0
    while position < len(tokens):
        position = _statement(reader, tokens, position, found)
    found.remarks = [*reader.remarks, *found.remarks]
    return found


def _has_surroundings(token: Token) -> bool:
    return token.kind is TokenKind.VARIABLE or token.value in _CALLS


def _statement(reader: Reader, tokens: Sequence[Token], at: int, found: Statements) -> int:
    token = tokens[at]
    if token.kind is TokenKind.VARIABLE:
        return _assignment(reader, tokens, at, found)
    if token.kind is not TokenKind.WORD:
        return at + 1
    if token.value in ("modparam", "modparamx"):
        return _modparam(reader, tokens, at, found)
    if token.value in ("loadmodule", "loadmodulex"):
        return _loadmodule(reader, tokens, at, found)
    if token.value in ("include_file", "import_file"):
        file = _text_at(tokens, at + 1)
        if file:
            found.missing_files.append(file)
            why = _("this file was not given: add it to what is imported")
            found.remarks.append(Remark(token.line, f"{token.value} {file}", why))
        return at + 1
    if token.value == "flags":
        return _flag_declarations(tokens, at, found)
    if token.value in _CALLS:
        return _call(reader, tokens, at, found)
    if token.value.endswith("route"):
        _route(tokens, at, found)
    return at + 1


def _call(reader: Reader, tokens: Sequence[Token], at: int, found: Statements) -> int:
    token = tokens[at]
    arguments, end = _arguments(reader, tokens, at + 1, found)
    if arguments is not None:
        text = reader.source(token.start, tokens[end - 1].end)
        surroundings = found.surroundings.get(at, Surroundings())
        if not _is_sign(tokens, end, ";"):
            surroundings = surroundings._replace(is_statement=False)
        place = (token.start, _end_with_semicolon(tokens, end))
        found.calls.append(ScriptCall(token.value, tuple(arguments), token.line, text, *place, surroundings))
    return max(end, at + 1)


def _end_with_semicolon(tokens: Sequence[Token], position: int) -> int:
    """Return where the statement ends whose next token is at ``position``, a semicolon there included."""
    return tokens[position].end if _is_sign(tokens, position, ";") else tokens[position - 1].end


def _route(tokens: Sequence[Token], at: int, found: Statements) -> None:
    name, position = "", at + 1
    if _is_sign(tokens, position, "[") and position + 2 < len(tokens):
        name, position = tokens[position + 1].value, position + 3
    if _is_sign(tokens, position, "{"):
        found.routes.append(Route(tokens[at].value, name, tokens[at].start, tokens[position].end))


def _modparam(reader: Reader, tokens: Sequence[Token], at: int, found: Statements) -> int:
    arguments, end = _arguments(reader, tokens, at + 1, found)
    end = max(end, at + 1)
    text = reader.source(tokens[at].start, tokens[end - 1].end)
    if arguments is None or len(arguments) != 3:
        found.remarks.append(Remark(tokens[at].line, text, _("not of the form modparam(module, name, value)")))
        return end
    module, name, value = arguments
    if not isinstance(module.value, str) or not isinstance(name.value, str):
        found.remarks.append(Remark(tokens[at].line, text, _("module and parameter must be strings")))
        return end
    place = (tokens[at].start, _end_with_semicolon(tokens, end), tokens[at].depth)
    found.modparams.append(WrittenParameter(module.value, name.value, value, tokens[at].line, text, *place))
    return end


def _loadmodule(reader: Reader, tokens: Sequence[Token], at: int, found: Statements) -> int:
    path, end = _text_at(tokens, at + 1), at + 2
    if not path:
        arguments, end = _arguments(reader, tokens, at + 1, found)
        if not arguments or not isinstance(arguments[0].value, str):
            return max(end, at + 1)
        path = arguments[0].value
    module = path.rpartition("/")[2].removesuffix(".so")
    place = (tokens[at].start, _end_with_semicolon(tokens, end), tokens[at].depth)
    found.loaded.append(Loaded(module, path, *place))
    return end


def _flag_declarations(tokens: Sequence[Token], at: int, found: Statements) -> int:
    position = at + 1
    while position < len(tokens) and tokens[position].kind in (TokenKind.WORD, TokenKind.TEXT):
        name, position = tokens[position].value, position + 1
        if _is_sign(tokens, position, ":") and position + 1 < len(tokens):
            number = tokens[position + 1]
            if number.kind is TokenKind.NUMBER:
                found.flag_numbers[name] = int_of(number.value)
            position += 2
        else:
            taken = set(found.flag_numbers.values())
            free = (number for number in range(_HIGHEST_FLAG + 1) if number not in taken)
            found.flag_numbers.setdefault(name, next(free, _HIGHEST_FLAG))
        if not _is_sign(tokens, position, ","):
            break
        position += 1
    return position


def _assignment(reader: Reader, tokens: Sequence[Token], at: int, found: Statements) -> int:
    name, _open, rest = tokens[at].value.removeprefix("$").removeprefix("(").partition("(")
    if name not in ASSIGNED_BY_TAG or not _is_sign(tokens, at + 1, "=") or _is_sign(tokens, at + 2, "="):
        return at + 1
    end, last = at + 2, min(at + _MOST_TOKENS, len(tokens))
    while end < last and not _is_sign(tokens, end, ";") and not _is_sign(tokens, end, "}"):
        end += 1
    value = (tokens[at + 2].start, tokens[end - 1].end) if end > at + 2 else (tokens[at + 1].end, tokens[at + 1].end)
    place = (tokens[at].start, _end_with_semicolon(tokens, end), *value)
    tag, surroundings = rest.partition(")")[0].strip(), found.surroundings.get(at, Surroundings())
    expression = reader.source(*value)
    found.assignments.append(Assignment(name, tag, expression, tokens[at].line, *place, surroundings))
    return end


def _closings(tokens: Sequence[Token]) -> dict[int, int]:
    """Return where each parenthesis that is opened is closed."""
    opened: list[int] = []
    found: dict[int, int] = {}
    for position, token in enumerate(tokens):
        if token.kind is TokenKind.SIGN and token.value == "(":
            opened.append(position)
        elif token.kind is TokenKind.SIGN and token.value == ")" and opened:
            found[opened.pop()] = position
    return found


def _arguments(
    reader: Reader, tokens: Sequence[Token], at: int, found: Statements
) -> tuple[list[Argument] | None, int]:
    """Return the arguments of the call whose parenthesis opens at ``at`` and the place after it, or None."""
    end = found.closings.get(at)
    if end is None:
        return None, at
    parts: list[list[Token]] = [[]]
    position = at + 1
    while position < end:
        inner = found.closings.get(position, position)
        if tokens[position].kind is TokenKind.SIGN and tokens[position].value == ",":
            parts.append([])
        else:
            parts[-1] += tokens[position : inner + 1]
        position = inner + 1
    written = [part for part in parts if part] if len(parts) == 1 else parts
    return [_argument(reader, part) for part in written], end + 1


def _argument(reader: Reader, tokens: Sequence[Token]) -> Argument:
    if not tokens:
        return Argument("", "", "")
    place = (reader.source(tokens[0].start, tokens[-1].end), tokens[0].start, tokens[-1].end)
    kinds = {token.kind for token in tokens}
    if kinds == {TokenKind.TEXT}:
        value = "".join(token.value for token in tokens)
        return Argument(value, tokens[0].define, *place, tuple(tokens))
    if kinds == {TokenKind.NUMBER} and len(tokens) == 1:
        return Argument(int_of(tokens[0].value), tokens[0].define, *place)
    if len(tokens) == 2 and tokens[0].value == "-" and tokens[1].kind is TokenKind.NUMBER:
        return Argument(-int_of(tokens[1].value), tokens[1].define, *place)
    if len(tokens) == 1:
        flag = _FLAG_VARIABLE.fullmatch(tokens[0].value) if kinds == {TokenKind.VARIABLE} else None
        word = flag[1] if flag else tokens[0].value if kinds == {TokenKind.WORD} else ""
        return Argument(None, word, *place)
    return Argument(None, "", *place)


_FLAG_VARIABLE = re.compile(r"\$flag\(([A-Za-z_]\w*)\)")


def int_of(text: str) -> int:
    """Read an integer as the proxies do: decimal or ``0x`` hexadecimal."""
    return int(text, 16) if text[:2] in ("0x", "0X") else int(text)


def _is_sign(tokens: Sequence[Token], at: int, sign: str) -> bool:
    return at < len(tokens) and tokens[at].kind is TokenKind.SIGN and tokens[at].value == sign


def _text_at(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].value if at < len(tokens) and tokens[at].kind is TokenKind.TEXT else ""


def functions_called(calls: Iterable[ScriptCall]) -> Iterator[ScriptCall]:
    """Yield the calls that concern accounting."""
    return (call for call in calls if call.name in ACCOUNTING_FUNCTIONS)
