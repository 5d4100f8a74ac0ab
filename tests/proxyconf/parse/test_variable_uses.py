"""Uses of variables that records are made of."""

from __future__ import annotations

import pytest

from proxyconf.parse.tokens import Reader
from proxyconf.parse.variable_uses import VariableUse, variable_uses


def uses(text: str) -> list[VariableUse]:
    return list(variable_uses(list(Reader(text).tokens())))


@pytest.mark.parametrize(
    ("statement", "text", "is_assigned"),
    [
        ("$avp(a) = $fU;", "avp(a)", True),
        ("$avp(a)=$fU;", "avp(a)", True),
        ("$avp(a) += 1;", "avp(a)", True),
        ('$avp(a) .= "x";', "avp(a)", True),
        ("$avp(a) := 1;", "avp(a)", True),
        ("$(avp(a)[0]) = 1;", "avp(a)", True),
        ("$acc_extra( tag ) = $si;", "acc_extra(tag)", True),
        ("$acc_leg(src) = $fU;", "acc_leg(src)", True),
        ("if ($avp(a) == 1) exit;", "avp(a)", False),
        ('if ($avp(a) =~ "x") exit;', "avp(a)", False),
        ("if ($avp(a) != 1) exit;", "avp(a)", False),
        ("if ($dlg_var(a) > 1) exit;", "dlg_var(a)", False),
        ('xlog("$dlg_var(b)"); $dlg_var(a) = 1;', "dlg_var(a)", True),
    ],
)
def test_a_use_is_an_assignment_if_one_follows(statement: str, text: str, is_assigned: bool) -> None:
    (use,) = uses(statement)
    assert (use.text, use.is_assigned) == (text, is_assigned)


def test_variables_of_no_interest_and_those_in_strings_and_comments_are_left_out() -> None:
    assert uses('$var(a) = $ru; # $avp(a) = 1\nlog("$avp(b)"); /* $avp(c) = 1; */') == []


def test_a_use_has_its_line_and_the_order_of_the_text() -> None:
    found = uses("\n$dlg_var(x) = 1;\n\n$avp(y) = $dlg_var(x);")
    assert [(one.text, one.line) for one in found] == [("dlg_var(x)", 2), ("avp(y)", 4), ("dlg_var(x)", 4)]


def test_a_variable_at_the_end_of_the_text_is_no_assignment() -> None:
    assert [one.is_assigned for one in uses("$avp(a)")] == [False]
    assert [one.is_assigned for one in uses("$avp(a) +")] == [False]
