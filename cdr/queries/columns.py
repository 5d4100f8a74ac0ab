"""The columns of the list of calls: their cells, and the filter conditions that a cell offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, timedelta
from typing import NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import Flag
from cdr.display import badges, clocks, markup
from cdr.display.safe_text import one_line
from cdr.display.wording import Text, backend_names
from cdr.events import SECOND
from cdr.models import Call
from cdr.queries import patterns
from cdr.queries.conditions import (
    LONGEST_TEXT,
)
from cdr.queries.names import EXTRA, current_column
from proxyconf.models import Proxy

MOST_COLUMNS = 40
MOST_LOGGED = 32
"""Labels that are offered although no proxy is configured to log them."""
NUMBERS = frozenset({"sip_code", "legs", "events", "revision"})
_LONGEST_CELL = 120
_SECOND = timedelta(seconds=1)


class CellCondition(NamedTuple):
    """A filter condition that a cell offers: its parameter and value in the URL."""

    parameter: str
    value: str


def _nothing(call: Call) -> list[CellCondition]:
    return []


class Column(NamedTuple):
    """A column of the list: its name (in URLs and CSS classes), its heading, and functions for its cells.

    ``cell`` returns the markup of a call's cell, ``conditions`` the filter conditions that it offers.
    """

    name: str
    heading: Text
    cell: Callable[[Call], SafeString]
    conditions: Callable[[Call], list[CellCondition]] = _nothing

    @property
    def css(self) -> str:
        """The CSS class of its cells, which never contains the label of an extra field, a proxy's text."""
        if self.name.startswith(EXTRA):
            return "col-extra"
        return f"col-{self.name} number" if self.name in NUMBERS else f"col-{self.name}"


def _around_start(call: Call) -> list[CellCondition]:
    """Return conditions for calls since and until this one, inclusive; the time controls have whole seconds."""
    since = call.started_at.astimezone(UTC).replace(microsecond=0)
    return [
        CellCondition(name, f"{at:%Y-%m-%dT%H:%M:%S}Z") for name, at in (("since", since), ("until", since + _SECOND))
    ]


def _proxies_and_outputs(call: Call) -> SafeString:
    return format_html(
        '<span class="proxies">{}</span> <span class="muted">{}</span>',
        markup.visible(", ".join(call.proxies), 64),
        backend_names(call.backends),
    )


def _exactly(parameter: str, value: str | None) -> list[CellCondition]:
    """Return the condition for exactly this text; none if it was not logged or is too long for a URL."""
    return [CellCondition(parameter, patterns.EXACTLY + value)] if value and len(value) < LONGEST_TEXT else []


def _parties(call: Call) -> list[CellCondition]:
    conditions = _exactly("caller", call.caller) + _exactly("callee", call.callee)
    return conditions if call.caller and call.callee else conditions + _exactly("call_id", call.call_id)


def _state(call: Call) -> list[CellCondition]:
    settled = [CellCondition("settled", "1")] if call.settlement else []
    return [CellCondition("state", call.state), *settled]


def _length(call: Call) -> list[CellCondition]:
    if call.duration is None:
        return [CellCondition("duration_kind", call.duration_kind)]
    seconds = f"{call.duration.total_seconds():.6f}".rstrip("0").rstrip(".")
    bounds = (
        []
        if seconds.startswith("-")
        else [CellCondition("min_duration", seconds), CellCondition("max_duration", seconds)]
    )
    return [*bounds, CellCondition("duration_kind", call.duration_kind)]


def _code(call: Call) -> list[CellCondition]:
    return [CellCondition("sip_code", str(call.sip_code))] if call.sip_code and 100 <= call.sip_code < 700 else []


def _result(call: Call) -> list[CellCondition]:
    return ([CellCondition("outcome", call.outcome)] if call.outcome else []) + _code(call)


def _source(call: Call) -> list[CellCondition]:
    try:
        network = patterns.read_network(call.source_ip or "")
    except ValueError:
        return []
    return [CellCondition("source_ip", str(network.network_address))] if network.num_addresses == 1 else []


def _words(parameter: str, words: Iterable[str]) -> list[CellCondition]:
    return [CellCondition(parameter, word) for word in words]


def _text(value: str | None) -> SafeString:
    return markup.visible(value, _LONGEST_CELL) if value else markup.NOTHING


def _mono(value: str | None) -> SafeString:
    return (
        format_html('<span class="mono">{}</span>', markup.visible(value, _LONGEST_CELL)) if value else markup.NOTHING
    )


def _number(value: int | None) -> SafeString:
    return markup.NOTHING if value is None else format_html("{}", value)


def _attempts(call: Call) -> SafeString:
    """Show response and gateway of each failed attempt."""
    return _text(", ".join(f"{attempt.code} {attempt.gateway or ''}".strip() for attempt in call.attempts.all()))


COLUMNS: tuple[Column, ...] = (
    Column("started_at", _("Started"), lambda c: clocks.moment(c.started_at, SECOND), _around_start),
    Column("who", _("Caller → callee"), badges.parties, _parties),
    Column("caller", _("Caller"), lambda c: markup.party(c.caller), lambda c: _exactly("caller", c.caller)),
    Column("callee", _("Callee"), lambda c: markup.party(c.callee), lambda c: _exactly("callee", c.callee)),
    Column("state", _("State"), badges.state_of, _state),
    Column("duration", _("Duration"), badges.duration, _length),
    Column("outcome", _("Outcome"), badges.outcome, _result),
    Column("sip_code", _("SIP response"), lambda c: _number(c.sip_code), _code),
    Column(
        "sip_reason", _("SIP reason"), lambda c: _text(c.sip_reason), lambda c: _exactly("sip_reason", c.sip_reason)
    ),
    Column(
        "released_by",
        _("Released by"),
        badges.released_by,
        lambda c: _words("released_by", filter(None, [c.released_by])),
    ),
    Column("answered_at", _("Answered"), lambda c: clocks.moment(c.answered_at, SECOND)),
    Column("ended_at", _("Ended"), lambda c: clocks.moment(c.ended_at, SECOND)),
    Column(
        "seen", _("Proxy"), _proxies_and_outputs, lambda c: _words("proxy", c.proxies) + _words("backend", c.backends)
    ),
    Column("proxies", _("Proxies"), lambda c: _text(", ".join(c.proxies)), lambda c: _words("proxy", c.proxies)),
    Column(
        "backends",
        _("Accounting outputs"),
        lambda c: _text(backend_names(c.backends)),
        lambda c: _words("backend", c.backends),
    ),
    Column(
        "flags",
        _("Flags"),
        lambda c: badges.flag_badges(c.flags),
        lambda c: _words("flag", (flag for flag in c.flags if flag in set(Flag))),
    ),
    Column("source_ip", _("Source IP"), lambda c: _mono(c.source_ip), _source),
    Column(
        "user_agent", _("User agent"), lambda c: _text(c.user_agent), lambda c: _exactly("user_agent", c.user_agent)
    ),
    Column("call_id", _("Call-ID"), lambda c: _mono(c.call_id), lambda c: _exactly("call_id", c.call_id)),
    Column("from_tag", _("From tag"), lambda c: _mono(c.from_tag), lambda c: _exactly("tag", c.from_tag)),
    Column("to_tag", _("To tag"), lambda c: _mono(c.to_tag), lambda c: _exactly("tag", c.to_tag)),
    Column("legs", _("Legs"), lambda c: _number(len(c.legs.all()))),
    Column("attempts", _("Failed attempts"), _attempts),
    Column("events", _("Events"), lambda c: _number(c.events)),
    Column("revision", _("Revision"), lambda c: _number(c.revision)),
    Column("updated_at", _("Updated"), lambda c: clocks.moment(c.updated_at, SECOND)),
    Column("cluster", _("Cluster"), lambda c: _text(c.cluster)),
)
"""All columns except those of extra fields, in the order of the column chooser."""
DEFAULT = ("started_at", "who", "state", "duration", "outcome", "released_by", "seen", "flags")
PREFETCHED: Mapping[str, str] = {"legs": "legs", "attempts": "attempts"}
"""Columns that need related rows of a call, and the name of the relation."""
_BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}


def extra_column(label: str) -> Column:
    """Return the column of one extra field."""
    name = EXTRA + label
    return Column(
        name,
        one_line(label),
        lambda call: _text(call.extra.get(label)),
        lambda call: _exactly(name, call.extra.get(label)),
    )


def columns_of(names: Iterable[str]) -> tuple[list[Column], list[str]]:
    """Return the columns with these names, each once and at most ``MOST_COLUMNS``, and the unknown names."""
    columns: list[Column] = []
    unknown: list[str] = []
    for name in dict.fromkeys(map(current_column, names)):
        if name in _BY_NAME:
            columns.append(_BY_NAME[name])
        elif name.startswith(EXTRA) and len(name) > len(EXTRA):
            columns.append(extra_column(name.removeprefix(EXTRA)))
        else:
            unknown.append(name)
    return columns[:MOST_COLUMNS], unknown


def extra_labels(proxies: Iterable[Proxy], extras: Iterable[Iterable[str]]) -> list[str]:
    """Return the labels of extra fields to offer: those configured for these proxies, then those that calls have.

    ``extras`` are the labels of each call. Of those that nobody configured, which a sender may have made up, the most
    frequent ``MOST_LOGGED`` are offered.
    """
    configured = {label for proxy in proxies for labels in proxy.field_layout.extras.values() for label in labels}
    logged = Counter(label for labels in extras for label in labels if label not in configured)
    return [*sorted(configured), *sorted(label for label, _count in logged.most_common(MOST_LOGGED))]
