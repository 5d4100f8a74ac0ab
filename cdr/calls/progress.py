"""Whether correlation goes on: when somebody last worked at it, and how long events have waited for it.

Whoever correlates leaves a sign of life where the web server can see it: in Redis where there is one, for the workers
may be elsewhere; else in the data folder, which the processes of one machine share. Events without a sign of life mean
that nobody runs ``up``, ``collect`` or a worker.
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
"""So long may events wait, and so old may the sign of life be, before something is wrong."""

PATIENCE_UNSEEN = timedelta(minutes=10)
"""The same where no sign of life was ever seen: correlation may run on a machine with another data folder."""

_KEY = "accweb:correlated"
_FILE = "correlated"
_EVERY = 5.0  # seconds between two signs
_SECONDS = 2.0  # for an answer of the broker
_MARKS = 200  # calls that are asked for how long they have waited
_last_sign = -_EVERY


@dataclass(frozen=True, slots=True)
class Progress:
    """``worked_at``: the last sign of life, if any was seen; ``waiting``: how long the oldest of some waiting events
    has, none if none waits.
    """

    worked_at: datetime | None
    waiting: timedelta | None

    def stands_still(self, now: datetime) -> bool:
        if self.waiting is None:
            return False
        if self.worked_at is None:
            return self.waiting > PATIENCE_UNSEEN
        return self.waiting > PATIENCE and now - self.worked_at > PATIENCE


def sign() -> None:
    """Leave a sign of life, every few seconds at most. What keeps it from being left must not keep from the work."""
    global _last_sign
    if time.monotonic() - _last_sign < _EVERY:
        return
    _last_sign = time.monotonic()
    try:
        if settings.REDIS_URL:
            with _broker() as broker:
                broker.set(_KEY, int(time.time()))
        else:
            _file().touch()
    except (redis.RedisError, OSError) as error:
        logger.warning("no sign of life could be left, so /healthz may say that correlation stands still: %s", error)


def progress(now: datetime) -> Progress:
    """Return how correlation goes on; raise ``redis.RedisError`` where the broker does not answer."""
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
