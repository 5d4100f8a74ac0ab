"""The original record of an event on screen: complete, harmless, with its fields marked."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.display.original_record import raw_input

LINE = b"ACC: transaction answered: timestamp=1;method=INVITE;call_id=c@h;code=200;reason=OK"
RADIUS = bytes([4, 7, 0, 29]) + bytes(16) + bytes([1, 9]) + b"alice@h"
"""An Accounting-Request (RFC 2866) with the attribute User-Name."""


def body(markup: str) -> str:
    """Return what the ``pre`` element contains."""
    found = re.fullmatch(r'<pre class="raw" dir="ltr" tabindex="0">(.*)</pre>', markup, re.DOTALL)
    assert found
    return found[1]


def text_of(markup: str) -> str:
    return unescape(re.sub("<[^>]*>", "", body(markup)))


def fields_of(markup: str) -> list[tuple[str, str]]:
    """Return label and text of each marked field."""
    marks = re.findall('<mark class="field-mark" title="([^"]*)">(.*?)</mark>', markup, re.DOTALL)
    return [(unescape(label), unescape(re.sub("<[^>]*>", "", value))) for label, value in marks]


def test_a_log_line_is_shown_as_received() -> None:
    assert text_of(raw_input(LINE)) == LINE.decode()


def test_each_field_of_a_log_line_is_marked_with_its_label() -> None:
    fields = [("method", "INVITE"), ("call_id", "c@h"), ("code", "200")]
    assert fields_of(raw_input(LINE, fields)) == fields


def test_marks_change_no_text() -> None:
    assert text_of(raw_input(LINE, [("method", "INVITE"), ("reason", "OK")])) == LINE.decode()


def test_a_field_that_is_not_in_the_record_is_not_marked() -> None:
    assert fields_of(raw_input(LINE, [("method", "BYE")])) == []


def test_markup_in_a_record_is_text() -> None:
    assert body(raw_input(b"ua=<script>alert(1)</script>")) == "ua=&lt;script&gt;alert(1)&lt;/script&gt;"


def test_markup_in_a_label_is_text() -> None:
    shown = raw_input(b'"><b>=value', [('"><b>', "value")])
    assert 'title="&quot;&gt;&lt;b&gt;"' in shown
    assert "<b>" not in shown


def test_invisible_characters_are_marked_and_line_breaks_stay() -> None:
    assert text_of(raw_input("method=INVITE\u202e\nnext".encode())) == "method=INVITEU+202E\\n\nnext"


def test_a_value_with_a_byte_that_is_no_utf_8_is_marked() -> None:
    shown = raw_input(b"method=INVITE;ua=caf\xe9;code=200", [("ua", r"caf\xe9"), ("code", "200")])
    assert fields_of(shown) == [("ua", r"caf\xe9"), ("code", "200")]


def test_a_value_with_a_null_byte_is_marked() -> None:
    shown = raw_input(b"method=INVITE;ua=a\x00b;code=200", [("ua", r"a\x00b"), ("code", "200")])
    assert fields_of(shown) == [("ua", r"a\x00b"), ("code", "200")]


def test_a_packet_is_a_hex_dump_with_offsets() -> None:
    first, second = text_of(raw_input(RADIUS)).splitlines()
    assert first == "0000  04 07 00 1d" + " 00" * 12 + "  ...." + "." * 12
    assert second.startswith("0010  00 00 00 00 01 09 61 6c 69 63 65 40 68 ")
    assert second.endswith("  ......alice@h")


def test_the_columns_of_a_short_line_of_a_dump_are_aligned() -> None:
    first, second = text_of(raw_input(RADIUS)).splitlines()
    assert first.index("." * 16) == second.index("......alice@h")


def test_a_field_of_a_packet_is_marked_in_bytes_and_in_text() -> None:
    marks = fields_of(raw_input(RADIUS, [("User-Name", "alice@h")]))
    assert marks == [("User-Name", b"alice@h".hex(" ")), ("User-Name", "alice@h")]


def test_a_field_across_two_lines_of_a_dump_is_marked_in_both() -> None:
    packet = bytes([4, 7, 0, 29, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9]) + b"alice@h"
    marks = fields_of(raw_input(packet, [("User-Name", "alice@h")]))
    assert [text for _label, text in marks] == ["61 6c", "al", "69 63 65 40 68", "ice@h"]


@pytest.mark.parametrize(("hidden", "note"), [(1, "… and 1 more byte"), (7, "… and 7 more bytes")])
def test_a_long_record_is_cut_and_says_by_how_much(hidden: int, note: str) -> None:
    shown = text_of(raw_input(b"x" * (64 * 1024 + hidden)))
    assert shown == "x" * 64 * 1024 + note


def test_a_record_of_the_greatest_length_is_shown_whole() -> None:
    assert text_of(raw_input(b"x" * 64 * 1024)) == "x" * 64 * 1024


def test_a_record_in_a_view_of_memory_is_shown_like_bytes() -> None:
    assert raw_input(memoryview(LINE)) == raw_input(LINE)


def test_an_empty_record_is_shown_empty() -> None:
    assert text_of(raw_input(b"")) == ""


FIELDS = st.lists(st.tuples(st.text(max_size=6), st.text(max_size=8)), max_size=4)


@given(st.binary(max_size=80), FIELDS)
def test_marks_change_the_text_of_no_record(raw: bytes, fields: list[tuple[str, str]]) -> None:
    assert text_of(raw_input(raw, fields)) == text_of(raw_input(raw))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), FIELDS)
def test_no_record_adds_other_markup(text: str, fields: list[tuple[str, str]]) -> None:
    markup = raw_input(f"<b>{text}</pre>".encode(), [("<i>", text), *fields])
    assert set(re.findall("<([a-z]+)", markup)) <= {"pre", "mark", "span"}
    assert markup.count("</pre>") == 1


@given(st.lists(st.sampled_from(["a", "é", "7", " ", "\udce9", "\0"]), min_size=1, max_size=12))
def test_every_value_after_its_label_is_marked_whatever_its_bytes(characters: list[str]) -> None:
    value = "".join(characters)
    raw = b"method=INVITE;long_label=" + value.encode("utf-8", "surrogateescape") + b";code=200;reason=OK and more"
    parsed = value.replace("\udce9", r"\xe9").replace("\0", r"\x00")
    marks = fields_of(raw_input(raw, [("long_label", parsed), ("code", "200")]))
    assert marks == [("long_label", parsed), ("code", "200")]
