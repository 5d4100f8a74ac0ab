"""Tables and rows as the writers of many rows name them.

A row is a tuple of values in the order of its ``Table``'s columns. Rows read hold aware times, ``timedelta``, JSON
*text*; rows to be written hold these as the database's ``Wire`` makes them, because a second pass over all values would
cost as much as the COPY itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import models

Row = tuple[Any, ...]
Statement = tuple[str, Sequence[Any]]
"""SQL and its parameters, in the form that Django gives a cursor."""


class Table:
    """A model's table with those of its columns that are read or written together, in the order given."""

    def __init__(self, model: type[models.Model], *names: str) -> None:
        fields: list[Any] = [model._meta.get_field(name) for name in names]
        self.name: str = model._meta.db_table
        self.columns: tuple[str, ...] = tuple(field.column for field in fields)
        self.types: tuple[str, ...] = tuple(field.get_internal_type() for field in fields)

    @property
    def listed(self) -> str:
        """The columns as SQL lists them."""
        return ", ".join(f'"{column}"' for column in self.columns)

    @property
    def staged(self) -> str:
        """The name of a temporary table with these columns."""
        return f"{self.name}_{zlib.crc32(self.listed.encode()):08x}"


class Wire(Protocol):
    """The form in which a database takes what it has types of its own for; everything else it takes as it is."""

    def time(self, time: datetime) -> int | str:
        """Return an aware time's form."""

    def length(self, length: timedelta) -> bytes | int:
        """Return a duration's form."""

    def json(self, text: str) -> bytes | str:
        """Return JSON text's form."""

    def int4(self, number: int) -> bytes | int:
        """Return the form of a number for an ``IntegerField``; raise ``OverflowError`` where it does not fit."""


def microseconds(length: timedelta) -> int:
    return (length.days * 86_400 + length.seconds) * 1_000_000 + length.microseconds
