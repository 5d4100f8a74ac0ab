"""Group and sum the newest ``limit`` calls of a queryset in the database, in one pass.

The ORM can group filtered rows, but not a limited number of rows; looking the rows up again by their keys takes four
times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from cdr.models import Call


def grouped(calls: QuerySet[Call], limit: int, kinds: Sequence[str], sums: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    """Return a row per combination of ``kinds``: these, how many of the newest ``limit`` calls, and their ``sums``.

    Kinds and sums are columns or annotations of ``calls``, as the database has them.
    """
    names = ", ".join(f'"{kind}"' for kind in kinds)
    told = ", ".join([names, "count(*)", *(f'sum("{name}")' for name in sums)])
    # All SQL here is made of names of ours, and of Django's.
    return _of_newest(f"SELECT {told} FROM newest GROUP BY {names}", calls, limit, (*kinds, *sums))  # noqa: S608


def largest(
    calls: QuerySet[Call], limit: int, kinds: Sequence[str], summed: str, *, most: int
) -> tuple[int, dict[str, list[tuple[Any, ...]]]]:
    """Return how many calls were looked at, the newest ``limit`` at most, and of each of ``kinds`` the ``most`` largest
    groups, the largest first: its value, how many calls, and the sum of ``summed``.

    The calls are read once, whatever there are of kinds, which are columns of text.
    """
    parts = [
        f'SELECT \'{kind}\', "{kind}", count(*), sum("{summed}") FROM newest GROUP BY "{kind}"'  # noqa: S608
        f' ORDER BY count(*) DESC, "{kind}" LIMIT {most:d}'
        for kind in kinds
    ]
    ranked = " UNION ALL ".join(f"SELECT * FROM ({part}) AS ranked" for part in parts)  # noqa: S608
    whole = "SELECT NULL, NULL, count(*), 0 FROM newest"
    rows = _of_newest(f"{whole} UNION ALL {ranked}", calls, limit, (*kinds, summed))
    counted = next((count for kind, _value, count, _sum in rows if kind is None), 0)
    return counted, {kind: sorted((row[1:] for row in rows if row[0] == kind), key=_largest_first) for kind in kinds}


def _largest_first(row: tuple[Any, ...]) -> tuple[int, bool, str]:
    value, count, _sum = row
    return -count, value is None, value or ""


def _of_newest(sql: str, calls: QuerySet[Call], limit: int, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return what ``sql`` gives of the table ``newest``; nothing where no call can be in it."""
    newest = calls.order_by("-started_at", "-id").values(*columns)[:limit]
    try:
        inner, parameters = newest.query.sql_with_params()
    except EmptyResultSet:  # a condition that no row can meet
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"WITH newest AS ({inner}) {sql}", parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
