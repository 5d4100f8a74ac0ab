"""The process of a service: its sources, its loop, its reports."""

from __future__ import annotations

import gc
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from django.conf import settings as django_settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Q

from cdr.models import Receiver, Source
from cdr.models.receiver import FORGOTTEN
from cdr.receivers import datagrams
from cdr.receivers.service import TRANSIENT_ERRORS, Served, Service, close_connection, signature
from cdr.receivers.spooling import Spooling
from cdr.receivers.time_limits import SPOOLING_STEP, statement_limit, step_limit
from cdr.sources import KINDS
from cdr.sources.setting import SettingsError
from cdr.storage import wake
from cdr.storage.complaints import complain

logger = logging.getLogger(__name__)
TICK = 0.1
"""Seconds that a step waits for input."""

RELOAD = 1.0
"""Seconds between checks for changed sources."""

REPORT = 3.0
"""Seconds between reports to ``Receiver``."""

DRAIN = 4.0
"""Seconds that draining at the end may take."""

SETUP_RETRY = 10.0
"""Seconds after which settings that could not be applied (an unreadable dictionary) are tried again."""

GC_THRESHOLD = 100_000
"""How many new objects start Python's cyclic garbage collector."""

_CARRIED_OVER = (
    "counts",
    "refused",
    "quota",
    "timed",
    "newest",
    "stored_at",
    "spool_bytes",
    "spool_since",
    "spool_error",
)
_LONGEST_PAUSE = 10.0
_SHOWN_CLOSED = 86_400.0
"""Seconds for which a start after a gap is shown."""

_State = Receiver.ReceiverState


def enabled_services(
    only: Sequence[str] = (), sources: Iterable[Source] | None = None
) -> tuple[dict[str, list[Source]], dict[Source, str]]:
    """Return the enabled sources by the name of their service, and the reasons why others cannot be served.

    ``only`` names sources (``proxy/name``) or kinds; empty: all. Files on other hosts are left out. ``sources`` are
    those of the database by default.
    """
    services: dict[str, list[Source]] = {}
    broken: dict[Source, str] = {}
    this_host = socket.gethostname()
    if sources is None:
        sources = Source.objects.filter(enabled=True).select_related("proxy").order_by("pk")
    for source in sources:
        kind = KINDS.get(source.kind)
        if kind is None or not kind.served or (only and not {str(source), source.kind} & set(only)):
            continue
        try:
            settings = source.parsed_settings()
        except SettingsError as error:
            broken[source] = str(error)
            continue
        if getattr(settings, "host", "") in ("", this_host):
            services.setdefault(settings.service(f"{source.kind} {source.pk}"), []).append(source)
    return services, broken


def serve(
    name: str,
    make: Callable[[], Service],
    stop: Callable[[], bool],
    only: Sequence[str] = (),
    known: Sequence[Source] = (),
) -> None:
    """Serve the sources of the service ``name`` until ``stop`` returns true or no source is left; then drain.

    If the database is away at the beginning, a service with a spool serves the ``known`` sources until it is back.
    """
    # Modules stay loaded and records have no cycles, so garbage collection would waste a tenth of the time.
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 10, 10)
    with statement_limit():
        _Process(name, make(), stop, only, known).run()


class _Process:
    def __init__(
        self, name: str, service: Service, stop: Callable[[], bool], only: Sequence[str], known: Sequence[Source]
    ) -> None:
        self._name = name
        self._service = service
        self._stop = stop
        self._only = only
        self._known = known
        self._serves_known = False
        self._signature: Mapping[int, tuple[object, ...]] = {}
        self._reports = Reports()
        self._error = ""
        self._pause = 0.0
        self._setup_retry_at = 0.0
        self._spooling = Spooling(django_settings.DATA_DIR / "spool", django_settings.SPOOL_MEGABYTES << 20)

    def run(self) -> None:
        reload_at = report_at = time.monotonic()
        while not self._stop():
            now = time.monotonic()
            try:
                if now >= reload_at and not self._spooling.is_away():
                    with self._step_limit():
                        is_served = self._reload()
                    if not is_served:
                        break
                    reload_at = now + RELOAD
                with self._step_limit():
                    self._service.step(0.0 if self._drain_spools() else TICK)
            except (*TRANSIENT_ERRORS, ObjectDoesNotExist) as error:
                if self._begin_spooling(error) or self._begin_with_known(error):
                    continue
                if self._has_lost_sources():
                    reload_at = now
                else:
                    self._back_off(error)
            else:
                self._note_recovery()
            if now >= report_at:
                self._report()
                report_at = now + REPORT
        self._end()

    def _step_limit(self) -> AbstractContextManager[None]:
        return step_limit(SPOOLING_STEP if self._service.spools else None)

    def _begin_spooling(self, error: Exception) -> bool:
        """Tell whether to continue with the spools after ``error``: the service is configured, the database is down."""
        if not (self._service.spools and self._signature and self._spooling.takes(error)):
            return False
        self._spooling.note_failure(error)
        close_connection()
        return True

    def _begin_with_known(self, error: Exception) -> bool:
        """Tell whether to go on with the known sources after ``error``: the database is away from the beginning on."""
        if not (self._service.spools and self._known and self._spooling.takes(error)) or self._signature:
            return False
        close_connection()
        try:
            self._take_over(self._known)
        except OSError as setup_error:
            self._back_off(setup_error)
            return True
        self._serves_known = True
        self._spooling.note_failure(error)
        return True

    def _drain_spools(self) -> int:
        """Store some of the spooled records; return how many."""
        if not self._service.spools:
            return 0
        return self._spooling.drain(self._service.sources)

    def _reload(self) -> bool:
        """Apply changes of the sources; tell whether there is still one to serve."""
        sources = enabled_services(self._only)[0].get(self._name, [])
        current = signature(sources)
        changed = current != self._signature
        if sources and (changed or self._serves_known or self._must_retry_setup()):
            if self._signature and changed:
                logger.info("%s: applying changed settings", self._name)
            self._reports.forget(self._signature.keys() - current.keys())
            self._take_over(sources)
            self._serves_known = False
            self._report()
        return bool(sources)

    def _take_over(self, sources: Sequence[Source]) -> None:
        """Serve these sources from now on; raise ``OSError`` where their settings do not let that be."""
        served = [Served.of(source, source.parsed_settings()) for source in sources]
        self._carry_over(served)
        if self._service.spools:
            self._spooling.close()  # the source may be another process's now
            for one in served:
                one.spooling = self._spooling
        try:
            self._service.configure(served)
        except (LookupError, ValueError) as error:
            raise OSError(str(error)) from error
        for one in served:
            note_closed(one)
        self._signature = signature(sources)
        self._setup_retry_at = time.monotonic() + SETUP_RETRY

    def _must_retry_setup(self) -> bool:
        return time.monotonic() >= self._setup_retry_at and any(one.setup_error for one in self._service.sources)

    def _has_lost_sources(self) -> bool:
        """Tell whether a source of this service was deleted, which explains any failure."""
        if self._spooling.is_away():
            return False
        try:
            with self._step_limit():
                return Source.objects.filter(pk__in=self._signature.keys()).count() < len(self._signature)
        except (DatabaseError, InterfaceError):
            return False

    def _carry_over(self, served: Sequence[Served]) -> None:
        """Keep the counters of sources that this process served before."""
        before = {served_source.source.pk: served_source for served_source in self._service.sources}
        for served_source in served:
            if old := before.get(served_source.source.pk):
                for name in _CARRIED_OVER:
                    setattr(served_source, name, getattr(old, name))

    def _back_off(self, error: Exception) -> None:
        """Wait after a transient error, longer each time."""
        self._pause = min(max(self._pause * 2, 0.2), _LONGEST_PAUSE)
        message = _one_line(error)
        if message != self._error:
            logger.error("%s: %s; trying again", self._name, message)
        self._error = message
        if isinstance(error, DatabaseError | InterfaceError):
            close_connection()
        self._report()
        until = time.monotonic() + self._pause
        while not self._stop() and time.monotonic() < until:
            time.sleep(TICK)

    def _note_recovery(self) -> None:
        if self._error:
            logger.info("%s: works again", self._name)
            self._error, self._pause = "", 0.0
            self._report()

    def _report(self) -> None:
        if self._spooling.is_away():
            return
        try:
            with self._step_limit():
                self._reports.write(self._service.sources, self._error)
        except (DatabaseError, InterfaceError) as error:
            if not self._begin_spooling(error) and not self._has_lost_sources():
                complain("a receiver could not report", _one_line(error))
                close_connection()

    def _end(self) -> None:
        try:
            self._drain()
        except (*TRANSIENT_ERRORS, ObjectDoesNotExist) as error:
            if not self._has_lost_sources():
                logger.error("%s: the last input could not be stored: %s", self._name, _one_line(error))
        self._service.close()
        self._spooling.close()
        if self._spooling.is_away():
            return
        try:
            self._reports.forget(self._signature.keys())
        except (DatabaseError, InterfaceError):
            logger.debug("no last report", exc_info=True)

    def _drain(self) -> None:
        deadline = time.monotonic() + DRAIN
        while self._service.step(0.0) and time.monotonic() < deadline:
            pass


def note_closed(served: Served) -> None:
    """Count and show for how long the UDP address of a source was closed before this start."""
    closed = datagrams.closed_before.get(getattr(served.settings, "listen", None))  # type: ignore[arg-type]
    counter = "seconds that its UDP address was closed before the last start"
    if closed and counter not in served.refused:
        served.refused[counter] = round(closed)
        until = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
        text = f"its UDP address was closed for about {closed:.0f} s until {until}; datagrams sent meanwhile are lost"
        served.timed.add("closed", text, _SHOWN_CLOSED)


class Reports:
    """Writes the state of sources to ``Receiver``."""

    def __init__(self) -> None:
        self._host = socket.gethostname()
        self._started = datetime.now(UTC)
        self._before: dict[int, tuple[float, int]] = {}
        self._errors: dict[int, str] = {}

    def write(self, sources: Sequence[Served], service_error: str) -> None:
        now, clock = datetime.now(UTC), time.monotonic()
        stored = False
        with transaction.atomic():
            for served in sources:
                error = service_error or "; ".join(
                    filter(None, (served.setup_error, served.error, served.warnings, served.spool_error))
                )
                events = served.counts.events + served.counts.duplicates
                reported_at, reported_events = self._before.get(served.source.pk, (clock, 0))
                self._before[served.source.pk] = clock, events
                stored = stored or events > reported_events
                Receiver.objects.update_or_create(
                    source=served.source,
                    host=self._host,
                    defaults={
                        "process": os.getpid(),
                        "state": _State.RETRYING
                        if service_error
                        else _State.FAILED
                        if served.setup_error or served.error
                        else _State.RUNNING,
                        "error": error,
                        "heard_at": now,
                        "started_at": self._started,
                        "rate": (events - reported_events) / (clock - reported_at) if clock > reported_at else 0.0,
                        "lag": (served.stored_at - served.newest).total_seconds()
                        if served.stored_at and served.newest
                        else None,
                        "backlog": served.backlog,
                        "spool_bytes": served.spool_bytes,
                        "spool_since": served.spool_since,
                        "refused": dict(served.refused),
                    },
                )
                if self._errors.get(served.source.pk, None) != error:
                    Source.objects.filter(pk=served.source.pk).update(error=error)
                    self._errors[served.source.pk] = error
        if stored:
            wake.correlation()

    def forget(self, sources: object) -> None:
        """Delete the reports of sources that this process no longer serves."""
        Receiver.objects.filter(source__in=list(sources), host=self._host, process=os.getpid()).delete()  # type: ignore[call-overload]


def note_failure(sources: Sequence[Source], error: str) -> None:
    """Report that no process serves ``sources`` on this host; delete outdated reports of other hosts."""
    now = datetime.now(UTC)
    this_host = socket.gethostname()
    with transaction.atomic():
        for source in Source.objects.filter(pk__in=[source.pk for source in sources]):  # some may be deleted since
            Receiver.objects.update_or_create(
                source=source,
                host=this_host,
                defaults={"state": _State.FAILED, "error": error, "heard_at": now},
                create_defaults={"state": _State.FAILED, "error": error, "heard_at": now, "started_at": now},
            )
            Source.objects.filter(pk=source.pk).update(error=error)
        outdated = Receiver.objects.filter(~Q(host=this_host), heard_at__lt=now - FORGOTTEN)
        outdated.delete()


def _one_line(error: Exception) -> str:
    return " ".join(f"{error}".split()) or type(error).__name__
