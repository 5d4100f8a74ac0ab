"""The columns of a table file, and the values of a record in them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cdr.export.columns import COLUMNS, LONGEST_NAME, MOMENTS, SECONDS, WHOLE_NUMBERS, is_column, local, row_of
from cdr.export.record import FIELDS


def record(**members: Any) -> dict[str, Any]:
    """A record in which each member has its own name as its value."""
    return {**dict.fromkeys(FIELDS), **{name: name for name in FIELDS}, "extra": {}, **members}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_column_is_valid_by_its_name(name: str) -> None:
    assert is_column(name)


@pytest.mark.parametrize("name", ["extra.User-Agent", "extra.a b", "extra.é", "extra." + "x" * (LONGEST_NAME - 6)])
def test_any_label_of_an_extra_field_is_a_column(name: str) -> None:
    assert is_column(name)


@pytest.mark.parametrize(
    "name", ["", "extra.", "Extra.a", "settlement", "nothing", "extra." + "x" * (LONGEST_NAME - 5)]
)
def test_anything_else_is_no_column(name: str) -> None:
    assert not is_column(name)


def test_columns_with_a_type_are_columns() -> None:
    assert set(COLUMNS) >= MOMENTS | SECONDS | WHOLE_NUMBERS


def test_the_values_come_in_the_order_of_the_columns() -> None:
    assert row_of(["call_id", "caller", "id"])(record()) == ["call_id", "caller", "id"]


def test_an_extra_field_is_the_value_of_its_label() -> None:
    assert row_of(["extra.a", "extra.b"])(record(extra={"a": "1"})) == ["1", None]


def test_the_parts_of_a_settlement_have_columns_of_their_own() -> None:
    settlement = {"ended_at": "2026-05-01T12:00:00Z", "duration": 60, "reason": "lost", "by": "ann", "at": "2026-05-02"}
    columns = ["settled_ended_at", "settled_duration", "settled_reason", "settled_by", "settled_at"]
    assert row_of(columns)(record(settlement=settlement)) == list(settlement.values())


def test_a_call_that_was_not_settled_has_none_of_them() -> None:
    assert row_of(["settled_reason", "settled_at"])(record()) == [None, None]


def test_a_time_is_the_same_moment_in_another_zone() -> None:
    assert local("2026-05-01T12:00:00Z", ZoneInfo("Asia/Kathmandu")).isoformat() == "2026-05-01T17:45:00+05:45"
