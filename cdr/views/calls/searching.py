"""Redirects from the search box to the address of the list, and shows how each word was understood."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdr.display.markup import number
from cdr.display.wording import Text
from cdr.queries.columns import extra_labels
from cdr.queries.filters import CallFilter
from cdr.queries.moments import parse_moment
from cdr.queries.names import EXTRA, NOT
from cdr.queries.paging import quick_count
from cdr.queries.periods import label as period_label
from cdr.queries.search import NO_PREFIXES, PAIR, SINGLE, Prefixes, SearchCondition, Term, parse
from cdr.queries.visibility import Visibility
from cdr.views.addresses import SHOWN_AS, WORD, ListAddress
from proxyconf.models import Proxy

SEARCH, READ_IN = "q", "read_in"
"""The typed text, and the zone of the form's times: parameters of the form only."""
EXTRA_LABEL, EXTRA_VALUE = "extra_label", "extra_value"
"""The form's fields for the label and the value of an extra field."""
_MOST_TERMS = 20
_MOST_OFFERED = 6
_MOST_COUNTED = 100
_TIME = ("since", "until", "period")
_READINGS: Mapping[str, Text] = {
    "number": _("number contains “{value}”"),
    "between": _("between {value}"),
    "any_extra": _("an extra field is “{value}”"),
    "period": _("time: {value}"),
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
    """Another reading of a word, with the address of its list. ``calls``: their number, if counted."""

    label: str
    address: ListAddress
    calls: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """The reading of a word, and its other possible readings."""

    word: str
    taken: str
    offers: list[Offer]


def prefixes(proxies: Iterable[Proxy]) -> Prefixes:
    """Return the conditions for words before a colon, in lower case: the labels of extra fields of these proxies."""
    found: dict[str, list[str]] = defaultdict(list)
    for label in extra_labels(proxies, ()):
        found[label.lower()].append(EXTRA + label)
    return found


def searched(address: ListAddress, text: str, known: Prefixes = NO_PREFIXES) -> ListAddress:
    """Return the address with the conditions in ``text`` added."""
    found = address
    words = list(found.conditions.getlist(WORD))
    for term in parse(text, known)[:_MOST_TERMS]:
        name, value = term.taken
        if name == "period":  # the new period replaces an earlier range
            found = found.setting(since=None, until=None)
        found = found.setting(**{name: value}) if name in SINGLE else found.adding(name, value)
        if len(term.readings) > 1:
            words.append(_as_written(term))
    return _one_range(found).setting(**{WORD: list(dict.fromkeys(words))[-_MOST_TERMS:]})


def sent(path: str, data: QueryDict, known: Prefixes = NO_PREFIXES) -> ListAddress:
    """Return the address that the form asks for: its times are those of the zone that it showed, whichever is asked
    for now, and whoever follows a link to them.
    """
    conditions = data.copy()
    label, value = (conditions.pop(name, [""])[-1] for name in (EXTRA_LABEL, EXTRA_VALUE))
    if label and value:
        conditions.appendlist(EXTRA + str(label), str(value))
    text, zone = conditions.pop(SEARCH, [""])[-1], conditions.pop(READ_IN, [""])[-1]
    for name in ("since", "until"):
        if conditions.get(name):
            conditions[name] = _absolute(str(conditions[name]), zone)
    return searched(ListAddress(path, conditions), text, known)


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
    """Drop the preset from an address that has ``since`` or ``until``."""
    given = address.conditions.get("since") or address.conditions.get("until")
    return address.setting(period=None) if given else address


def understood(address: ListAddress, known: Prefixes = NO_PREFIXES) -> list[Understood]:
    """Return the words of the address that were read as one of its conditions, with their other readings."""
    found = []
    for word in address.conditions.getlist(WORD)[:_MOST_TERMS]:
        for term in parse(word, known)[:1]:
            readings = list(term.readings)
            taken = next((one for one in readings if one.value in address.conditions.getlist(one.parameter)), None)
            if taken and len(readings) > 1:
                others = [one for one in readings if one != taken][:_MOST_OFFERED]
                offers = [Offer(_say(one), _instead(address, taken, one)) for one in others]
                found.append(Understood(term.text, _say(taken), offers))
    return found


def counted(words: Iterable[Understood], visibility: Visibility) -> list[Understood]:
    """Return the words with the number of calls of each offer, for a list that shows none."""
    return [replace(word, offers=[_counted(offer, visibility) for offer in word.offers]) for word in words]


def _counted(offer: Offer, visibility: Visibility) -> Offer:
    count = quick_count(CallFilter(offer.address.conditions, visibility).qs, _MOST_COUNTED)
    if count is None:
        return offer
    return replace(offer, calls=f"{number(_MOST_COUNTED)}+" if count > _MOST_COUNTED else number(count))


def _instead(address: ListAddress, taken: SearchCondition, other: SearchCondition) -> ListAddress:
    instead = address.without(*taken).adding(*other)
    bounded = any(instead.conditions.get(name) for name in _TIME)
    return instead.setting(period="7d") if other.parameter == "any_extra" and not bounded else instead


def _say(reading: SearchCondition) -> str:
    name = reading.parameter.removeprefix(NOT)
    if name.startswith(EXTRA):
        said = f"{name.removeprefix(EXTRA)} {reading.value[:60]}"
    else:
        said = str(_READINGS[name]).format(value=_label(name, reading.value)[:60])
    return gettext("not {condition}").format(condition=said) if reading.parameter.startswith(NOT) else said


def _label(name: str, value: str) -> str:
    if name == "period":
        return str(period_label(value))
    if name == "between":
        return gettext("{first} and {second}").format(**dict(zip(("first", "second"), value.split(PAIR), strict=True)))
    choices = CallFilter.base_filters[name].extra.get("choices", ())
    return str(dict(choices).get(value, value))


def conditions_in(query: str) -> list[tuple[str, str]]:
    """Return the conditions of a query string one by one, without those of how the list is shown."""
    lists = QueryDict(query).lists()
    return [(name, value) for name, values in lists if name not in SHOWN_AS for value in values if value]
