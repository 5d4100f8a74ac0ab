from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.vocabulary.products import Product, Version
from proxyconf.vocabulary.variables import (
    Availability,
    IntegerForm,
    find_variable,
    integer_form,
    nearest_names,
    parse_variable,
    scan_variable,
    variables_in,
    why_wrong,
)


@pytest.mark.parametrize(
    ("text", "name", "argument", "index", "transformations"),
    [
        ("$fU", "fU", None, None, ()),
        (" $fU ", "fU", None, None, ()),
        ("$from.user", "from.user", None, None, ()),
        ("$hdr(User-Agent)", "hdr", "User-Agent", None, ()),
        ("$(hdr(X-Note)[*])", "hdr", "X-Note", "*", ()),
        ("$(hdr(X)[1]{s.len})", "hdr", "X", "1", ("s.len",)),
        ("$(ru{uri.user}{s.len})", "ru", None, None, ("uri.user", "s.len")),
        ("$(var(x){s.select,0,;}[2])", "var", "x", "2", ("s.select,0,;",)),
        ("$xavp(a[0]=>b)", "xavp", "a[0]=>b", None, ()),
        ("$sht(t=>$(ci{s.md5}))", "sht", "t=>$(ci{s.md5})", None, ()),
        ("$(<request>fU)", "fU", None, None, ()),
    ],
)
def test_a_variable_is_taken_apart(
    text: str, name: str, argument: str | None, index: str | None, transformations: tuple[str, ...]
) -> None:
    found = parse_variable(text)
    assert (found.name, found.argument, found.index, found.transformations) == (name, argument, index, transformations)
    assert found.text == text.strip()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("fU", "begins with"),
        ("", "begins with"),
        ("$", "a name must follow"),
        ("$hdr(X", "no closing )"),
        ("$(hdr(X)[1]", "no closing )"),
        ("$fU@$fd", "more than one variable"),
        ("$fU;", "more than one variable"),
        ("$(fU x)", "neither index nor transformation"),
    ],
)
def test_what_is_not_one_variable_says_what_is_wrong(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=re.escape(part)):
        parse_variable(text)


@pytest.mark.parametrize(
    ("text", "avp"),
    [("$avp(i:123)", ("i", "123")), ("$avp(s:x)", ("s", "x")), ("$avp(x)", ("", "x")), ("$var(x)", None)],
)
def test_an_avp_has_a_kind_and_a_name(text: str, avp: tuple[str, str] | None) -> None:
    assert parse_variable(text).avp == avp


def test_a_variable_within_text_ends_where_its_name_ends() -> None:
    assert scan_variable("a=$fU;b=$rU", 2)[1] == 5


@given(st.text(max_size=30))
def test_any_text_is_a_variable_or_a_clear_refusal(text: str) -> None:
    with suppress(ValueError):
        assert parse_variable(text).text == text.strip()


def test_a_variable_is_known_by_product() -> None:
    assert find_variable(Product.KAMAILIO, "T_rpl") is not None
    assert find_variable(Product.OPENSIPS, "T_rpl") is None
    reason = find_variable(Product.KAMAILIO, "rr")
    assert reason is not None
    assert reason.availability is Availability.REPLY


def test_openser_has_what_either_heir_has() -> None:
    assert find_variable(Product.OPENSER, "fU") is not None
    assert find_variable(Product.OPENSER, "nonsense") is None


def test_a_variable_of_two_modules_is_that_of_the_usual_one() -> None:
    found = find_variable(Product.KAMAILIO, "dlg_var")
    assert found is not None
    assert found.module == "dialog"


def test_the_nearest_names_begin_with_one_that_differs_in_case_only() -> None:
    assert nearest_names(Product.KAMAILIO, "UA")[0] == "ua"
    assert "src_ip" in nearest_names(Product.KAMAILIO, "srcip")
    assert nearest_names(Product.KAMAILIO, "qqqqqqqq") == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("$fU", ""),
        ("$hdr(X)", ""),
        ("$hdr", "$hdr needs an argument: $hdr(…)."),
        ("$ci(x)", "$ci takes no argument."),
        ("$UA", "Kamailio has no $UA; did you mean $ua"),
        ("$qqqqqqqq", "Kamailio has no $qqqqqqqq."),
    ],
)
def test_a_wrong_variable_says_why(text: str, why: str) -> None:
    found = why_wrong(Product.KAMAILIO, parse_variable(text))
    assert found.startswith(why) if why else found == ""


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("$sp", IntegerForm.ALWAYS),
        ("$rm", IntegerForm.ALWAYS),
        ("$proto", IntegerForm.ALWAYS),
        ("$(fU{s.len})", IntegerForm.ALWAYS),
        ("$avp(x)", IntegerForm.SOMETIMES),
        ("$var(x)", IntegerForm.SOMETIMES),
        ("$(avp(x)[*])", IntegerForm.NEVER),
        ("$(rm{s.tolower})", IntegerForm.NEVER),
        ("$cs", IntegerForm.NEVER),
        ("$hdr(X)", IntegerForm.NEVER),
        ("$si", IntegerForm.NEVER),
    ],
)
def test_kamailio_sends_some_variables_as_numbers(text: str, form: IntegerForm) -> None:
    assert integer_form(parse_variable(text)) is form


def test_the_variables_of_a_release_are_those_it_has() -> None:
    assert "ctu" not in variables_in(Product.KAMAILIO, Version(5, 6, 3))
    assert "ctu" in variables_in(Product.KAMAILIO, Version(6, 0))
    assert "proto" in variables_in(Product.OPENSIPS, Version(3, 2))
    assert "proto" not in variables_in(Product.OPENSIPS, Version(3, 3))
