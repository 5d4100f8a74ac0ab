"""The process of a service: which sources it has, its loop, its reports."""

from __future__ import annotations

import gc
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from django.conf import settings as django_settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import Q

from cdr.models import Receiver, Source
from cdr.models.receiver import FORGOTTEN
from cdr.receivers.service import PASSING, Served, Service, close_connection, signature
from cdr.receivers.spooling import Spooling
from cdr.receivers.time_limits import SPOOLING_STEP, statement_limit, step_limit
from cdr.sources import KINDS
from cdr.sources.setting import SettingsError
from cdr.storage import wake
from cdr.storage.complaints import complain

logger = logging.getLogger(__name__)
TICK = 0.1
RELOAD = 1.0
REPORT = 3.0
DRAIN = 4.0
"""Seconds: between looks at the clock, at the sources, between reports; and the longest drain at the end."""

SETUP_RETRY = 10.0
"""Seconds after which settings that could not be taken over (an unreadable dictionary) are tried again."""

COLLECTED = 100_000
"""How many more objects than before make Python's collector of cycles look at them."""

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
_State = Receiver.ReceiverState


def enabled_services(only: Sequence[str] = ()) -> tuple[dict[str, list[Source]], dict[Source, str]]:
    """Return the enabled sources by the service that is to serve them, and those that cannot be served with the reason.

    ``only`` names sources (``proxy/name``) or kinds; none: all. Sources of files on another machine are left out.
    """
    services: dict[str, list[Source]] = {}
    broken: dict[Source, str] = {}
    here = socket.gethostname()
    for source in Source.objects.filter(enabled=True).select_related("proxy").order_by("pk"):
        kind = KINDS.get(source.kind)
        if kind is None or not kind.served or (only and not {str(source), source.kind} & set(only)):
            continue
        try:
            settings = source.parsed_settings()
        except SettingsError as error:
            broken[source] = str(error)
            continue
        if getattr(settings, "host", "") in ("", here):
            services.setdefault(settings.service(f"{source.kind} {source.pk}"), []).append(source)
    return services, broken


def serve(name: str, make: Callable[[], Service], stop: Callable[[], bool], only: Sequence[str] = ()) -> None:
    """Serve the sources of the service ``name`` until ``stop`` says so or no source is left; then drain and end."""
    # What is loaded now stays, and records come and go without cycles: looking for some would be a tenth of the work.
    gc.freeze()
    gc.set_threshold(COLLECTED, 10, 10)
    with statement_limit():
        _Process(name, make(), stop, only).run()


class _Process:
    def __init__(self, name: str, service: Service, stop: Callable[[], bool], only: Sequence[str]) -> None:
        self._name = name
        self._service = service
        self._stop = stop
        self._only = only
        self._signature: Mapping[int, tuple[object, ...]] = {}
        self._reports = Reports()
        self._trouble = ""
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
            except (*PASSING, ObjectDoesNotExist) as error:
                if self._begin_spooling(error):
                    continue
                if self._has_lost_sources():
                    reload_at = now
                else:
                    self._wait_out(error)
            else:
                self._well()
            if now >= report_at:
                self._report()
                report_at = now + REPORT
        self._end()

    def _step_limit(self) -> AbstractContextManager[None]:
        return step_limit(SPOOLING_STEP if self._service.spools else None)

    def _begin_spooling(self, error: Exception) -> bool:
        """Tell whether to go on with the spools after ``error``: the service is configured, and the database away."""
        if not (self._service.spools and self._signature and self._spooling.takes(error)):
            return False
        self._spooling.note_failure(error)
        close_connection()
        return True

    def _drain_spools(self) -> int:
        """Store some of what waits in the spools; return how many records it was."""
        if not self._service.spools:
            return 0
        return self._spooling.drain(self._service.sources)

    def _reload(self) -> bool:
        """Take over changes of the sources; tell whether there is still one to serve."""
        sources = enabled_services(self._only)[0].get(self._name, [])
        current = signature(sources)
        changed = current != self._signature
        if sources and (changed or self._must_retry_setup()):
            if self._signature and changed:
                logger.info("%s: taking over changed settings", self._name)
            self._reports.forget(self._signature.keys() - current.keys())
            served = [Served.of(source, source.parsed_settings()) for source in sources]
            self._carry_over(served)
            if self._service.spools:
                self._spooling.close()  # the source may be another process's now
                for one in served:
                    one.spooling = self._spooling
            self._service.configure(served)
            self._signature = current
            self._setup_retry_at = time.monotonic() + SETUP_RETRY
            self._report()
        return bool(sources)

    def _must_retry_setup(self) -> bool:
        return time.monotonic() >= self._setup_retry_at and any(one.setup_error for one in self._service.sources)

    def _has_lost_sources(self) -> bool:
        """Tell whether a source served here was deleted, which is then the reason for whatever failed."""
        if self._spooling.is_away():
            return False
        try:
            with self._step_limit():
                return Source.objects.filter(pk__in=self._signature.keys()).count() < len(self._signature)
        except (DatabaseError, InterfaceError):
            return False

    def _carry_over(self, served: Sequence[Served]) -> None:
        """Keep the counters of sources that were served before."""
        before = {one.source.pk: one for one in self._service.sources}
        for one in served:
            if old := before.get(one.source.pk):
                for name in _CARRIED_OVER:
                    setattr(one, name, getattr(old, name))

    def _wait_out(self, error: Exception) -> None:
        """Wait a moment after a fault that may pass, longer each time."""
        self._pause = min(max(self._pause * 2, 0.2), _LONGEST_PAUSE)
        said = _one_line(error)
        if said != self._trouble:
            logger.error("%s: %s; trying again", self._name, said)
        self._trouble = said
        if isinstance(error, DatabaseError | InterfaceError):
            close_connection()
        self._report()
        until = time.monotonic() + self._pause
        while not self._stop() and time.monotonic() < until:
            time.sleep(TICK)

    def _well(self) -> None:
        if self._trouble:
            logger.info("%s: works again", self._name)
            self._trouble, self._pause = "", 0.0
            self._report()

    def _report(self) -> None:
        if self._spooling.is_away():
            return
        try:
            with self._step_limit():
                self._reports.write(self._service.sources, self._trouble)
        except (DatabaseError, InterfaceError) as error:
            if not self._begin_spooling(error) and not self._has_lost_sources():
                complain("a receiver could not report", _one_line(error))
                close_connection()

    def _end(self) -> None:
        try:
            self._drain()
        except (*PASSING, ObjectDoesNotExist) as error:
            if not self._has_lost_sources():
                logger.error("%s: what was received last could not be stored: %s", self._name, _one_line(error))
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


class Reports:
    """Writes how sources fare to ``Receiver``."""

    def __init__(self) -> None:
        self._host = socket.gethostname()
        self._started = datetime.now(UTC)
        self._before: dict[int, tuple[float, int]] = {}
        self._errors: dict[int, str] = {}

    def write(self, sources: Sequence[Served], trouble: str) -> None:
        now, clock = datetime.now(UTC), time.monotonic()
        stored = False
        with transaction.atomic():
            for one in sources:
                error = trouble or "; ".join(filter(None, (one.setup_error, one.error, one.warnings, one.spool_error)))
                events = one.counts.events + one.counts.duplicates
                at, known = self._before.get(one.source.pk, (clock, 0))
                self._before[one.source.pk] = clock, events
                stored = stored or events > known
                Receiver.objects.update_or_create(
                    source=one.source,
                    host=self._host,
                    defaults={
                        "process": os.getpid(),
                        "state": _State.RETRYING
                        if trouble
                        else _State.FAILED
                        if one.setup_error or one.error
                        else _State.RUNNING,
                        "error": error,
                        "heard_at": now,
                        "started_at": self._started,
                        "rate": (events - known) / (clock - at) if clock > at else 0.0,
                        "lag": (one.stored_at - one.newest).total_seconds() if one.stored_at and one.newest else None,
                        "backlog": one.backlog,
                        "spool_bytes": one.spool_bytes,
                        "spool_since": one.spool_since,
                        "refused": dict(one.refused),
                    },
                )
                if self._errors.get(one.source.pk, None) != error:
                    Source.objects.filter(pk=one.source.pk).update(error=error)
                    self._errors[one.source.pk] = error
        if stored:
            wake.correlation()

    def forget(self, sources: object) -> None:
        """Take back the reports for sources that are no longer served here."""
        Receiver.objects.filter(source__in=list(sources), host=self._host, process=os.getpid()).delete()  # type: ignore[call-overload]


def note_failure(sources: Sequence[Source], error: str) -> None:
    """Note that the process that serves ``sources`` on this machine is not there; forget those long gone elsewhere."""
    now = datetime.now(UTC)
    here = socket.gethostname()
    with transaction.atomic():
        for source in Source.objects.filter(pk__in=[source.pk for source in sources]):  # some may be deleted since
            Receiver.objects.update_or_create(
                source=source,
                host=here,
                defaults={"state": _State.FAILED, "error": error, "heard_at": now},
                create_defaults={"state": _State.FAILED, "error": error, "heard_at": now, "started_at": now},
            )
            Source.objects.filter(pk=source.pk).update(error=error)
        gone = Receiver.objects.filter(~Q(host=here), heard_at__lt=now - FORGOTTEN)
        gone.delete()


def _one_line(error: Exception) -> str:
    return " ".join(f"{error}".split()) or type(error).__name__
