"""Hourly volumes (``cdr.models.Volume``): rollups that follow each change of a call.

Writers only insert rows, so they never wait for each other; readers sum the rows of one hour and kind, and ``join``
merges them from time to time.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from functools import lru_cache

from django.db import transaction
from django.db.models import Count, Max

from cdr.correlation.record import DurationKind, Outcome
from cdr.models import Volume
from cdr.storage.database import EventDatabase
from cdr.storage.tables import Table

Kind = tuple[datetime, str, str, str | None, int | None]
"""What the calls of a row have in common: the hour (its beginning, UTC), the column ``proxies`` as text, state, outcome
and SIP code.
"""

LOOK = 20_000
"""Rows that ``join`` looks at in one transaction."""

_VOLUMES = Table(
    Volume, "hour", "proxies", "state", "outcome", "sip_code", "calls", "measured", "duration_us"
)  # a ``Kind`` and its sums
_ANSWERED, _MEASURED = Outcome.ANSWERED.value, DurationKind.MEASURED.value
_MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=4096)  # many calls start in one second
def _hour_of(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


class _Sums:
    """Sums over the calls of one kind."""

    __slots__ = ("calls", "length", "measured")

    def __init__(self) -> None:
        self.calls = 0
        self.measured = 0
        self.length = timedelta()


class Difference:
    """The change of the volumes that a batch of changed calls makes."""

    def __init__(self) -> None:
        self._sums: dict[Kind, _Sums] = {}

    def count(
        self,
        sign: int,
        started_at: datetime,
        proxies: str,
        state: str,
        outcome: str | None,
        sip_code: int | None,
        duration: timedelta | None,
        duration_kind: str,
    ) -> None:
        """Add a call (``sign`` 1) or remove it (-1); ``started_at`` is UTC, state and kinds are plain ``str``."""
        kind = (_hour_of(started_at), proxies, state, outcome, sip_code)
        sums = self._sums.get(kind)
        if sums is None:
            sums = self._sums[kind] = _Sums()
        sums.calls += sign
        if duration is not None and outcome == _ANSWERED and duration_kind == _MEASURED:
            sums.measured += sign
            sums.length += duration if sign > 0 else -duration

    def write(self, database: EventDatabase) -> None:
        """Insert the change, in the transaction that changes the calls."""
        wire = database.wire
        rows = [
            (
                wire.time(hour),
                proxies,
                state,
                outcome,
                None if code is None else wire.int4(code),
                sums.calls,
                sums.measured,
                sums.length // _MICROSECOND,
            )
            for (hour, proxies, state, outcome, code), sums in self._sums.items()
            if sums.calls or sums.measured or sums.length
        ]
        if rows:
            database.insert(_VOLUMES, rows)


def join(*, look: int = LOOK) -> int:
    """Merge the rows of each hour and kind into one; return how many rows that saves. No sum changes.

    Works from the newest rows back, ``look`` rows per transaction, until a step finds nothing to merge: earlier runs
    merged what lies before. Any number of runs and writers may work at once: rows that another run has locked are
    skipped.
    """
    saved = 0
    newest = Volume.objects.aggregate(at=Max("id"))["at"] or 0
    while newest > 0:
        with transaction.atomic():
            joined = sum(map(_join_hour, _scattered_hours(newest - look, newest)))
        if not joined:
            break
        saved += joined
        newest -= look
    return saved


def _scattered_hours(after: int, newest: int) -> list[datetime]:
    """Return the hours of these rows in which a kind has more than one row."""
    hours = Volume.objects.filter(id__gt=after, id__lte=newest).order_by().values("hour").distinct()
    kinds = Volume.objects.filter(hour__in=hours).order_by()
    scattered = kinds.values("hour", "proxies", "state", "outcome", "sip_code").annotate(rows=Count("id"))
    return sorted(set(scattered.filter(rows__gt=1).values_list("hour", flat=True)))


def _join_hour(hour: datetime) -> int:
    """Merge the rows of one hour that no other run has locked."""
    rows = Volume.objects.filter(hour=hour).order_by("id").select_for_update(skip_locked=True)
    kinds: dict[Kind, list[Volume]] = defaultdict(list)
    for row in rows:
        kinds[row.hour, " ".join(row.proxies), row.state, row.outcome, row.sip_code].append(row)
    scattered = [alike for alike in kinds.values() if len(alike) > 1]
    sums = [_sum(alike) for alike in scattered]
    Volume.objects.filter(pk__in=[row.pk for alike in scattered for row in alike]).delete()
    left = Volume.objects.bulk_create([row for row in sums if row.calls or row.measured or row.duration_us])
    return sum(map(len, scattered)) - len(left)


def _sum(alike: list[Volume]) -> Volume:
    first = alike[0]
    return Volume(
        hour=first.hour,
        proxies=first.proxies,
        state=first.state,
        outcome=first.outcome,
        sip_code=first.sip_code,
        calls=sum(row.calls for row in alike),
        measured=sum(row.measured for row in alike),
        duration_us=sum(row.duration_us for row in alike),
    )
