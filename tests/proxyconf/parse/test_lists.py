"""Lists in parameter values are split into the parts that the proxies see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.parse.lists import Declared, Pair, split_declaration, split_outside_brackets, split_pairs

WORDS = st.text("abcxyz_019", min_size=1, max_size=6)
VARIABLES = st.sampled_from(["$fU", "$hdr(X-Note)", "$(hdr(X){s.select,0,;})", "$avp(a)", "$(ru{uri.user})"])


def test_pairs_are_split_at_semicolons() -> None:
    assert split_pairs("a=$fU;b=$rU") == ([Pair("a", "$fU"), Pair("b", "$rU")], [])


def test_spaces_around_names_and_variables_do_not_count() -> None:
    assert split_pairs(" a = $fU ;\n b=$rU ") == ([Pair("a", "$fU"), Pair("b", "$rU")], [])


def test_a_semicolon_in_brackets_belongs_to_the_variable() -> None:
    assert split_pairs("a=$(hdr(X){s.select,0,;});b=$rU")[0] == [Pair("a", "$(hdr(X){s.select,0,;})"), Pair("b", "$rU")]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("a=$fU;", [";"]), ("a=$fU;;b=$rU", [";"]), ("a", ["a"]), ("=$fU", ["=$fU"]), ("a=$fU; b ;c=$si", ["b"])],
)
def test_a_part_that_is_not_a_pair_is_reported(text: str, wrong: list[str]) -> None:
    assert split_pairs(text)[1] == wrong


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_an_empty_list_has_no_pairs_and_nothing_wrong(text: str) -> None:
    assert split_pairs(text) == ([], [])


def test_only_the_first_equals_sign_ends_the_name() -> None:
    assert split_pairs("a=$var(x)=1")[0] == [Pair("a", "$var(x)=1")]


@given(st.lists(st.tuples(WORDS, VARIABLES), min_size=1, max_size=5))
def test_any_list_of_pairs_is_split_into_the_same_pairs(pairs: list[tuple[str, str]]) -> None:
    text = ";".join(f"{name}={variable}" for name, variable in pairs)
    assert split_pairs(text) == ([Pair(*pair) for pair in pairs], [])


def test_a_declaration_has_a_backend_and_fields_whose_name_may_differ_from_the_tag() -> None:
    assert split_declaration("log: src->caller; dst") == ("log", [Declared("src", "caller"), Declared("dst", "dst")])


def test_a_name_that_is_missing_after_the_arrow_is_the_tag() -> None:
    assert split_declaration("db:src->")[1] == [Declared("src", "src")]


def test_empty_parts_of_a_declaration_are_ignored() -> None:
    assert split_declaration("log:;a;;b;")[1] == [Declared("a", "a"), Declared("b", "b")]


@pytest.mark.parametrize("text", ["", "src;dst", ": a", "1: a"])
def test_a_declaration_without_backend_is_refused_with_its_form(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form backend: tag->name;tag"):
        split_declaration(text)


@given(WORDS.map("b".__add__).filter(str.isalpha), st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=5))
def test_any_declaration_is_split_into_the_same_fields(backend: str, fields: list[tuple[str, str]]) -> None:
    text = f"{backend}: " + ";".join(f"{tag}->{name}" for tag, name in fields)
    assert split_declaration(text) == (backend, [Declared(*field) for field in fields])


@given(st.text("ab;()[]{}", max_size=20))
def test_no_character_is_lost_when_a_list_is_split(text: str) -> None:
    assert ";".join(split_outside_brackets(text)) == text


@given(st.text("ab()[]{}", max_size=20))
def test_a_list_without_semicolons_is_one_part(text: str) -> None:
    assert split_outside_brackets(text) == [text]


def test_a_closing_bracket_too_many_does_not_hide_later_semicolons() -> None:
    assert split_outside_brackets("a);b") == ["a)", "b"]
