"""The state of the service: ``/healthz`` for process managers, ``/metrics`` for Prometheus."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import RedisError

from accweb.web import audit_forwarding
from accweb.web.client_address import client_address
from cdr import IS_COMPILED
from cdr.calls import progress
from cdr.models import Pending, Source
from cdr.receivers.known_sources import kept_sources
from cdr.receivers.spool_files import spool_files
from cdr.sources import KINDS
from cdr.storage import database_probe

_LOCAL = ("127.0.0.1", "::1")
_FORWARDING = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
_OK = "ok"
_STARTED = timezone.now()
_MOST_PENDING = 1_000_000


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Respond with 200 if database and broker answer, every source is served and correlation proceeds, else with 503.

    It responds within two seconds, whatever hangs. The body contains counts and no names; for clients that may not read
    ``metrics`` only the status.
    """
    answer = _health(timezone.now())
    return answer if _may_read_metrics(request) else JsonResponse(_status_alone(answer), status=answer.status_code)


def _spooled() -> dict[str, int]:
    """Return what the receivers of this machine hold until the database is back."""
    spools = list(spool_files(settings.DATA_DIR / "spool"))
    full = sum(one.is_full for one in spools)
    return {"spools": len(spools), "spool bytes": sum(one.waiting for one in spools), "spools full": full}


def _status_alone(answer: JsonResponse) -> dict[str, str]:
    return {"status": _OK if answer.status_code == 200 else "failing"}


def _health(now: datetime) -> JsonResponse:
    try:
        if not database_probe.answers():
            raise DatabaseError
        with database_probe.statements_limited():
            sources = _served_sources()
            failing = sum(not _is_well(source, now) for source in sources)
            broker, correlation = _work(now)
    except (DatabaseError, InterfaceError):
        return JsonResponse({"status": "failing", "database": "does not answer", **_spooled()}, status=503)
    if database_probe.is_disk_full():
        return JsonResponse({"status": "failing", "database": "disk full"}, status=503)
    told = {"database": "ok", **broker, **correlation, "sources": len(sources), "sources failing": failing}
    well = not failing and {*broker.values(), *correlation.values()} <= {_OK}
    return JsonResponse(
        {"status": _OK if well else "failing", **told, "compiled": IS_COMPILED}, status=200 if well else 503
    )


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Respond with counters and gauges in Prometheus' text format.

    Clients need the ``METRICS_TOKEN``; without one only this machine may read them.
    """
    if not _may_read_metrics(request):
        answer = HttpResponse("show METRICS_TOKEN: Authorization: Bearer TOKEN\n", "text/plain", status=401)
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    try:
        if not database_probe.answers():
            raise DatabaseError
        lines = list(_lines(timezone.now()))
    except (DatabaseError, InterfaceError):
        lines = [*_metric("accweb_up", "gauge", "Whether the database answers.", [MetricSample({}, 0)])]
    lines += _spool_lines(timezone.now())
    return HttpResponse("".join(f"{line}\n" for line in lines), "text/plain; version=0.0.4; charset=utf-8")


def _work(now: datetime) -> tuple[dict[str, str], dict[str, str]]:
    """Return the state of the broker, if one is used, and of correlation, which is unknown without the broker."""
    broker = {"broker": _OK} if settings.REDIS_URL else {}
    try:
        found = progress.progress(now)
    except RedisError:
        return {"broker": "does not answer"}, {}
    started = now - _STARTED > progress.PATIENCE  # before, the correlating process may still be starting
    return broker, {"correlation": "stands still" if started and found.is_stalled(now) else _OK}


def _may_read_metrics(request: HttpRequest) -> bool:
    if token := settings.METRICS_TOKEN:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(shown.encode(), token.encode())
    # A web server in front, which may be on this machine, adds one of these headers.
    return client_address(request) in _LOCAL and not any(name in request.headers for name in _FORWARDING)


def _served_sources() -> list[Source]:
    kinds = [name for name, kind in KINDS.items() if kind.served]
    sources = Source.objects.filter(enabled=True, kind__in=kinds)
    return list(sources.select_related("proxy").prefetch_related("receivers"))


def _is_well(source: Source, now: datetime) -> bool:
    return any(receiver.is_healthy(now) for receiver in source.receivers.all())


class MetricSample(NamedTuple):
    labels: dict[str, str]
    value: float


def _lines(now: datetime) -> Iterator[str]:
    sources = list(Source.objects.select_related("proxy").prefetch_related("receivers").order_by("pk"))
    served = {kind for kind, settings in KINDS.items() if settings.served}
    of = {source.pk: {"source": str(source), "kind": source.kind} for source in sources}
    receivers = [(source, receiver) for source in sources for receiver in source.receivers.all()]

    def per_source(name: str, help: str, field: str) -> Iterator[str]:  # noqa: A002
        samples = [MetricSample(of[source.pk], getattr(source, field)) for source in sources]
        return _metric(f"accweb_source_{name}_total", "counter", help, samples)

    def per_receiver(name: str, help: str, field: str) -> Iterator[str]:  # noqa: A002
        values = [(source, receiver, getattr(receiver, field)) for source, receiver in receivers]
        samples = [
            MetricSample({"source": str(source), "host": receiver.host}, value)
            for source, receiver, value in values
            if value is not None
        ]
        return _metric(f"accweb_receiver_{name}", "gauge", help, samples)

    def moments(name: str, help: str, field: str) -> Iterator[str]:  # noqa: A002
        found: list[tuple[Source, Any]] = [(source, getattr(source, field)) for source in sources]
        samples = [MetricSample(of[source.pk], moment.timestamp()) for source, moment in found if moment]
        return _metric(f"accweb_source_{name}_timestamp_seconds", "gauge", help, samples)

    yield from _metric("accweb_up", "gauge", "Whether the database answers.", [MetricSample({}, 1)])
    yield from _metric(
        "accweb_info", "gauge", "The version that runs.", [MetricSample({"version": settings.VERSION}, 1)]
    )
    well = [MetricSample(of[one.pk], _is_well(one, now)) for one in sources if one.enabled and one.kind in served]
    yield from _metric("accweb_source_up", "gauge", "Whether a receiver serves the source.", well)
    yield from per_source("events", "Events stored.", "events")
    yield from per_source("duplicates", "Events that were known already.", "duplicates")
    yield from per_source("rejected", "Records that could not be understood.", "rejected")
    yield from per_source("ignored", "Records that are not accounting.", "ignored")
    yield from moments("last_received", "When something came last.", "last_received_at")
    yield from moments("last_event", "The time of the newest event.", "last_event_at")
    yield from per_receiver("events_per_second", "Events since the last report.", "rate")
    yield from per_receiver("lag_seconds", "How long after its own time the newest event was stored.", "lag")
    yield from per_receiver("backlog_bytes", "What waits to be read in a file.", "backlog")
    yield from per_receiver("spool_bytes", "What waits in the spool to be stored.", "spool_bytes")
    spooled = [
        MetricSample({"source": str(source), "host": receiver.host}, (now - receiver.spool_since).total_seconds())
        for source, receiver in receivers
        if receiver.spool_since
    ]
    yield from _metric("accweb_receiver_spool_age_seconds", "gauge", "How long the oldest of it waits.", spooled)
    refused = [
        MetricSample({"source": str(source), "host": receiver.host, "reason": reason}, count)
        for source, receiver in receivers
        for reason, count in sorted(receiver.refused.items())
    ]
    yield from _metric("accweb_receiver_refused_total", "counter", "What was dropped before it was read.", refused)
    pending = Pending.objects.all()[:_MOST_PENDING].count()
    yield from _metric("accweb_calls_pending", "gauge", "Calls that wait for correlation.", [MetricSample({}, pending)])
    yield from _work_lines(now)
    if forwarding := audit_forwarding.state():
        waiting, failures = [MetricSample({}, forwarding.waiting)], [MetricSample({}, forwarding.failures)]
        yield from _metric("accweb_audit_waiting", "gauge", "Audit entries that were not forwarded yet.", waiting)
        yield from _metric("accweb_audit_failures_total", "counter", "Failed attempts to forward.", failures)


def _spool_lines(now: datetime) -> Iterator[str]:
    """Yield what lies in the spool folder of this machine, which can be told without the database."""
    names = {source.pk: str(source) for source in kept_sources()}
    spools = [
        ({"source": names.get(one.source, str(one.source))}, one) for one in spool_files(settings.DATA_DIR / "spool")
    ]
    limit = [MetricSample({}, settings.SPOOL_MEGABYTES << 20)]
    yield from _metric("accweb_spool_limit_bytes", "gauge", "How much may wait for each source.", limit)
    waiting = [MetricSample(labels, one.waiting) for labels, one in spools]
    yield from _metric("accweb_spool_bytes", "gauge", "What waits in the spools of this machine.", waiting)
    ages = [MetricSample(labels, (now - one.since).total_seconds()) for labels, one in spools if one.since]
    yield from _metric("accweb_spool_age_seconds", "gauge", "How long the oldest of it waits.", ages)
    full = [MetricSample(labels, one.is_full) for labels, one in spools]
    yield from _metric("accweb_spool_full", "gauge", "Whether a spool takes nothing more.", full)


def _work_lines(now: datetime) -> Iterator[str]:
    """Yield the state of the broker, if one is used, and of correlation."""
    try:
        found: progress.Progress | None = progress.progress(now)
    except RedisError:
        found = None
    if settings.REDIS_URL:
        yield from _metric("accweb_broker_up", "gauge", "Whether Redis answers.", [MetricSample({}, found is not None)])
    if found is not None:
        worked = [MetricSample({}, found.worked_at.timestamp())] if found.worked_at else []
        yield from _metric(
            "accweb_correlation_last_run_timestamp_seconds", "gauge", "When somebody last correlated.", worked
        )
        waited = [MetricSample({}, found.waiting.total_seconds() if found.waiting else 0)]
        yield from _metric("accweb_correlation_waiting_seconds", "gauge", "How long events have waited.", waited)


def _metric(name: str, kind: str, help: str, samples: Iterable[MetricSample]) -> Iterator[str]:  # noqa: A002
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        listed = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{listed}}} {float(value)!r}" if listed else f"{name} {float(value)!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
