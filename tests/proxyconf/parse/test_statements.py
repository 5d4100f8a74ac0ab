"""The statements of a configuration that concern accounting, with their places in the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.parse.statements import Statements, functions_called, int_of, read_statements
from proxyconf.parse.tokens import Reader


def statements(text: str, *, preprocess: bool = True) -> Statements:
    return read_statements(Reader(text, preprocess=preprocess))


def test_a_parameter_has_its_module_name_and_value() -> None:
    (found,) = statements('modparam("acc", "log_flag", 1)').modparams
    assert (found.module, found.name, found.argument.value) == ("acc", "log_flag", 1)


@pytest.mark.parametrize(
    ("written", "value"),
    [("1", 1), ("-1", -1), ("0x1f", 31), ('"a"', "a"), ('"a" "b"', "ab"), ("WORD", None), ("$avp(x)", None), ("", "")],
)
def test_an_argument_has_the_value_that_the_proxy_reads(written: str, value: object) -> None:
    (found,) = statements(f'modparam("acc", "x", {written})').modparams
    assert found.argument.value == value


def test_a_bare_word_is_kept_as_a_word() -> None:
    (found,) = statements('modparam("acc", "log_flag", FLT_ACC)').modparams
    assert found.argument.word == "FLT_ACC"


def test_the_name_of_a_macro_is_kept_with_its_value() -> None:
    (found,) = statements('#!define FLT_ACC 1\nmodparam("acc", "log_flag", FLT_ACC)').modparams
    assert (found.argument.value, found.argument.word) == (1, "FLT_ACC")


def test_a_flag_variable_is_the_word_in_it() -> None:
    (call,) = statements("route { setflag($flag(ACC)); }").calls
    assert call.arguments[0].word == "ACC"


def test_a_statement_stands_from_its_word_to_its_semicolon() -> None:
    text = 'route {\n  do_accounting("log");\n}'
    (call,) = statements(text).calls
    assert text[call.start : call.end] == 'do_accounting("log");'
    assert call.line == 2


def test_an_assignment_has_its_tag_and_expression_with_their_places() -> None:
    text = "route { $acc_extra(src) = $fU + 1; }"
    (found,) = statements(text, preprocess=False).assignments
    assert (found.variable, found.tag, found.expression) == ("acc_extra", "src", "$fU + 1")
    assert text[found.value_start : found.value_end] == "$fU + 1"
    assert text[found.start : found.end] == "$acc_extra(src) = $fU + 1;"
    assert found.text == "$acc_extra(src) = $fU + 1"


def test_a_comparison_is_not_an_assignment() -> None:
    assert statements('route { if ($acc_extra(src) == "x") exit; }', preprocess=False).assignments == []


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ('loadmodule "acc.so"', "acc"),
        ('loadmodule "/usr/lib/kamailio/modules/acc.so"', "acc"),
        ('loadmodule("acc")', "acc"),
        ('loadmodulex "acc"', "acc"),
    ],
)
def test_a_loaded_module_is_known_by_its_name(text: str, module: str) -> None:
    assert statements(text).modules == [module]


def test_a_parameter_in_a_condition_of_the_preprocessor_knows_how_deep_it_is() -> None:
    text = '#!define A\n#!ifdef A\n#!ifndef B\nmodparam("acc", "x", 1)\n#!endif\n#!endif\nmodparam("acc", "y", 1)'
    assert [found.depth for found in statements(text).modparams] == [2, 0]


def test_flags_are_declared_by_name_with_a_number_or_the_lowest_free_one() -> None:
    found = statements("flags FLT_ACC:1, FLT_A, FLT_MISSED:2, FLT_B;", preprocess=False)
    assert found.flag_numbers == {"FLT_ACC": 1, "FLT_A": 0, "FLT_MISSED": 2, "FLT_B": 3}


def test_a_route_has_its_kind_its_name_and_the_place_of_its_body() -> None:
    text = "failure_route[NEXT] { exit; }"
    (route,) = statements(text).routes
    assert (route.kind, route.name, text[route.body :]) == ("failure_route", "NEXT", " exit; }")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('modparam("acc", "x")', "not of the form modparam(module, name, value)"),
        ('modparam(acc, "x", 1)', "module and parameter must be strings"),
        ('include_file "acc.cfg"', "this file is missing: add it to the import"),
    ],
)
def test_a_statement_that_is_not_understood_is_remarked_on(text: str, why: str) -> None:
    assert [remark.why for remark in statements(text).remarks] == [why]


def test_only_functions_of_accounting_count_as_such() -> None:
    calls = statements('route { setflag(1); do_accounting("log"); dlg_manage(); acc_log_request("x"); }').calls
    assert [call.name for call in functions_called(calls)] == ["do_accounting", "acc_log_request"]


def test_an_argument_may_contain_calls_and_commas_in_parentheses() -> None:
    (call,) = statements('route { acc_log_request("a", f(1, 2), "c"); }').calls
    assert [argument.text for argument in call.arguments] == ['"a"', "f(1, 2)", '"c"']


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("0x1F", 31), ("0X10", 16), ("010", 10)])
def test_integers_are_decimal_or_hexadecimal(text: str, number: int) -> None:
    assert int_of(text) == number


@given(st.text("acmodpr()\"',;{}$#!\n 1", max_size=60))
def test_any_text_is_read_to_its_end(text: str) -> None:
    found = statements(text)
    assert all(0 <= call.start <= call.end <= len(text) for call in found.calls)
