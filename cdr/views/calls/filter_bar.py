"""The bar above the list of calls: time ranges, states, conditions that are set, and suggestions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import CallState
from cdr.display.wording import Text
from cdr.queries.columns import extra_labels
from cdr.queries.filters import CallFilter, Condition
from cdr.queries.periods import LABELS as PERIOD_LABELS
from cdr.queries.periods import label as period_label
from cdr.views.addresses import ListAddress
from proxyconf.models import Proxy

QUICK = ("1h", "24h", "7d", "30d")
"""Presets of the time range in the bar; the others are in the panel."""
CONTROLS = ("since", "until", "outcome", "flag", "superseded", "min_duration", "max_duration", "zone")
"""Parameters with controls in the form; all others are hidden fields."""
ADDED = (
    "caller",
    "callee",
    "account",
    "gateway",
    "call_id",
    "sip_code",
    "attempt_code",
    "attempt_gateway",
    "source_ip",
    "user_agent",
    "tag",
)
"""Conditions with an empty field in the form, which adds a value."""
_SELECTED = ("released_by", "duration_kind")
"""Conditions with an empty choice in the form, which adds a value."""
_TIME = ("period", "since", "until")
_TABS: Mapping[CallState, Text] = {
    CallState.COMPLETED: _("Completed"),
    CallState.ONGOING: _("Ongoing"),
    CallState.STOP_MISSING: _("No STOP"),
    CallState.START_MISSING: _("No START"),
    CallState.UNANSWERED: _("Unanswered"),
}


@dataclass(frozen=True, slots=True)
class ConditionLink:
    """A link that sets a condition."""

    label: Text
    address: ListAddress
    chosen: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition that is set, and the address without it. ``alternative``: to the chip before it."""

    condition: Condition
    removed: ListAddress
    alternative: bool


@dataclass(frozen=True, slots=True)
class AddedChoice:
    """An empty choice of the form: its parameter, and the values that it may add."""

    name: str
    label: Text
    options: list[tuple[str, Text]]


def more_filters(call_filter: CallFilter, proxies: Sequence[Proxy]) -> dict[str, Any]:
    """Return the context of the panel for more conditions: fields, choices, and labels of extra fields."""
    fields = call_filter.form.fields
    names: list[tuple[str, Text]] = [(proxy.name, proxy.name) for proxy in proxies]
    return {
        "added": [(name, fields[name]) for name in ADDED],
        "added_choices": [
            AddedChoice("proxy", _("Proxy"), names),
            *(AddedChoice(name, CallFilter.base_filters[name].label, _options(name)) for name in _SELECTED),
        ],
        "added_labels": extra_labels(proxies, ()),
    }


def _options(name: str) -> list[tuple[str, Text]]:
    return list(CallFilter.base_filters[name].extra["choices"])


def errors(call_filter: CallFilter) -> list[str]:
    """Return the errors of invalid conditions."""
    return [
        f"{call_filter.form.fields[name].label}: {one}"
        for name, said in call_filter.form.errors.items()
        for one in said
    ]


def chips(call_filter: CallFilter, address: ListAddress) -> list[Chip]:
    matches: list[Chip] = []
    for one in call_filter.conditions():
        alternative = bool(matches) and matches[-1].condition.parameter == one.parameter and not one.negated
        matches.append(Chip(one, address.without(one.parameter, one.value), alternative))
    return matches


def carried(address: ListAddress) -> list[tuple[str, str]]:
    """Return the parameters without a control in the form, to be kept when it is sent."""
    lists = address.conditions.lists()
    return [(name, value) for name, values in lists if name not in CONTROLS for value in values]


def periods(call_filter: CallFilter, address: ListAddress) -> list[ConditionLink]:
    """Return the presets of the time range; choosing one replaces ``since`` and ``until``."""
    return [
        ConditionLink(
            label,
            address.setting(period=None if name == "all" else name, since=None, until=None),
            call_filter.chosen_period == name,
        )
        for name, label in PERIOD_LABELS.items()
    ]


def quick_periods(call_filter: CallFilter, address: ListAddress) -> list[ConditionLink]:
    labels = [PERIOD_LABELS[name] for name in QUICK]
    return [choice for choice in periods(call_filter, address) if choice.label in labels]


def chosen_time(call_filter: CallFilter) -> Text:
    """Return the chosen time range in words, if it is none of the presets in the bar."""
    if call_filter.chosen_period == "custom":
        return _("From – to")
    return period_label(call_filter.chosen_period) if call_filter.chosen_period not in QUICK else ""


def tabs(states: list[str], address: ListAddress) -> list[ConditionLink]:
    """Return a link for each state."""
    return [
        ConditionLink(_("All"), address.setting(state=None, settled=None), not states),
        *(
            ConditionLink(label, address.setting(state=state, settled=_settled(state)), states == [state])
            for state, label in _TABS.items()
        ),
    ]


def _settled(state: CallState) -> str | None:
    """Return the value that excludes calls whose end was set manually from No STOP."""
    return "0" if state is CallState.STOP_MISSING else None


def suggestions(matches: Iterable[Chip], call_filter: CallFilter, address: ListAddress) -> list[ConditionLink]:
    """Return suggestions for a list without matching calls."""
    offered = []
    if call_filter.chosen_period != "all":
        offered.append(ConditionLink(_("All time"), address.setting(period=None, since=None, until=None), False))
    for chip in (set_ := list(matches)):
        name, value, label, text, negated = chip.condition
        if name == "call_id" and "*" not in value:
            containing = gettext("Call-IDs that contain “{text}”").format(text=value[:60])
            part = address.without(name, value).adding(name, f"*{value.removeprefix('=')}*")
            offered.append(ConditionLink(containing, part, False))
        if name not in _TIME and len(set_) > 1:
            said = gettext("not {condition}").format(condition=label) if negated else label
            without = gettext("Remove “{label}: {text}”").format(label=said, text=str(text)[:60])
            offered.append(ConditionLink(without, chip.removed, False))
    return [*offered, ConditionLink(_("All calls"), address.bare(), False)]
