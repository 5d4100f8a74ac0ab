"""A condition of a script is true, false or unknown for a kind of request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.parse.conditions import ConditionReader, RequestKind
from proxyconf.parse.tokens import Reader, Token

INVITE, BYE = RequestKind("INVITE"), RequestKind("BYE", is_in_dialog=True)


def tokens(text: str) -> tuple[Token, ...]:
    return tuple(Reader(text, preprocess=True).tokens())


def value(condition: str, request: RequestKind = INVITE, *flags: str) -> bool | None:
    return ConditionReader(tokens(condition), request, flags).value()


@pytest.mark.parametrize(
    ("condition", "invite", "bye"),
    [
        ('is_method("INVITE")', True, False),
        ('is_method("INVITE|BYE")', True, True),
        ('is_method("bye")', False, True),
        ('method == "INVITE"', True, False),
        ("method==INVITE", True, False),
        ('$rm == "BYE"', False, True),
        ('$rm != "BYE"', True, False),
        ('$rm =~ "^(INVITE|ACK)$"', True, False),
        ("has_totag()", False, True),
        ("loose_route()", False, True),
        ("t_is_canceled()", False, False),
        ("true", True, True),
        ("0", False, False),
    ],
)
def test_a_condition_on_method_or_dialog_is_decided(condition: str, invite: bool, bye: bool) -> None:
    assert (value(condition, INVITE), value(condition, BYE)) == (invite, bye)


@pytest.mark.parametrize(
    "condition",
    [
        '$fU == "alice"',
        "allow_trusted()",
        "$rm > 3",
        '$rm == $var(x) + "x"',
        "$avp(x)",
        "1 == 1",
        "",
        "src_ip==10.0.0.1",
    ],
)
def test_another_condition_is_unknown(condition: str) -> None:
    assert value(condition) is None


def test_a_flag_is_set_if_the_request_has_it() -> None:
    assert value("isflagset(4)", INVITE, "4") is True
    assert value("isflagset(4)", INVITE, "5") is False


def test_a_flag_can_be_compared_by_the_name_of_its_macro() -> None:
    text = "#!define FLT_ACC 4\nisflagset(FLT_ACC)"
    assert value(text, INVITE, "4") is True
    assert value(text, INVITE, "FLT_ACC") is True


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("!true", False),
        ("not false", True),
        ("!!true", True),
        ("!($rm == 3 || true)", False),
        ("true && false", False),
        ("true and true", True),
        ("false || true", True),
        ("false or false", False),
        ("false && true || true", True),
        ("true || false && false", True),
        ("(true || false) && false", False),
        ("((true))", True),
    ],
)
def test_operators_bind_as_in_the_proxy(condition: str, expected: bool) -> None:
    assert value(condition) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("unknown() && false", False),
        ("unknown() && true", None),
        ("unknown() || true", True),
        ("unknown() || false", None),
        ("!unknown()", None),
        ("!(unknown() || true)", False),
    ],
)
def test_an_unknown_part_matters_only_where_it_decides(condition: str, expected: bool | None) -> None:
    assert value(condition) is expected


@pytest.mark.parametrize("condition", ['is_method("INVITE") == 1', "(true) == 1", "has_totag() > 0"])
def test_a_compared_result_is_unknown(condition: str) -> None:
    assert value(condition) is None


def test_an_unknown_comparison_does_not_swallow_the_rest() -> None:
    assert value('$fU == "alice" && false') is False
    assert value('$(hdr(X){s.len}) > f(1, 2) || is_method("INVITE")') is True


_atoms = st.sampled_from(["true", "false", "unknown()"])
_conditions = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        inner.map("!({})".format),
        st.tuples(inner, inner).map(lambda both: f"({both[0]}) && ({both[1]})"),
        st.tuples(inner, inner).map(lambda both: f"({both[0]}) || ({both[1]})"),
    ),
    max_leaves=8,
)


@given(_conditions)
def test_a_decided_condition_does_not_depend_on_its_unknown_parts(condition: str) -> None:
    decided = value(condition)
    both = {value(condition.replace("unknown()", word)) for word in ("true", "false")}
    assert None not in both
    assert decided is None or both == {decided}


_Valued = tuple[str, bool]
_valued: st.SearchStrategy[_Valued] = st.recursive(
    st.sampled_from([("true", True), ("false", False)]),
    lambda inner: st.one_of(
        inner.map(lambda one: (f"!({one[0]})", not one[1])),
        st.tuples(inner, inner).map(lambda both: (f"({both[0][0]}) && ({both[1][0]})", both[0][1] and both[1][1])),
        st.tuples(inner, inner).map(lambda both: (f"({both[0][0]}) || ({both[1][0]})", both[0][1] or both[1][1])),
    ),
    max_leaves=8,
)


@given(_valued)
def test_a_condition_of_constants_has_the_value_of_logic(valued: _Valued) -> None:
    condition, expected = valued
    assert value(condition) is expected


@given(st.text('()!&|=<>"$a1 \n;{}', max_size=60))
def test_any_text_is_read_to_an_end(text: str) -> None:
    assert value(text) in (True, False, None)


def test_deep_nesting_is_unknown() -> None:
    assert value("(" * 500 + "true" + ")" * 500) is None
