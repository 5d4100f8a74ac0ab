"""Rules about what the script does."""

from __future__ import annotations

from dataclasses import replace

from proxyconf.lint import check
from proxyconf.script_facts import ScriptFacts, UndeclaredTag
from tests.proxyconf.lint.cases import (
    ERROR,
    WARNING,
    Case,
    asking,
    cases,
    kamailio,
    of_rule,
    opensips,
    with_cdr,
    with_extra,
    with_flags,
    with_label,
)

TRACKED = ScriptFacts(is_whole=True, tracks_dialogs=True, assigned=frozenset({"dlg_var(caller)"}))
CDRS = kamailio(cdr_enable=1)

CASES = (
    Case(
        "a tag that nothing declares",
        "tag-undeclared",
        ERROR,
        "extras",
        opensips(),
        with_label(opensips(), "x"),
        ScriptFacts(undeclared=(UndeclaredTag("acc_extra", "field0", 7),)),
    ),
    Case(
        "a transformation whose module the whole script does not load",
        "transformation-module",
        WARNING,
        "extras[0].variable",
        replace(kamailio(), extras=with_extra(replace(kamailio(), extras=()), "$(fU{re.subst,/a/b/})").extras),
        replace(kamailio(), extras=()),
        ScriptFacts(is_whole=True, modules=frozenset({"pv"})),
    ),
    Case(
        "a variable of the dialog that the script never sets",
        "dialog-variable-unset",
        WARNING,
        "cdr_extras[0].variable",
        with_cdr(CDRS, "$dlg_var(call_id)", "callid"),
        with_cdr(CDRS, "$dlg_var(caller)", "caller"),
        TRACKED,
    ),
)


@cases(*CASES)
def test_a_rule_finds_what_it_should_and_nothing_else(case: Case) -> None:
    case.holds()


def test_the_remedy_of_an_unset_variable_is_the_line_to_add() -> None:
    (found,) = of_rule(with_cdr(CDRS, "$dlg_var(call_id)", "callid"), "dialog-variable-unset", TRACKED)
    assert "$dlg_var(call_id) = $ci;" in found.remedy


def test_nothing_is_said_of_variables_where_a_part_of_the_script_is_missing() -> None:
    profile = with_cdr(CDRS, "$dlg_var(call_id)", "callid")
    assert of_rule(profile, "dialog-variable-unset", replace(TRACKED, is_whole=False)) == []


def test_a_script_that_tracks_dialogs_is_not_asked_to() -> None:
    assert of_rule(CDRS, "cdr-tracked") != []
    assert of_rule(CDRS, "cdr-tracked", TRACKED) == []


def test_dialogs_that_end_with_a_bye_are_only_asked_for_their_longest_time() -> None:
    profile = asking(opensips(), cdr=frozenset(opensips().backends))
    (found,) = of_rule(profile, "opensips-cdr-expired", ScriptFacts(ends_dialogs=True))
    assert found.remedy == 'Set modparam("dialog", "default_timeout", …) to the longest call in seconds.'


def test_accounting_of_a_failed_bye_is_not_asked_for_again() -> None:
    (found,) = of_rule(asking(opensips()), "failed-missing", ScriptFacts(accounts_failed_bye=True))
    assert found.remedy == 'Call do_accounting("…", "failed") for the INVITE too if they should be.'


def test_suggested_flags_are_none_of_the_script() -> None:
    profile = with_flags(kamailio(), failed=None)
    (without,) = of_rule(profile, "failed-missing")
    suggested = next(number for number in profile.free_flags() if number)
    assert f"such as {suggested}," in without.remedy
    (found,) = of_rule(profile, "failed-missing", ScriptFacts(flags=frozenset({suggested})))
    assert f"such as {suggested}," not in found.remedy


def test_dialog_records_alone_are_no_problem() -> None:
    profile = with_flags(CDRS, account={}, missed={}, failed=None)
    found = [one for one in check(profile) if one.rule in ("flag-missing", "failed-missing")]
    assert [one.severity.value for one in found] == ["note"]
