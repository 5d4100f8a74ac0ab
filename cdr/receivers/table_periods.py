"""Names of tables that a proxy begins anew each period: ``acc_%Y_%m`` is written as ``acc_2026_11``, and so on. Pure.

The codes are those of strftime; the period is that of the proxy's local clock (Kamailio: ``acc_$timef(%Y_%m)``).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

_STEPS = tuple(timedelta(hours=hours) for hours in (1, 24, 7 * 24, 31 * 24, 366 * 24))
"""Back by the first of these that changes the name, one is in the period before: no period is longer than its step."""

MOST = 60
"""Periods that are caught up with after a long rest."""


def names(pattern: str, now: datetime, known: Collection[str]) -> list[str]:
    """Return the tables to be read ``now`` (the proxy's wall clock), the oldest first.

    These are the one of the period and the one before, which rows may still come to; and, if any is ``known``, those
    between the last known one and now.
    """
    found = [now.strftime(pattern)]
    at: datetime | None = now
    while at is not None and len(found) < MOST:
        at = _before(pattern, at)
        if at is None:
            break
        found.append(at.strftime(pattern))
        if any(name in known for name in found) or not known:
            break
    return found[::-1]


def _before(pattern: str, at: datetime) -> datetime | None:
    """Return a time in the period before; ``None`` where the name never changes."""
    current = at.strftime(pattern)
    return next((at - step for step in _STEPS if (at - step).strftime(pattern) != current), None)
