"""The loss meter: of the events of one proxy, which did one backend deliver and another did not. Pure.

A proxy that accounts to several backends tells each of them the same, so what one lacks was lost on its way, unless it
is of a kind that the backend never gets. What that is follows from flags in the proxy's script, and is not known here:
a kind that a backend delivered not once is held for *not logged there*, and said so; it is no loss.

How backends tell the same thing differently (module documentation of ``acc``, ``acc_radius``, ``acc_json``):

* RADIUS and ``acc_json`` have no word for a missed call: it looks like a failed one. Either kind is delivered there by
  whatever failed with that code.
* RADIUS calls a re-INVITE an interim event.
* The proxy reads the clock again for each backend. Times more than ``SAME_MOMENT`` apart are different events, unless
  a local time may be an hour off.
* A To tag is compared in answers and within dialogs only: Kamailio writes a stale one into some other events.
* SQL has a row for each leg of one event, OpenSIPS' event interface an event.
* What a script accounts by hand goes to one backend by its nature, and does not count; nor does what tells no Call-ID.
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
    """What an event says, as far as all backends can tell it."""

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
    """An event, as much of it as the meter needs. ``uncertain``: its time may be an hour off."""

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
        """Tell whether the time of an event with these flags is sure."""
        return Flag.AMBIGUOUS_TIME not in set(flags)


class BackendShare(NamedTuple):
    """What one backend delivered of one sort of events.

    ``known`` events were delivered by any backend, ``lost`` of them not by this one: their Call-IDs, by time, one for
    each event. ``logged``: the backend delivered at least one, so it is told of this sort at all.
    """

    sort: Sort
    backend: Backend
    known: int
    lost: tuple[str, ...]
    logged: bool

    @property
    def percent(self) -> float:
        """How much of what it should have delivered it did not."""
        return 100 * len(self.lost) / self.known if self.known else 0.0


class Meter(NamedTuple):
    """What the meter reads. ``shares``: one for each sort that was seen and each backend, in the order of these."""

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


def measure(events: Iterable[BackendEvent]) -> Meter:
    """Compare what the backends of one proxy delivered. With one backend there is nothing to compare."""
    by_key: dict[_Key, list[BackendEvent]] = defaultdict(list)
    for event in events:
        if event.call_id and event.kind not in (EventKind.MANUAL, EventKind.ON, EventKind.OFF):
            by_key[_key(event)].append(event)
    backends = tuple(
        one for one in Backend if any(event.backend is one for events in by_key.values() for event in events)
    )
    seen: dict[Sort, list[_Fact]] = defaultdict(list)
    for key, events in by_key.items():
        seen[key[0]] += _facts(key, events)
    _borrow(seen)
    shares = [_share(sort, backend, seen[sort]) for sort in Sort if seen[sort] for backend in backends]
    return Meter(backends, tuple(shares))


class _Fact(NamedTuple):
    """One thing that happened, the time it was first told, and who told it."""

    key: _Key
    time: datetime
    by: frozenset[Backend]


def _key(event: BackendEvent) -> _Key:
    """Return what is equal in all backends that tell of the same thing, its time excepted."""
    sort = _sort(event)
    if sort is Sort.CDR:
        return sort, "", event.call_id, "", "", 0  # the code is that of another event in RADIUS, and absent in a log
    to_tag = event.to_tag if sort in _WITH_TO_TAG else ""
    return sort, event.method, event.call_id, event.from_tag, to_tag, event.code


def _sort(event: BackendEvent) -> Sort:
    kind = classify(event.method, event.code) if event.kind is EventKind.INTERIM else event.kind
    if kind is EventKind.ANSWERED:
        return Sort.ANSWER if event.method == "INVITE" else Sort.OTHER
    return _SORTS.get(kind, Sort.OTHER)


def _facts(key: _Key, events: Sequence[BackendEvent]) -> list[_Fact]:
    """Tell apart what happened several times: by time, or where times are unsure, by how often each backend told it."""
    if any(event.uncertain for event in events):
        return _counted(key, events)
    found: list[list[BackendEvent]] = []
    for event in sorted(events, key=lambda event: event.time):
        if found and event.time - found[-1][0].time <= SAME_MOMENT:
            found[-1].append(event)
        else:
            found.append([event])
    return [_Fact(key, group[0].time, frozenset(event.backend for event in group)) for group in found]


def _counted(key: _Key, events: Sequence[BackendEvent]) -> list[_Fact]:
    """Match the first event of each backend with the first of the others, and so on."""
    times: dict[Backend, list[datetime]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.time):
        own = times[event.backend]
        if not own or event.time - own[-1] > SAME_MOMENT:
            own.append(event.time)
    most = max(map(len, times.values()))
    return [
        _Fact(
            key,
            min(own[number] for own in times.values() if number < len(own)),
            frozenset(backend for backend, own in times.items() if number < len(own)),
        )
        for number in range(most)
    ]


def _borrow(seen: dict[Sort, list[_Fact]]) -> None:
    """Let a failure told by a backend without a word for missed calls stand for the missed call too.

    Where another backend tells the failed call, that is what the record is; where none does, it is the missed one.
    """
    failed = _by_what(seen[Sort.FAILED])
    missed = _by_what(seen[Sort.MISSED])
    for number, miss in enumerate(seen[Sort.MISSED]):
        vague = {one for fact in failed[miss.key[1:]] if _alike(fact, miss) for one in fact.by}
        seen[Sort.MISSED][number] = miss._replace(by=miss.by | vague & _SAYS_FAILED_FOR_MISSED)
    seen[Sort.FAILED] = [
        fact
        for fact in seen[Sort.FAILED]
        if fact.by - _SAYS_FAILED_FOR_MISSED or not any(_alike(fact, miss) for miss in missed[fact.key[1:]])
    ]


def _by_what(facts: Iterable[_Fact]) -> dict[tuple[object, ...], list[_Fact]]:
    """Index failures by what they say besides being failed or missed ones."""
    found: dict[tuple[object, ...], list[_Fact]] = defaultdict(list)
    for fact in facts:
        found[fact.key[1:]].append(fact)
    return found


def _alike(failed: _Fact, missed: _Fact) -> bool:
    return abs(failed.time - missed.time) <= SAME_MOMENT


def _share(sort: Sort, backend: Backend, facts: Sequence[_Fact]) -> BackendShare:
    lost = sorted((fact for fact in facts if backend not in fact.by), key=lambda fact: (fact.time, fact.key))
    return BackendShare(
        sort,
        backend,
        known=len(facts),
        lost=tuple(fact.key[2] for fact in lost),
        logged=len(lost) < len(facts),
    )
