"""What is left to read of a table whose rows may be committed late."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from cdr.receivers.row_cursor import IdGap, RowCursor


def test_rows_in_order_leave_no_gap() -> None:
    assert RowCursor().moved([1, 2, 3], read_at=100) == RowCursor(3)


def test_missing_ids_are_remembered_as_ranges_with_the_time() -> None:
    assert RowCursor(3).moved([5, 6, 9], read_at=100) == RowCursor(9, (IdGap(4, 4, 100), IdGap(7, 8, 100)))


def test_a_row_that_came_late_splits_its_gap() -> None:
    cursor = RowCursor(20, (IdGap(5, 9, 100),))

    assert cursor.moved([7], read_at=200) == RowCursor(20, (IdGap(5, 6, 100), IdGap(8, 9, 100)))


def test_a_gap_that_is_filled_is_gone() -> None:
    assert RowCursor(20, (IdGap(5, 6, 100),)).moved([5, 6], read_at=200) == RowCursor(20)


def test_a_gap_is_given_up_when_it_is_too_old() -> None:
    cursor = RowCursor(20, (IdGap(5, 6, 100), IdGap(8, 8, 200)))

    assert cursor.without_older(101, most=10) == RowCursor(20, (IdGap(8, 8, 200),))


def test_of_too_many_gaps_the_newest_are_kept() -> None:
    cursor = RowCursor(20, (IdGap(5, 6, 100), IdGap(8, 8, 200)))

    assert cursor.without_older(0, most=1) == RowCursor(20, (IdGap(8, 8, 200),))


def test_a_cursor_survives_as_json() -> None:
    cursor = RowCursor(20, (IdGap(5, 6, 100), IdGap(8, 8, 200)))

    assert RowCursor.from_json(json.loads(json.dumps(cursor.to_json()))) == cursor
    assert RowCursor.from_json({}) == RowCursor()


@given(st.lists(st.sets(st.integers(1, 40))))
def test_whatever_was_not_read_is_above_or_in_a_gap(portions: list[set[int]]) -> None:
    cursor, read = RowCursor(), set[int]()
    for at, portion in enumerate(portions):
        cursor = cursor.moved(portion - read, at)
        read |= portion

    missing = {row for gap in cursor.gaps for row in range(gap.first, gap.last + 1)}
    assert missing == set(range(1, cursor.high + 1)) - read
    assert cursor.high == max(read, default=0)
