"""The address of a list of calls: its conditions, changed one at a time."""

from __future__ import annotations

from django.http import HttpRequest, QueryDict

AFTER, BEFORE = "after", "before"
"""Parameters of the page cursor: the calls that follow it (older) or precede it (newer)."""


class Address:
    """The address of a list with its conditions; empty ones and the page are left out of it."""

    def __init__(self, path: str, conditions: QueryDict) -> None:
        self.path = path
        self._conditions = QueryDict(mutable=True)
        for name, values in conditions.lists():
            kept = [value for value in values if value]
            if kept and name not in (AFTER, BEFORE):
                self._conditions.setlist(name, kept)

    @classmethod
    def of(cls, request: HttpRequest) -> Address:
        return cls(request.path, request.GET)

    def __str__(self) -> str:
        return f"{self.path}?{self._conditions.urlencode()}" if self._conditions else self.path

    def setting(self, **values: object) -> Address:
        """Return the address with these conditions instead of what they were; ``None`` removes one, a list gives
        alternatives.
        """
        changed = Address(self.path, self._conditions)
        for name, value in values.items():
            changed._conditions.pop(name, None)
            if isinstance(value, list):
                changed._conditions.setlist(name, [str(one) for one in value])
            elif value is not None:
                changed._conditions[name] = str(value)
        return changed

    def without(self, name: str, value: str) -> Address:
        """Return the address without one value of a condition; a value that was written otherwise goes as well."""
        values = self._conditions.getlist(name)
        kept = [one for one in values if one != value] if value in values else []
        changed = Address(self.path, self._conditions)
        changed._conditions.setlist(name, kept)
        return Address(self.path, changed._conditions)
