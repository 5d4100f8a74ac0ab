"""Configurations of administrators that the check once misjudged."""

from __future__ import annotations

import pytest

from proxyconf.lint import Finding, Severity, check
from proxyconf.parse import Imported, parse_config
from proxyconf.profile import MessageFlag
from proxyconf.vocabulary.layout import Backend
from tests.conftest import TESTS


def imported(name: str) -> Imported:
    return parse_config((TESTS / "field" / "30-config" / f"{name}.cfg").read_text())


def findings(name: str) -> list[Finding]:
    read = imported(name)
    return check(read.profile, read.facts)


@pytest.mark.parametrize("name", ["assigned-elsewhere", "neverassigned", "concat", "withB", "named-flags", "cdr-only"])
def test_a_configuration_that_the_proxy_starts_with_has_no_error(name: str) -> None:
    assert [one for one in findings(name) if one.severity is Severity.ERROR] == []


def test_a_tag_that_nothing_declares_is_an_error_that_names_it() -> None:
    (found,) = [one for one in findings("undeclared") if one.severity is Severity.ERROR]
    assert found.what == "Line 7 uses $acc_extra(to_uri)."


def test_a_tag_that_an_included_file_may_assign_is_not_assigned_here() -> None:
    (found,) = [one for one in findings("assigned-elsewhere") if one.rule == "variable-one"]
    assert (found.severity, found.what) == (Severity.NOTE, "$acc_extra(attr) is not assigned here.")


def test_a_tag_that_the_whole_script_does_not_assign_is_never_assigned() -> None:
    found = [one for one in findings("neverassigned") if one.rule == "variable-one"]
    assert [(one.severity, one.what) for one in found] == [
        (Severity.NOTE, "$acc_extra(ACCOUNTCOCDE) is never assigned."),
        (Severity.NOTE, "$acc_extra(RESPONSE) is never assigned."),
    ]


def test_an_expression_of_the_script_is_kept_as_it_is() -> None:
    assert imported("concat").profile.extras[0].variable == '$fU + "@" + $fd'


def test_a_dialog_that_ends_with_a_bye_is_not_asked_to() -> None:
    assert [one for one in findings("withB") if one.rule == "opensips-cdr-expired"] == []


def test_flags_that_are_declared_by_name_have_numbers() -> None:
    read = imported("named-flags")
    assert read.profile.flags.account == {Backend.SYSLOG: MessageFlag(1, "FLAG_ACC")}
    assert read.profile.flags.failed == MessageFlag(2, "FLAG_ACCFAILED")
    assert read.facts.flags == {0}


def test_dialog_records_without_a_flag_are_accounting() -> None:
    assert imported("cdr-only").profile.backends == (Backend.SYSLOG, Backend.SQL)
    assert {one.severity for one in findings("cdr-only") if one.rule == "flag-missing"} == {Severity.NOTE}
