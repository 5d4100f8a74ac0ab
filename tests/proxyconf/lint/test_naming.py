"""Labels hold no characters that a backend does not allow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.lint.naming import bad_characters, plain


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("src_user", []),
        ("Sip-Src-IP", []),
        ("a b", ["a space"]),
        ("a\tb", ["a space"]),
        ("a;b=c", ["a semicolon", "an equals sign"]),
        ("'a'", ["a quote"]),
        ('"a`', ["a quote"]),
        ("", []),
    ],
)
def test_each_bad_character_is_named_once(label: str, names: list[str]) -> None:
    assert bad_characters(label) == names


@given(st.text())
def test_a_plain_label_has_only_letters_digits_and_underscores(text: str) -> None:
    label = plain(text)
    assert label.isascii()
    assert label.isidentifier()


@given(st.from_regex(r"[a-z]([a-z0-9]|_[a-z0-9])*", fullmatch=True))
def test_a_label_that_is_plain_stays(label: str) -> None:
    assert plain(label) == label


@pytest.mark.parametrize(
    ("text", "label"), [("Src User", "src_user"), ("--", "field"), ("3gpp", "f_3gpp"), ("$(hdr(X-Id))", "hdr_x_id")]
)
def test_a_plain_label_resembles_the_text(text: str, label: str) -> None:
    assert plain(text) == label
