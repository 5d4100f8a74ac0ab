"""Progress of correlation: the heartbeat of its workers and the age of pending events.

Workers write the heartbeat to Redis if there is one, because they may run on other hosts, else to a file in the data
folder, which the processes of one machine share. Pending events without a heartbeat mean that neither ``up``,
``collect`` nor a worker is running.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
from django.conf import settings
from django.db.models import Max

from cdr.models import Event, Pending

logger = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=1)
"""Age of pending events and of the heartbeat up to which correlation counts as working."""

PATIENCE_UNSEEN = timedelta(minutes=10)
"""The same if no heartbeat was ever seen: correlation may run on a machine with another data folder."""

_KEY = "accweb:correlated"
_FILE = "correlated"
_EVERY = 5.0  # seconds between two heartbeats
_SECONDS = 2.0  # until the broker must answer
_MARKS = 200  # pending Call-IDs whose age is looked up
_last_heartbeat = -_EVERY


@dataclass(frozen=True, slots=True)
class Progress:
    """``worked_at``: the last heartbeat, if any; ``waiting``: the age of the oldest pending events, if any."""

    worked_at: datetime | None
    waiting: timedelta | None

    def is_stalled(self, now: datetime) -> bool:
        if self.waiting is None:
            return False
        if self.worked_at is None:
            return self.waiting > PATIENCE_UNSEEN
        return self.waiting > PATIENCE and now - self.worked_at > PATIENCE


def write_heartbeat() -> None:
    """Write the heartbeat, every few seconds at most. A failing heartbeat must not stop the work."""
    global _last_heartbeat
    if time.monotonic() - _last_heartbeat < _EVERY:
        return
    _last_heartbeat = time.monotonic()
    try:
        if settings.REDIS_URL:
            with _broker() as broker:
                broker.set(_KEY, int(time.time()))
        else:
            _file().touch()
    except (redis.RedisError, OSError) as error:
        logger.warning("the heartbeat of correlation was not written, so /healthz may call it stalled: %s", error)


def progress(now: datetime) -> Progress:
    """Return the progress of correlation; raise ``redis.RedisError`` if the broker does not answer."""
    return Progress(_worked_at(), _waiting(now))


def _worked_at() -> datetime | None:
    if settings.REDIS_URL:
        with _broker() as broker:
            found = broker.get(_KEY)
        return datetime.fromtimestamp(int(found), UTC) if isinstance(found, bytes) else None
    try:
        return datetime.fromtimestamp(_file().stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _waiting(now: datetime) -> timedelta | None:
    """Return how long ago the newest event came of the call that has waited longest; a mark itself has no time."""
    keys = list(Pending.objects.order_by("call_key").values_list("call_key", flat=True)[:_MARKS])
    newest = Event.objects.filter(call_key__in=keys).order_by().values("call_key").annotate(at=Max("received_at"))
    times = [one["at"] for one in newest] if keys else []
    return max(now - min(times), timedelta(0)) if times else None


def _broker() -> redis.Redis:
    address = settings.REDIS_URL.replace("redis+socket://", "unix://", 1)
    return redis.Redis.from_url(address, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS)


def _file() -> Path:
    return Path(settings.DATA_DIR) / _FILE
