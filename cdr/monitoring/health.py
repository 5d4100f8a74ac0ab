"""How the sources of proxies fare, and one verdict for each proxy.

What is asked here is bounded whatever the tables hold: samples are the newest events of a proxy among the newest
``SCAN`` of all, counts stop at a limit and say so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import pairwise
from typing import Any

from django.db.models import Min, Q, QuerySet

from cdr.events import EventKind
from cdr.models import Call, Event, Receiver, Rejected, Source
from cdr.monitoring.drift import DriftFinding, Sample, find_drift
from cdr.monitoring.loss import BackendEvent, Meter, measure
from cdr.monitoring.zones import WrongZone, wrong_zones
from cdr.sources import KINDS
from proxyconf.models import Proxy
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product

SCAN = 100_000
"""Events of all proxies among which those of one proxy are looked for, newest first."""

SAMPLE = 1_000
"""Events that drift is found in."""

METERED, WINDOW, SETTLED = 10_000, timedelta(hours=24), timedelta(minutes=10)
"""Events that the loss meter compares, from how long a time, and how old they are at least: backends lag."""

MOST_WAITING = 1_000
GROUPED = 500
"""Rejections that are counted, and those that are sorted by reason."""

_PAUSES, _SCAN_OF_PAUSES = 200, 20_000  # asked for each source that says nothing
_SHORTEST_SILENCE, _LONGEST_SILENCE, _USUAL_SILENCE = timedelta(minutes=15), timedelta(days=3), timedelta(days=1)
_TIMES_LONGER = 4
_CLOCK_TOLERANCE = timedelta(seconds=5)
_ENOUGH_PAUSES = 20
_NEWS = timedelta(days=1)
_MOST_RESTARTS, _MOST_LOOKED_AT = 5, 2_000
_MOST_CALLS = 500


class Verdict(IntEnum):
    """How a source or a proxy fares; the worst of the sources is that of the proxy."""

    WELL = 0
    SWITCHED_OFF = 1
    WAITING = 2  # nothing came yet
    NO_SOURCE = 3
    CLOCK_AHEAD = 4  # events come before their own time
    REJECTS = 5
    SILENT = 6
    FAILING = 7  # its receiver says that it cannot do its work
    NOT_RUNNING = 8


@dataclass(slots=True)
class SourceHealth:
    """A source with who serves it. ``rate`` and ``lag`` are of the receivers that run; ``waiting`` counts rejections
    that wait to be read again, up to ``MOST_WAITING``; ``since``: when it fell silent or was last heard of.
    """

    source: Source
    verdict: Verdict
    receivers: Sequence[Receiver] = ()
    rate: float | None = None
    lag: float | None = None
    backlog: int = 0
    spool_bytes: int = 0
    spool_since: datetime | None = None
    refused: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    since: datetime | None = None
    warning: str = ""


@dataclass(slots=True)
class ProxyHealth:
    """A proxy with its sources and the verdict: the worst of them, and of which source it is."""

    proxy: Proxy
    sources: Sequence[SourceHealth]

    @property
    def worst(self) -> SourceHealth | None:
        on = [one for one in self.sources if one.verdict is not Verdict.SWITCHED_OFF]
        # That one way was never used says little where others are.
        used = [one for one in on if one.verdict is not Verdict.WAITING or one.refused] or on
        return max(used or self.sources, key=lambda one: one.verdict, default=None)

    @property
    def verdict(self) -> Verdict:
        return self.worst.verdict if self.worst else Verdict.NO_SOURCE


def health_of(proxies: Sequence[Proxy], now: datetime) -> list[ProxyHealth]:
    """Return how ``proxies`` fare, in their order."""
    sources: dict[int, list[Source]] = {}
    of_them = Source.objects.filter(proxy__in=proxies).select_related("proxy").prefetch_related("receivers")
    for source in of_them.order_by("name"):
        sources.setdefault(source.proxy_id, []).append(source)
    return [
        ProxyHealth(proxy, [_source_health(source, now) for source in sources.get(proxy.pk, ())]) for proxy in proxies
    ]


def _source_health(source: Source, now: datetime) -> SourceHealth:
    receivers = list(source.receivers.all())
    running = [receiver for receiver in receivers if receiver.is_healthy(now)]
    refused: Counter[str] = Counter()
    for one in running:
        refused.update({str(reason): int(count) for reason, count in one.refused.items()})
    lags = [one.lag for one in running if one.lag is not None]
    health = SourceHealth(
        source,
        Verdict.WELL,
        receivers,
        rate=sum(one.rate for one in running) if running else None,
        lag=max(lags, default=None),
        backlog=sum(one.backlog for one in running),
        spool_bytes=sum(one.spool_bytes for one in receivers),
        spool_since=min((one.spool_since for one in receivers if one.spool_since), default=None),
        refused=refused,
        waiting=waiting(source)[:MOST_WAITING].count() if source.rejected else 0,
        since=source.last_received_at,
        warning="; ".join(dict.fromkeys(one.error for one in running if one.error))
        or ("" if KINDS[source.kind].served else source.error),
    )
    health.verdict = _verdict(health, running, now)
    return health


def _verdict(health: SourceHealth, running: Sequence[Receiver], now: datetime) -> Verdict:
    source = health.source
    if not source.enabled:
        return Verdict.SWITCHED_OFF
    if KINDS[source.kind].served and not running:
        heard = max((one.heard_at for one in health.receivers), default=None)
        health.since = heard or health.since
        return Verdict.FAILING if any(one.error for one in health.receivers) else Verdict.NOT_RUNNING
    if _rejects(health):
        return Verdict.REJECTS
    if source.last_received_at is None or not (source.events or source.duplicates):
        return Verdict.WAITING
    if _is_silent(source, now):
        return Verdict.SILENT
    return Verdict.CLOCK_AHEAD if any(_is_ahead(receiver) for receiver in running) else Verdict.WELL


def _is_ahead(receiver: Receiver) -> bool:
    """Tell whether the newest event came before its own time: the proxy's clock is ahead, or its zone is wrong."""
    return receiver.lag is not None and receiver.lag < -_CLOCK_TOLERANCE.total_seconds()


def _rejects(health: SourceHealth) -> bool:
    """Tell whether what waits is news: nothing later was understood, or it came within a day of what came last."""
    if not health.waiting:
        return False
    source = health.source
    newest = waiting(source).order_by("-pk").values_list("received_at", flat=True).first()
    return newest is not None and (source.last_received_at is None or source.last_received_at - newest < _NEWS)


def _is_silent(source: Source, now: datetime) -> bool:
    """Tell whether nothing came for much longer than is usual; files that people hand in come when they come."""
    assert source.last_received_at is not None
    pause = now - source.last_received_at
    if source.kind == Source.Kind.IMPORT or pause < _SHORTEST_SILENCE:
        return False
    events = newest_events(source.proxy, until=source.last_event_at, scan=_SCAN_OF_PAUSES).filter(source=source)
    return pause > silence_after(list(events.values_list("time", flat=True)[:_PAUSES]))


def silence_after(times: Sequence[datetime]) -> timedelta:
    """Return how long a source may well say nothing, by the ``times`` of its newest events: a few times its longest
    pause, within reason.
    """
    if len(times) < _ENOUGH_PAUSES:
        return _USUAL_SILENCE
    ordered = sorted(times)
    longest = max(later - earlier for earlier, later in pairwise(ordered))
    return min(max(longest * _TIMES_LONGER, _SHORTEST_SILENCE), _LONGEST_SILENCE)


# --- rejected input


def waiting(source: Source) -> QuerySet[Rejected]:
    """Return the rejections of ``source`` that wait to be read again."""
    return Rejected.objects.filter(source=source, replayed_at=None)


@dataclass(slots=True)
class Reason:
    """Rejections of one source for the same reason; ``sample`` is the newest of them."""

    source: Source
    sample: Rejected
    count: int = 0


_VARYING = re.compile(r"""'[^']*'|"[^"]*"|\d+|^line \d+: """)


def reasons(sources: Iterable[Source]) -> tuple[list[Reason], bool]:
    """Return why input of ``sources`` waits, the most frequent first, and whether more waits than was looked at.

    Reasons that differ in numbers and quoted text alone are the same.
    """
    found: dict[tuple[int, str], Reason] = {}
    more = False
    for source in sources:
        rows = list(waiting(source).order_by("-pk").defer("raw", "fingerprint")[: GROUPED + 1])
        more = more or len(rows) > GROUPED
        for row in rows[:GROUPED]:
            key = source.pk, _VARYING.sub("…", row.reason[:500])
            found.setdefault(key, Reason(source, row)).count += 1
    return sorted(found.values(), key=lambda one: (-one.count, one.sample.pk)), more


# --- events


def newest_events(proxy: Proxy, *, until: datetime | None, scan: int = SCAN) -> QuerySet[Event]:
    """Return the events of ``proxy`` among the newest ``scan`` of all up to ``until``, newest first."""
    events = Event.objects.all() if until is None else Event.objects.filter(time__lte=until)
    # There is no index by proxy: that of the times tells, without a look at the events, how far back is far enough.
    since = events.order_by("-time").values("time")[:scan].aggregate(since=Min("time"))["since"]
    if since is None:
        return Event.objects.none()
    return events.filter(proxy=proxy, time__gte=since).order_by("-time", "-id")


def newest_time(sources: Iterable[SourceHealth]) -> datetime | None:
    """Return the time of the newest event of these sources."""
    times = [one.source.last_event_at for one in sources if one.source.last_event_at]
    return max(times, default=None)


def restarts(proxy: Proxy) -> list[Event]:
    """Return the newest reports of a proxy that it starts or ends (RADIUS Accounting-On and -Off)."""
    told = Event.objects.filter(proxy=proxy, call_key=None, kind__in=(EventKind.ON.value, EventKind.OFF.value))
    # Found by having no call, and sorted here: by the index of times it would be a long way to the few there are.
    found = list(told.select_related("source").order_by()[:_MOST_LOOKED_AT])
    return sorted(found, key=lambda event: event.time, reverse=True)[:_MOST_RESTARTS]


@dataclass(slots=True)
class Drift:
    """What differs in the newest ``events`` events, since ``since``, and zones that seem wrong."""

    findings: Sequence[DriftFinding] = ()
    zones: Sequence[WrongZone] = ()
    events: int = 0
    since: datetime | None = None


def drift_of(proxy: Proxy, until: datetime | None) -> Drift:
    """Compare the newest events of a proxy with what it is known to log."""
    fields = ("backend", "kind", "extra", "legs", "reason", "time", "call_key")
    rows = list(newest_events(proxy, until=until).values_list(*fields)[:SAMPLE])
    if not rows:
        return Drift()
    samples = [
        Sample(Backend(backend), EventKind(kind), _pairs(extra), tuple(map(_pairs, legs)), reason)
        for backend, kind, extra, legs, reason, _, _ in rows
    ]
    keys = list(dict.fromkeys(key for *_, key in rows if key is not None))[:_MOST_CALLS]
    calls = Call.objects.filter(call_key__in=keys, superseded=False)
    mixed = calls.filter(flags__contains=" legs_mixed ").count() if keys else 0
    findings = find_drift(
        proxy.field_layout, samples, product=Product(proxy.product), calls=calls.count() if keys else 0, mixed=mixed
    )
    # All events of the calls, whatever their times: where a zone is wrong these lie hours apart.
    told = Event.objects.filter(call_key__in=keys, proxy=proxy).select_related("proxy", "source__proxy")
    zones = wrong_zones(told.defer("extra", "legs", "raw")[: 2 * SAMPLE])
    return Drift(findings, zones, len(rows), rows[-1][5])


@dataclass(slots=True)
class Loss:
    """What the meter reads of ``events`` events between two times; ``capped``: the window holds more."""

    meter: Meter
    events: int
    since: datetime
    until: datetime
    capped: bool


def loss_of(proxy: Proxy, newest: datetime | None, now: datetime) -> Loss | None:
    """Compare what the backends of ``proxy`` delivered lately, or before it fell silent; nothing where nothing came."""
    if newest is None:
        return None
    until = now - SETTLED if now - SETTLED < newest <= now else newest
    fields = ("backend", "kind", "method", "code", "call_id", "from_tag", "to_tag", "time", "flags")
    events = newest_events(proxy, until=until).filter(~Q(call_key=None), time__gt=until - WINDOW)
    rows = list(events.values_list(*fields)[: METERED + 1])
    if not rows:
        return None
    told = [
        BackendEvent(
            Backend(backend),
            EventKind(kind),
            method,
            code,
            call_id,
            from_tag,
            to_tag,
            time,
            not BackendEvent.sure(flags),
        )
        for backend, kind, method, code, call_id, from_tag, to_tag, time, flags in rows[:METERED]
    ]
    since = told[-1].time if len(rows) > METERED else until - WINDOW
    whole = _whole(told, since, until if until < newest else None)
    return Loss(measure(whole), len(told), since, until, len(rows) > METERED)


def _whole(told: Sequence[BackendEvent], since: datetime, until: datetime | None) -> Iterable[BackendEvent]:
    """Leave out what may have its counterpart beyond the beginning of the window, or its end if more follows."""
    edge = timedelta(seconds=3)
    beyond = {
        (one.call_id, one.method, one.code)
        for one in told
        if one.time < since + edge or (until is not None and one.time > until - edge)
    }
    return [one for one in told if (one.call_id, one.method, one.code) not in beyond]


def _pairs(stored: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(label), str(text)) for label, text in stored)
