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
    """How the call ends as far as is known."""

    RECORDED = "recorded"
    ONGOING = "ongoing"
    NO_STOP = "no_stop"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be drawn. ``legs`` are source and destination of each hop, oldest first; ``released_by`` (absent: not
    known) sent the BYE; ``ended_at`` is the time where the end was settled by hand.
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
    FORWARDER = "forwarder"  # a party that a leg names, without a branch of its own
    CALLEE = "callee"


class Lifeline(NamedTuple):
    """A lifeline. ``name`` is absent where nothing names it."""

    side: Side
    name: str | None


class Hop(NamedTuple):
    """A message's way from one column to another, both by index."""

    source: int
    target: int
    recorded: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way. ``time`` is absent where it was not recorded; ``events`` are the ids of its events,
    ``proxy_columns`` the columns of the proxies they came from. Not ``directed``: who sent it is not known.
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
    """Time that passed without a message."""

    length: timedelta


class LadderNote(StrEnum):
    """What stands across the ladder where no arrow can."""

    NO_START = "no_start"
    NO_STOP = "no_stop"
    ONGOING = "ongoing"
    SETTLED = "settled"
    TIMED_OUT = "timed_out"  # the proxy gave up waiting: no reply came
    RECORD_ENDED = "record_ended"  # the end that the proxy's own record of the dialog tells
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
