"""What one may see of a call in a list: the columns, what stands in each cell, and what one may ask for by it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, timedelta
from typing import NamedTuple

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import Flag
from cdr.display import badges, clocks, markup
from cdr.display.safe_text import one_line
from cdr.display.wording import Text
from cdr.events import SECOND
from cdr.models import Call
from cdr.queries import patterns
from cdr.queries.conditions import (
    LONGEST_TEXT,
)
from cdr.queries.names import EXTRA, current_column
from proxyconf.models import Proxy

MOST_COLUMNS = 40
NUMBERS = frozenset({"sip_code", "legs", "events", "revision"})
_LONGEST_CELL = 120
_SECOND = timedelta(seconds=1)


class Pick(NamedTuple):
    """A condition that the value of a cell makes: its parameter and value in the URL."""

    parameter: str
    value: str


def _nothing(call: Call) -> list[Pick]:
    return []


class Column(NamedTuple):
    """A column: its name (in the URL, and the CSS class of its cells), its heading, the markup of a call's cell, and
    the conditions that its values make.
    """

    name: str
    heading: Text
    cell: Callable[[Call], SafeString]
    picks: Callable[[Call], list[Pick]] = _nothing

    @property
    def css(self) -> str:
        """The class of its cells; the label of an extra field is a proxy's text and becomes none."""
        if self.name.startswith(EXTRA):
            return "col-extra"
        return f"col-{self.name} number" if self.name in NUMBERS else f"col-{self.name}"


def _around_start(call: Call) -> list[Pick]:
    """From this call on, and up to it, both with it; the controls for times know whole seconds."""
    since = call.started_at.astimezone(UTC).replace(microsecond=0)
    return [Pick(name, f"{at:%Y-%m-%dT%H:%M:%S}Z") for name, at in (("since", since), ("until", since + _SECOND))]


def _seen_by(call: Call) -> SafeString:
    return format_html(
        '<span class="proxies">{}</span> <span class="muted">{}</span>',
        markup.visible(", ".join(call.proxies), 64),
        ", ".join(call.backends),
    )


def _whole(parameter: str, value: str | None) -> list[Pick]:
    """The condition that a text is this and no other; none for what was not logged or is too long for an address."""
    return [Pick(parameter, patterns.EXACTLY + value)] if value and len(value) < LONGEST_TEXT else []


def _parties(call: Call) -> list[Pick]:
    found = _whole("caller", call.caller) + _whole("callee", call.callee)
    return found if call.caller and call.callee else found + _whole("call_id", call.call_id)


def _state(call: Call) -> list[Pick]:
    settled = [Pick("settled", "1")] if call.settlement else []
    return [Pick("state", call.state), *settled]


def _length(call: Call) -> list[Pick]:
    if call.duration is None:
        return [Pick("duration_kind", call.duration_kind)]
    seconds = f"{call.duration.total_seconds():.6f}".rstrip("0").rstrip(".")
    bounds = [] if seconds.startswith("-") else [Pick("min_duration", seconds), Pick("max_duration", seconds)]
    return [*bounds, Pick("duration_kind", call.duration_kind)]


def _code(call: Call) -> list[Pick]:
    return [Pick("sip_code", str(call.sip_code))] if call.sip_code and 100 <= call.sip_code < 700 else []


def _result(call: Call) -> list[Pick]:
    return ([Pick("outcome", call.outcome)] if call.outcome else []) + _code(call)


def _source(call: Call) -> list[Pick]:
    try:
        network = patterns.read_network(call.source_ip or "")
    except ValueError:
        return []
    return [Pick("source_ip", str(network.network_address))] if network.num_addresses == 1 else []


def _words(parameter: str, words: Iterable[str]) -> list[Pick]:
    return [Pick(parameter, word) for word in words]


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
    Column("caller", _("Caller"), lambda c: markup.party(c.caller), lambda c: _whole("caller", c.caller)),
    Column("callee", _("Callee"), lambda c: markup.party(c.callee), lambda c: _whole("callee", c.callee)),
    Column("state", _("State"), badges.state_of, _state),
    Column("duration", _("Duration"), badges.duration, _length),
    Column("outcome", _("Outcome"), badges.outcome, _result),
    Column("sip_code", _("SIP response"), lambda c: _number(c.sip_code), _code),
    Column("sip_reason", _("SIP reason"), lambda c: _text(c.sip_reason), lambda c: _whole("sip_reason", c.sip_reason)),
    Column(
        "released_by",
        _("Released by"),
        badges.released_by,
        lambda c: _words("released_by", filter(None, [c.released_by])),
    ),
    Column("answered_at", _("Answered"), lambda c: clocks.moment(c.answered_at, SECOND)),
    Column("ended_at", _("Ended"), lambda c: clocks.moment(c.ended_at, SECOND)),
    Column("seen", _("Proxy"), _seen_by, lambda c: _words("proxy", c.proxies) + _words("backend", c.backends)),
    Column("proxies", _("Proxies"), lambda c: _text(", ".join(c.proxies)), lambda c: _words("proxy", c.proxies)),
    Column(
        "backends",
        _("Accounting outputs"),
        lambda c: _text(", ".join(c.backends)),
        lambda c: _words("backend", c.backends),
    ),
    Column(
        "flags",
        _("Flags"),
        lambda c: badges.flag_badges(c.flags),
        lambda c: _words("flag", (flag for flag in c.flags if flag in set(Flag))),
    ),
    Column("source_ip", _("Source IP"), lambda c: _mono(c.source_ip), _source),
    Column("user_agent", _("User agent"), lambda c: _text(c.user_agent), lambda c: _whole("user_agent", c.user_agent)),
    Column("call_id", _("Call-ID"), lambda c: _mono(c.call_id), lambda c: _whole("call_id", c.call_id)),
    Column("from_tag", _("From tag"), lambda c: _mono(c.from_tag), lambda c: _whole("tag", c.from_tag)),
    Column("to_tag", _("To tag"), lambda c: _mono(c.to_tag), lambda c: _whole("tag", c.to_tag)),
    Column("legs", _("Legs"), lambda c: _number(len(c.legs.all()))),
    Column("attempts", _("Failed attempts"), _attempts),
    Column("events", _("Events"), lambda c: _number(c.events)),
    Column("revision", _("Revision"), lambda c: _number(c.revision)),
    Column("updated_at", _("Updated"), lambda c: clocks.moment(c.updated_at, SECOND)),
    Column("cluster", _("Cluster"), lambda c: _text(c.cluster)),
)
"""Every column there is but those of extra fields, in the order in which a choice offers them."""
DEFAULT = ("started_at", "who", "state", "duration", "outcome", "released_by", "seen", "flags")
PREFETCHED: Mapping[str, str] = {"legs": "legs", "attempts": "attempts"}
"""Columns that need what belongs to a call, and what that is."""
_BY_NAME: Mapping[str, Column] = {column.name: column for column in COLUMNS}


def extra_column(label: str) -> Column:
    """Return the column of one extra field."""
    name = EXTRA + label
    return Column(
        name,
        one_line(label),
        lambda call: _text(call.extra.get(label)),
        lambda call: _whole(name, call.extra.get(label)),
    )


def columns_of(names: Iterable[str]) -> tuple[list[Column], list[str]]:
    """Return the columns of these names, each once and ``MOST_COLUMNS`` at most, and the names of none."""
    found: list[Column] = []
    unknown: list[str] = []
    for name in dict.fromkeys(map(current_column, names)):
        if name in _BY_NAME:
            found.append(_BY_NAME[name])
        elif name.startswith(EXTRA) and len(name) > len(EXTRA):
            found.append(extra_column(name.removeprefix(EXTRA)))
        else:
            unknown.append(name)
    return found[:MOST_COLUMNS], unknown


def extra_labels(proxies: Iterable[Proxy], calls: Iterable[Call]) -> list[str]:
    """Return the labels of extra fields that these proxies are set up to log, and that these calls have."""
    configured = (label for proxy in proxies for labels in proxy.field_layout.extras.values() for label in labels)
    return sorted({*configured, *(label for call in calls for label in call.extra)})
