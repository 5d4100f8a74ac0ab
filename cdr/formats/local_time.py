"""The proxy's wall clock to UTC.

The ``acc`` modules write ``time`` with the local time of the proxy's process and no zone, so the hour that a change of
daylight saving time repeats stands for two moments, and the hour that it skips for none.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def to_utc(wall: datetime, zone: tzinfo) -> tuple[datetime, bool]:
    """Return the moment at which clocks in ``zone`` show ``wall`` (naive), and whether that is ambiguous.

    Both doubtful hours are read with the offset that held *before* the change, as RFC 5545 section 3.3.5 reads local
    times: a repeated time means its first pass; a skipped time is taken as if the clocks had not been changed yet. The
    choice depends on the row alone, so that reading the row again gives the same event; it may be an hour early and is
    never late, and the event's flag says so.

    Raise ``ValueError`` for a moment outside of the years 1 to 9999.
    """
    if zone is UTC:
        return wall.replace(tzinfo=UTC), False
    first = wall.replace(tzinfo=zone, fold=0)
    try:
        return first.astimezone(UTC), first.utcoffset() != first.replace(fold=1).utcoffset()
    except OverflowError as error:
        raise ValueError(f"{wall} in {zone} is outside of the years 1 to 9999") from error
