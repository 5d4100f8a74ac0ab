"""Routes are read as trees of statements."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxyconf.parse.route_tree import CallStep, ConditionStep, LoopStep, RouteBody, RouteKey, route_trees
from proxyconf.parse.tokens import Reader


def trees(text: str) -> dict[RouteKey, RouteBody]:
    return route_trees(tuple(Reader(text, preprocess=True).tokens()))


def body(statements: str) -> RouteBody:
    return trees(f"route {{ {statements} }}")[RouteKey("route")]


def outline(steps: RouteBody) -> list[object]:
    """Return calls by name, conditions as pairs of branches, and loops as sets of one body."""
    result: list[object] = []
    for step in steps:
        if isinstance(step, CallStep):
            result.append(step.name)
        elif isinstance(step, ConditionStep):
            result.append((outline(step.then), outline(step.otherwise)))
        else:
            result.append({"loop": outline(step.body)})
    return result


def test_each_route_has_its_kind_and_name() -> None:
    text = "request_route { } route[RELAY] { } failure_route[BUSY] { } onreply_route { } branch_route['X'] { }"
    assert list(trees(text)) == [
        RouteKey("request_route"),
        RouteKey("route", "RELAY"),
        RouteKey("failure_route", "BUSY"),
        RouteKey("onreply_route"),
        RouteKey("branch_route", "X"),
    ]


def test_the_route_with_number_0_is_the_one_without_a_name() -> None:
    assert list(trees("route[0] { exit; }")) == [RouteKey("route")]


def test_a_call_of_a_route_is_not_a_route() -> None:
    assert outline(body("route(RELAY);")) == ["route"]
    assert list(trees("route { route(RELAY); }")) == [RouteKey("route")]


def test_statements_are_in_order() -> None:
    assert outline(body("setflag(1); t_relay(); exit;")) == ["setflag", "t_relay", "exit"]


def test_arguments_are_separated_by_commas_outside_of_parentheses() -> None:
    (step,) = body('do_accounting("db|log", "missed");')
    assert isinstance(step, CallStep)
    assert [[token.value for token in argument] for argument in step.arguments] == [["db|log"], ["missed"]]


def test_a_call_without_parentheses_has_no_arguments() -> None:
    assert body("exit;") == (CallStep("exit"),)


def test_both_branches_of_a_condition_are_read() -> None:
    assert outline(body("if (a()) { b(); c(); } else { d(); } e();")) == [(["b", "c"], ["d"]), "e"]


def test_a_branch_can_be_one_statement() -> None:
    assert outline(body("if (a()) b(); else c(); d();")) == [(["b"], ["c"]), "d"]


def test_else_if_is_a_condition_in_the_other_branch() -> None:
    assert outline(body("if (a()) { b(); } else if (c()) { d(); } else { e(); }")) == [(["b"], [(["d"], ["e"])])]


def test_an_else_belongs_to_the_nearest_condition() -> None:
    assert outline(body("if (a()) if (b()) c(); else d();")) == [([(["c"], ["d"])], [])]


def test_a_condition_keeps_its_tokens_with_parentheses() -> None:
    (step,) = body('if (is_method("BYE") && !f(1)) { exit; }')
    assert isinstance(step, ConditionStep)
    assert "".join(token.value for token in step.condition) == "(is_method(BYE)&&!f(1))"


def test_loops_have_a_body_that_may_run() -> None:
    assert outline(body("while (a()) { b(); } c();")) == [{"loop": ["b"]}, "c"]
    (step, *_rest) = body("while (a()) b();")
    assert isinstance(step, LoopStep)


def test_the_cases_of_a_switch_are_its_body() -> None:
    text = 'switch ($rU) { case "1": a(); break; case 2: b(); default: c(); } d();'
    assert outline(body(text)) == [{"loop": ["a", "break", "b", "c"]}, "d"]


def test_assignments_are_left_out() -> None:
    assert outline(body('$var(x) = f(1); $avp(y) = "a;b"; g();')) == ["g"]


def test_a_block_of_its_own_is_part_of_the_route() -> None:
    assert outline(body("a(); { b(); } c();")) == ["a", "b", "c"]


def test_a_second_route_of_the_same_name_counts() -> None:
    assert outline(trees("route[X] { a(); } route[X] { b(); }")[RouteKey("route", "X")]) == ["b"]


_statements = st.recursive(
    st.sampled_from(["a();", "exit;", "b(1, 2);"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda parts: "if (c()) { " + " ".join(parts) + " }"),
    max_leaves=10,
)


@given(st.lists(_statements, max_size=5))
def test_statements_after_others_are_never_lost(statements: list[str]) -> None:
    alone = [step for statement in statements for step in outline(body(statement))]
    assert outline(body(" ".join(statements))) == alone


@given(st.text('(){}[];:,"$=abroute if else while\n', max_size=80))
def test_any_text_is_read_to_an_end(text: str) -> None:
    assert isinstance(trees("route { " + text), dict)


def test_deep_nesting_is_cut_off() -> None:
    assert len(outline(body("if (a()) { " * 500 + "b();" + " }" * 500))) == 1
