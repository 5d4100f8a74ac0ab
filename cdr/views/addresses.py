"""Addresses of lists of calls, and changes of their conditions."""

from __future__ import annotations

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from cdr.queries.conditions import with_current_names
from cdr.queries.reports.definition import PARAMETERS as OF_REPORTS

AFTER, BEFORE = "after", "before"
"""Parameters of the page cursor: older calls after it, or newer ones before it."""
ZONE, COLUMNS, SORT, WORD, LIVE = "zone", "columns", "sort", "word", "live"
"""Parameters of how a list is shown: the zone of its times, its columns and order, the searched words (whose other
readings are offered), and whether it updates itself.
"""
SHOWN_AS = (ZONE, COLUMNS, SORT, WORD, LIVE)
LIST = "list"
"""Parameter of a call's page: the query string of the list that linked to it."""
STEP = "by"
"""Parameter of the overview: the width of the chart's bars."""


class ListAddress:
    """The address of a list with its conditions, without empty ones and without the page cursor."""

    def __init__(self, path: str, conditions: QueryDict) -> None:
        self.path = path
        self._conditions = QueryDict(mutable=True)
        for name, values in with_current_names(conditions).lists():  # type: ignore[attr-defined]
            kept = [value for value in values if value]
            if kept and name not in (AFTER, BEFORE):
                self._conditions.setlist(name, kept)

    @classmethod
    def of(cls, request: HttpRequest) -> ListAddress:
        return cls(request.path, request.GET)

    @property
    def conditions(self) -> QueryDict:
        """The parameters, to be read."""
        return self._conditions

    @property
    def query(self) -> str:
        return self._conditions.urlencode()

    def __str__(self) -> str:
        return f"{self.path}?{self._conditions.urlencode()}" if self._conditions else self.path

    def setting(self, **values: object) -> ListAddress:
        """Return the address with these conditions replaced; ``None`` removes one, a list gives alternatives."""
        changed = ListAddress(self.path, self._conditions)
        for name, value in values.items():
            changed._conditions.pop(name, None)
            if isinstance(value, list) and value:
                changed._conditions.setlist(name, [str(alternative) for alternative in value])
            elif not isinstance(value, list) and value is not None:
                changed._conditions[name] = str(value)
        return changed

    def adding(self, name: str, value: str) -> ListAddress:
        """Return the address with one more value of a condition."""
        changed = ListAddress(self.path, self._conditions)
        if value not in changed._conditions.getlist(name):
            changed._conditions.appendlist(name, value)
        return changed

    def bare(self) -> ListAddress:
        """Return the address without conditions, keeping how the list is shown."""
        changed = ListAddress(self.path, QueryDict())
        for name in (ZONE, COLUMNS, SORT, LIVE):
            if self._conditions.getlist(name):
                changed._conditions.setlist(name, self._conditions.getlist(name))
        return changed

    def without(self, name: str, value: str) -> ListAddress:
        """Return the address without one value of a condition; without all if the value is spelled differently."""
        values = self._conditions.getlist(name)
        kept = [other for other in values if other != value] if value in values else []
        changed = ListAddress(self.path, self._conditions)
        changed._conditions.setlist(name, kept)
        return ListAddress(self.path, changed._conditions)


def list_address(conditions: QueryDict) -> ListAddress:
    """Return the address of the list of calls with ``conditions``, without parameters of other pages only."""
    return _address_of("cdr:call-list", conditions, (STEP, *OF_REPORTS))


def overview_address(conditions: QueryDict) -> ListAddress:
    """Return the address of the overview with ``conditions``."""
    return _address_of("cdr:start", conditions, (COLUMNS, LIVE, WORD, *OF_REPORTS))


def report_address(conditions: QueryDict) -> ListAddress:
    """Return the address of the report with ``conditions``."""
    return _address_of("cdr:report", conditions, (STEP, COLUMNS, LIVE, WORD))


def _address_of(name: str, conditions: QueryDict, excluded: tuple[str, ...]) -> ListAddress:
    parameters = QueryDict(mutable=True)
    for parameter, values in conditions.lists():
        if parameter not in excluded:
            parameters.setlist(parameter, values)
    return ListAddress(reverse(name), parameters)
