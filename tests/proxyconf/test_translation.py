"""Texts of the pure rooms are English where they are written and of the reader's language where they are shown."""

from __future__ import annotations

from django.utils.translation import override

from proxyconf.translation import translated
from proxyconf.vocabulary.messages import all_of, any_of
from proxyconf.vocabulary.messages import message as _


def test_a_message_is_its_english_text() -> None:
    assert _("The flag {number} does not exist.", number=32) == "The flag 32 does not exist."


def test_braces_of_a_message_without_values_stand_for_themselves() -> None:
    assert translated(_("$(ua{s.escape.common})")) == "$(ua{s.escape.common})"


def test_a_message_and_the_messages_in_it_are_shown_in_the_readers_language() -> None:
    text = _("flag for {words}", words=_("failed calls"))
    with override("es"):
        assert translated(text) == "marca para llamadas fallidas"
    with override("en"):
        assert translated(text) == "flag for failed calls"


def test_a_value_with_braces_is_shown_as_it_is() -> None:
    with override("es"):
        assert translated(_("parameter {name}", name="{x}")) == "parámetro {x}"


def test_words_are_joined_in_the_readers_language() -> None:
    with override("es"):
        assert translated(all_of(("a", "b", "c"))) == "a, b y c"
        assert translated(any_of(("a", "b"))) == "a o b"
    assert (any_of(("a",)), any_of(())) == ("a", "")
