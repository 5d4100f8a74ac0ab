"""The ladder of a call, as a value: who is in it, and which messages went between them.

Accounting tells of transactions, not of messages. That an INVITE got its 200 says that the proxy sent a 200 to the
caller at that time; that an INVITE came, was forwarded and answered follows from it, at times that nobody told. A hop
is ``told`` where an event is the proxy's own word for it, and drawn as inferred where it merely follows.

* A reply event (2xx, final failure, early media) is about the reply sent upstream (RFC 3261 16.7).
* A missed event is about the reply that came from a branch.
* A request within the dialog (BYE, re-INVITE…) and CANCEL came from its sender, for the event names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from cdr.correlation.evidence import near
from cdr.correlation.record import Rule
from cdr.events import SECOND, Kind

MOST_MESSAGES = 100
MOST_BRANCHES, MOST_FORWARDERS = 6, 3
LONG = timedelta(seconds=3)
"""A silence from which on it is drawn."""
_CHALLENGES = frozenset({401, 407})
_TIMED_OUT, _TERMINATED = 408, 487
_WITHIN = frozenset({Rule.REINVITE, Rule.IN_DIALOG})

_RANKS: dict[Rule, int] = {
    rule: rank
    for rank, rules in enumerate(
        (
            (Rule.EARLY,),
            (Rule.ATTEMPT,),
            (Rule.CANCEL,),
            (Rule.FINAL,),
            (Rule.START,),
            (Rule.SAME,),
            (Rule.ACK,),
            (Rule.REINVITE, Rule.IN_DIALOG, Rule.MANUAL),
            (Rule.STOP,),
            (Rule.EXTRA_STOP,),
            (Rule.CDR,),
        )
    )
    for rule in rules
}


class LadderEvent(NamedTuple):
    """An event of the call and the rule that used it. ``callee`` and ``gateway`` are those that the event names."""

    id: int
    time: datetime
    precision: int
    kind: Kind
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

    TOLD = "told"
    ONGOING = "ongoing"
    NO_STOP = "no_stop"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be drawn. ``legs`` are source and destination of each hop, oldest first; ``hung_up`` (absent: not
    known) sent the BYE; ``ended_at`` is the time where the end was settled by hand.
    """

    caller: str | None
    callee: str | None
    from_tag: str
    to_tag: str
    answered: bool
    end: End = End.TOLD
    hung_up: LadderParty | None = None
    legs: tuple[tuple[str | None, str | None], ...] = ()
    ended_at: datetime | None = None


class Side(StrEnum):
    CALLER = "caller"
    PROXY = "proxy"
    BRANCH = "branch"  # a phone that did not take the call
    FORWARDER = "forwarder"  # who a leg names, and no branch is told of
    CALLEE = "callee"


class Lifeline(NamedTuple):
    """A lifeline. ``name`` is absent where nothing names it."""

    side: Side
    name: str | None


class Hop(NamedTuple):
    """A message's way from one column to another, both by index."""

    source: int
    target: int
    told: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way. ``time`` is absent where nobody told it; ``events`` are the ids of the events that speak of
    it, ``seen`` the columns of the proxies they came from. Not ``directed``: who sent it is not known.
    """

    label: str
    hops: tuple[Hop, ...]
    time: datetime | None = None
    precision: int = SECOND
    failed: bool = False
    directed: bool = True
    events: tuple[int, ...] = ()
    seen: tuple[int, ...] = ()


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


def in_order(told: Iterable[LadderEvent]) -> list[LadderEvent]:
    """Return the events as they must have come about: by time, and within a second that some proxy's clock does not
    divide by what they mean (a START goes before its ACK and its STOP).
    """
    events = list(told)
    coarse = any(one.precision >= SECOND for one in events)

    def place(one: LadderEvent) -> tuple[datetime, int, bool, datetime, int]:
        whole = one.time.replace(microsecond=0) if coarse else one.time
        return whole, _rank(one), one.rule is Rule.SAME, one.time, one.id

    return sorted(events, key=place)


def _rank(one: LadderEvent) -> int:
    if one.rule is Rule.SAME and one.kind is Kind.BYE:
        return _RANKS[Rule.STOP]
    if one.rule is Rule.ATTEMPT and one.code == _TERMINATED:
        return _RANKS[Rule.FINAL]
    return _RANKS.get(one.rule, len(_RANKS))


def drawing(subject: Subject, told: Iterable[LadderEvent]) -> Drawing:
    """Return the ladder of the call that ``told`` (its events, in any order) speak of."""
    moments = _moments(in_order(told))
    ladder = _Ladder(subject, moments)
    for moment in moments:
        ladder.draw(moment)
    ladder.close()
    return Drawing(tuple(ladder.columns), tuple(_with_gaps(ladder.rows)), ladder.legs())


Moment: TypeAlias = list[LadderEvent]
"""One message, as one or several events tell it."""


def _moments(events: Sequence[LadderEvent]) -> list[Moment]:
    """Put together what several backends or proxies, or a repetition, tell of the same message."""
    moments: list[Moment] = []
    open_: dict[tuple[object, ...], Moment] = {}
    for one in events:
        message = (one.kind, one.method, one.code, one.from_tag, one.to_tag)
        known = open_.get(message)
        if known is not None and near(known[0].time, one.time):
            known.append(one)
        else:
            open_[message] = [one]
            moments.append(open_[message])
    for moment in moments:
        moment.sort(key=lambda one: one.rule is Rule.SAME)  # who decided speaks first
    return moments


@dataclass(slots=True)
class _Ladder:
    """A drawing in the making."""

    subject: Subject
    moments: Sequence[Moment]
    columns: list[Lifeline] = field(default_factory=list)
    rows: list[LadderRow] = field(default_factory=list)
    proxies: dict[str, int] = field(default_factory=dict)
    branches: dict[object, int] = field(default_factory=dict)
    rung: set[int] = field(default_factory=set)
    callee: int = 0

    def __post_init__(self) -> None:
        self.columns.append(Lifeline(Side.CALLER, self.subject.caller or _first(self.subject.legs)))
        for name in dict.fromkeys(one.proxy for moment in self.moments for one in moment):
            self.proxies[name] = len(self.columns)
            self.columns.append(Lifeline(Side.PROXY, name))
        self._add_branches()
        self._add_forwarders()
        last_leg = self.subject.legs[-1][1] if self.subject.legs and self.subject.answered else None
        self.callee = len(self.columns)
        if self.branches and not self.subject.answered:
            self.callee = max(self.branches.values())  # nobody took it: who was tried last stands for the callee
        else:
            self.columns.append(Lifeline(Side.CALLEE, last_leg or self.subject.callee))

    def _add_branches(self) -> None:
        """Give each branch that failed a column, in the order they failed; the last takes what is too many."""
        failed = [moment[0] for moment in self.moments if moment[0].kind is Kind.MISSED]
        keys = list(dict.fromkeys(_branch(one) for one in failed))
        legs = [destination for _, destination in self.subject.legs]
        fits = len(legs) == len(keys) + self.subject.answered  # each forwarding got a leg of its own
        named = {_branch(one): one.callee for one in reversed(failed)}
        for at, key in enumerate(keys):
            if at < MOST_BRANCHES:
                name = (legs[at] if fits else None) or named[key] or self.subject.callee
                self.columns.append(Lifeline(Side.BRANCH, name))
            self.branches[key] = len(self.columns) - 1

    def _add_forwarders(self) -> None:
        """Give those a column whom legs lead to and away from, though no branch of theirs is known."""
        between = dict.fromkeys(destination for _, destination in self.subject.legs[:-1] if destination)
        known = {column.name for column in self.columns}
        for name in [name for name in between if name not in known][:MOST_FORWARDERS]:
            self.columns.append(Lifeline(Side.FORWARDER, name))

    def legs(self) -> tuple[tuple[int, int], ...]:
        """Return the legs whose both ends have a column."""
        place: dict[str | None, int] = {}
        for at, column in enumerate(self.columns):
            if column.side is not Side.PROXY and column.name:
                place.setdefault(column.name, at)
        ends = [(place.get(source), place.get(target)) for source, target in self.subject.legs]
        if ends and self.subject.answered:
            ends[-1] = (ends[-1][0], self.callee)
        return tuple((one, other) for one, other in ends if one is not None and other is not None and one != other)

    def draw(self, moment: Moment) -> None:
        if len(self.rows) >= MOST_MESSAGES:
            if self.rows[-1] != LadderRemark(LadderNote.CUT):
                self.rows.append(LadderRemark(LadderNote.CUT))
            return
        one = moment[0]
        match one.kind:
            case Kind.MISSED:
                self._missed(moment)
            case Kind.EARLY | Kind.FAILED if one.rule not in _WITHIN:
                self._replied(moment)
            case Kind.ANSWERED if one.rule in (Rule.START, Rule.SAME):
                self._answered(moment)
            case Kind.ACK:
                self._acknowledged(moment)
            case Kind.CANCEL:
                self._cancelled(moment)
            case Kind.CDR:
                self._recorded(moment)
            case _ if one.rule is not Rule.MANUAL:  # made by hand: it tells of no message
                self._within(moment)

    def close(self) -> None:
        """Say how the call ended where no message does."""
        match self.subject.end:
            case End.NO_STOP:
                self.rows.append(LadderRemark(LadderNote.NO_STOP))
            case End.ONGOING:
                self.rows.append(LadderRemark(LadderNote.ONGOING))
            case End.SETTLED:
                self.rows.append(LadderRemark(LadderNote.SETTLED, self.subject.ended_at))

    def _invite(self, proxy: int, target: int, *, again: bool = False) -> None:
        """Draw the INVITE that must have reached ``target``; from the caller only where it is not under way yet."""
        hops = []
        if not self.rung or again:
            hops.append(Hop(0, proxy, told=False))
        if target != proxy and target not in self.rung:
            hops.append(Hop(proxy, target, told=False))
        if hops:
            self.rows.append(Message("INVITE", tuple(hops)))
        self.rung.update((target, proxy))

    def _missed(self, moment: Moment) -> None:
        one, proxy = moment[0], self._proxy(moment)
        branch = self.branches[_branch(one)]
        self._invite(proxy, branch)
        if one.code == _TIMED_OUT:
            self.rows.append(LadderRemark(LadderNote.TIMED_OUT, one.time, tuple(other.id for other in moment)))
            self.rows.append(Message("CANCEL", (Hop(proxy, branch, told=False),)))
        else:
            self._add(moment, _reply_of_branch(one), (Hop(branch, proxy, told=True),), failed=True)
        if any(other.rule is Rule.FINAL for other in moment):  # what went upstream was not accounted
            self.rows.append(Message(_reply(one), (Hop(proxy, 0, told=False),), failed=True))

    def _replied(self, moment: Moment) -> None:
        """A reply that went upstream: early media, or a failure."""
        one, proxy = moment[0], self._proxy(moment)
        if one.code in _CHALLENGES:  # by the proxy or by who was called: nothing tells
            self._invite(proxy, proxy, again=True)
            self._add(moment, _reply(one), (Hop(proxy, 0, told=True),), failed=True)
            self.rung.clear()  # the caller comes again
            return
        branch = self.branches.get(("tag", one.to_tag), self.callee) if one.to_tag else self.callee
        told_before = any(other[0].kind is Kind.MISSED for other in self.moments)
        hops = [Hop(proxy, 0, told=True)]
        if one.kind is Kind.EARLY or not told_before:
            self._invite(proxy, branch)
            if one.code == _TIMED_OUT and one.kind is Kind.FAILED:
                self.rows.append(LadderRemark(LadderNote.TIMED_OUT, one.time))
            else:
                hops.insert(0, Hop(branch, proxy, told=False))
        self._add(moment, _reply(one), tuple(hops), failed=one.kind is Kind.FAILED)

    def _answered(self, moment: Moment) -> None:
        one, proxy = moment[0], self._proxy(moment)
        self._invite(proxy, self.callee)
        hops = (Hop(self.callee, proxy, told=False), Hop(proxy, 0, told=True))
        self._add(moment, _reply(one), hops)
        if not any(other[0].kind is Kind.ACK for other in self.moments):
            self.rows.append(Message("ACK", (Hop(0, proxy, told=False), Hop(proxy, self.callee, told=False))))

    def _acknowledged(self, moment: Moment) -> None:
        proxy = self._proxy(moment)
        if any(one.rule is Rule.START for one in moment):  # the answer itself was not accounted
            self._invite(proxy, self.callee)
            answer = (Hop(self.callee, proxy, told=False), Hop(proxy, 0, told=False))
            self.rows.append(Message(_reply(moment[0]), answer))
        self._add(moment, "ACK", (Hop(0, proxy, told=True), Hop(proxy, self.callee, told=False)))

    def _cancelled(self, moment: Moment) -> None:
        proxy = self._proxy(moment)
        self._invite(proxy, self.callee)
        self._add(moment, "CANCEL", (Hop(0, proxy, told=True), Hop(proxy, self.callee, told=False)))

    def _recorded(self, moment: Moment) -> None:
        """The proxy's own record of the dialog: it draws what no event of a transaction tells."""
        one, proxy = moment[0], self._proxy(moment)
        rules = {other.rule for told in self.moments for other in told}
        ids = tuple(other.id for other in moment)
        if self.subject.answered and Rule.START not in rules:
            self._invite(proxy, self.callee)
            hops = (Hop(self.callee, proxy, told=False), Hop(proxy, 0, told=True))
            self._add(moment, "200", hops)
        if one.ended_at is not None and Rule.STOP not in rules and self.subject.answered:
            self.rows.append(LadderRemark(LadderNote.RECORD_ENDED, one.ended_at, ids))

    def _within(self, moment: Moment) -> None:
        """A request within the dialog, and the reply to it."""
        one, proxy = moment[0], self._proxy(moment)
        if not self.rung and self.subject.answered:
            self.rows.append(LadderRemark(LadderNote.NO_START))
            self.rung.add(proxy)
        sender = self._sender(one)
        near_end, far_end = (self.callee, 0) if sender is LadderParty.CALLEE else (0, self.callee)
        request = (Hop(near_end, proxy, told=True), Hop(proxy, far_end, told=False))
        label = "re-INVITE" if one.rule is Rule.REINVITE else one.method
        self._add(moment, label, request, directed=sender is not None)
        if one.code:
            reply = (Hop(far_end, proxy, told=False), Hop(proxy, near_end, told=True))
            failed = one.code >= 300
            self.rows.append(Message(_reply(one), reply, failed=failed, directed=sender is not None))

    def _sender(self, one: LadderEvent) -> LadderParty | None:
        if one.rule is Rule.STOP:
            return self.subject.hung_up
        return (
            LadderParty.CALLEE if one.from_tag == self.subject.to_tag != self.subject.from_tag else LadderParty.CALLER
        )

    def _proxy(self, moment: Moment) -> int:
        return self.proxies[moment[0].proxy]

    def _add(
        self, moment: Moment, label: str, hops: tuple[Hop, ...], *, failed: bool = False, directed: bool = True
    ) -> None:
        sharpest = min(moment, key=lambda one: one.precision)
        self.rows.append(
            Message(
                label,
                hops,
                sharpest.time,
                sharpest.precision,
                failed,
                directed,
                tuple(one.id for one in moment),
                tuple(sorted({self.proxies[one.proxy] for one in moment})),
            )
        )


def _branch(one: LadderEvent) -> object:
    """Name the branch that a missed event speaks of: by the phone's To tag, else by whom it names.

    The same failure without a tag may be told more than once, and each time may be another's.
    """
    return ("tag", one.to_tag) if one.to_tag else ("callee", one.callee, one.code)


def _first(legs: Sequence[tuple[str | None, str | None]]) -> str | None:
    return legs[0][0] if legs else None


def _reply(one: LadderEvent) -> str:
    return f"{one.code} {one.reason}".strip()


def _reply_of_branch(one: LadderEvent) -> str:
    """Return the response with the gateway that gave it, where the event names one."""
    return f"{_reply(one)} ({one.gateway})" if one.gateway else _reply(one)


def _with_gaps(rows: Sequence[LadderRow]) -> Iterator[LadderRow]:
    """Put the silences between the rows, each right before the message that ends it: what was inferred before it
    (the ACK of an answer, the INVITE to the next phone) followed at once from the message before.
    """
    last: datetime | None = None
    for row in rows:
        time = None if isinstance(row, Gap) else row.time
        if time is not None:
            if last is not None and time - last >= LONG:
                yield Gap(time - last)
            last = time if last is None else max(last, time)
        yield row
