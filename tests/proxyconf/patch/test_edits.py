"""Edits of a configuration's text change the lines concerned and no others."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.patch.edits import Edit, Editor, apply_edits


class Place(NamedTuple):
    start: int
    end: int


def place(text: str, part: str) -> Place:
    start = text.index(part)
    return Place(start, start + len(part))


def test_a_replaced_part_leaves_the_rest() -> None:
    editor = Editor("a 1 b")
    editor.replace(2, 3, "22")
    assert editor.result() == "a 22 b"


def test_a_statement_alone_in_its_line_is_removed_with_the_line() -> None:
    text = "a;\n  b;  # why\nc;\n"
    editor = Editor(text)
    editor.remove(place(text, "b;"))
    assert editor.result() == "a;\nc;\n"


def test_a_statement_that_shares_its_line_is_removed_alone() -> None:
    text = "a; b; c;\n"
    editor = Editor(text)
    editor.remove(place(text, "b;"))
    assert editor.result() == "a;  c;\n"


def test_a_line_is_added_after_a_statement_with_its_indentation() -> None:
    text = "route {\n    a;  # why\n}\n"
    editor = Editor(text)
    editor.add_line_after(place(text, "a;"), "b;")
    assert editor.result() == "route {\n    a;  # why\n    b;\n}\n"


def test_a_line_after_the_last_one_without_line_end_gets_none_either() -> None:
    editor = Editor("a;")
    editor.add_line_after(Place(0, 2), "b;")
    assert editor.result() == "a;\nb;"


def test_a_line_is_added_in_the_same_line_where_another_statement_follows() -> None:
    text = "a; c;\n"
    editor = Editor(text)
    editor.add_line_after(place(text, "a;"), "b;")
    assert editor.result() == "a; b; c;\n"


def test_a_line_is_added_before_a_statement() -> None:
    text = "x;\n  a;\n"
    editor = Editor(text)
    editor.add_line_before(place(text, "a;"), "b;")
    assert editor.result() == "x;\n  b;\n  a;\n"


def test_a_line_is_added_before_a_statement_that_follows_another_in_its_line() -> None:
    text = "x; a;\n"
    editor = Editor(text)
    editor.add_line_before(place(text, "a;"), "b;")
    assert editor.result() == "x; b; a;\n"


def test_lines_are_added_at_the_beginning_of_a_block() -> None:
    text = "route {\n    a;\n}\n"
    editor = Editor(text)
    editor.add_in_block(text.index("{") + 1, ["b;", "c;"])
    assert editor.result() == "route {\n    b;\n    c;\n    a;\n}\n"


def test_a_block_in_one_line_stays_in_one_line() -> None:
    editor = Editor("route { a; }")
    editor.add_in_block(7, ["b;"])
    assert editor.result() == "route { b; a; }"


def test_windows_line_ends_are_kept() -> None:
    text = "a;\r\nc;\r\n"
    editor = Editor(text)
    editor.add_line_after(place(text, "a;"), "b;")
    assert editor.result() == "a;\r\nb;\r\nc;\r\n"


def test_of_two_overlapping_edits_the_first_one_counts_and_the_other_is_a_problem() -> None:
    editor = Editor("abcdef")
    editor.replace(1, 4, "X")
    editor.replace(3, 5, "Y")
    assert editor.result() == "aXef"
    assert editor.problems == ["two changes meet in the same place; this one is left out: Y"]


def test_edits_that_only_touch_are_both_made() -> None:
    editor = Editor("abcd")
    editor.replace(0, 2, "X")
    editor.replace(2, 4, "Y")
    assert editor.result() == "XY"
    assert editor.problems == []


def test_several_lines_at_one_place_stay_in_the_order_in_which_they_were_added() -> None:
    text = "a;\n"
    editor = Editor(text)
    editor.add_line_after(Place(0, 2), "b;")
    editor.add_line_after(Place(0, 2), "c;")
    assert editor.result() == "a;\nb;\nc;\n"


@pytest.mark.parametrize(("word", "stands"), [("setflag", True), ("FLAG", False)])
def test_a_statement_from_a_macro_does_not_stand_in_the_text(word: str, stands: bool) -> None:
    assert Editor("setflag(1);").stands_in_text(Place(0, 11), word) == stands


@given(st.text("ab\n", max_size=20), st.data())
def test_edits_change_nothing_outside_of_their_places(text: str, data: st.DataObject) -> None:
    bounds = sorted(data.draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=2)))
    edit = Edit(bounds[0], bounds[1], data.draw(st.text("XY", max_size=3)))
    result = apply_edits(text, [edit])
    assert result.startswith(text[: edit.start])
    assert result.endswith(text[edit.end :])
    assert len(result) == len(text) - (edit.end - edit.start) + len(edit.text)
