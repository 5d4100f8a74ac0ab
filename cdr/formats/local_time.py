"""Convert a proxy's local time to UTC.

The ``acc`` modules write ``time`` in local time without a zone, so that the hour which a change of daylight saving time
repeats is ambiguous, and the hour that it skips does not exist.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def to_utc(wall: datetime, zone: tzinfo) -> tuple[datetime, bool]:
    """Return the UTC time of ``wall`` (naive) in ``zone``, and whether it is ambiguous.

    Both doubtful hours are converted with the offset *before* the change, as in RFC 5545 section 3.3.5: a repeated time
    means its first occurrence, a skipped time is taken as if the clocks had not been changed yet. The result depends
    only on the row, so parsing the row again gives the same event. It may be an hour early but is never late, and the
    event has a flag for it.

    Raise ``ValueError`` for a moment outside of the years 1 to 9999.
    """
    if zone is UTC:
        return wall.replace(tzinfo=UTC), False
    first = wall.replace(tzinfo=zone, fold=0)
    try:
        return first.astimezone(UTC), first.utcoffset() != first.replace(fold=1).utcoffset()
    except OverflowError as error:
        raise ValueError(f"{wall} in {zone} is outside of the years 1 to 9999") from error
