"""Rankings of a range: final codes of unanswered calls, busiest callers, callees and source addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

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
from cdr.queries.busiest import LIMIT, Busiest, Party, busiest
from cdr.queries.conditions import LONGEST_TEXT
from cdr.queries.filters import CallFilter
from cdr.queries.statistics import Figures
from cdr.queries.visibility import Visibility, masked
from cdr.views.addresses import ListAddress, list_address
from cdr.views.calls.histogram import percent

_MOST_CODES = 8


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
            rankings=list(_rankings(parties, list_address(self.request.GET), visibility)),
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


def _rankings(parties: Busiest, calls: ListAddress, visibility: Visibility) -> Iterator[Ranking]:
    for name, label, heading, of_kind in (
        ("caller", _("Busiest callers"), _("Caller"), parties.callers),
        ("callee", _("Busiest callees"), _("Callee"), parties.callees),
    ):
        yield Ranking(name, label, heading, _bars(of_kind, calls, name, visibility))
    yield Ranking(
        "source_ip", _("Busiest source IPs"), _("Source IP"), _bars(parties.gateways, calls, "source_ip", Visibility())
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
