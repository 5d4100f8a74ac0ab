"""The context of a statement in a script: its route, the conditions around it, whether it is in braces."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from proxyconf.parse.tokens import Token, TokenKind

_CONDITIONAL = frozenset({"if", "while", "switch"})
_BYE = re.compile(r"BYE", re.IGNORECASE)
_INVITE = re.compile(r"INVITE", re.IGNORECASE)
_STARTS_STATEMENT = frozenset("{};:")


class Surroundings(NamedTuple):
    """The context of a statement.

    ``route`` is like ``failure_route[NAME]``; ``conditions`` are the texts of the conditions, the outermost first, with
    a leading ``!`` for an ``else``. ``in_block``: a statement can be inserted before or after this one.
    """

    route: str = ""
    conditions: tuple[str, ...] = ()
    in_block: bool = False
    is_statement: bool = False

    @property
    def is_for_bye(self) -> bool:
        """Whether the statement is reached for a BYE and not for an INVITE."""
        texts = [text for text in (self.route, *self.conditions) if not text.startswith("!")]
        return any(_BYE.search(text) and not _INVITE.search(text) for text in texts)

    @property
    def is_initial(self) -> bool:
        """Whether the statement may be reached for an initial INVITE."""
        return self.route.startswith(("route", "request_route", "branch_route")) and not self.is_for_bye


class _Tracker:
    def __init__(self) -> None:
        self.route = ""
        self.blocks: list[tuple[str, ...]] = []
        self.pending: tuple[str, ...] = ()
        self.last: tuple[str, ...] = ()

    def open(self) -> None:
        self.blocks.append(self.pending)
        self.pending = ()

    def close(self) -> None:
        self.last = self.blocks.pop() if self.blocks else ()
        self.pending = ()
        if not self.blocks:
            self.route = ""

    def end_statement(self) -> None:
        if self.pending:
            self.last = self.pending
        self.pending = ()

    def conditions(self) -> tuple[str, ...]:
        return (*chain.from_iterable(self.blocks), *self.pending)


def surroundings_of(
    tokens: Sequence[Token],
    closings: Mapping[int, int],
    source: Callable[[int, int], str],
    is_of_interest: Callable[[Token], bool],
) -> dict[int, Surroundings]:
    """Return the surroundings of the tokens of interest by position; tokens inside conditions are omitted."""
    surroundings: dict[int, Surroundings] = {}
    tracker, position = _Tracker(), 0
    while position < len(tokens):
        token = tokens[position]
        end = closings.get(position + 1) if token.kind is TokenKind.WORD and token.value in _CONDITIONAL else None
        if end is not None and end > position + 1:
            condition = source(tokens[position + 1].start, tokens[end].end)
            tracker.pending = (*tracker.pending, condition)
            position = end + 1
            continue
        if token.kind is TokenKind.SIGN:
            _sign(tracker, token.value)
        elif token.kind is TokenKind.WORD and token.value == "else":
            tracker.pending = tuple(f"!{condition}" for condition in tracker.last)
        elif token.kind is TokenKind.WORD and token.value.endswith("route") and not tracker.blocks:
            tracker.route = _route_name(tokens, position)
        if is_of_interest(token):
            before = tokens[position - 1].value if position else ";"
            in_block = before in _STARTS_STATEMENT and not tracker.pending
            is_statement = in_block or bool(tracker.pending)
            surroundings[position] = Surroundings(tracker.route, tracker.conditions(), in_block, is_statement)
        position += 1
    return surroundings


def _sign(tracker: _Tracker, sign: str) -> None:
    if sign == "{":
        tracker.open()
    elif sign == "}":
        tracker.close()
    elif sign == ";":
        tracker.end_statement()


def _route_name(tokens: Sequence[Token], position: int) -> str:
    kind = tokens[position].value
    if position + 2 < len(tokens) and tokens[position + 1].value == "[":
        return f"{kind}[{tokens[position + 2].value}]"
    return kind
