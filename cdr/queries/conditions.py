"""Conditions with alternatives: text, codes, networks, words and extra fields, as filters of calls."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import DurationKind
from cdr.display import wording
from cdr.events import call_key
from cdr.models import Attempt, Call
from cdr.queries import patterns
from cdr.queries.names import current_parameter
from cdr.queries.search import PAIR

LONGEST_TEXT = 1000
LONGEST_CALL_ID = 20 * LONGEST_TEXT
MOST_VALUES, MOST_EXTRAS, MOST_STARS = 50, 20, 10
"""Limits of one query: alternatives of a condition, extra fields, ``*`` in a pattern."""
ANY_PART = _("Any part of the value. Use * as a wildcard, or = for the complete value.")
WHOLE = _("The complete value, or parts with * as a wildcard. After =, * is an ordinary character.")


class TextsField(forms.Field):
    """Alternatives for a text, each read by ``read``, which raises ``ValidationError`` or ``ValueError``."""

    widget = forms.MultipleHiddenInput

    def __init__(self, *, read: Callable[[str], Any] = str, longest: int = LONGEST_TEXT, **kwargs: Any) -> None:
        self.read, self.longest = read, longest
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> list[str]:
        values = [value] if isinstance(value, str) else list(value or ())
        if len(values) > MOST_VALUES:
            raise ValidationError(
                _("%(number)d values are too many; give at most %(most)d"),
                params={"number": len(values), "most": MOST_VALUES},
            )
        return [self._clean_one(str(one)) for one in dict.fromkeys(values) if one]

    def _clean_one(self, value: str) -> str:
        if len(value) > self.longest:
            raise ValidationError(
                _("the value has %(length)d characters; give at most %(most)d"),
                params={"length": len(value), "most": self.longest},
            )
        if "\0" in value or not is_text(value):
            raise ValidationError(_("the value contains characters that are never stored; remove them"))
        self.read(value)
        return value


def is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_pattern(value: str) -> str:
    """Check text that may have ``*``."""
    if not value.startswith(patterns.EXACTLY):
        if value.count(patterns.ANY) > MOST_STARS:
            raise ValidationError(_("the value contains too many *; use at most %(most)d"), params={"most": MOST_STARS})
        if patterns.ANY in value and len(value) > LONGEST_TEXT:
            raise ValidationError(
                _("a pattern with * may have at most %(most)d characters"), params={"most": LONGEST_TEXT}
            )
    return value


def read_code(value: str) -> range:
    """Return the codes of a SIP code (``486``) or class (``4xx``)."""
    if re.fullmatch("[1-6][0-9][0-9]", value):
        return range(int(value), int(value) + 1)
    if re.fullmatch("[1-6][xX][xX]", value):
        return range(int(value[0]) * 100, int(value[0]) * 100 + 100)
    raise ValidationError(
        _("%(value)r is not a valid SIP response code; write it like 486, or 4xx for all codes that begin with 4"),
        params={"value": value},
    )


def read_network(value: str) -> patterns.Network:
    try:
        return patterns.read_network(value)
    except ValueError:
        raise ValidationError(
            _("%(value)r is not a valid IP address or network; write it like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"),
            params={"value": value},
        ) from None


def text_condition(field: str, *, part: bool, ignore_case: bool = True) -> Callable[[str], Q]:
    return lambda value: patterns.text(field, value, part=part, ignore_case=ignore_case)


def either(*conditions: Callable[[str], Q]) -> Callable[[str], Q]:
    return lambda value: reduce(or_, (one(value) for one in conditions))


def read_pair(value: str) -> list[str]:
    """Read two numbers or names of parties, or parts of them."""
    parts = [part.strip() for part in value.split(PAIR)]
    if len(parts) != 2 or not all(parts):
        raise ValidationError(
            _("%(value)r is not a pair of numbers; write two numbers separated by a comma, like 4930123,4420456"),
            params={"value": value},
        )
    return [read_pattern(part) for part in parts]


def between_condition(*, part: bool) -> Callable[[str], Q]:
    """Return the condition that a call goes from one of two parties to the other."""

    def matching(value: str) -> Q:
        first, second = read_pair(value)
        caller, callee = text_condition("caller", part=part), text_condition("callee", part=part)
        return caller(first) & callee(second) | caller(second) & callee(first)

    return matching


def read_id(value: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", value):
        raise ValidationError(_("%(value)r is not a valid number of a call"), params={"value": value})
    return int(value)


def any_extra_condition(value: str) -> Q:
    return Q(patterns.AnyExtra("extra", Value(value.removeprefix(patterns.EXACTLY))))


def call_id_condition(value: str) -> Q:
    exactly = value.startswith(patterns.EXACTLY)
    if patterns.ANY in value and not exactly:
        return patterns.text("call_id", value, part=False)
    whole = value[1:] if exactly else value
    return Q(call_key=call_key(whole), call_id=whole)


def attempt_code_condition(value: str) -> Q:
    codes = read_code(value)
    return Q(code__gte=codes.start, code__lt=codes.stop)


def code_condition(value: str) -> Q:
    codes = read_code(value)
    return Q(sip_code__gte=codes.start, sip_code__lt=codes.stop, sip_code__isnull=False)


def duration_kind_condition(value: str) -> Q:
    """``approximate`` durations are measured ones with a flag that they may be wrong."""
    if value != APPROXIMATE:
        return Q(duration_kind=value)
    doubtful = reduce(or_, (patterns.word("flags", flag) for flag in sorted(wording.DOUBTFUL)))
    return Q(duration_kind=DurationKind.MEASURED) & doubtful


def equal(field: str) -> Callable[[str], Q]:
    return lambda value: Q(**{field: value, f"{field}__isnull": False})


def word_condition(field: str) -> Callable[[str], Q]:
    return lambda value: patterns.word(field, value)


APPROXIMATE = "approximate"


class Alternatives(django_filters.Filter):
    """Calls that meet ``matching`` for one of the values; ``negated``: for none of them."""

    field_class: type[forms.Field] = TextsField

    def __init__(self, matching: Callable[[str], Q], **kwargs: Any) -> None:
        self.matching = matching
        self.negated = False
        super().__init__(**kwargs)

    def filter(self, calls: QuerySet[Call], values: list[str]) -> QuerySet[Call]:
        if not values:
            return calls
        one_of = reduce(or_, map(self.matching, values))
        return calls.filter(~one_of if self.negated else one_of)

    def __deepcopy__(self, _memo: Any) -> Alternatives:
        """Return a copy of the filter for one request; the declared filter must not change."""
        return copy.copy(self)

    def negation(self) -> Alternatives:
        """Return the filter for all other calls."""
        negated = copy.copy(self)
        negated.negated = True
        return negated


class AttemptCondition(Alternatives):
    """A condition on one failed attempt of a call; ``matching`` gives conditions of ``Attempt``.

    ``CallFilter`` combines these conditions, because code and gateway are those of the *same* attempt.
    """

    def filter(self, calls: QuerySet[Call], values: list[str]) -> QuerySet[Call]:
        return calls

    def of_attempt(self, values: list[str]) -> Q:
        return reduce(or_, map(self.matching, values))


def with_attempt(conditions: Iterable[Q]) -> Exists:
    """Return the condition that one attempt of a call meets all of ``conditions``."""
    return Exists(Attempt.objects.filter(*conditions, call=OuterRef("pk")))


class ChoicesField(forms.MultipleChoiceField):
    """Some of the choices, each once."""

    def to_python(self, value: Any) -> list[str]:
        return list(dict.fromkeys(super().to_python(value)))


class Choices(Alternatives):
    """Alternatives out of ``choices`` (value, label)."""

    field_class = ChoicesField


class ExtraFilter(Alternatives):
    """Calls by the value of an extra field."""

    def __init__(self, label: str, *, place: int, negated: bool = False) -> None:
        self.extra_label = label
        self.column = f"extra_value_{place}"
        super().__init__(text_condition(self.column, part=False, ignore_case=False), label=label, read=read_pattern)
        self.negated = negated

    def filter(self, calls: QuerySet[Call], values: list[str]) -> QuerySet[Call]:
        logged = patterns.ExtraText("extra", Value(self.extra_label))
        return super().filter(calls.alias(**{self.column: logged}) if values else calls, values)


def with_current_names(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return conditions under their current names; values of an old name follow those of the new one."""
    if not any(current_parameter(name) != name for name in data):
        return data
    if not isinstance(data, QueryDict):
        return {current_parameter(name): value for name, value in data.items()}
    renamed = QueryDict(mutable=True)
    for name, values in data.lists():
        renamed.setlist(current_parameter(name), [*renamed.getlist(current_parameter(name)), *values])
    return renamed
