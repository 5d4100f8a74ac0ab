"""What the search box recognises in a word: URIs, Call-IDs in brackets, periods."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.queries.periods import LABELS, span
from cdr.queries.search_shapes import call_id_in_brackets, period_at, user_of_uri

USERS = st.text(string.ascii_letters + string.digits + "+-_.!~*'()", min_size=1)


@pytest.mark.parametrize(
    ("word", "user"),
    [
        ("sip:alice@example.net", "alice"),
        ("<sips:alice@example.net>", "alice"),
        ("SIP:Alice@example.net", "Alice"),
        ("sip:alice:secret@example.net:5060", "alice"),
        ("sip:+4930123;phone-context=x@example.net;user=phone", ""),
        ("sip:+4930123@example.net;user=phone", "+4930123"),
        ("tel:+4930123", "+4930123"),
        ("<TEL:+4930123;phone-context=example.net>", "+4930123"),
    ],
)
def test_the_user_of_a_uri_is_what_stands_before_the_host(word: str, user: str) -> None:
    assert user_of_uri(word) == user


@pytest.mark.parametrize("word", ["sip:example.net", "alice@example.net", "http:alice@example.net", "sip:", "tel:", ""])
def test_a_word_that_is_no_uri_with_a_user_has_none(word: str) -> None:
    assert user_of_uri(word) == ""


def test_escapes_in_a_user_are_resolved() -> None:
    assert user_of_uri("sip:%2B49%2a30@example.net") == "+49*30"


def test_an_escaped_control_character_stays_escaped() -> None:
    assert user_of_uri("sip:a%00%0Ab@example.net") == "a%00%0Ab"


@given(USERS, st.sampled_from(["sip:{}@host", "<sip:{}@host>", "sips:{}@[2001:db8::1];lr", "tel:{}", "<tel:{}>"]))
def test_every_user_without_escapes_is_given_back(user: str, uri: str) -> None:
    assert user_of_uri(uri.format(user)) == user


def test_a_call_id_in_brackets_is_what_stands_between_them() -> None:
    assert call_id_in_brackets("<a84b4c76e66710@pc33>") == "a84b4c76e66710@pc33"


@pytest.mark.parametrize("word", ["abc@host", "<>", "<a b>", "<<a>>", "<a", "a>", "<a>b", ""])
def test_other_words_are_no_call_id_in_brackets(word: str) -> None:
    assert call_id_in_brackets(word) == ""


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("5m", "5m"),
        ("90minutes", "90m"),
        ("2h", "2h"),
        ("last 3 days", "3d"),
        ("last 2 hours", "2h"),
        ("LAST 2 Weeks", "2w"),
        ("last hour", "1h"),
        ("today", "today"),
        ("Yesterday", "yesterday"),
        ("this month", "this_month"),
        ("last \t month", "last_month"),
    ],
)
def test_a_period_is_known_by_its_name(text: str, period: str) -> None:
    assert period_at(text, 0) == (period, len(text))


@pytest.mark.parametrize(
    "text", ["5", "5 min", "3 days", "0m", "05m", "12345m", "5x", "5months", "last", "last 0 hours", "todayish", "m"]
)
def test_other_text_is_no_period(text: str) -> None:
    assert period_at(text, 0) is None


def test_a_period_is_read_from_its_position_and_ends_before_the_next_word() -> None:
    text = "state:ongoing last 2 hours 4930123"
    assert period_at(text, 14) == ("2h", text.index(" 4930123"))
    assert period_at(text, 0) is None


@given(st.integers(1, 9999), st.sampled_from(["m", "minutes", "h", "hour", "d", "days", "w", "week"]), st.booleans())
def test_every_span_in_words_is_a_period_that_conditions_accept(count: int, unit: str, last: bool) -> None:
    recognised = period_at(f"last {count} {unit}" if last else f"{count}{unit}", 0)
    assert recognised is not None
    assert span(recognised[0]) == span(f"{count}{unit[0]}")


@given(st.sampled_from(["today", "yesterday", "this month", "last month", "last hour"]), st.sampled_from([" ", "  "]))
def test_every_named_period_is_a_period_that_conditions_accept(name: str, space: str) -> None:
    recognised = period_at(name.replace(" ", space), 0)
    assert recognised is not None
    assert recognised[0] in LABELS


@given(st.text(max_size=40), st.integers(0, 40))
def test_a_period_in_any_text_ends_inside_it_before_a_blank(text: str, position: int) -> None:
    recognised = period_at(text, position)
    if recognised is not None:
        end = recognised[1]
        assert position < end <= len(text)
        assert end == len(text) or text[end].isspace()
