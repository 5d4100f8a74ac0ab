"""Messages keep their template and values, so that they can be translated after they were made."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxyconf.vocabulary.messages import TranslatableText, all_of, any_of, message


def test_a_message_keeps_template_and_values() -> None:
    text = message("The flag {number} does not exist.", number=32)
    assert isinstance(text, TranslatableText)
    assert (text.template, text.values) == ("The flag {number} does not exist.", {"number": 32})


@given(st.text())
def test_a_message_without_values_is_its_template(template: str) -> None:
    assert message(template) == template


@given(st.text())
def test_a_value_is_inserted_unchanged(value: str) -> None:
    assert message("<{value}>", value=value) == f"<{value}>"


def test_a_value_can_be_named_template() -> None:
    assert message("{template}", template="x") == "x"


@given(st.lists(st.text("ab", min_size=1), min_size=2))
def test_several_words_are_joined_by_commas_and_a_last_and_or_or(words: list[str]) -> None:
    assert all_of(words) == ", ".join(words[:-1]) + " and " + words[-1]
    assert any_of(words) == ", ".join(words[:-1]) + " or " + words[-1]


def test_one_word_is_itself_and_none_is_empty() -> None:
    assert (all_of(["a"]), any_of(["a"]), all_of([]), any_of([])) == ("a", "a", "", "")


def test_the_words_of_a_list_stay_translatable() -> None:
    text = all_of([message("failed calls"), "BYE"])
    assert isinstance(text, TranslatableText)
    assert isinstance(text.values["first"], TranslatableText)
