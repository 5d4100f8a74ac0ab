"""Facts of a script that the check of a profile asks for."""

from __future__ import annotations

import pytest

from proxyconf.parse.facts import facts_of
from proxyconf.parse.statements import read_statements
from proxyconf.parse.tokens import Reader
from proxyconf.script_facts import ScriptFacts, UndeclaredTag
from proxyconf.vocabulary.products import Product


def facts(text: str, product: Product = Product.KAMAILIO, flags: tuple[int, ...] = ()) -> ScriptFacts:
    statements = read_statements(Reader(text, preprocess=product is Product.KAMAILIO))
    return facts_of(statements, product, flags)


@pytest.mark.parametrize(
    ("text", "is_whole"),
    [
        ("request_route { exit; }", True),
        ('modparam("acc", "log_flag", 1)', False),
        ('include_file "routes.cfg"\nrequest_route { exit; }', False),
        ('loadmodule "app_python3.so"\nrequest_route { exit; }', False),
        ('loadmodule "/usr/lib/kamailio/modules/app_lua.so"\nrequest_route { exit; }', False),
    ],
)
def test_a_script_is_whole_if_it_has_routes_in_its_language_and_all_its_files(text: str, is_whole: bool) -> None:
    assert facts(text).is_whole is is_whole


def test_modules_are_those_loaded_without_path_and_ending() -> None:
    text = 'loadmodule "tm.so"\nloadmodule "/usr/lib/kamailio/modules/acc.so"\nloadmodule "rr"'
    assert facts(text).modules == {"tm", "acc", "rr"}


def test_assigned_variables_are_those_on_the_left() -> None:
    found = facts("request_route { $dlg_var(caller) = $fU; $avp(x) = $dlg_var(callee); if ($avp(y) == 1) exit; }")
    assert found.assigned == {"dlg_var(caller)", "avp(x)"}


@pytest.mark.parametrize(
    ("text", "tracks", "ends"),
    [
        ("request_route { dlg_manage(); }", True, False),
        ('modparam("dialog", "dlg_flag", 4)', True, False),
        ("route { create_dialog(); }", True, False),
        ('route { create_dialog("PpB"); }', True, True),
        ("request_route { record_route(); }", False, False),
    ],
)
def test_what_tracks_dialogs_and_what_ends_them(text: str, tracks: bool, ends: bool) -> None:
    found = facts(text, Product.OPENSIPS if "create" in text else Product.KAMAILIO)
    assert (found.tracks_dialogs, found.ends_dialogs) == (tracks, ends)


@pytest.mark.parametrize(
    ("call", "accounts"),
    [
        ('if (is_method("BYE")) do_accounting("log", "failed");', True),
        ('if (is_method("BYE")) do_accounting("log");', False),
        ('if (is_method("INVITE")) do_accounting("log", "failed");', False),
        ('do_accounting("log", "Missed|FAILED");', False),
    ],
)
def test_failed_of_the_bye_is_what_a_call_for_the_bye_asks_for(call: str, accounts: bool) -> None:
    assert facts(f"route {{ {call} }}", Product.OPENSIPS).accounts_failed_bye is accounts


def test_the_first_use_of_each_undeclared_tag_is_named_with_its_line() -> None:
    text = (
        'modparam("acc", "extra_fields", "log: caller; callee -> to")\n'
        "route {\n$acc_extra(caller) = $fU;\n$acc_extra(other) = $fU;\n"
        "$acc_extra(other) = $rU;\n$acc_leg(src) = $fU;\n}"
    )
    assert facts(text, Product.OPENSIPS).undeclared == (
        UndeclaredTag("acc_extra", "other", 4),
        UndeclaredTag("acc_leg", "src", 6),
    )


def test_of_declarations_that_cannot_be_read_nothing_is_undeclared() -> None:
    text = 'modparam("acc", "extra_fields", "a; c")\nroute { $acc_extra(b) = $fU; }'
    assert facts(text, Product.OPENSIPS).undeclared == ()


def test_a_tag_in_a_variable_is_not_judged() -> None:
    text = 'modparam("acc", "extra_fields", "log: a")\nroute { $acc_extra($var(x)) = $fU; }'
    assert facts(text, Product.OPENSIPS).undeclared == ()


def test_kamailio_has_no_declared_tags() -> None:
    assert facts("request_route { $acc_extra(b) = 1; }").undeclared == ()


def test_flags_are_passed_on() -> None:
    assert facts("", flags=(4, 4, 9)).flags == {4, 9}


@pytest.mark.parametrize(
    ("route", "flags"),
    [
        ("failure_route[NEXT]", {"2", "FLT_MISSED"}),
        ("route[RETRY]", {"2", "FLT_MISSED"}),
        ("request_route", set()),
        ("branch_route[A]", set()),
    ],
)
def test_flags_are_set_again_where_a_failure_leads(route: str, flags: set[str]) -> None:
    found = facts(f"#!define FLT_MISSED 2\n{route} {{ setflag(FLT_MISSED); }}")
    assert found.flags_set_again == flags
    assert found.has_failure_route is route.startswith("failure")


def test_missed_calls_are_requested_again_in_the_failure_route() -> None:
    text = 'failure_route[A] { do_accounting("log", "missed"); }'
    assert facts(text, Product.OPENSIPS).requests_missed_again
    assert not facts(text.replace("failure_route[A]", "route"), Product.OPENSIPS).requests_missed_again
