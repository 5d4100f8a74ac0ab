"""Calls grouped and summed by the database: the newest ``limit`` of them, in one pass.

The ORM can group what it filters, but not what it has cut to a number of rows; looking the rows up again by their keys
costs four times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from cdr.models import Call


def grouped(
    calls: QuerySet[Call], limit: int, kinds: Sequence[str], sums: Sequence[str] = (), *, most: int | None = None
) -> list[tuple[Any, ...]]:
    """Return a row per combination of ``kinds``: these, how many of the newest ``limit`` calls, and their ``sums``.

    Kinds and sums are columns or annotations of ``calls``, as the database has them. With ``most`` only the largest
    groups, the largest first.
    """
    newest = calls.order_by("-started_at", "-id").values(*kinds, *sums)[:limit]
    try:
        inner, parameters = newest.query.sql_with_params()
    except EmptyResultSet:  # a condition that no row can meet
        return []
    names = ", ".join(f'"{kind}"' for kind in kinds)
    told = ", ".join([names, "count(*)", *(f'sum("{name}")' for name in sums)])
    sql = f"SELECT {told} FROM ({inner}) AS newest GROUP BY {names}"  # noqa: S608  # names of ours, and Django's SQL
    if most is not None:
        sql += f" ORDER BY count(*) DESC, {names} LIMIT {most:d}"
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
