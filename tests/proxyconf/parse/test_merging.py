"""Lists of labels of several backends become one list of fields that keeps the order of each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxyconf.parse.lists import Declared, Pair
from proxyconf.parse.merging import declared_extras, declared_legs, listed_legs, merge_pairs
from proxyconf.vocabulary.layout import Backend, Role

LOG, SQL, RADIUS = Backend.SYSLOG, Backend.SQL, Backend.RADIUS
VARIABLES = ("$fU", "$rU", "$si", "$ua", "$avp(x)")
LISTS = st.lists(st.sampled_from(VARIABLES), unique=True, max_size=5).map(
    lambda variables: [Pair(f"n{variable.strip('$()')}".replace("(", "_"), variable) for variable in variables]
)


def test_equal_variables_of_two_backends_are_one_field() -> None:
    fields = merge_pairs({LOG: [Pair("src_user", "$fU")], SQL: [Pair("caller", "$fU")]})
    assert [(field.variable, field.labels) for field in fields] == [("$fU", {LOG: "src_user", SQL: "caller"})]


def test_different_variables_are_different_fields() -> None:
    fields = merge_pairs({LOG: [Pair("a", "$fU")], SQL: [Pair("a", "$rU")]})
    assert [(field.variable, field.labels) for field in fields] == [("$fU", {LOG: "a"}), ("$rU", {SQL: "a"})]


def test_a_variable_that_is_logged_twice_is_two_fields() -> None:
    fields = merge_pairs({LOG: [Pair("a", "$fU"), Pair("b", "$fU")]})
    assert [field.labels for field in fields] == [{LOG: "a"}, {LOG: "b"}]


@given(LISTS, LISTS, LISTS)
def test_each_backend_keeps_its_labels_in_order(log: list[Pair], sql: list[Pair], radius: list[Pair]) -> None:
    lists = {LOG: log, SQL: sql, RADIUS: radius}
    fields = merge_pairs(lists)
    for backend, pairs in lists.items():
        merged = [Pair(field.labels[backend], field.variable) for field in fields if backend in field.labels]
        assert merged == pairs


@given(LISTS)
def test_equal_lists_give_no_more_fields_than_one_of_them(pairs: list[Pair]) -> None:
    assert len(merge_pairs({LOG: pairs, SQL: pairs, RADIUS: pairs})) == len(pairs)


@given(LISTS, LISTS)
def test_the_order_of_the_mapping_does_not_matter(log: list[Pair], sql: list[Pair]) -> None:
    assert merge_pairs({LOG: log, SQL: sql}) == merge_pairs({SQL: sql, LOG: log})


def test_very_long_lists_are_not_matched_but_complete() -> None:
    pairs = [Pair(f"n{number}", f"$avp(n{number})") for number in range(150)]
    fields = merge_pairs({LOG: pairs, SQL: pairs})
    assert [field.labels[SQL] for field in fields if SQL in field.labels] == [pair.name for pair in pairs]


def test_a_role_comes_from_the_label_before_the_variable() -> None:
    assert merge_pairs({LOG: [Pair("dst_ouser", "$rU")]})[0].role is Role.ORIGINAL_CALLEE
    assert merge_pairs({LOG: [Pair("anything", "$rU")]})[0].role is Role.CALLEE
    assert merge_pairs({LOG: [Pair("anything", "$avp(x)")]})[0].role is None


def test_a_declared_field_has_the_expression_that_the_script_assigns() -> None:
    field = declared_extras({LOG: [Declared("src", "caller")]}, {"src": "$fU"})[0]
    assert (field.name, field.variable, field.labels, field.role) == ("src", "$fU", {LOG: "caller"}, Role.CALLER)


def test_a_declared_field_that_is_never_assigned_has_no_variable() -> None:
    assert declared_extras({LOG: [Declared("x", "x")]}, {})[0].variable == ""


def test_an_assignment_in_a_reply_route_neither_counts_nor_suggests_a_role() -> None:
    field = declared_extras({LOG: [Declared("x", "x")]}, {"x": "$si"}, {"x"})[0]
    assert (field.variable, field.role) == ("", None)


def test_the_same_tag_of_two_backends_is_one_leg_field() -> None:
    fields = declared_legs({LOG: [Declared("src", "src")], SQL: [Declared("src", "leg_src")]}, {"src": "$avp(src)"})
    assert [(field.name, field.variable, field.labels) for field in fields] == [
        ("src", "$avp(src)", {LOG: "src", SQL: "leg_src"})
    ]


def test_a_listed_leg_has_the_role_of_its_name_else_of_its_avp() -> None:
    legs = listed_legs([Pair("src", "$avp(x)"), Pair("b", "$avp(dst)"), Pair("c", "$avp(c)")])
    assert [leg.role for leg in legs] == [Role.LEG_SOURCE, Role.LEG_DESTINATION, None]
