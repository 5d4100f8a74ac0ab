"""The process tree of ``collect``: one process per listener, file or database, and one for periodic work."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections

from accweb.runtime import scheduler
from accweb.runtime.supervisor import TICK, Fork, Supervisor
from cdr.models import Source
from cdr.receivers.activated_sockets import activated_sockets
from cdr.receivers.held_sockets import HeldSockets
from cdr.receivers.known_sources import keep_sources, kept_sources
from cdr.receivers.services import SERVICES
from cdr.receivers.serving import enabled_services, note_failure, serve
from cdr.receivers.time_limits import step_limit
from cdr.storage.complaints import complain

logger = logging.getLogger(__name__)
_LOOK = 1.0
_PATIENCE = 6.0
_SCHEDULER_PATIENCE = 5.0


def collect(stop: Callable[[], bool], only: Sequence[str] = ()) -> None:
    """Serve the sources until ``stop`` returns true; follow changes of the sources.

    ``only`` limits them to those named ``proxy/name`` or of a kind. Without Redis the periodic work is done here too.
    """
    _Collector(only).run(stop)


class _Collector:
    def __init__(self, only: Sequence[str]) -> None:
        self._only = only
        self._supervisor = Supervisor(settings.BASE_DIR, self._ended)
        self._services: dict[str, list[Source]] = {}
        self._broken: dict[Source, str] = {}
        self._sockets = HeldSockets(settings.DATA_DIR / "udp-addresses", activated_sockets())

    def run(self, stop: Callable[[], bool]) -> None:
        look_at = 0.0
        while not stop():
            if time.monotonic() >= look_at:
                self._look()
                look_at = time.monotonic() + _LOOK
            self._supervisor.tend()
            time.sleep(TICK)
        self._supervisor.end(_PATIENCE)
        self._sockets.close()
        connections.close_all()

    def _look(self) -> None:
        """Adapt the processes to the current sources; leave them unchanged while the database does not answer."""
        try:
            with step_limit():
                self._services, broken = enabled_services(self._only)
            keep_sources([one for sources in self._services.values() for one in sources])
            for source, reason in broken.items():
                if self._broken.get(source) != reason:
                    logger.error("source %s cannot be served: %s", source, reason)
                    note_failure([source], reason)
            self._broken = broken
        except DatabaseError as error:
            complain("the sources cannot be read", str(error))
            connections.close_all()
            if not self._services:
                self._services = self._known_services()
        self._sockets.hold(self._services)
        receivers = [
            Fork(f"receiver {name}", partial(self._serve, name, sources)) for name, sources in self._services.items()
        ]
        self._supervisor.want([*self._periodic(), *receivers], patience=_PATIENCE)

    def _known_services(self) -> dict[str, list[Source]]:
        """Return the services that can begin while the database is away, with their sources as they were last read."""
        services, _ = enabled_services(self._only, kept_sources())
        return {name: sources for name, sources in services.items() if SERVICES[sources[0].kind].spools}

    def _serve(self, name: str, sources: Sequence[Source], stop: Callable[[], bool]) -> None:
        """Run a service in a newly forked process."""
        self._sockets.hand_over(sources)
        serve(name, SERVICES[sources[0].kind], stop, self._only, sources)

    def _periodic(self) -> list[Fork]:
        return [] if settings.REDIS_URL else [Fork("scheduler", partial(_schedule, settings.CELERY_BEAT_SCHEDULE))]

    def _ended(self, name: str, reason: str) -> None:
        sources = self._services.get(name.removeprefix("receiver "), [])
        try:
            with step_limit():
                note_failure(sources, f"its receiver ended ({reason}) and is started again")
        except DatabaseError as error:
            complain("a receiver's end could not be noted", str(error))
            connections.close_all()


def _schedule(schedule: Mapping[str, Mapping[str, Any]], stop: Callable[[], bool]) -> None:
    scheduler.run(schedule, stop, patience=_SCHEDULER_PATIENCE)
