"""Rate limits: of login attempts, requests to the API, posted events, fetched files.

The counts are in the database, so that all processes share them; a count begins with the first request and ends after
the time of its limit. With ``in_blocks`` a process reserves several requests at a time, so that not every request costs
a write to the database; all processes together still never allow more than the limit.
"""

from __future__ import annotations

import threading
import time
from ipaddress import ip_network
from typing import NamedTuple

from django.db import connection
from django.db.models import F

from accweb.web.models import RequestCount

_BLOCKS = 20
"""Number of blocks of a limit ``in_blocks``; a lower limit is counted request by request."""
_MOST_BLOCKS = 10_000
_LONGEST_SUBJECT = 200

_TABLE = RequestCount._meta.db_table
_ADD = f"""
    INSERT INTO {_TABLE} (scope, subject, used, ends_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (scope, subject) DO UPDATE SET
        used = CASE WHEN {_TABLE}.ends_at <= %s THEN excluded.used ELSE {_TABLE}.used + excluded.used END,
        ends_at = CASE WHEN {_TABLE}.ends_at <= %s THEN excluded.ends_at ELSE {_TABLE}.ends_at END
    RETURNING used, ends_at
"""  # noqa: S608  # the name of our table


class Limit(NamedTuple):
    """At most ``most`` requests in ``seconds``; ``scope`` names what is counted."""

    scope: str
    most: int
    seconds: int
    in_blocks: bool = False


class RateVerdict(NamedTuple):
    """The result of a check; ``wait`` is the time in seconds until a request is allowed, 0 if this one is."""

    wait: float
    is_first_refusal: bool = False


class _Block:
    def __init__(self, requests: int, ends_at: float) -> None:
        self.requests, self.ends_at = requests, ends_at


_blocks: dict[tuple[str, str], _Block] = {}
_lock = threading.Lock()
_ALLOWED = RateVerdict(0)


def take(limit: Limit, subject: str) -> RateVerdict:
    """Count a request of ``subject`` (an address, a token, an account) and return whether it is within the limit."""
    key, now = (limit.scope, subject[:_LONGEST_SUBJECT]), time.time()
    if _took_from_block(key, now):
        return _ALLOWED
    if wait := _wait(limit, key, now):
        return RateVerdict(wait)
    size = max(1, limit.most // _BLOCKS) if limit.in_blocks else 1
    used, ends_at = _add(key, size, now, limit.seconds)
    granted = size - max(0, used - limit.most)
    if granted <= 0:
        return RateVerdict(max(ends_at - now, 1), is_first_refusal=used == limit.most + 1)
    if granted > 1:
        _keep_block(key, _Block(granted - 1, ends_at), now)
    return _ALLOWED


def wait_of(limit: Limit, subject: str) -> float:
    """Return how many seconds ``subject`` has to wait, without counting a request."""
    return _wait(limit, (limit.scope, subject[:_LONGEST_SUBJECT]), time.time())


def give_back(limit: Limit, subject: str) -> None:
    """Count one request less, since it proved harmless."""
    counts = RequestCount.objects.filter(scope=limit.scope, subject=subject[:_LONGEST_SUBJECT])
    counts.filter(used__gt=0).update(used=F("used") - 1)


def forget_expired() -> int:
    """Delete the expired counts; return how many."""
    return RequestCount.objects.filter(ends_at__lte=time.time()).delete()[0]


def forget_blocks() -> None:
    """Forget the requests that this process has reserved."""
    with _lock:
        _blocks.clear()


def network_of(address: str) -> str:
    """Return what is counted as one client: an IPv4 address, or the /64 network of an IPv6 address."""
    return str(ip_network(f"{address}/64", strict=False)) if ":" in address else address


def _took_from_block(key: tuple[str, str], now: float) -> bool:
    with _lock:
        block = _blocks.get(key)
        if block is None or block.ends_at <= now or not block.requests:
            return False
        block.requests -= 1
        return True


def _keep_block(key: tuple[str, str], block: _Block, now: float) -> None:
    with _lock:
        if len(_blocks) >= _MOST_BLOCKS:
            for old_key in [old_key for old_key, old in _blocks.items() if old.ends_at <= now or not old.requests]:
                del _blocks[old_key]
        if len(_blocks) < _MOST_BLOCKS:
            _blocks[key] = block


def _wait(limit: Limit, key: tuple[str, str], now: float) -> float:
    """Return the time until a count that exceeded the limit expires, else 0, without writing to the database."""
    counts = RequestCount.objects.filter(scope=key[0], subject=key[1], used__gt=limit.most, ends_at__gt=now)
    ends_at = counts.values_list("ends_at", flat=True).first()
    return max(ends_at - now, 1) if ends_at is not None else 0


def _add(key: tuple[str, str], requests: int, now: float, seconds: int) -> tuple[int, float]:
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [*key, requests, now + seconds, now, now])
        used, ends_at = cursor.fetchone()
    return used, ends_at
