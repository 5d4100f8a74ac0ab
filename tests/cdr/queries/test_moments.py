"""Dates and times in conditions: what people and scripts write becomes UTC, and comes back in their zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from cdr.queries.moments import EARLIEST, LATEST, MomentField, MomentInput, PeriodField, parse_moment
from cdr.queries.periods import LABELS

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from([ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns")])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-31", datetime(2026, 5, 30, 22, tzinfo=UTC)),
        ("2026-05-31T14:30", datetime(2026, 5, 31, 12, 30, tzinfo=UTC)),
        ("2026-05-31 14:30:15", datetime(2026, 5, 31, 12, 30, 15, tzinfo=UTC)),
        ("2026-05-31T14:30:00Z", datetime(2026, 5, 31, 14, 30, tzinfo=UTC)),
        ("2026-05-31T14:30:00-05:00", datetime(2026, 5, 31, 19, 30, tzinfo=UTC)),
        ("2026-12-01T14:30:00.25", datetime(2026, 12, 1, 13, 30, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_a_time_without_offset_is_in_the_current_zone(text: str, moment: datetime) -> None:
    with timezone.override(BERLIN):
        assert parse_moment(text) == moment


@pytest.mark.parametrize(("day", "hours"), [("2026-05-31", 24), ("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_has_the_hours_of_the_current_zone(day: str, hours: int) -> None:
    with timezone.override(BERLIN):
        assert parse_moment(day, end_of_day=True) - parse_moment(day) == timedelta(hours=hours)


def test_the_end_of_day_does_not_change_a_time() -> None:
    assert parse_moment("2026-05-31T00:00Z", end_of_day=True) == datetime(2026, 5, 31, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026", "2026-02-30", "2026-05-31T25:00", "31.05.2026", "1780228800"])
def test_text_that_is_no_date_or_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        parse_moment(text)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("0001-01-01", EARLIEST),
        ("0001-01-01T00:00+14:00", EARLIEST),
        ("9999-12-31", LATEST),
        ("9999-12-31T23:59:59-12:00", LATEST),
    ],
)
def test_a_time_outside_the_range_of_calls_becomes_its_bound(text: str, bound: datetime) -> None:
    assert parse_moment(text) == bound


@given(st.datetimes(), ZONES, st.booleans())
def test_every_date_and_time_can_be_compared_with_calls(moment: datetime, zone: ZoneInfo, end_of_day: bool) -> None:
    room = timedelta(days=2)
    with timezone.override(zone):
        for text in (moment.isoformat(), f"{moment.date()}"):
            assert EARLIEST - room <= parse_moment(text, end_of_day=end_of_day) <= LATEST + room


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), ZONES)
def test_what_the_control_shows_is_read_back_as_the_same_moment(value: datetime, zone: ZoneInfo) -> None:
    moment = value.replace(microsecond=value.microsecond // 1000 * 1000, tzinfo=UTC)
    with timezone.override(zone):
        local = moment.astimezone(zone)
        shown = MomentInput().format_value(moment.isoformat())
        assert shown is not None
        if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
            assert parse_moment(shown) == moment


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-05-31T12:00:00Z", "2026-05-31T14:00"),
        ("2026-05-31T12:00:07Z", "2026-05-31T14:00:07"),
        ("2026-05-31T12:00:07.123456Z", "2026-05-31T14:00:07.123"),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_the_control_has_no_more_digits_than_the_moment_needs(value: str | None, shown: str | None) -> None:
    with timezone.override(BERLIN):
        assert MomentInput().format_value(value) == shown


def test_the_control_of_the_end_shows_the_end_of_a_day() -> None:
    assert MomentInput(end_of_day=True).format_value("2026-05-31") == "2026-06-01T00:00"


@pytest.mark.parametrize(("value", "step"), [("2026-05-31T12:00Z", None), ("2026-05-31T12:00:07Z", "any")])
def test_the_browser_accepts_seconds_where_the_control_shows_them(value: str, step: str | None) -> None:
    assert MomentInput().get_context("since", value, {})["widget"]["attrs"].get("step") == step


def test_an_empty_moment_is_none() -> None:
    assert MomentField(required=False).clean("") is None


@pytest.mark.parametrize("text", ["soon", "2026-02-30", "2026-05-31T14:30:00+99:00"])
def test_the_error_of_a_moment_quotes_the_text(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        MomentField().clean(text)
    assert caught.value.messages[0].startswith(f"{text!r} is not a valid date or time")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=70))
def test_any_text_is_a_moment_or_a_validation_error(text: str) -> None:
    try:
        moment = MomentField(required=False).clean(text)
    except ValidationError:
        return
    assert moment is None or moment.tzinfo is UTC


@pytest.mark.parametrize("period", [*LABELS, "5m", "2h", "3d", "9999w"])
def test_a_period_is_a_preset_or_a_span(period: str) -> None:
    assert PeriodField(choices=list(LABELS.items())).clean(period) == period


@pytest.mark.parametrize("period", ["tomorrow", "0m", "5y", "-5m", "12345m"])
def test_another_period_is_refused(period: str) -> None:
    with pytest.raises(forms.ValidationError):
        PeriodField(choices=list(LABELS.items())).clean(period)
