"""Rankings of a range: final codes of unanswered calls, busiest callers, callees and source addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin
from cdr.display.markup import party
from cdr.display.reply_codes import PHRASES
from cdr.display.wording import Text
from cdr.queries import patterns
from cdr.queries.busiest import LIMIT, MOST, Busiest, Party, busiest
from cdr.queries.conditions import LONGEST_TEXT
from cdr.queries.filters import CallFilter
from cdr.queries.reports.definition import FIGURE, Report
from cdr.queries.reports.dimensions import PLAIN
from cdr.queries.reports.table import GroupRow, report_table
from cdr.queries.statistics import Figures
from cdr.queries.visibility import Visibility, masked
from cdr.views.addresses import ListAddress, list_address, report_address
from cdr.views.calls.histogram import percent

_MOST_CODES = 8
_SECONDS = 2.0
"""So long may a ranking by gateway or account take; where it takes longer, the report shows it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of a ranking. ``width`` is the width of its bar, relative to the first line."""

    label: SafeString | str
    detail: str
    calls: int
    share: str
    width: str
    address: ListAddress | None


def code_bars(sums: Figures, calls: ListAddress) -> list[Bar]:
    """Return the final codes of unanswered calls, the most frequent first."""
    ranked = sorted(sums.failures.items(), key=lambda item: (-item[1], item[0] or 0))[:_MOST_CODES]
    whole = sum(sums.failures.values())
    return [
        Bar(
            str(code) if code else gettext("No response"),
            PHRASES.get(code, "") if code else "",
            count,
            percent(count / whole),
            _width(count, ranked[0][1]),
            calls.setting(sip_code=code) if code else None,
        )
        for code, count in ranked
    ]


def _width(count: int, most: int) -> str:
    return f"{count * 100 / most:.1f}%"


class BusiestParties(ShellMixin, TemplateView):
    """The busiest parties of the range; the start page loads them after everything else."""

    permission_required = "cdr.view_call"
    template_name = "cdr/busiest.html"
    partial_template_name = "cdr/_busiest.html"
    title = _("Busiest")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        visibility = Visibility.of(self.request.user)
        call_filter = CallFilter(self.request.GET, visibility)
        parties = busiest(call_filter)
        if visibility.numbers and parties.counted and not self._is_partial():  # else the overview has recorded it
            record(self.request, Action.VIEWED, "busiest parties", conditions=self.request.GET.urlencode())
        return super().get_context_data(
            rankings=[
                *_rankings(parties, list_address(self.request.GET), visibility),
                *_of_roles(call_filter, list_address(self.request.GET), visibility),
            ],
            counted=parties.counted,
            capped=parties.capped,
            limit=LIMIT,
            **kwargs,
        )


@dataclass(frozen=True, slots=True)
class Ranking:
    """The busiest parties of one kind. ``heading`` is the heading of their column."""

    name: str
    label: Text
    heading: Text
    bars: list[Bar]
    by_calls: ListAddress
    by_minutes: ListAddress

    @classmethod
    def of(cls, name: str, label: Text, heading: Text, bars: list[Bar], calls: ListAddress) -> Ranking:
        """Return a ranking with the reports that show all of it, by calls and by minutes."""
        report = report_address(calls.conditions).setting(group=name)
        return cls(name, label, heading, bars, report.setting(sort="-calls"), report.setting(sort="-minutes"))


def _rankings(parties: Busiest, calls: ListAddress, visibility: Visibility) -> Iterator[Ranking]:
    for name, label, heading, of_kind in (
        ("caller", _("Busiest callers"), _("Caller"), parties.callers),
        ("callee", _("Busiest callees"), _("Callee"), parties.callees),
    ):
        yield Ranking.of(name, label, heading, _bars(of_kind, calls, name, visibility), calls)
    sources = _bars(parties.gateways, calls, "source_ip", Visibility())
    yield Ranking.of("source_ip", _("Busiest source IPs"), _("Source IP"), sources, calls)


def _of_roles(call_filter: CallFilter, calls: ListAddress, visibility: Visibility) -> Iterator[Ranking]:
    """Yield the busiest gateways, which count attempts where they happened, and accounts, if any are logged."""
    for name, label, heading in (
        ("gateway", _("Busiest gateways"), _("Gateway")),
        ("account", _("Busiest accounts"), _("Account")),
    ):
        report = Report((PLAIN[name],), figures=(FIGURE["calls"],), sort="calls", descending=True)
        table = report_table(call_filter, report, timezone.get_current_timezone(), seconds=_SECONDS)
        rows = [row for row in table.rows if row.keys[0]][:MOST]
        if rows:
            yield Ranking.of(
                name, label, heading, [_role_bar(row, rows[0], name, calls, visibility) for row in rows], calls
            )


def _role_bar(row: GroupRow, first: GroupRow, name: str, calls: ListAddress, visibility: Visibility) -> Bar:
    dimension, key = PLAIN[name], row.keys[0]
    condition = dimension.condition(key) if visibility.numbers else None
    return Bar(
        party(str(dimension.shown(key, visibility))),
        "",
        row.sums.calls,
        percent(row.sums.asr or 0),
        _width(row.sums.calls, first.sums.calls or 1),
        calls.setting(**dict([condition])) if condition else None,
    )


def _bars(parties: Iterable[Party], calls: ListAddress, name: str, visibility: Visibility) -> list[Bar]:
    ranked = list(parties)
    return [
        Bar(
            party(busy.value if visibility.numbers else masked(busy.value)),
            "",
            busy.calls,
            percent(busy.answered / busy.calls),
            _width(busy.calls, ranked[0].calls),
            _list_of(busy.value, calls, name) if visibility.numbers else None,
        )
        for busy in ranked
    ]


def _list_of(value: str | None, calls: ListAddress, name: str) -> ListAddress | None:
    """Return the address of exactly the calls of a party; ``None`` if no condition can express it."""
    if not value or len(value) >= LONGEST_TEXT:
        return None
    if name != "source_ip":
        return calls.setting(**{name: f"{patterns.EXACTLY}{value}"})
    try:
        patterns.read_network(value)
    except ValueError:
        return None
    return calls.setting(source_ip=value)
