"""What the value of a variable may be, as far as the rules ask."""

from __future__ import annotations

import pytest

from proxyconf.lint.kinds import (
    expression_of,
    is_body,
    is_credential,
    is_number,
    is_request_uri,
    is_set_by_the_script,
    may_be_empty,
    may_be_long,
    may_hold_separators,
)
from proxyconf.vocabulary.variables import Expression


def expression(variable: str) -> Expression:
    found = expression_of(variable)
    assert found is not None
    return found


@pytest.mark.parametrize("variable", ["", "fU", "$fU$rU", "a$fU", "$"])
def test_what_is_not_exactly_one_variable_has_no_expression(variable: str) -> None:
    assert expression_of(variable) is None


@pytest.mark.parametrize(
    ("variable", "empty"),
    [
        ("$ci", False),
        ("$fu", False),
        ("$si", False),
        ("$fU", True),
        ("$ua", True),
        ("$avp(x)", True),
        ("$hdr(X)", True),
        ("$(fu{uri.user})", True),
        ("$(fu{s.len})", False),
        ("$(ci[0])", True),
    ],
)
def test_a_value_that_a_request_may_lack_may_be_empty(variable: str, empty: bool) -> None:
    assert may_be_empty(expression(variable)) == empty


@pytest.mark.parametrize(
    ("variable", "number"),
    [("$sp", True), ("$ml", True), ("$(fu{s.len})", True), ("$fU", False), ("$(ua{s.len})", False)],
)
def test_only_values_that_are_always_digits_are_numbers(variable: str, number: bool) -> None:
    assert is_number(expression(variable)) == number


@pytest.mark.parametrize(
    ("variable", "of_script"), [("$avp(x)", True), ("$var(x)", True), ("$dlg_var(x)", True), ("$fU", False)]
)
def test_variables_that_only_the_script_sets_are_known(variable: str, of_script: bool) -> None:
    assert is_set_by_the_script(expression(variable)) == of_script


@pytest.mark.parametrize(
    ("variable", "long"),
    [
        ("$ua", True),
        ("$fU", True),
        ("$hdr(X)", True),
        ("$ci", False),
        ("$(ua{s.substr,0,10})", False),
        ("$(ua{s.md5})", False),
    ],
)
def test_a_caller_determines_the_length_of_some_values_unless_they_are_cut(variable: str, long: bool) -> None:
    assert may_be_long(expression(variable)) == long


@pytest.mark.parametrize(("variable", "body"), [("$mb", True), ("$rb", True), ("$(rb{s.len})", False), ("$ua", False)])
def test_messages_and_bodies_are_known(variable: str, body: bool) -> None:
    assert is_body(expression(variable)) == body


@pytest.mark.parametrize(
    ("variable", "may_hold"), [("$ua", True), ("$fn", True), ("$(ua{s.escape.common})", False), ("$si", False)]
)
def test_text_from_the_network_may_hold_separators_unless_it_is_escaped(variable: str, may_hold: bool) -> None:
    assert may_hold_separators(expression(variable)) == may_hold


def test_credentials_and_parts_of_the_request_uri_are_known() -> None:
    assert [is_credential(expression(variable)) for variable in ("$au", "$fU")] == [True, False]
    assert [is_request_uri(expression(variable)) for variable in ("$rU", "$oU")] == [True, False]
