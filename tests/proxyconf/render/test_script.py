"""The parts of a configuration that all products share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.parse.tokens import Reader
from proxyconf.profile import AccountingProfile, Flags, MessageFlag
from proxyconf.render.modparams import Modparam
from proxyconf.render.script import (
    comment,
    flag_word,
    has_preprocessor,
    heading,
    is_of_reply,
    literal,
    modparam,
    named_flags,
    one_line,
    presumed_modules,
)
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

LOG, SQL = Backend.SYSLOG, Backend.SQL
KAMAILIO = AccountingProfile(Product.KAMAILIO, Version(5, 6))
OPENSIPS = AccountingProfile(Product.OPENSIPS, Version(2, 1))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_no_text_ends_its_comment(text: str) -> None:
    assert list(Reader(comment(text)).tokens()) == []


def test_long_comments_are_wrapped() -> None:
    lines = comment("word " * 60, indent="  ").splitlines()
    assert len(lines) > 1
    assert all(line.startswith("  # ") and len(line) <= 118 for line in lines)


def test_white_space_becomes_one_space() -> None:
    assert one_line(" a\n\t b  c ") == "a b c"


def test_a_heading_names_product_and_version() -> None:
    assert heading(KAMAILIO, "Accounting", "Note.") == "# Accounting for Kamailio 5.6.\n# Note."


def test_without_modules_nothing_is_presumed() -> None:
    assert presumed_modules([]) == ""
    assert presumed_modules(["a", "b"]).endswith("a, b.")


@pytest.mark.parametrize(
    ("product", "version", "has"),
    [(Product.KAMAILIO, (3, 0), True), (Product.KAMAILIO, (1, 5), False), (Product.OPENSIPS, (3, 4), False)],
)
def test_only_kamailio_since_3_0_has_a_preprocessor(product: Product, version: tuple[int, int], has: bool) -> None:
    assert has_preprocessor(AccountingProfile(product, Version(*version))) == has


@pytest.mark.parametrize(("value", "text"), [(1, "1"), (-1, "-1"), ("a", '"a"'), ('"', '"\\""')])
def test_a_value_is_written_as_the_configuration_has_it(value: int | str, text: str) -> None:
    assert literal(value) == text


def test_a_value_in_lines_of_its_own_follows_the_comma_directly() -> None:
    assert modparam(Modparam("acc", "x", 1), "1") == 'modparam("acc", "x", 1)'
    assert modparam(Modparam("acc", "x", "a"), '\n    "a"') == 'modparam("acc", "x",\n    "a")'


def test_a_name_is_defined_with_its_first_number_and_only_if_it_is_valid() -> None:
    flags = [MessageFlag(1, "A"), MessageFlag(2, "A"), MessageFlag(3, "b c"), MessageFlag(4), MessageFlag(None, "D")]
    assert named_flags(flags) == {"A": 1}


def test_a_flag_is_written_by_name_where_the_name_stands_for_its_number() -> None:
    profile = AccountingProfile(
        KAMAILIO.product,
        KAMAILIO.version,
        (LOG, SQL),
        Flags(account={LOG: MessageFlag(1, "FLT"), SQL: MessageFlag(2, "FLT")}),
    )
    assert flag_word(profile, MessageFlag(1, "FLT")) == "FLT"
    assert flag_word(profile, MessageFlag(2, "FLT")) == "2"
    assert flag_word(profile, MessageFlag(7)) == "7"


def test_without_preprocessor_a_flag_is_its_number_or_its_own_name() -> None:
    assert flag_word(OPENSIPS, MessageFlag(4, "FLT")) == "4"
    assert flag_word(OPENSIPS, MessageFlag(None, "FLT")) == "FLT"


@pytest.mark.parametrize(("variable", "of_reply"), [("$rs", True), ("$rr", True), ("$fU", False), ("nonsense", False)])
def test_some_variables_have_a_value_only_in_replies(variable: str, of_reply: bool) -> None:
    assert is_of_reply(KAMAILIO, variable) == of_reply
