"""Which tables are read where the proxy begins a new one each period."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.receivers.table_periods import MOST, names


@pytest.mark.parametrize(
    ("pattern", "now", "found"),
    [
        ("acc_%Y_%m", datetime(2026, 3, 31, 12), ["acc_2026_02", "acc_2026_03"]),
        ("acc_%Y_%m", datetime(2026, 1, 1), ["acc_2025_12", "acc_2026_01"]),
        ("acc_%Y", datetime(2026, 12, 31, 23), ["acc_2025", "acc_2026"]),
        ("acc_%Y%m%d", datetime(2026, 3, 1, 5), ["acc_20260228", "acc_20260301"]),
        ("acc_%Y%m%d%H", datetime(2026, 3, 1), ["acc_2026022823", "acc_2026030100"]),
        ("acc_%%", datetime(2026, 3, 1), ["acc_%"]),
    ],
)
def test_the_period_before_is_still_looked_at(pattern: str, now: datetime, found: list[str]) -> None:
    assert names(pattern, now, set()) == found


def test_after_a_long_rest_the_periods_between_are_read() -> None:
    now = datetime(2026, 11, 15)

    assert names("acc_%m", now, {"acc_08"}) == ["acc_08", "acc_09", "acc_10", "acc_11"]


def test_after_an_endless_rest_reading_ends_somewhere() -> None:
    assert len(names("acc_%Y%m%d", datetime(2026, 11, 15), {"acc_20010101"})) == MOST


@given(
    st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)),
    st.sampled_from(["%Y", "%Y_%m", "%Y%m%d", "%Y%m%d%H", "%G_%V"]),
    st.timedeltas(timedelta(0), timedelta(hours=1)),
)
def test_no_period_is_skipped_however_the_clock_runs_on(pattern_at: datetime, pattern: str, on: timedelta) -> None:
    earlier = names(pattern, pattern_at, set())

    assert earlier[-1] in names(pattern, pattern_at + on, set(earlier))
