"""Measure event loss: events of a proxy that one backend delivered and another did not. Pure.

A proxy that accounts to several backends sends the same events to each, so an event that one lacks was lost, unless
that backend never gets events of its kind. This depends on flags in the proxy's script and is unknown here: a kind that
a backend never delivered is reported as *not logged there*, not as lost.

Backends report the same event differently (module documentation of ``acc``, ``acc_radius``, ``acc_json``):

* RADIUS and ``acc_json`` do not distinguish missed calls from failed ones, so any failure with the code counts as both.
* RADIUS reports a re-INVITE as an interim event.
* The proxy reads the clock again for each backend. Times more than ``SAME_MOMENT`` apart are different events, unless a
  local time may be an hour off.
* To tags are compared only in answers and within dialogs, because Kamailio writes an outdated one into other events.
* SQL has one row per leg of an event, OpenSIPS' event interface one event per leg.
* Records of the script go to one backend only and are not counted; neither are events without a Call-ID.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from cdr.correlation.evidence import SAME_MOMENT
from cdr.correlation.record import Flag
from cdr.events import EventKind, classify
from proxyconf.vocabulary.layout import Backend


class Sort(StrEnum):
    """The kinds of events that all backends can distinguish."""

    ANSWER = "answer"  # an INVITE got a 2xx: START or re-INVITE
    BYE = "bye"
    FAILED = "failed"
    MISSED = "missed"
    EARLY = "early"
    ACK = "ack"
    CANCEL = "cancel"
    CDR = "cdr"
    OTHER = "other"  # MESSAGE, REGISTER, UPDATE…


class BackendEvent(NamedTuple):
    """The relevant parts of an event. ``uncertain``: its time may be an hour off."""

    backend: Backend
    kind: EventKind
    method: str
    code: int
    call_id: str
    from_tag: str
    to_tag: str
    time: datetime
    uncertain: bool = False

    @classmethod
    def sure(cls, flags: Iterable[str]) -> bool:
        """Tell whether the time of an event with these flags is certain."""
        return Flag.AMBIGUOUS_TIME not in set(flags)


class BackendShare(NamedTuple):
    """The events of one sort that one backend delivered.

    ``known`` is the number of events that any backend delivered; ``lost`` has the Call-IDs of those that this one did
    not, by time, one per event. ``logged``: the backend delivered at least one event of this sort.
    """

    sort: Sort
    backend: Backend
    known: int
    lost: tuple[str, ...]
    logged: bool

    @property
    def percent(self) -> float:
        """The percentage of lost events."""
        return 100 * len(self.lost) / self.known if self.known else 0.0


class LossReport(NamedTuple):
    """The result: one share for each sort that occurred and each backend, in this order."""

    backends: tuple[Backend, ...]
    shares: tuple[BackendShare, ...]

    @property
    def losses(self) -> list[BackendShare]:
        """The shares of backends that lost something."""
        return [share for share in self.shares if share.logged and share.lost]


_SAYS_FAILED_FOR_MISSED = frozenset({Backend.RADIUS, Backend.JSON})
_SORTS = {kind: Sort(kind.value) for kind in EventKind if kind.value in {sort.value for sort in Sort}}
_WITH_TO_TAG = frozenset({Sort.ANSWER, Sort.BYE, Sort.ACK})
_Key = tuple[Sort, str, str, str, str, int]


def measure(events: Iterable[BackendEvent]) -> LossReport:
    """Compare the events that the backends of one proxy delivered; with one backend there is nothing to compare."""
    by_key: dict[_Key, list[BackendEvent]] = defaultdict(list)
    for event in events:
        if event.call_id and event.kind not in (EventKind.MANUAL, EventKind.ON, EventKind.OFF):
            by_key[_key(event)].append(event)
    backends = tuple(
        backend
        for backend in Backend
        if any(event.backend is backend for events in by_key.values() for event in events)
    )
    occurrences: dict[Sort, list[_Occurrence]] = defaultdict(list)
    for key, events in by_key.items():
        occurrences[key[0]] += _occurrences(key, events)
    _reassign_failures(occurrences)
    shares = [_share(sort, backend, occurrences[sort]) for sort in Sort if occurrences[sort] for backend in backends]
    return LossReport(backends, tuple(shares))


class _Occurrence(NamedTuple):
    """One occurrence of an event, the time of its first report, and the backends that reported it."""

    key: _Key
    time: datetime
    by: frozenset[Backend]


def _key(event: BackendEvent) -> _Key:
    """Return the values that reports of the same event have in common, except its time."""
    sort = _sort(event)
    if sort is Sort.CDR:
        return sort, "", event.call_id, "", "", 0  # in RADIUS the code is that of another event, in a log it is missing
    to_tag = event.to_tag if sort in _WITH_TO_TAG else ""
    return sort, event.method, event.call_id, event.from_tag, to_tag, event.code


def _sort(event: BackendEvent) -> Sort:
    kind = classify(event.method, event.code) if event.kind is EventKind.INTERIM else event.kind
    if kind is EventKind.ANSWERED:
        return Sort.ANSWER if event.method == "INVITE" else Sort.OTHER
    return _SORTS.get(kind, Sort.OTHER)


def _occurrences(key: _Key, events: Sequence[BackendEvent]) -> list[_Occurrence]:
    """Separate repeated events by time or, if times are uncertain, by the number of reports of each backend."""
    if any(event.uncertain for event in events):
        return _counted(key, events)
    groups: list[list[BackendEvent]] = []
    for event in sorted(events, key=lambda event: event.time):
        if groups and event.time - groups[-1][0].time <= SAME_MOMENT:
            groups[-1].append(event)
        else:
            groups.append([event])
    return [_Occurrence(key, group[0].time, frozenset(event.backend for event in group)) for group in groups]


def _counted(key: _Key, events: Sequence[BackendEvent]) -> list[_Occurrence]:
    """Match the first event of each backend with the first of the others, and so on."""
    times: dict[Backend, list[datetime]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.time):
        times_of_backend = times[event.backend]
        if not times_of_backend or event.time - times_of_backend[-1] > SAME_MOMENT:
            times_of_backend.append(event.time)
    count = max(map(len, times.values()))
    return [
        _Occurrence(
            key,
            min(times_of_backend[number] for times_of_backend in times.values() if number < len(times_of_backend)),
            frozenset(backend for backend, times_of_backend in times.items() if number < len(times_of_backend)),
        )
        for number in range(count)
    ]


def _reassign_failures(occurrences: dict[Sort, list[_Occurrence]]) -> None:
    """Count failures from backends that do not distinguish missed calls for the missed call as well.

    Such a record is of the failed call if another backend reports one, otherwise only of the missed call.
    """
    failed = _by_content(occurrences[Sort.FAILED])
    missed = _by_content(occurrences[Sort.MISSED])
    for number, miss in enumerate(occurrences[Sort.MISSED]):
        vague = {backend for fact in failed[miss.key[1:]] if _at_same_time(fact, miss) for backend in fact.by}
        occurrences[Sort.MISSED][number] = miss._replace(by=miss.by | vague & _SAYS_FAILED_FOR_MISSED)
    occurrences[Sort.FAILED] = [
        fact
        for fact in occurrences[Sort.FAILED]
        if fact.by - _SAYS_FAILED_FOR_MISSED or not any(_at_same_time(fact, miss) for miss in missed[fact.key[1:]])
    ]


def _by_content(facts: Iterable[_Occurrence]) -> dict[tuple[object, ...], list[_Occurrence]]:
    """Index failures by everything but their sort."""
    by_content: dict[tuple[object, ...], list[_Occurrence]] = defaultdict(list)
    for fact in facts:
        by_content[fact.key[1:]].append(fact)
    return by_content


def _at_same_time(failed: _Occurrence, missed: _Occurrence) -> bool:
    return abs(failed.time - missed.time) <= SAME_MOMENT


def _share(sort: Sort, backend: Backend, facts: Sequence[_Occurrence]) -> BackendShare:
    lost = sorted((fact for fact in facts if backend not in fact.by), key=lambda fact: (fact.time, fact.key))
    return BackendShare(
        sort,
        backend,
        known=len(facts),
        lost=tuple(fact.key[2] for fact in lost),
        logged=len(lost) < len(facts),
    )
