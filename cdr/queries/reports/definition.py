"""A report as its address defines it: what the calls are grouped by, the columns, the order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdr.display.wording import Text
from cdr.queries.conditions import LONGEST_TEXT, is_text
from cdr.queries.names import EXTRA
from cdr.queries.reports.dimensions import (
    DIGITS,
    MOST_DIGITS,
    PLAIN,
    PREFIXES,
    Dimension,
    extra_dimension,
    prefix_dimension,
)
from cdr.queries.reports.slots import Per
from cdr.queries.reports.sums import Sums

GROUP, PER, DIGITS_PARAMETER, FIGURES, SORT = "group", "per", "digits", "figures", "sort"
PARAMETERS = (GROUP, PER, DIGITS_PARAMETER, FIGURES, SORT)
"""The parameters of a report besides the conditions."""
MOST_DIMENSIONS = 2
TIME = "time"
"""The name of the column with the time."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A column with a sum or rate: its name in addresses and files, its heading, what it means, its value."""

    name: str
    label: Text
    meaning: Text
    value: Callable[[Sums, Sums], Any]


def _part(value: float, whole: float) -> float | None:
    return value / whole if whole else None


ALL_FIGURES: tuple[Figure, ...] = (
    Figure("calls", _("Calls"), _("Calls of the group."), lambda own, whole: own.calls),
    Figure("answered", _("Answered"), _("Calls whose INVITE got a 2xx response."), lambda own, whole: own.answered),
    Figure(
        "failed_attempts",
        _("Failed attempts"),
        _("Failed attempts of the calls; in a report by gateway, those at the gateway."),
        lambda own, whole: own.failed_attempts,
    ),
    Figure("asr", _("ASR"), _("Answer-seizure ratio: answered calls as a share of all calls."), lambda own, w: own.asr),
    Figure(
        "ner", _("NER"), _("Network effectiveness ratio: the share of calls that were delivered."), lambda o, w: o.ner
    ),
    Figure("acd", _("ACD"), _("Average call duration: the mean of the measured durations."), lambda own, w: own.acd),
    Figure("minutes", _("Minutes"), _("Sum of the measured durations of answered calls."), lambda own, w: own.minutes),
    Figure(
        "minutes_at_least",
        _("At least (min)"),
        _("Minutes of calls whose duration is known only to be at least this. Not in Minutes."),
        lambda own, whole: own.minutes_at_least,
    ),
    Figure(
        "minutes_at_most",
        _("At most (min)"),
        _("Minutes of calls whose duration is known only to be at most this. Not in Minutes."),
        lambda own, whole: own.minutes_at_most,
    ),
    Figure(
        "no_stop", _("No STOP"), _("Answered calls without a STOP; their minutes are unknown."), lambda o, w: o.no_stop
    ),
    Figure("share", _("Share"), _("Share of all calls of the report."), lambda own, w: _part(own.calls, w.calls)),
    Figure(
        "share_of_minutes",
        _("Share of minutes"),
        _("Share of all minutes of the report."),
        lambda own, whole: _part(own.minutes, whole.minutes),
    ),
)
FIGURE = {figure.name: figure for figure in ALL_FIGURES}
USUAL = ("calls", "answered", "asr", "ner", "acd", "minutes", "no_stop", "share")
USUAL_OF_GATEWAYS = ("calls", "answered", "failed_attempts", "asr", "ner", "acd", "minutes", "no_stop", "share")


@dataclass(frozen=True, slots=True)
class Report:
    """What a report shows: up to ``MOST_DIMENSIONS`` dimensions, a division of time, columns, an order.

    ``sort`` is a figure, a dimension or ``TIME``.
    """

    dimensions: tuple[Dimension, ...] = ()
    per: Per | None = None
    digits: int = DIGITS
    figures: tuple[Figure, ...] = ()
    sort: str = TIME
    descending: bool = False

    @property
    def by_gateway(self) -> bool:
        return PLAIN["gateway"] in self.dimensions

    @property
    def counts_attempts(self) -> bool:
        """Tell whether failed attempts must be counted, which takes long over many calls."""
        return self.by_gateway or FIGURE["failed_attempts"] in self.figures

    def place_of(self, name: str) -> int:
        """Return the place of a dimension among the keys of a row; -1 for none."""
        return next((place for place, one in enumerate(self.dimensions) if one.name == name), -1)


def report_of(data: QueryDict, *, masked: bool) -> tuple[Report, dict[str, list[str]]]:
    """Return the report that an address defines, and what is wrong with it by parameter.

    ``masked``: whether the reader sees numbers masked, and so may not group by parts of them.
    """
    errors: dict[str, list[str]] = {}

    def wrong(parameter: str, text: str) -> None:
        errors.setdefault(parameter, []).append(text)

    digits = _digits(data.get(DIGITS_PARAMETER, ""), wrong)
    names = list(dict.fromkeys(filter(None, data.getlist(GROUP))))
    if len(names) > MOST_DIMENSIONS:
        wrong(GROUP, gettext("Group by at most two fields."))
    dimensions = [one for name in names[:MOST_DIMENSIONS] if (one := _dimension(name, digits, masked, wrong))]
    per = _per(data.get(PER, ""), wrong)
    if not dimensions and per is None:
        per = Per.DAY
    by_gateway = PLAIN["gateway"] in dimensions
    usual = USUAL_OF_GATEWAYS if by_gateway else USUAL
    chosen = [name for name in data.get(FIGURES, "").split(",") if name]
    for name in chosen:
        if name not in FIGURE:
            wrong(
                FIGURES,
                gettext("“{name}” is unknown; use one of: {known}.").format(name=name[:40], known=", ".join(FIGURE)),
            )
    known = [name for name in dict.fromkeys(chosen) if name in FIGURE]
    figures = tuple(FIGURE[name] for name in known or usual)
    allowed = [*FIGURE, *(one.name for one in dimensions), *([TIME] if per else [])]
    sort, descending = _order(data.get(SORT, ""), allowed, per, wrong)
    return Report(tuple(dimensions), per, digits, figures, sort, descending), errors


Wrong = Callable[[str, str], None]


def _digits(text: str, wrong: Wrong) -> int:
    if not text:
        return DIGITS
    if text.isascii() and text.isdecimal() and len(text) < 3 and 1 <= int(text) <= MOST_DIGITS:
        return int(text)
    wrong(DIGITS_PARAMETER, gettext("Enter a number of digits from 1 to {most}.").format(most=MOST_DIGITS))
    return DIGITS


def _dimension(name: str, digits: int, masked: bool, wrong: Wrong) -> Dimension | None:
    if name in PREFIXES:
        if not masked:
            return prefix_dimension(name, digits)
        wrong(GROUP, gettext("Numbers are masked for your account: you cannot group by prefix."))
    elif name in PLAIN:
        return PLAIN[name]
    elif name.startswith(EXTRA) and name != EXTRA and len(name) <= LONGEST_TEXT and is_text(name) and "\0" not in name:
        return extra_dimension(name.removeprefix(EXTRA))
    else:
        known = ", ".join([*PLAIN, *PREFIXES, f"{EXTRA}LABEL"])
        wrong(GROUP, gettext("“{name}” is unknown; use one of: {known}.").format(name=name[:40], known=known))
    return None


def _per(text: str, wrong: Wrong) -> Per | None:
    if not text:
        return None
    if text in set(Per):
        return Per(text)
    wrong(PER, gettext("“{name}” is unknown; use one of: {known}.").format(name=text[:40], known=", ".join(Per)))
    return None


def _order(text: str, allowed: Iterable[str], per: Per | None, wrong: Wrong) -> tuple[str, bool]:
    """Return the column to sort by; time runs forward by itself, and most calls come first."""
    if not text:
        return (TIME, False) if per else ("calls", True)
    name = text.removeprefix("-")
    if name in set(allowed):
        return name, text.startswith("-")
    known = ", ".join(allowed)
    wrong(SORT, gettext("“{name}” is unknown; use one of: {known}.").format(name=name[:40], known=known))
    return (TIME, False) if per else ("calls", True)
