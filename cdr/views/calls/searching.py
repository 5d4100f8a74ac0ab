"""From what was typed into the search box to the address of the list, and back to how each word was understood."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdr.display.wording import Text
from cdr.queries.filters import CallFilter
from cdr.queries.moments import parse_moment
from cdr.queries.names import NOT
from cdr.queries.search import (
    SINGLE,
    SearchCondition,
    Term,
    parse,
)
from cdr.views.addresses import SHOWN_AS, WORD, ListAddress

SEARCH, READ_IN = "q", "read_in"
"""What was typed, and the zone that the form's times were shown in: parameters of the form alone."""
_MOST_TERMS = 20
_MOST_OFFERED = 4
_TIME = ("since", "until", "period")
_READINGS: Mapping[str, Text] = {
    "number": _("number contains “{value}”"),
    "call_id": _("Call-ID {value}"),
    "tag": _("tag {value}"),
    "user_agent": _("user agent contains “{value}”"),
    "sip_reason": _("SIP reason contains “{value}”"),
    "sip_code": _("SIP response {value}"),
    "source_ip": _("source IP {value}"),
    "state": _("state {value}"),
    "outcome": _("outcome {value}"),
    "flag": _("flag {value}"),
    "backend": _("accounting output {value}"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """Another reading of a word, and the list by it."""

    label: str
    address: ListAddress


@dataclass(frozen=True, slots=True)
class Understood:
    """How a word was understood, and what else it may mean."""

    word: str
    taken: str
    offers: list[Offer]


def searched(address: ListAddress, text: str) -> ListAddress:
    """Return the address with the conditions that ``text`` asks for beside those it has."""
    found = address
    words = list(found.conditions.getlist(WORD))
    for term in parse(text)[:_MOST_TERMS]:
        name, value = term.taken
        if name == "period":  # what was typed now wins over the range that was there
            found = found.setting(since=None, until=None)
        found = found.setting(**{name: value}) if name in SINGLE else found.adding(name, value)
        if len(term.readings) > 1:
            words.append(_as_written(term))
    return _one_range(found).setting(**{WORD: list(dict.fromkeys(words))[-_MOST_TERMS:]})


def sent(path: str, data: QueryDict) -> ListAddress:
    """Return the address that the form asks for: its times are those of the zone that it showed, whichever is asked
    for now, and whoever follows a link to them.
    """
    conditions = data.copy()
    text, zone = conditions.pop(SEARCH, [""])[-1], conditions.pop(READ_IN, [""])[-1]
    for name in ("since", "until"):
        if conditions.get(name):
            conditions[name] = _absolute(str(conditions[name]), zone)
    return searched(ListAddress(path, conditions), text)


def _absolute(text: str, zone: str) -> str:
    """Return a time without zone as one in UTC; a date, and what is no time, as it is."""
    if not re.match(r"\d{4}-\d\d-\d\dT", text):
        return text
    try:
        with timezone.override(zone):
            return parse_moment(text).isoformat().replace("+00:00", "Z")
    except (ValueError, OSError, KeyError):
        return text


def _as_written(term: Term) -> str:
    blanks = any(map(str.isspace, term.text))
    quoted = term.text.startswith('"') or (blanks and len(parse(term.text)) > 1)  # a number's parts are one word
    word = '"' + term.text.replace('"', '""') + '"' if quoted else term.text
    return f"-{word}" if term.taken.parameter.startswith(NOT) else word


def _one_range(address: ListAddress) -> ListAddress:
    """A range that was given wins over a preset, which leaves the address."""
    given = address.conditions.get("since") or address.conditions.get("until")
    return address.setting(period=None) if given else address


def understood(address: ListAddress) -> list[Understood]:
    """Return the words of the address that were read as one of its conditions, with their other readings."""
    found = []
    for word in address.conditions.getlist(WORD)[:_MOST_TERMS]:
        for term in parse(word)[:1]:
            readings = list(term.readings)
            taken = next((one for one in readings if one.value in address.conditions.getlist(one.parameter)), None)
            if taken and len(readings) > 1:
                others = [one for one in readings if one != taken][:_MOST_OFFERED]
                offers = [Offer(_say(one), _instead(address, taken, one)) for one in others]
                found.append(Understood(term.text, _say(taken), offers))
    return found


def _instead(address: ListAddress, taken: SearchCondition, other: SearchCondition) -> ListAddress:
    return address.without(*taken).adding(*other)


def _say(reading: SearchCondition) -> str:
    name = reading.parameter.removeprefix(NOT)
    said = str(_READINGS[name]).format(value=_label(name, reading.value)[:60])
    return gettext("not {condition}").format(condition=said) if reading.parameter.startswith(NOT) else said


def _label(name: str, value: str) -> str:
    choices = CallFilter.base_filters[name].extra.get("choices", ())
    return str(dict(choices).get(value, value))


def conditions_in(query: str) -> list[tuple[str, str]]:
    """Return the conditions of a query string, one by one, without how it is shown."""
    lists = QueryDict(query).lists()
    return [(name, value) for name, values in lists if name not in SHOWN_AS for value in values if value]
