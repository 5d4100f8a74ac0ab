"""Names of tables of which a proxy starts a new one each period: ``acc_%Y_%m`` stands for ``acc_2026_11``. Pure.

The codes are those of strftime, in the proxy's local time (Kamailio: ``acc_$timef(%Y_%m)``).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

_STEPS = tuple(timedelta(hours=hours) for hours in (1, 24, 7 * 24, 31 * 24, 366 * 24))
"""Going back by the first of these steps that changes the name leads to the previous period."""

MOST = 60
"""Maximum number of periods to catch up with after a long pause."""


def names(pattern: str, now: datetime, known: Collection[str]) -> list[str]:
    """Return the tables to read ``now`` (the proxy's local time), oldest first.

    These are the table of this period and the one before, which may still get rows. If any table is in ``known``, those
    between the last known one and now are included.
    """
    table_names = [now.strftime(pattern)]
    moment: datetime | None = now
    while moment is not None and len(table_names) < MOST:
        moment = _before(pattern, moment)
        if moment is None:
            break
        table_names.append(moment.strftime(pattern))
        if any(name in known for name in table_names) or not known:
            break
    return table_names[::-1]


def _before(pattern: str, moment: datetime) -> datetime | None:
    """Return a time in the previous period; ``None`` if the name never changes."""
    current = moment.strftime(pattern)
    return next((moment - step for step in _STEPS if (moment - step).strftime(pattern) != current), None)
