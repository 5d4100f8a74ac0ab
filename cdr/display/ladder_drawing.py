"""Draw the ladder of a call: its parties as columns, and the messages between them as rows.

Accounting records transactions, not messages. That an INVITE was answered with 200 means that the proxy sent a 200 to
the caller at that time; that the INVITE arrived, was forwarded and answered is inferred, without a time. A hop is
``recorded`` where an event states it, and drawn as inferred otherwise.

* A reply event (2xx, final failure, early media) is about the reply sent upstream (RFC 3261 16.7).
* A missed event is about the reply that came from a branch.
* A request within the dialog (BYE, re-INVITE…) and CANCEL came from its sender, for the event names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from cdr.correlation.evidence import near
from cdr.correlation.record import Rule
from cdr.display.ladder import (
    Drawing,
    End,
    Gap,
    Hop,
    LadderEvent,
    LadderNote,
    LadderParty,
    LadderRemark,
    LadderRow,
    Lifeline,
    Message,
    Side,
    Subject,
)
from cdr.events import SECOND, EventKind

MOST_MESSAGES = 100
MOST_BRANCHES, MOST_FORWARDERS = 6, 3
LONG = timedelta(seconds=3)
"""The shortest pause that is drawn."""
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


def in_order(events: Iterable[LadderEvent]) -> list[LadderEvent]:
    """Return the events in logical order: by time, and within a second by meaning (START, ACK, STOP).

    The meaning only counts if the time of some event is truncated to the second.
    """
    ordered = list(events)
    coarse = any(event.precision >= SECOND for event in ordered)

    def order(event: LadderEvent) -> tuple[datetime, int, bool, datetime, int]:
        whole = event.time.replace(microsecond=0) if coarse else event.time
        return whole, _rank(event), event.rule is Rule.SAME, event.time, event.id

    return sorted(ordered, key=order)


def _rank(event: LadderEvent) -> int:
    if event.rule is Rule.SAME and event.kind is EventKind.BYE:
        return _RANKS[Rule.STOP]
    if event.rule is Rule.ATTEMPT and event.code == _TERMINATED:
        return _RANKS[Rule.FINAL]
    return _RANKS.get(event.rule, len(_RANKS))


def drawing(subject: Subject, events: Iterable[LadderEvent]) -> Drawing:
    """Return the ladder of a call from its ``events``, in any order."""
    groups = _by_message(in_order(events))
    ladder = _Ladder(subject, groups)
    for group in groups:
        ladder.draw(group)
    ladder.close()
    return Drawing(tuple(ladder.columns), tuple(_with_gaps(ladder.rows)), ladder.legs())


EventGroup: TypeAlias = list[LadderEvent]
"""The events about one message, from one or several outputs and proxies."""


def _by_message(ordered: Sequence[LadderEvent]) -> list[EventGroup]:
    """Group the events that several outputs or proxies, or a repetition, recorded of the same message."""
    groups: list[EventGroup] = []
    open_groups: dict[tuple[object, ...], EventGroup] = {}
    for event in ordered:
        message = (event.kind, event.method, event.code, event.from_tag, event.to_tag)
        group = open_groups.get(message)
        if group is not None and near(group[0].time, event.time):
            group.append(event)
        else:
            open_groups[message] = [event]
            groups.append(open_groups[message])
    for group in groups:
        group.sort(key=lambda event: event.rule is Rule.SAME)  # the event that was used comes first
    return groups


@dataclass(slots=True)
class _Ladder:
    """Builds a drawing."""

    subject: Subject
    groups: Sequence[EventGroup]
    columns: list[Lifeline] = field(default_factory=list)
    rows: list[LadderRow] = field(default_factory=list)
    proxies: dict[str, int] = field(default_factory=dict)
    branches: dict[object, int] = field(default_factory=dict)
    rung: set[int] = field(default_factory=set)
    callee: int = 0

    def __post_init__(self) -> None:
        self.columns.append(Lifeline(Side.CALLER, self.subject.caller or _first(self.subject.legs)))
        for name in dict.fromkeys(event.proxy for group in self.groups for event in group):
            self.proxies[name] = len(self.columns)
            self.columns.append(Lifeline(Side.PROXY, name))
        self._add_branches()
        self._add_forwarders()
        last_leg = self.subject.legs[-1][1] if self.subject.legs and self.subject.answered else None
        self.callee = len(self.columns)
        if self.branches and not self.subject.answered:
            self.callee = max(self.branches.values())  # not answered: the last branch tried stands for the callee
        else:
            self.columns.append(Lifeline(Side.CALLEE, last_leg or self.subject.callee))

    def _add_branches(self) -> None:
        """Add a column for each failed branch, in the order they failed; the last one takes the rest."""
        failed = [group[0] for group in self.groups if group[0].kind is EventKind.MISSED]
        keys = list(dict.fromkeys(_branch(event) for event in failed))
        legs = [destination for _, destination in self.subject.legs]
        fits = len(legs) == len(keys) + self.subject.answered  # each forwarding has a leg of its own
        named = {_branch(event): event.callee for event in reversed(failed)}
        for index, key in enumerate(keys):
            if index < MOST_BRANCHES:
                name = (legs[index] if fits else None) or named[key] or self.subject.callee
                self.columns.append(Lifeline(Side.BRANCH, name))
            self.branches[key] = len(self.columns) - 1

    def _add_forwarders(self) -> None:
        """Add a column for each intermediate party of the legs that has no branch."""
        between = dict.fromkeys(destination for _, destination in self.subject.legs[:-1] if destination)
        drawn_names = {column.name for column in self.columns}
        for name in [name for name in between if name not in drawn_names][:MOST_FORWARDERS]:
            self.columns.append(Lifeline(Side.FORWARDER, name))

    def legs(self) -> tuple[tuple[int, int], ...]:
        """Return the legs whose both ends have a column."""
        column_of: dict[str | None, int] = {}
        for index, column in enumerate(self.columns):
            if column.side is not Side.PROXY and column.name:
                column_of.setdefault(column.name, index)
        ends = [(column_of.get(source), column_of.get(target)) for source, target in self.subject.legs]
        if ends and self.subject.answered:
            ends[-1] = (ends[-1][0], self.callee)
        return tuple(
            (source, target)
            for source, target in ends
            if source is not None and target is not None and source != target
        )

    def draw(self, group: EventGroup) -> None:
        if len(self.rows) >= MOST_MESSAGES:
            if self.rows[-1] != LadderRemark(LadderNote.CUT):
                self.rows.append(LadderRemark(LadderNote.CUT))
            return
        event = group[0]
        match event.kind:
            case EventKind.MISSED:
                self._missed(group)
            case EventKind.EARLY | EventKind.FAILED if event.rule not in _WITHIN:
                self._replied(group)
            case EventKind.ANSWERED if event.rule in (Rule.START, Rule.SAME):
                self._answered(group)
            case EventKind.ACK:
                self._acknowledged(group)
            case EventKind.CANCEL:
                self._cancelled(group)
            case EventKind.CDR:
                self._recorded(group)
            case _ if event.rule is not Rule.MANUAL:  # written by the script: no message belongs to it
                self._within(group)

    def close(self) -> None:
        """Add a remark about the end where no message shows it."""
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
            hops.append(Hop(0, proxy, recorded=False))
        if target != proxy and target not in self.rung:
            hops.append(Hop(proxy, target, recorded=False))
        if hops:
            self.rows.append(Message("INVITE", tuple(hops)))
        self.rung.update((target, proxy))

    def _missed(self, group: EventGroup) -> None:
        event, proxy = group[0], self._proxy(group)
        branch = self.branches[_branch(event)]
        self._invite(proxy, branch)
        if event.code == _TIMED_OUT:
            self.rows.append(LadderRemark(LadderNote.TIMED_OUT, event.time, tuple(other.id for other in group)))
            self.rows.append(Message("CANCEL", (Hop(proxy, branch, recorded=False),)))
        else:
            self._add(group, _reply_of_branch(event), (Hop(branch, proxy, recorded=True),), failed=True)
        if any(other.rule is Rule.FINAL for other in group):  # the reply sent upstream was not accounted
            self.rows.append(Message(_reply(event), (Hop(proxy, 0, recorded=False),), failed=True))

    def _replied(self, group: EventGroup) -> None:
        """Draw a reply that was sent upstream: early media, or a failure."""
        event, proxy = group[0], self._proxy(group)
        if event.code in _CHALLENGES:  # sent by the proxy or by the callee: not recorded
            self._invite(proxy, proxy, again=True)
            self._add(group, _reply(event), (Hop(proxy, 0, recorded=True),), failed=True)
            self.rung.clear()  # the caller sends the INVITE again
            return
        branch = self.branches.get(("tag", event.to_tag), self.callee) if event.to_tag else self.callee
        branch_failed = any(other[0].kind is EventKind.MISSED for other in self.groups)
        hops = [Hop(proxy, 0, recorded=True)]
        if event.kind is EventKind.EARLY or not branch_failed:
            self._invite(proxy, branch)
            if event.code == _TIMED_OUT and event.kind is EventKind.FAILED:
                self.rows.append(LadderRemark(LadderNote.TIMED_OUT, event.time))
            else:
                hops.insert(0, Hop(branch, proxy, recorded=False))
        self._add(group, _reply(event), tuple(hops), failed=event.kind is EventKind.FAILED)

    def _answered(self, group: EventGroup) -> None:
        event, proxy = group[0], self._proxy(group)
        self._invite(proxy, self.callee)
        hops = (Hop(self.callee, proxy, recorded=False), Hop(proxy, 0, recorded=True))
        self._add(group, _reply(event), hops)
        if not any(other[0].kind is EventKind.ACK for other in self.groups):
            self.rows.append(Message("ACK", (Hop(0, proxy, recorded=False), Hop(proxy, self.callee, recorded=False))))

    def _acknowledged(self, group: EventGroup) -> None:
        proxy = self._proxy(group)
        if any(event.rule is Rule.START for event in group):  # the answer itself was not accounted
            self._invite(proxy, self.callee)
            answer = (Hop(self.callee, proxy, recorded=False), Hop(proxy, 0, recorded=False))
            self.rows.append(Message(_reply(group[0]), answer))
        self._add(group, "ACK", (Hop(0, proxy, recorded=True), Hop(proxy, self.callee, recorded=False)))

    def _cancelled(self, group: EventGroup) -> None:
        proxy = self._proxy(group)
        self._invite(proxy, self.callee)
        self._add(group, "CANCEL", (Hop(0, proxy, recorded=True), Hop(proxy, self.callee, recorded=False)))

    def _recorded(self, group: EventGroup) -> None:
        """Draw from the dialog record what no event of a transaction shows."""
        event, proxy = group[0], self._proxy(group)
        rules = {event.rule for group in self.groups for event in group}
        ids = tuple(other.id for other in group)
        if self.subject.answered and Rule.START not in rules:
            self._invite(proxy, self.callee)
            hops = (Hop(self.callee, proxy, recorded=False), Hop(proxy, 0, recorded=True))
            self._add(group, "200", hops)
        if event.ended_at is not None and Rule.STOP not in rules and self.subject.answered:
            self.rows.append(LadderRemark(LadderNote.RECORD_ENDED, event.ended_at, ids))

    def _within(self, group: EventGroup) -> None:
        """Draw a request within the dialog, and the reply to it."""
        event, proxy = group[0], self._proxy(group)
        if not self.rung and self.subject.answered:
            self.rows.append(LadderRemark(LadderNote.NO_START))
            self.rung.add(proxy)
        sender = self._sender(event)
        near_end, far_end = (self.callee, 0) if sender is LadderParty.CALLEE else (0, self.callee)
        request = (Hop(near_end, proxy, recorded=True), Hop(proxy, far_end, recorded=False))
        label = "re-INVITE" if event.rule is Rule.REINVITE else event.method
        self._add(group, label, request, directed=sender is not None)
        if event.code:
            reply = (Hop(far_end, proxy, recorded=False), Hop(proxy, near_end, recorded=True))
            failed = event.code >= 300
            self.rows.append(Message(_reply(event), reply, failed=failed, directed=sender is not None))

    def _sender(self, event: LadderEvent) -> LadderParty | None:
        if event.rule is Rule.STOP:
            return self.subject.released_by
        return (
            LadderParty.CALLEE if event.from_tag == self.subject.to_tag != self.subject.from_tag else LadderParty.CALLER
        )

    def _proxy(self, group: EventGroup) -> int:
        return self.proxies[group[0].proxy]

    def _add(
        self, group: EventGroup, label: str, hops: tuple[Hop, ...], *, failed: bool = False, directed: bool = True
    ) -> None:
        most_precise = min(group, key=lambda event: event.precision)
        self.rows.append(
            Message(
                label,
                hops,
                most_precise.time,
                most_precise.precision,
                failed,
                directed,
                tuple(event.id for event in group),
                tuple(sorted({self.proxies[event.proxy] for event in group})),
            )
        )


def _branch(event: LadderEvent) -> object:
    """Return the key of the branch of a missed event: the To tag of the phone, else the callee that it names.

    Without a tag, the same failure may be recorded several times, each of another branch.
    """
    return ("tag", event.to_tag) if event.to_tag else ("callee", event.callee, event.code)


def _first(legs: Sequence[tuple[str | None, str | None]]) -> str | None:
    return legs[0][0] if legs else None


def _reply(event: LadderEvent) -> str:
    return f"{event.code} {event.reason}".strip()


def _reply_of_branch(event: LadderEvent) -> str:
    """Return the response with the gateway that gave it, where the event names one."""
    return f"{_reply(event)} ({event.gateway})" if event.gateway else _reply(event)


def _with_gaps(rows: Sequence[LadderRow]) -> Iterator[LadderRow]:
    """Insert the pauses, each immediately before the row with a time that ends it.

    Inferred messages before it (the ACK of an answer, the INVITE to the next phone) followed the previous message
    immediately.
    """
    last: datetime | None = None
    for row in rows:
        time = None if isinstance(row, Gap) else row.time
        if time is not None:
            if last is not None and time - last >= LONG:
                yield Gap(time - last)
            last = time if last is None else max(last, time)
        yield row
