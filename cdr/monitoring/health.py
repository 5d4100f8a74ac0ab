"""Determine the health of sources, and one verdict for each proxy.

All queries are bounded, whatever the size of the tables: samples are the events of a proxy among the newest ``SCAN``
events, and counts stop at a limit.
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
from cdr.monitoring.loss import BackendEvent, LossReport, measure
from cdr.monitoring.zones import WrongZone, wrong_zones
from cdr.sources import KINDS
from proxyconf.models import Proxy
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product

SCAN = 100_000
"""Number of newest events of all proxies among which those of one proxy are searched."""

SAMPLE = 1_000
"""Number of events that are checked for drift."""

METERED, WINDOW, SETTLED = 10_000, timedelta(hours=24), timedelta(minutes=10)
"""Maximum number of events, time window and minimum age (backends lag) for measuring event loss."""

MOST_WAITING = 1_000
GROUPED = 500
"""Maximum numbers of rejections that are counted, and grouped by reason."""

_PAUSES, _SCAN_OF_PAUSES = 200, 20_000  # for each source that is silent
_SHORTEST_SILENCE, _LONGEST_SILENCE, _USUAL_SILENCE = timedelta(minutes=15), timedelta(days=3), timedelta(days=1)
_TIMES_LONGER = 4
_CLOCK_TOLERANCE = timedelta(seconds=5)
_ENOUGH_PAUSES = 20
_NEWS = timedelta(days=1)
_MOST_RESTARTS, _MOST_LOOKED_AT = 5, 2_000
_MOST_CALLS = 500


class Verdict(IntEnum):
    """The health of a source or a proxy; a proxy has the worst verdict of its sources."""

    WELL = 0
    SWITCHED_OFF = 1
    WAITING = 2  # no event yet
    NO_SOURCE = 3
    CLOCK_AHEAD = 4  # events come before their own time
    REJECTS = 5
    SILENT = 6
    FAILING = 7  # its receiver reports an error
    NOT_RUNNING = 8


@dataclass(slots=True)
class SourceHealth:
    """A source with its receivers.

    ``rate`` and ``lag`` are those of the running receivers; ``waiting`` is the number of pending rejections, up to
    ``MOST_WAITING``; ``since`` is the time of the last input or report.
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
    """A proxy with its sources; ``worst`` is the source that determines the verdict."""

    proxy: Proxy
    sources: Sequence[SourceHealth]

    @property
    def worst(self) -> SourceHealth | None:
        on = [source for source in self.sources if source.verdict is not Verdict.SWITCHED_OFF]
        # A source that was never used says little if others are in use.
        used = [source for source in on if source.verdict is not Verdict.WAITING or source.refused] or on
        return max(used or self.sources, key=lambda source: source.verdict, default=None)

    @property
    def verdict(self) -> Verdict:
        return self.worst.verdict if self.worst else Verdict.NO_SOURCE


def health_of(proxies: Sequence[Proxy], now: datetime) -> list[ProxyHealth]:
    """Return the health of ``proxies``, in this order."""
    sources: dict[int, list[Source]] = {}
    own_sources = Source.objects.filter(proxy__in=proxies).select_related("proxy").prefetch_related("receivers")
    for source in own_sources.order_by("name"):
        sources.setdefault(source.proxy_id, []).append(source)
    return [
        ProxyHealth(proxy, [_source_health(source, now) for source in sources.get(proxy.pk, ())]) for proxy in proxies
    ]


def _source_health(source: Source, now: datetime) -> SourceHealth:
    receivers = list(source.receivers.all())
    running = [receiver for receiver in receivers if receiver.is_healthy(now)]
    refused: Counter[str] = Counter()
    for receiver in running:
        refused.update({str(reason): int(count) for reason, count in receiver.refused.items()})
    lags = [receiver.lag for receiver in running if receiver.lag is not None]
    health = SourceHealth(
        source,
        Verdict.WELL,
        receivers,
        rate=sum(receiver.rate for receiver in running) if running else None,
        lag=max(lags, default=None),
        backlog=sum(receiver.backlog for receiver in running),
        spool_bytes=sum(receiver.spool_bytes for receiver in receivers),
        spool_since=min((receiver.spool_since for receiver in receivers if receiver.spool_since), default=None),
        refused=refused,
        waiting=waiting(source)[:MOST_WAITING].count() if source.rejected else 0,
        since=source.last_received_at,
        warning="; ".join(dict.fromkeys(receiver.error for receiver in running if receiver.error))
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
    """Tell whether pending rejections are recent: within a day of the last input, or there was none."""
    if not health.waiting:
        return False
    source = health.source
    newest = waiting(source).order_by("-pk").values_list("received_at", flat=True).first()
    return newest is not None and (source.last_received_at is None or source.last_received_at - newest < _NEWS)


def _is_silent(source: Source, now: datetime) -> bool:
    """Tell whether no input came for much longer than usual; not for files ingested by a command."""
    assert source.last_received_at is not None
    pause = now - source.last_received_at
    if source.kind == Source.Kind.IMPORT or pause < _SHORTEST_SILENCE:
        return False
    events = newest_events(source.proxy, until=source.last_event_at, scan=_SCAN_OF_PAUSES).filter(source=source)
    return pause > silence_after(list(events.values_list("time", flat=True)[:_PAUSES]))


def silence_after(times: Sequence[datetime]) -> timedelta:
    """Return the pause after which a source counts as silent: a few times the longest between ``times``, within limits.

    ``times`` are those of its newest events.
    """
    if len(times) < _ENOUGH_PAUSES:
        return _USUAL_SILENCE
    ordered = sorted(times)
    longest = max(later - earlier for earlier, later in pairwise(ordered))
    return min(max(longest * _TIMES_LONGER, _SHORTEST_SILENCE), _LONGEST_SILENCE)


# --- rejected input


def waiting(source: Source) -> QuerySet[Rejected]:
    """Return the pending rejections of ``source``."""
    return Rejected.objects.filter(source=source, replayed_at=None)


@dataclass(slots=True)
class Reason:
    """Rejections of one source for the same reason; ``sample`` is the newest of them."""

    source: Source
    sample: Rejected
    count: int = 0


_VARYING = re.compile(r"""'[^']*'|"[^"]*"|\d+|^line \d+: """)


def reasons(sources: Iterable[Source]) -> tuple[list[Reason], bool]:
    """Return the reasons of pending rejections of ``sources``, most frequent first, and whether some were not examined.

    Reasons that differ only in numbers and quoted text are the same.
    """
    by_text: dict[tuple[int, str], Reason] = {}
    more = False
    for source in sources:
        rows = list(waiting(source).order_by("-pk").defer("raw", "fingerprint")[: GROUPED + 1])
        more = more or len(rows) > GROUPED
        for row in rows[:GROUPED]:
            key = source.pk, _VARYING.sub("…", row.reason[:500])
            by_text.setdefault(key, Reason(source, row)).count += 1
    return sorted(by_text.values(), key=lambda reason: (-reason.count, reason.sample.pk)), more


# --- events


def newest_events(proxy: Proxy, *, until: datetime | None, scan: int = SCAN) -> QuerySet[Event]:
    """Return the events of ``proxy`` among the newest ``scan`` of all up to ``until``, newest first."""
    events = Event.objects.all() if until is None else Event.objects.filter(time__lte=until)
    # There is no index by proxy; the index of times alone gives the time of the oldest event to consider.
    since = events.order_by("-time").values("time")[:scan].aggregate(since=Min("time"))["since"]
    if since is None:
        return Event.objects.none()
    return events.filter(proxy=proxy, time__gte=since).order_by("-time", "-id")


def newest_time(sources: Iterable[SourceHealth]) -> datetime | None:
    """Return the time of the newest event of these sources."""
    times = [health.source.last_event_at for health in sources if health.source.last_event_at]
    return max(times, default=None)


def restarts(proxy: Proxy) -> list[Event]:
    """Return the newest reports that a proxy started or stopped (RADIUS Accounting-On and -Off)."""
    reports = Event.objects.filter(proxy=proxy, call_key=None, kind__in=(EventKind.ON.value, EventKind.OFF.value))
    # Found by their missing call and sorted here, because the index of times would be slow for so few events.
    events = list(reports.select_related("source").order_by()[:_MOST_LOOKED_AT])
    return sorted(events, key=lambda event: event.time, reverse=True)[:_MOST_RESTARTS]


@dataclass(slots=True)
class Drift:
    """Differences in the newest ``events`` events, from ``since`` on, and time zones that seem wrong."""

    findings: Sequence[DriftFinding] = ()
    zones: Sequence[WrongZone] = ()
    events: int = 0
    since: datetime | None = None


def drift_of(proxy: Proxy, until: datetime | None) -> Drift:
    """Compare the newest events of a proxy with its layout."""
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
    # All events of the calls, whatever their times: with a wrong zone these are hours apart.
    events_of_calls = Event.objects.filter(call_key__in=keys, proxy=proxy).select_related("proxy", "source__proxy")
    zones = wrong_zones(events_of_calls.defer("extra", "legs", "raw")[: 2 * SAMPLE])
    return Drift(findings, zones, len(rows), rows[-1][5])


@dataclass(slots=True)
class Loss:
    """The event loss among ``events`` events between two times; ``capped``: there are more in the window."""

    meter: LossReport
    events: int
    since: datetime
    until: datetime
    capped: bool


def loss_of(proxy: Proxy, newest: datetime | None, now: datetime) -> Loss | None:
    """Compare the recent events of the backends of ``proxy``; ``None`` without events."""
    if newest is None:
        return None
    until = now - SETTLED if now - SETTLED < newest <= now else newest
    fields = ("backend", "kind", "method", "code", "call_id", "from_tag", "to_tag", "time", "flags")
    events = newest_events(proxy, until=until).filter(~Q(call_key=None), time__gt=until - WINDOW)
    rows = list(events.values_list(*fields)[: METERED + 1])
    if not rows:
        return None
    backend_events = [
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
    since = backend_events[-1].time if len(rows) > METERED else until - WINDOW
    complete = _without_edges(backend_events, since, until if until < newest else None)
    return Loss(measure(complete), len(backend_events), since, until, len(rows) > METERED)


def _without_edges(events: Sequence[BackendEvent], since: datetime, until: datetime | None) -> Iterable[BackendEvent]:
    """Leave out events whose counterparts may be outside of the window."""
    edge = timedelta(seconds=3)
    beyond = {
        (event.call_id, event.method, event.code)
        for event in events
        if event.time < since + edge or (until is not None and event.time > until - edge)
    }
    return [event for event in events if (event.call_id, event.method, event.code) not in beyond]


def _pairs(stored: Any) -> tuple[tuple[str, str], ...]:
    return tuple((str(label), str(text)) for label, text in stored)
