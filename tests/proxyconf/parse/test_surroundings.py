"""The context of each statement: its route, the conditions around it, whether another can be inserted."""

from __future__ import annotations

import pytest

from proxyconf.parse.statements import Statements, read_statements
from proxyconf.parse.surroundings import Surroundings
from proxyconf.parse.tokens import Reader


def statements(text: str) -> Statements:
    return read_statements(Reader(text))


def surroundings(text: str) -> Surroundings:
    """Return the surroundings of the only call in a text."""
    (call,) = statements(text).calls
    return call.surroundings


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("request_route { setflag(1); }", "request_route"),
        ("route[ACC] { setflag(1); }", "route[ACC]"),
        ("failure_route[NEXT] { setflag(1); }", "failure_route[NEXT]"),
        ("route { t_relay(); } onreply_route[R] { setflag(1); }", "onreply_route[R]"),
        ("setflag(1);", ""),
    ],
)
def test_a_statement_knows_its_route(text: str, route: str) -> None:
    assert surroundings(text).route == route


def test_conditions_are_those_around_the_statement_from_the_outside_in() -> None:
    text = 'route { if (is_method("INVITE")) { if (has_totag()) { setflag(1); } } }'
    assert surroundings(text).conditions == ('(is_method("INVITE"))', "(has_totag())")


def test_the_condition_of_an_else_is_negated() -> None:
    text = 'route { if (is_method("BYE")) { exit; } else { setflag(1); } }'
    assert surroundings(text).conditions == ('!(is_method("BYE"))',)


def test_a_condition_ends_with_its_statement() -> None:
    assert surroundings('route { if (is_method("BYE")) exit; setflag(1); }').conditions == ()


def test_a_condition_ends_with_its_block() -> None:
    assert surroundings('route { if (is_method("BYE")) { exit; } setflag(1); }').conditions == ()


def test_a_statement_without_braces_cannot_have_a_neighbour() -> None:
    bare = surroundings("route { if (has_totag()) setflag(1); }")
    assert (bare.in_block, bare.is_statement) == (False, True)
    block = surroundings("route { if (has_totag()) { setflag(1); } }")
    assert (block.in_block, block.is_statement) == (True, True)


def test_a_call_inside_an_expression_is_not_a_statement() -> None:
    assert not surroundings("route { $var(x) = setflag(1) + 1; }").is_statement


def test_calls_in_conditions_have_no_surroundings_of_their_own() -> None:
    found = statements("route { if (isflagset(1)) { t_relay(); } }")
    assert [call.surroundings for call in found.calls] == [Surroundings()]


@pytest.mark.parametrize(
    ("text", "is_for_bye"),
    [
        ('route { if (is_method("BYE")) { setflag(1); } }', True),
        ("route[ACC_BYE] { setflag(1); }", True),
        ('route { if (is_method("INVITE|BYE")) { setflag(1); } }', False),
        ('route { if (is_method("BYE")) { exit; } else { setflag(1); } }', False),
        ("route { setflag(1); }", False),
        ('route { if ($rm == "bye") { setflag(1); } }', True),
    ],
)
def test_a_statement_is_for_the_bye_where_only_a_bye_reaches_it(text: str, is_for_bye: bool) -> None:
    assert surroundings(text).is_for_bye == is_for_bye


@pytest.mark.parametrize(
    ("text", "is_initial"),
    [
        ("request_route { setflag(1); }", True),
        ("branch_route[B] { setflag(1); }", True),
        ("failure_route[F] { setflag(1); }", False),
        ("onreply_route[R] { setflag(1); }", False),
        ('route { if (is_method("BYE")) setflag(1); }', False),
    ],
)
def test_an_initial_invite_reaches_request_routes_that_are_not_for_the_bye(text: str, is_initial: bool) -> None:
    assert surroundings(text).is_initial == is_initial


@pytest.mark.parametrize("text", ["}}} setflag(1);", "else setflag(1);", "if ( setflag(1);", "route[ setflag(1);"])
def test_a_broken_text_has_surroundings_too(text: str) -> None:
    assert [call.name for call in statements(text).calls] == ["setflag"]
