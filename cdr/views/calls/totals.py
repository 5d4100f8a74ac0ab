"""The figures of a filter in one line, with their earlier values: above the list, in reports, on the overview."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import DurationKind, Outcome
from cdr.display.clocks import clock
from cdr.display.markup import minutes, number, trimmed_decimal
from cdr.display.wording import Text
from cdr.queries.comparison import Comparison, comparisons
from cdr.queries.filters import CallFilter
from cdr.queries.reports.sums import Sums
from cdr.queries.statistics import Figures, figures
from cdr.views.addresses import ListAddress
from cdr.views.calls.histogram import percent

_NOT_MEASURED = [kind.value for kind in DurationKind if kind is not DurationKind.MEASURED]
Value = float | timedelta | None
Summed = Figures | Sums


@dataclass(frozen=True, slots=True)
class EarlierValue:
    """A figure at an earlier time: which time, its value, and the change since then, such as ``+12 %``."""

    label: Text
    short: Text
    value: str
    change: str

    @property
    def direction(self) -> str:
        return {"+": "up", "−": "down"}.get(self.change[:1], "same")


@dataclass(frozen=True, slots=True)
class Total:
    """A figure of all calls of a filter, with its earlier values; ``address`` lists the calls that it counts."""

    name: str
    label: Text
    value: str
    meaning: Text
    earlier: list[EarlierValue]
    address: ListAddress | None = None


@dataclass(frozen=True, slots=True)
class _Measure:
    label: Text
    meaning: Text
    value: Callable[[Any], Value]
    is_rate: bool = False


MEASURES: dict[str, _Measure] = {
    "calls": _Measure(_("Calls"), _("All calls of this filter."), lambda sums: sums.calls),
    "answered": _Measure(_("Answered"), _("Calls whose INVITE got a 2xx response."), lambda sums: sums.answered),
    "minutes": _Measure(
        _("Minutes"), _("Sum of the measured durations of answered calls."), lambda sums: float(sums.minutes)
    ),
    "asr": _Measure(
        _("ASR"), _("Answer-seizure ratio: answered calls as a share of all calls."), lambda sums: sums.asr, True
    ),
    "ner": _Measure(
        _("NER"), _("Network effectiveness ratio: the share of calls that were delivered."), lambda sums: sums.ner, True
    ),
    "acd": _Measure(_("ACD"), _("Average call duration: the mean of all measured durations."), lambda sums: sums.acd),
    "not_measured": _Measure(
        _("Not measured"),
        _("Answered calls whose duration is unknown, or known only to be at least or at most a value."),
        lambda sums: sums.answered - sums.measured,
    ),
    "stop_missing": _Measure(
        _("No STOP"), _("Answered calls without a STOP."), lambda sums: max(0, sums.without_stop - sums.settled)
    ),
}
OF_LIST = ("calls", "minutes", "asr", "acd", "not_measured")


def totals(call_filter: CallFilter, calls: ListAddress, sums: Summed | None = None) -> list[Total]:
    """Return the figures of the matching calls; ``calls`` is the address of their list, ``sums`` is what is known."""
    sums = figures(call_filter) if sums is None else sums
    at_least = "≥ " if isinstance(sums, Figures) and sums.capped else ""
    earlier = Earlier(call_filter, sums)
    return [
        Total(
            name,
            MEASURES[name].label,
            ("" if MEASURES[name].is_rate else at_least) + _written(MEASURES[name].value(sums), name),
            MEASURES[name].meaning,
            earlier.of(name),
            _not_measured(call_filter, calls) if name == "not_measured" and sums.answered > sums.measured else None,
        )
        for name in OF_LIST
    ]


def _not_measured(call_filter: CallFilter, calls: ListAddress) -> ListAddress | None:
    asked = call_filter.form.cleaned_data
    if asked.get("outcome") or asked.get("duration_kind"):
        return None
    return calls.setting(outcome=[Outcome.ANSWERED.value], duration_kind=_NOT_MEASURED)


class Earlier:
    """The figures at earlier times, for comparison; none if one of them counts only some of the calls."""

    def __init__(self, call_filter: CallFilter, now: Summed) -> None:
        self._now = now
        self._then: list[tuple[Comparison, Figures]] = []
        if not (isinstance(now, Figures) and now.capped):
            found = [(earlier, figures(earlier.call_filter)) for earlier in comparisons(call_filter)]
            self._then = [(earlier, sums) for earlier, sums in found if sums.calls and not sums.capped]

    def of(self, name: str) -> list[EarlierValue]:
        """Return the earlier values of a figure."""
        measure = MEASURES.get(name)
        return list(self._values(name, measure)) if measure else []

    def _values(self, name: str, measure: _Measure) -> Iterator[EarlierValue]:
        for earlier, sums in self._then:
            then, now = measure.value(sums), measure.value(self._now)
            yield EarlierValue(
                earlier.label, earlier.short, _written(then, name), change(then, now, is_rate=measure.is_rate)
            )


def change(then: Value, now: Value, *, is_rate: bool) -> str:
    """Return the change of a figure: in percent, for rates in percentage points; empty if undefined."""
    if then is None or now is None:
        return ""
    before, after = (one.total_seconds() if isinstance(one, timedelta) else one for one in (then, now))
    if not is_rate and not before:
        return ""
    difference = (after - before) * 100 if is_rate else (after - before) * 100 / before
    if abs(difference) < 0.05:
        return "±0"
    sign = "+" if difference > 0 else "−"
    written = trimmed_decimal(abs(difference)) if abs(difference) < 100 else number(round(abs(difference)))
    unit = _("pp") if is_rate else "%"
    return f"{sign}{written}\u202f{unit}"


def _written(value: Value, name: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, timedelta):
        return clock(value)
    if MEASURES[name].is_rate:
        return percent(value)
    return minutes(value) if isinstance(value, float) else number(value)
