"""The values that a ladder diagram is drawn from: the events of a call, and the messages between its parties."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from cdr.correlation.record import Rule
from cdr.events import SECOND, EventKind


class LadderEvent(NamedTuple):
    """An event of the call and the rule that used it. ``callee`` and ``gateway`` are those that the event names."""

    id: int
    time: datetime
    precision: int
    kind: EventKind
    method: str
    code: int
    reason: str
    from_tag: str
    to_tag: str
    proxy: str
    rule: Rule
    callee: str | None = None
    ended_at: datetime | None = None
    gateway: str | None = None


class LadderParty(StrEnum):
    CALLER = "caller"
    CALLEE = "callee"


class End(StrEnum):
    """How the call ended, as far as is known."""

    RECORDED = "recorded"
    ONGOING = "ongoing"
    NO_STOP = "no_stop"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Subject:
    """The call to draw.

    ``legs`` are source and destination of each hop, oldest first; ``released_by`` (``None``: unknown) sent the BYE;
    ``ended_at`` is the end if it was set manually.
    """

    caller: str | None
    callee: str | None
    from_tag: str
    to_tag: str
    answered: bool
    end: End = End.RECORDED
    released_by: LadderParty | None = None
    legs: tuple[tuple[str | None, str | None], ...] = ()
    ended_at: datetime | None = None


class Side(StrEnum):
    CALLER = "caller"
    PROXY = "proxy"
    BRANCH = "branch"  # a phone that did not answer
    FORWARDER = "forwarder"  # a party of a leg without a branch of its own
    CALLEE = "callee"


class Lifeline(NamedTuple):
    """A column of the ladder. ``name`` is ``None`` if it was not logged."""

    side: Side
    name: str | None


class Hop(NamedTuple):
    """A part of a message's path from one column to another, both by index."""

    source: int
    target: int
    recorded: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A message.

    ``time`` is ``None`` if it was not recorded; ``events`` are the ids of its events, ``proxy_columns`` the columns of
    the proxies that reported them. Not ``directed``: its sender is unknown.
    """

    label: str
    hops: tuple[Hop, ...]
    time: datetime | None = None
    precision: int = SECOND
    failed: bool = False
    directed: bool = True
    events: tuple[int, ...] = ()
    proxy_columns: tuple[int, ...] = ()


class Gap(NamedTuple):
    """A pause without messages."""

    length: timedelta


class LadderNote(StrEnum):
    """A remark across the ladder in place of an arrow."""

    NO_START = "no_start"
    NO_STOP = "no_stop"
    ONGOING = "ongoing"
    SETTLED = "settled"
    TIMED_OUT = "timed_out"  # the proxy stopped waiting for a response
    RECORD_ENDED = "record_ended"  # the end in the proxy's own record of the dialog
    CUT = "cut"  # more messages than are drawn


class LadderRemark(NamedTuple):
    note: LadderNote
    time: datetime | None = None
    events: tuple[int, ...] = ()


LadderRow: TypeAlias = Message | Gap | LadderRemark


@dataclass(frozen=True, slots=True)
class Drawing:
    """Columns from left to right, rows from top to bottom; ``legs`` are hops of a forwarded call, by column."""

    columns: tuple[Lifeline, ...]
    rows: tuple[LadderRow, ...]
    legs: tuple[tuple[int, int], ...] = ()
