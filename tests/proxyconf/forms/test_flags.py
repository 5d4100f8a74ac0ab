"""A flag is entered as a number, a name, or a name with its number."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.forms.flags import FlagField, flag_text, read_flag
from proxyconf.profile import MessageFlag

_words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("4", MessageFlag(4)),
        (" 4 ", MessageFlag(4)),
        ("007", MessageFlag(7)),
        ("FLT_ACC", MessageFlag(None, "FLT_ACC")),
        ("FLT_ACC = 4", MessageFlag(4, "FLT_ACC")),
        ("FLT_ACC=4", MessageFlag(4, "FLT_ACC")),
    ],
)
def test_a_flag_is_a_number_a_name_or_both(text: str, flag: MessageFlag) -> None:
    assert read_flag(text) == flag


@pytest.mark.parametrize("text", ["FLT ACC", "= 4", "FLT_ACC =", "FLT_ACC = four", "FLT ACC = 4", "FLT = 4 = 5", "="])
def test_other_text_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValidationError, match="is not a valid flag") as refusal:
        read_flag(text)
    assert repr(text) in refusal.value.messages[0]


@given(st.builds(MessageFlag, st.integers(0, 10_000), st.just("") | _words) | st.builds(MessageFlag, st.none(), _words))
def test_a_flag_that_is_shown_is_read_as_the_same_flag(flag: MessageFlag) -> None:
    assert read_flag(flag_text(flag)) == flag


def test_an_empty_field_is_no_flag() -> None:
    assert FlagField().clean("") is None
    assert FlagField().clean("  ") is None


def test_the_field_shows_a_flag_as_text_and_what_was_entered_unchanged() -> None:
    assert FlagField().prepare_value(MessageFlag(4, "FLT_ACC")) == "FLT_ACC = 4"
    assert FlagField().prepare_value("FLT ACC") == "FLT ACC"
