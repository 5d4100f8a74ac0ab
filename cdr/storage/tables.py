"""Tables and rows for reading and writing many rows at once.

A row is a tuple of values in the order of its ``Table``'s columns. Rows that were read have aware times, ``timedelta``
and JSON *text*. Rows to be written have these in the form of the database's ``Wire`` already, because a second pass
over all values would take as long as the COPY itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import models

Row = tuple[Any, ...]
Statement = tuple[str, Sequence[Any]]
"""SQL and its parameters, in the form that a cursor takes."""


class Table:
    """The columns of a model's table that are read or written together, in this order."""

    def __init__(self, model: type[models.Model], *names: str) -> None:
        fields: list[Any] = [model._meta.get_field(name) for name in names]
        self.name: str = model._meta.db_table
        self.columns: tuple[str, ...] = tuple(field.column for field in fields)
        self.types: tuple[str, ...] = tuple(field.get_internal_type() for field in fields)

    @property
    def listed(self) -> str:
        """The columns as a list in SQL."""
        return ", ".join(f'"{column}"' for column in self.columns)

    @property
    def staged(self) -> str:
        """The name of a temporary table with these columns."""
        return f"{self.name}_{zlib.crc32(self.listed.encode()):08x}"


class Wire(Protocol):
    """Converts values to the form in which a database takes them; values of other types are passed unchanged."""

    def time(self, time: datetime) -> int | str:
        """Return the form of an aware time."""

    def length(self, length: timedelta) -> bytes | int:
        """Return the form of a duration."""

    def json(self, text: str) -> bytes | str:
        """Return the form of JSON text."""

    def int4(self, number: int) -> bytes | int:
        """Return the form of a number for an ``IntegerField``; raise ``OverflowError`` if it does not fit."""


def microseconds(length: timedelta) -> int:
    return (length.days * 86_400 + length.seconds) * 1_000_000 + length.microseconds
