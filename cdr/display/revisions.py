"""Show the changes of a revision, field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import CallState, DurationKind, Outcome, ReleasedBy
from cdr.display import wording
from cdr.display.badges import flag_badges, state_badge
from cdr.display.clocks import exact_seconds, moment
from cdr.display.markup import LONGEST_PARTY, NOTHING, visible

_LONGEST_CHANGE = 500


def plain(value: object) -> SafeString:
    """Show a JSON value in readable form."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return visible(", ".join(value), _LONGEST_CHANGE)
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), _LONGEST_CHANGE)


def _none_of(field: str) -> SafeString:
    """Say that a field had no value: "unknown" for times and durations, otherwise "none"."""
    if field.endswith("_at") or field == "duration":
        return format_html('<span class="muted">{}</span>', _("unknown"))
    return format_html('<span class="muted">{}</span>', _("none"))


def _settlement_in_words(settled: Mapping[str, Any]) -> SafeString:
    end = parse_datetime(settled["ended_at"]) if settled.get("ended_at") else None
    return format_html(
        "{} ({}: {})",
        moment(end) if end else gettext("permanently unknown"),
        visible(settled.get("by"), LONGEST_PARTY),
        visible(settled.get("reason"), _LONGEST_CHANGE),
    )


def _leg_in_words(leg: Mapping[str, Any]) -> str:
    return f"{leg.get('source') or '?'} → {leg.get('destination') or '?'}"


def changed(field: str, value: Any) -> SafeString:
    """Show the value of a field before or after a revision, in the form of the call's page."""
    match field, value:
        case _ if value in (None, "", [], {}):
            return _none_of(field)
        case "settlement", dict():
            return _settlement_in_words(value)
        case "superseded", bool():
            return visible(gettext("yes") if value else gettext("no"))
        case "attempts", list():
            return visible(
                ", ".join(f"{attempt.get('code')} {attempt.get('reason')}" for attempt in value), _LONGEST_CHANGE
            )
        case "legs", list():
            return visible(", ".join(map(_leg_in_words, value)), _LONGEST_CHANGE)
        case "extra", dict():
            return visible(", ".join(f"{label}={text}" for label, text in value.items()), _LONGEST_CHANGE)
        case "duration_kind", str() if value in set(DurationKind):
            return visible(wording.DURATIONS[DurationKind(value)].label)
        case "released_by", str() if value in set(ReleasedBy):
            return visible(wording.RELEASED[ReleasedBy(value)].label)
        case "state", str() if value in set(CallState):
            return state_badge(value)
        case "outcome", str() if value in set(Outcome):
            return visible(wording.OUTCOMES[Outcome(value)].label)
        case "backends", list():
            return visible(wording.backend_names(value), _LONGEST_CHANGE)
        case "flags", list():
            return flag_badges(value)
        case "duration", int() | float():
            return visible(exact_seconds(timedelta(seconds=value)))
        case (("started_at" | "answered_at" | "ended_at" | "stop_due_at"), str()) if time := parse_datetime(value):
            return moment(time)
    return plain(value)
