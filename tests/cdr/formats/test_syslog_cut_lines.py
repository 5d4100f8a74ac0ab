"""Log lines that were cut: what is rejected, and what is left out."""

from __future__ import annotations

import pytest

from cdr.formats.reading import IGNORED, Reading
from cdr.formats.syslog import parse_line
from proxyconf.vocabulary.products import Product, Version
from tests.cdr.formats.log_lines import acc_line, acc_text, event, reading, rejection
from tests.cdr.formats.syslog_layouts import EXTRAS, LEGS, legs

# Cut lines


@pytest.mark.parametrize("length", range(len(acc_text().partition(b";reason=")[0])))
def test_a_line_that_is_cut_before_its_reason_is_rejected_with_advice(length: int) -> None:
    text = acc_text()[:length]
    found = parse_line(text, reading((), ()))

    if text.startswith(b"ACC: transaction answered: "):
        assert "cut" in rejection(text).reason
    else:
        assert found is IGNORED


def test_a_rejection_says_what_is_missing_and_holds_the_line() -> None:
    line = acc_line()[: acc_line().index(b";call_id")]
    found = rejection(line)

    assert found.raw == line
    assert 'no ";call_id=" after "1338SIPpTag011"' in found.reason
    assert f"{len(line)} bytes" in found.reason


def test_a_code_that_is_no_number_is_rejected() -> None:
    assert "code=" in rejection(acc_line(code=b"abc")).reason


def test_missing_labels_at_the_end_tell_a_cut_and_the_last_value_is_left_out() -> None:
    found = event(acc_line((b"ua", b"A/1"), (b"uuid", b"ed6c")), reading(EXTRAS, ()))

    assert (found.extra, found.flags) == ((("ua", "A/1"),), ("truncated",))


def test_a_cut_within_the_reason_keeps_it() -> None:
    found = event(acc_line(reason=b"Busy He"), reading(EXTRAS, LEGS))

    assert (found.reason, found.extra, found.legs, found.flags) == ("Busy He", (), (), ("truncated",))


@pytest.mark.parametrize("begun", [b";", b";u", b";ua"])
def test_a_cut_within_the_first_label_leaves_nothing_of_it_in_the_reason(begun: bytes) -> None:
    found = event(acc_line(reason=b"Busy Here" + begun), reading(EXTRAS, LEGS))

    assert (found.reason, found.flags) == ("Busy Here", ("truncated",))


def test_a_cut_within_the_legs_leaves_out_the_last_value() -> None:
    line = acc_line(*legs((b"bob", b"carol", b"1"))) + b";src=alice;dst=bo"
    found = event(line, reading((), LEGS))

    assert found.legs == ((("src", "bob"), ("dst", "carol"), ("type", "1")), (("src", "alice"),))
    assert found.flags == ("truncated",)


def test_a_cut_within_the_first_value_of_a_leg_leaves_out_the_leg() -> None:
    found = event(acc_line((b"src", b"ali")), reading((), LEGS))

    assert (found.legs, found.flags) == ((), ("truncated",))


def test_opensips_writes_no_extras_for_the_script_and_that_is_no_cut() -> None:
    told = Reading(layout=reading(EXTRAS, LEGS).layout, product=Product.OPENSIPS, version=Version(3, 6))

    assert event(acc_line(prefix=b"request accounted"), told).flags == ()
