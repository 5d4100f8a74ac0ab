"""Input and output of correlation: observed events in, call records out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from cdr.events import AccEvent
from proxyconf.vocabulary.layout import FieldLayout, Role


class CallState(StrEnum):
    SETUP = "setup"  # only provisional responses so far
    ONGOING = "ongoing"
    COMPLETED = "completed"
    STOP_MISSING = "stop_missing"
    START_MISSING = "start_missing"
    UNANSWERED = "unanswered"


class Outcome(StrEnum):
    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    NOT_FOUND = "not_found"
    REDIRECTED = "redirected"
    UNAUTHORIZED = "unauthorized"
    FAILED = "failed"


class DurationKind(StrEnum):
    """How certain a duration is."""

    MEASURED = "measured"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    UNKNOWN = "unknown"


class ReleasedBy(StrEnum):
    CALLER = "caller"
    CALLEE = "callee"
    UNKNOWN = "unknown"


class Flag(StrEnum):
    """Reservations and remarks about a call; ``cdr.display.wording`` has a sentence for each."""

    LATE_STOP = "late_stop"  # the STOP's own time is past the longest plausible call
    CLOCK_SKEW = "clock_skew"  # STOP before START by more than the clocks' resolution
    LEGS_MIXED = "legs_mixed"  # values moved between legs
    DUPLICATE_STOP = "duplicate_stop"  # more than one BYE
    EARLY_MEDIA = "early_media"
    TRUNCATED = "truncated"  # a log line was cut
    FORGED_SEPARATOR = "forged_separator"  # a value holds what looks like a field of its own
    FORKED = "forked"  # several dialogs came from one INVITE
    DIRECTION_UNKNOWN = "direction_unknown"  # no INVITE seen: caller and callee may be swapped
    ACK_START = "ack_start"  # no event of the INVITE; the time of START is that of its ACK
    AMBIGUOUS_TIME = "ambiguous_time"  # local time in the hour that a DST change repeats or skips
    ASSUMED_YEAR = "assumed_year"  # a log line's header has no year: the latest possible one was assumed
    RINGING_INCLUDED = "ringing_included"  # the proxy's own duration counts from the INVITE
    SUPERSEDED = "superseded"  # a later event showed it to be part of another call


class Rule(StrEnum):
    """How an event was used for its call."""

    START = "start"
    STOP = "stop"
    REINVITE = "reinvite"
    IN_DIALOG = "in_dialog"
    EARLY = "early"
    ATTEMPT = "attempt"
    FINAL = "final"
    CANCEL = "cancel"
    ACK = "ack"
    CDR = "cdr"
    MANUAL = "manual"
    SAME = "same"  # the same event through another backend or proxy
    EXTRA_STOP = "extra_stop"
    # of no call:
    NO_CALL = "no_call"  # a transaction outside of calls (MESSAGE, REGISTER, OPTIONS…)
    NO_DIALOG = "no_dialog"  # within a dialog (or an ACK) without any other event
    PROXY_STATE = "proxy_state"  # Accounting-On/Off


class Observed(NamedTuple):
    """An event and the proxy that reported it. ``id`` is for the caller of ``fold`` and does not affect the result."""

    event: AccEvent
    proxy: str
    id: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """What correlation needs to know about a proxy.

    ``time_of_first_event``: the proxy takes the time once per transaction (OpenSIPS 3.2 and newer).
    """

    layout: FieldLayout = field(default_factory=FieldLayout)
    max_call: timedelta = timedelta(hours=4)
    cluster: str = ""
    time_of_first_event: bool = False
    roles: RolesOfLabels = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "roles", RolesOfLabels(self.layout))


class RolesOfLabels(dict[str, Role | None]):
    """The role of each label of an extra, looked up once."""

    def __init__(self, layout: FieldLayout) -> None:
        self._layout = layout

    def __missing__(self, label: str) -> Role | None:
        self[label] = role = self._layout.role_of(label)
        return role


class LegRecord(NamedTuple):
    source: str | None
    destination: str | None
    type: str | None
    values: tuple[tuple[str, str], ...]


class AttemptRecord(NamedTuple):
    """A failed branch, with the extras and legs of its own events: its gateway is not that of the answer."""

    code: int
    reason: str
    to_tag: str
    time: datetime
    gateway: str | None = None
    extra: tuple[tuple[str, str], ...] = ()
    legs: tuple[LegRecord, ...] = ()


@dataclass(slots=True)
class CallRecord:
    """A call as its events describe it. Times are UTC. ``anchor`` names the call within its Call-ID and cluster."""

    cluster: str
    call_id: str
    anchor: str
    from_tag: str
    to_tag: str
    state: CallState
    outcome: Outcome | None
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration: timedelta | None = None
    duration_kind: DurationKind = DurationKind.UNKNOWN
    released_by: ReleasedBy | None = None
    sip_code: int | None = None
    sip_reason: str | None = None
    caller: str | None = None
    callee: str | None = None
    source_ip: str | None = None
    user_agent: str | None = None
    extra: tuple[tuple[str, str], ...] = ()
    legs: tuple[LegRecord, ...] = ()
    attempts: tuple[AttemptRecord, ...] = ()
    flags: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    events: int = 0
    stop_due_at: datetime | None = None


class Use(NamedTuple):
    """The use of an event: the index of its call in ``Folded.calls`` (``None``: no call), and the rule."""

    call: int | None
    rule: Rule


@dataclass(frozen=True, slots=True)
class Folded:
    """The calls of a set of events, and the use of each event, in the order of the events."""

    calls: list[CallRecord]
    uses: list[Use]
