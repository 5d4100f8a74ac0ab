from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cdr.display.field_spans import locate_fields

CORE = [("method", "INVITE"), ("from_tag", "a1"), ("call_id", "c@h"), ("code", "200"), ("reason", "OK")]


def marked(text: str, *fields: tuple[str, str]) -> list[tuple[str, str, str]]:
    """Each field with what stands right before it."""
    return [(span.label, text[span.start : span.end], text[: span.start]) for span in locate_fields(text, fields)]


def test_the_values_of_a_log_line_stand_after_their_labels() -> None:
    line = "ACC: transaction answered: timestamp=1;method=INVITE;from_tag=a1;call_id=c@h;code=200;reason=OK;ua=x;y"
    assert [(label, value) for label, value, _ in marked(line, *CORE, ("ua", "x;y"))] == [*CORE, ("ua", "x;y")]


def test_fields_of_json_are_found_by_their_names_in_any_order() -> None:
    text = '{"sip_code": "200", "callid": "c@h", "method": "INVITE", "from_tag": "a1", "sip_reason": "OK", "time": 7}'
    found = {label: before[-12:] for label, _, before in marked(text, *CORE, ("time", "7"))}
    assert found["code"].endswith('sip_code": "')
    assert set(found) == {label for label, _ in CORE} | {"time"}


def test_values_of_a_row_without_labels_are_found_in_their_order() -> None:
    assert [value for _, value, _ in marked("7,INVITE,a1,c@h,200,OK,2026", *CORE)] == [value for _, value in CORE]


def test_a_value_that_forges_fields_leaves_the_true_ones_marked() -> None:
    line = "method=INVITE;call_id=c@h;ua=x;call_id=c@h"
    fields = [("method", "INVITE"), ("call_id", "c@h"), ("ua", "x;call_id=c@h")]
    assert [before for *_, before in marked(line, *fields)] == [
        "method=",
        "method=INVITE;call_id=",
        "method=INVITE;call_id=c@h;ua=",
    ]


def test_a_value_in_json_that_forges_a_log_line_changes_nothing() -> None:
    text = '{"method":"BYE","ua":"x; method=BYE;"}'
    assert [before for *_, before in marked(text, ("method", "BYE"))] == ['{"method":"']


def test_a_part_of_a_longer_value_is_not_marked() -> None:
    assert marked("callid=abc;to_tag=200100", ("code", "200"), ("x", "bc")) == []


def test_empty_values_and_single_letters_without_label_are_not_marked() -> None:
    assert marked("a=;b;c", ("a", ""), ("z", "b")) == []


@given(st.text(max_size=80), st.lists(st.tuples(st.text(max_size=5), st.text(max_size=8)), max_size=6))
def test_marks_hold_the_value_in_order_and_never_overlap(text: str, fields: list[tuple[str, str]]) -> None:
    spans = locate_fields(text, fields)
    for span in spans:
        assert (span.label, text[span.start : span.end]) in fields
    assert all(one.end <= other.start for one, other in pairwise(spans))
