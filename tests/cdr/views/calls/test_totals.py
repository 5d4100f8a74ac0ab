"""The figures above the list, with those of earlier times; links between overview, list and report."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from cdr.views.calls.totals import change
from tests.factories import make_call

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("then", "now", "is_rate", "written"),
    [
        (100, 112, False, "+12\u202f%"),
        (100, 50.0, False, "−50\u202f%"),
        (3, 900, False, "+29\u202f900\u202f%"),
        (0, 5, False, ""),
        (None, 5, False, ""),
        (7, 7, False, "±0"),
        (0.5, 0.62, True, "+12\u202fpp"),
        (timedelta(seconds=60), timedelta(seconds=30), False, "−50\u202f%"),
    ],
)
def test_a_change_is_written_in_percent_or_points(then: float, now: float, is_rate: bool, written: str) -> None:
    assert change(then, now, is_rate=is_rate) == written


def make_two_days() -> None:
    """One call of two minutes a day ago, and today two of one minute, one without a STOP."""
    now = timezone.now()
    make_call(started_at=now - timedelta(hours=30), duration=timedelta(minutes=2))
    for _ in range(2):
        make_call(started_at=now - timedelta(hours=1), duration=timedelta(minutes=1))
    make_call(
        started_at=now - timedelta(hours=2), state="stop_missing", duration=None, duration_kind="unknown", ended_at=None
    )


def test_the_list_has_the_figures_of_its_filter_and_of_the_time_before(analyst: Client) -> None:
    make_two_days()
    totals = analyst.get("/calls/histogram/?period=24h").context["totals"]
    assert {one.name: one.value for one in totals} == {
        "calls": "3",
        "minutes": "2.0",
        "asr": "100\u202f%",
        "acd": "1:00",
        "not_measured": "1",
    }
    before = {one.name: [(earlier.value, earlier.change) for earlier in one.earlier] for one in totals}
    assert before["calls"] == [("1", "+200\u202f%")]
    assert before["acd"] == [("2:00", "−50\u202f%")]
    not_measured = totals[-1].address
    assert len(analyst.get(str(not_measured)).context["rows"]) == 1


def test_a_figure_of_the_overview_stands_beside_the_earlier_ones(analyst: Client) -> None:
    make_two_days()
    page = analyst.get("/?period=24h").content.decode()
    assert "before: 1" in page
    assert "+200\u202f%" in page


def test_the_chart_shows_the_previous_period_as_a_line(analyst: Client) -> None:
    make_two_days()
    assert 'class="before"' in analyst.get("/calls/histogram/?period=24h").content.decode()
    assert 'class="before"' not in analyst.get("/calls/histogram/?period=all").content.decode()


def test_the_trends_of_a_range_are_three_lines(analyst: Client) -> None:
    make_two_days()
    trends = analyst.get("/trends/?period=7d").context["trends"]
    assert [(one.name, one.value) for one in trends] == [("asr", "100\u202f%"), ("ner", "100\u202f%"), ("acd", "1:20")]
    assert analyst.get("/trends/?period=1h").context["trends"] == []


@pytest.mark.parametrize("page", ["/?", "/calls/?", "/reports/?"])
def test_overview_list_and_report_lead_to_each_other_with_the_same_filter(analyst: Client, page: str) -> None:
    make_two_days()
    shown = analyst.get(f"{page}period=24h&outcome=answered").content.decode()
    for other in {"/?", "/calls/?", "/reports/?"} - {page}:
        assert f'href="{other}period=24h&amp;outcome=answered"' in shown
