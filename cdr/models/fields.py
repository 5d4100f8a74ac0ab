"""Column types that Django does not have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class WordsField(models.TextField):
    """A list of words in one text column, each between blanks (`` late_stop early_media ``).

    ``LIKE '% late_stop %'`` finds a word on every database, and a person who reads the table sees it.
    In Python it is a list of strings.
    """

    @staticmethod
    def joined(words: Iterable[str]) -> str:
        """Return the column's text for ``words``; empty for none."""
        text = " ".join(words)
        return f" {text} " if text else ""

    def from_db_value(self, value: str | None, expression: Any, connection: BaseDatabaseWrapper) -> list[str]:
        return (value or "").split()

    def to_python(self, value: Any) -> list[str]:
        return value.split() if isinstance(value, str) else list(value or ())

    def get_prep_value(self, value: Any) -> str:
        return value if isinstance(value, str) else self.joined(value or ())

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj))


class WallClockField(models.DateTimeField):
    """A date and time without zone, as written by the proxies in their local time; never converted."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "timestamp without time zone" if connection.vendor == "postgresql" else "datetime"

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        return value.replace(tzinfo=None) if hasattr(value, "replace") and hasattr(value, "tzinfo") else value

    def get_db_converters(self, connection: BaseDatabaseWrapper) -> list[Any]:
        return [self.from_db_value]  # not those of the backend, which would make it aware

    def get_prep_value(self, value: Any) -> Any:
        return models.Field.get_prep_value(self, self.to_python(value))

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return value if prepared else self.get_prep_value(value)


class Beginning(models.Func):
    """The first ``LENGTH`` characters of a text column, which are indexed to find exact values.

    PostgreSQL refuses index entries over 2,700 bytes, and a caller may send a longer value.
    """

    LENGTH = 48
    template = f"substr(%(expressions)s, 1, {LENGTH})"
    output_field = models.TextField()
