"""Find the statements of a configuration that concern accounting, in the order of the text."""

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
_MOST_TOKENS = 2000  # of one statement: an unclosed parenthesis must not cause a scan of the whole text
ASSIGNED_BY_TAG = ("acc_extra", "acc_leg")
TRACKING_FUNCTIONS = frozenset({"dlg_manage", "create_dialog"})
REPLY_FUNCTIONS = frozenset({"t_on_reply"})
_CALLS = FLAG_FUNCTIONS | ACCOUNTING_FUNCTIONS | TRACKING_FUNCTIONS | REPLY_FUNCTIONS
_HIGHEST_FLAG = 31


class Argument(NamedTuple):
    """An argument of a call, with its source ``text`` from ``start`` to ``end``.

    ``value`` is None unless it is a constant. ``word`` is a bare word, or the name of the ``#!define`` that was
    expanded. ``strings`` are the adjacent strings of which a string argument consists.
    """

    value: Value | None
    word: str
    text: str
    start: int = 0
    end: int = 0
    strings: tuple[Token, ...] = ()


class WrittenParameter(NamedTuple):
    """A ``modparam(module, name, value)`` from ``start`` to ``end``; ``module`` may be a pattern.

    ``depth`` counts the preprocessor conditions around it.
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
    """A ``loadmodule`` statement from ``start`` to ``end``; ``written`` is its argument."""

    module: str
    written: str
    start: int
    end: int
    depth: int


class Route(NamedTuple):
    """A route: its kind (``onreply_route``) and name; ``body`` is the position after its opening brace."""

    kind: str
    name: str
    start: int
    body: int


class ScriptCall(NamedTuple):
    """A call of a script function that concerns accounting, flags, dialogs or reply routes.

    It extends from ``start`` to ``end``, including its semicolon.
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

    It extends from ``start`` to ``end``, including its semicolon; the expression from ``value_start`` to ``value_end``.
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

    @property
    def text(self) -> str:
        return f"${self.variable}({self.tag}) = {self.expression}"


@dataclass(slots=True)
class Statements:
    """The statements of a configuration that concern accounting.

    ``flag_numbers`` are the names declared by ``flags NAME:number``; ``flags NAME`` takes the lowest free number.
    ``closings`` maps the token position of each opening parenthesis to that of the closing one. ``surroundings`` are
    those of calls and assignments, by token position. ``missing_files`` are included files that were not supplied.
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
        """The loaded modules, in order."""
        return [loaded.module for loaded in self.loaded]


def read_statements(reader: Reader) -> Statements:
    tokens = list(reader.tokens())
    closings = _closings(tokens)
    statements = Statements(
        closings=closings,
        surroundings=surroundings_of(tokens, closings, reader.source, _has_surroundings),
        definitions=reader.definitions,
        defines=reader.defines,
        variables=list(variable_uses(tokens)),
    )
    position = 0
    while position < len(tokens):
        position = _statement(reader, tokens, position, statements)
    statements.remarks = [*reader.remarks, *statements.remarks]
    return statements


def _has_surroundings(token: Token) -> bool:
    return token.kind is TokenKind.VARIABLE or token.value in _CALLS


def _statement(reader: Reader, tokens: Sequence[Token], position: int, statements: Statements) -> int:
    token = tokens[position]
    if token.kind is TokenKind.VARIABLE:
        return _assignment(reader, tokens, position, statements)
    if token.kind is not TokenKind.WORD:
        return position + 1
    if token.value in ("modparam", "modparamx"):
        return _modparam(reader, tokens, position, statements)
    if token.value in ("loadmodule", "loadmodulex"):
        return _loadmodule(reader, tokens, position, statements)
    if token.value in ("include_file", "import_file"):
        file = _text_at(tokens, position + 1)
        if file:
            statements.missing_files.append(file)
            why = _("this file is missing: add it to the import")
            statements.remarks.append(Remark(token.line, f"{token.value} {file}", why))
        return position + 1
    if token.value == "flags":
        return _flag_declarations(tokens, position, statements)
    if token.value in _CALLS:
        return _call(reader, tokens, position, statements)
    if token.value.endswith("route"):
        _route(tokens, position, statements)
    return position + 1


def _call(reader: Reader, tokens: Sequence[Token], position: int, statements: Statements) -> int:
    token = tokens[position]
    arguments, end = _arguments(reader, tokens, position + 1, statements)
    if arguments is not None:
        text = reader.source(token.start, tokens[end - 1].end)
        surroundings = statements.surroundings.get(position, Surroundings())
        if not _is_sign(tokens, end, ";"):
            surroundings = surroundings._replace(is_statement=False)
        place = (token.start, _end_with_semicolon(tokens, end))
        statements.calls.append(ScriptCall(token.value, tuple(arguments), token.line, text, *place, surroundings))
    return max(end, position + 1)


def _end_with_semicolon(tokens: Sequence[Token], position: int) -> int:
    """Return the end of a statement whose next token is at ``position``, including a semicolon there."""
    return tokens[position].end if _is_sign(tokens, position, ";") else tokens[position - 1].end


def _route(tokens: Sequence[Token], start: int, statements: Statements) -> None:
    name, position = "", start + 1
    if _is_sign(tokens, position, "[") and position + 2 < len(tokens):
        name, position = tokens[position + 1].value, position + 3
    if _is_sign(tokens, position, "{"):
        statements.routes.append(Route(tokens[start].value, name, tokens[start].start, tokens[position].end))


def _modparam(reader: Reader, tokens: Sequence[Token], position: int, statements: Statements) -> int:
    arguments, end = _arguments(reader, tokens, position + 1, statements)
    end = max(end, position + 1)
    text = reader.source(tokens[position].start, tokens[end - 1].end)
    if arguments is None or len(arguments) != 3:
        statements.remarks.append(
            Remark(tokens[position].line, text, _("not of the form modparam(module, name, value)"))
        )
        return end
    module, name, value = arguments
    if not isinstance(module.value, str) or not isinstance(name.value, str):
        statements.remarks.append(Remark(tokens[position].line, text, _("module and parameter must be strings")))
        return end
    place = (tokens[position].start, _end_with_semicolon(tokens, end), tokens[position].depth)
    statements.modparams.append(WrittenParameter(module.value, name.value, value, tokens[position].line, text, *place))
    return end


def _loadmodule(reader: Reader, tokens: Sequence[Token], position: int, statements: Statements) -> int:
    path, end = _text_at(tokens, position + 1), position + 2
    if not path:
        arguments, end = _arguments(reader, tokens, position + 1, statements)
        if not arguments or not isinstance(arguments[0].value, str):
            return max(end, position + 1)
        path = arguments[0].value
    module = path.rpartition("/")[2].removesuffix(".so")
    place = (tokens[position].start, _end_with_semicolon(tokens, end), tokens[position].depth)
    statements.loaded.append(Loaded(module, path, *place))
    return end


def _flag_declarations(tokens: Sequence[Token], start: int, statements: Statements) -> int:
    position = start + 1
    while position < len(tokens) and tokens[position].kind in (TokenKind.WORD, TokenKind.TEXT):
        name, position = tokens[position].value, position + 1
        if _is_sign(tokens, position, ":") and position + 1 < len(tokens):
            number = tokens[position + 1]
            if number.kind is TokenKind.NUMBER:
                statements.flag_numbers[name] = int_of(number.value)
            position += 2
        else:
            taken = set(statements.flag_numbers.values())
            free = (number for number in range(_HIGHEST_FLAG + 1) if number not in taken)
            statements.flag_numbers.setdefault(name, next(free, _HIGHEST_FLAG))
        if not _is_sign(tokens, position, ","):
            break
        position += 1
    return position


def _assignment(reader: Reader, tokens: Sequence[Token], position: int, statements: Statements) -> int:
    name, _open, rest = tokens[position].value.removeprefix("$").removeprefix("(").partition("(")
    if name not in ASSIGNED_BY_TAG or not _is_sign(tokens, position + 1, "=") or _is_sign(tokens, position + 2, "="):
        return position + 1
    end, last = position + 2, min(position + _MOST_TOKENS, len(tokens))
    while end < last and not _is_sign(tokens, end, ";") and not _is_sign(tokens, end, "}"):
        end += 1
    value = (
        (tokens[position + 2].start, tokens[end - 1].end)
        if end > position + 2
        else (tokens[position + 1].end, tokens[position + 1].end)
    )
    place = (tokens[position].start, _end_with_semicolon(tokens, end), *value)
    tag, surroundings = rest.partition(")")[0].strip(), statements.surroundings.get(position, Surroundings())
    expression = reader.source(*value)
    statements.assignments.append(Assignment(name, tag, expression, tokens[position].line, *place, surroundings))
    return end


def _closings(tokens: Sequence[Token]) -> dict[int, int]:
    """Return the position of the closing parenthesis by that of the opening one."""
    opened: list[int] = []
    closings: dict[int, int] = {}
    for position, token in enumerate(tokens):
        if token.kind is TokenKind.SIGN and token.value == "(":
            opened.append(position)
        elif token.kind is TokenKind.SIGN and token.value == ")" and opened:
            closings[opened.pop()] = position
    return closings


def _arguments(
    reader: Reader, tokens: Sequence[Token], position: int, statements: Statements
) -> tuple[list[Argument] | None, int]:
    """Return the arguments in the parentheses that open at ``position``, or None, and the position after them."""
    end = statements.closings.get(position)
    if end is None:
        return None, position
    parts: list[list[Token]] = [[]]
    position += 1
    while position < end:
        inner = statements.closings.get(position, position)
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
    """Parse an integer like the proxies do: decimal or ``0x`` hexadecimal."""
    return int(text, 16) if text[:2] in ("0x", "0X") else int(text)


def _is_sign(tokens: Sequence[Token], position: int, sign: str) -> bool:
    return position < len(tokens) and tokens[position].kind is TokenKind.SIGN and tokens[position].value == sign


def _text_at(tokens: Sequence[Token], position: int) -> str:
    return tokens[position].value if position < len(tokens) and tokens[position].kind is TokenKind.TEXT else ""


def functions_called(calls: Iterable[ScriptCall]) -> Iterator[ScriptCall]:
    """Yield the calls that concern accounting."""
    return (call for call in calls if call.name in ACCOUNTING_FUNCTIONS)
