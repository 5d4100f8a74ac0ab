"""What correlation takes and gives: observed events in, call records out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from cdr.events import AccEvent
from proxyconf.vocabulary.layout import FieldLayout, Role


class CallState(StrEnum):
    SETUP = "setup"  # only provisional evidence yet
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
    """How a duration is known; it is never invented."""

    MEASURED = "measured"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    UNKNOWN = "unknown"


class ReleasedBy(StrEnum):
    CALLER = "caller"
    CALLEE = "callee"
    UNKNOWN = "unknown"


class Flag(StrEnum):
    """What a reader of the call should know besides; ``cdr.display.wording`` has a sentence for each."""

    LATE_STOP = "late_stop"  # the STOP's own time is past the longest plausible call
    CLOCK_SKEW = "clock_skew"  # STOP before START by more than the clocks' resolution
    LEGS_MIXED = "legs_mixed"  # values slid between legs
    DUPLICATE_STOP = "duplicate_stop"  # more than one BYE
    EARLY_MEDIA = "early_media"
    TRUNCATED = "truncated"  # a log line was cut
    FORGED_SEPARATOR = "forged_separator"  # a value holds what looks like a field of its own
    FORKED = "forked"  # several dialogs came from one INVITE
    DIRECTION_UNKNOWN = "direction_unknown"  # no INVITE seen: caller and callee may stand swapped
    ACK_START = "ack_start"  # the INVITE's event is absent, its ACK tells of the START
    AMBIGUOUS_TIME = "ambiguous_time"  # local time in the hour that a DST change repeats or skips
    ASSUMED_YEAR = "assumed_year"  # a log line's header has no year: the latest one was taken
    RINGING_INCLUDED = "ringing_included"  # the proxy's own duration counts from the INVITE
    SUPERSEDED = "superseded"  # a later event showed it to be part of another call


class Rule(StrEnum):
    """Which use a call made of an event."""

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
    NO_DIALOG = "no_dialog"  # within a dialog (or an ACK) of which nothing else is known
    PROXY_STATE = "proxy_state"  # Accounting-On/Off


class Observed(NamedTuple):
    """An event with who saw it. ``id`` names it to the caller of ``fold`` and plays no part in the result."""

    event: AccEvent
    proxy: str
    id: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """What correlation must know of a proxy.

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
    """A branch that failed, with the extras and legs of its own events: its gateway is not that of the answer."""

    code: int
    reason: str
    to_tag: str
    time: datetime
    gateway: str | None = None
    extra: tuple[tuple[str, str], ...] = ()
    legs: tuple[LegRecord, ...] = ()


@dataclass(slots=True)
class CallRecord:
    """A call as far as its events tell. Times are UTC. ``anchor`` names the call within its Call-ID and cluster."""

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
    """What became of an event: its call's index in ``Folded.calls`` (none: of no call), and the rule that used it."""

    call: int | None
    rule: Rule


@dataclass(frozen=True, slots=True)
class Folded:
    """The calls of a set of events, and for each event given (in the order given) what became of it."""

    calls: list[CallRecord]
    uses: list[Use]
