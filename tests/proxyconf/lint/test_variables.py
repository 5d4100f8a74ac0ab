"""Pseudo-variables of extra fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxyconf.lint import Severity
from proxyconf.profile import AccountingProfile, LegDefinition
from tests.proxyconf.lint.cases import (
    ERROR,
    LOG,
    NOTE,
    SQL,
    WARNING,
    Case,
    asking,
    cases,
    kamailio,
    of_rule,
    openser,
    opensips,
    with_cdr,
    with_extra,
    with_leg,
)

FIRST = "extras[0].variable"

CASES = (
    Case(
        "text beside a variable",
        "variable-one",
        ERROR,
        FIRST,
        with_extra(kamailio(), "$fU@$fd"),
        with_extra(kamailio(), "$fu"),
    ),
    Case("plain text", "variable-one", ERROR, FIRST, with_extra(kamailio(), "alice"), with_extra(kamailio(), "$fU")),
    Case(
        "plain text is a value where the script assigns it",
        "variable-one",
        ERROR,
        FIRST,
        with_extra(kamailio(), '"alice"'),
        with_extra(opensips(), '"alice"'),
    ),
    Case("nothing", "variable-one", ERROR, FIRST, with_extra(kamailio(), ""), with_extra(kamailio(), "$ua")),
    Case(
        "a bracket that is not closed",
        "variable-one",
        ERROR,
        FIRST,
        with_extra(kamailio(), "$hdr(User-Agent"),
        with_extra(kamailio(), "$(hdr(X-Note)[*])"),
    ),
    Case(
        "a missing argument",
        "variable-argument",
        ERROR,
        FIRST,
        with_extra(kamailio(), "$hdr"),
        with_extra(kamailio(), "$hdr(X-Note)"),
    ),
    Case(
        "an argument too many",
        "variable-argument",
        ERROR,
        FIRST,
        with_extra(opensips(), "$fU(x)"),
        with_extra(opensips(), "$fU"),
    ),
    Case(
        "a variable that nobody knows",
        "variable-unknown",
        ERROR,
        FIRST,
        with_extra(kamailio(), "$useragent"),
        with_extra(kamailio(), "$ua"),
    ),
    Case(
        "a variable of the other product",
        "variable-unknown",
        ERROR,
        FIRST,
        with_extra(kamailio(), "$socket_in"),
        with_extra(opensips(), "$socket_in"),
    ),
    Case(
        "a transformation that nobody knows",
        "variable-transformation",
        ERROR,
        FIRST,
        with_extra(kamailio(), "$(ru{uri.usr})"),
        with_extra(kamailio(), "$(ru{uri.user})"),
    ),
    Case(
        "an index of letters",
        "variable-index",
        ERROR,
        FIRST,
        with_extra(kamailio(), "$(avp(x)[abc])"),
        with_extra(kamailio(), "$(avp(x)[*])"),
    ),
    Case(
        "an AVP number of letters",
        "variable-avp-number",
        ERROR,
        FIRST,
        with_extra(kamailio(), "$avp(i:abc)"),
        with_extra(kamailio(), "$avp(i:12)"),
    ),
    Case(
        "an argument of no choice",
        "variable-choice",
        ERROR,
        FIRST,
        with_extra(kamailio(), "$time(nosuch)"),
        with_extra(kamailio(), "$time(hour)"),
    ),
    Case(
        "a header that cannot be",
        "variable-header",
        ERROR,
        FIRST,
        with_extra(kamailio(), "$hdr(a=b)"),
        with_extra(kamailio(), "$hdr($var(name))"),
    ),
    Case(
        "a value of replies",
        "variable-reply",
        WARNING,
        FIRST,
        with_extra(kamailio(), "$rr"),
        with_extra(kamailio(), "$avp(reply_reason)"),
    ),
    Case(
        "a value of replies in OpenSIPS",
        "variable-reply",
        WARNING,
        FIRST,
        with_extra(opensips(), "$rs"),
        with_extra(opensips(), "$rm"),
    ),
    Case(
        "a value of an error route",
        "variable-elsewhere",
        WARNING,
        FIRST,
        with_extra(kamailio(), "$err.class"),
        with_extra(kamailio(), "$avp(why)"),
    ),
    Case(
        "a value of dialogs without dialogs",
        "variable-dialog",
        NOTE,
        FIRST,
        with_extra(kamailio(), "$dlg_var(account)"),
        with_extra(kamailio(cdr_enable=1), "$dlg_var(account)"),
    ),
    Case(
        "a value of dialogs in OpenSIPS",
        "variable-dialog",
        NOTE,
        FIRST,
        with_extra(opensips(), "$dlg_val(account)"),
        with_extra(asking(opensips(), cdr=frozenset({LOG})), "$dlg_val(account)"),
    ),
    Case(
        "credentials",
        "variable-credentials",
        NOTE,
        FIRST,
        with_extra(kamailio(), "$au"),
        with_extra(kamailio(), "$dlg_var(account)"),
    ),
    Case(
        "the request URI, which Kamailio replaces",
        "variable-request-uri",
        NOTE,
        FIRST,
        with_extra(kamailio(), "$rU"),
        with_extra(kamailio(), "$oU"),
    ),
    Case(
        "the request URI, which OpenSIPS leaves alone",
        "variable-request-uri",
        NOTE,
        FIRST,
        with_extra(kamailio(), "$ru"),
        with_extra(opensips(), "$ru"),
    ),
    Case(
        "text of the caller in the log",
        "variable-foreign-text",
        NOTE,
        FIRST,
        with_extra(kamailio(), "$hdr(User-Agent)"),
        with_extra(kamailio(), "$(hdr(User-Agent){s.escape.common})"),
    ),
    Case(
        "text of the caller in a column",
        "variable-foreign-text",
        NOTE,
        FIRST,
        with_extra(kamailio(LOG), "$ua"),
        with_extra(kamailio(SQL), "$ua"),
    ),
    Case(
        "an AVP by kind where there are no kinds any more",
        "avp-form",
        NOTE,
        FIRST,
        with_extra(opensips(), "$avp(s:uuid)"),
        with_extra(opensips(version=(1, 6)), "$avp(s:uuid)"),
    ),
    Case(
        "a transformation of a module",
        "transformation-module",
        NOTE,
        FIRST,
        with_extra(kamailio(), "$(fU{re.subst,/a/b/})"),
        with_extra(kamailio(), "$(fU{s.len})"),
    ),
    Case(
        "an AVP by alias",
        "avp-form",
        WARNING,
        FIRST,
        with_extra(openser(), "$avp(uuid)"),
        with_extra(openser(), "$avp(s:uuid)"),
    ),
    Case(
        "an AVP by name where names are names",
        "avp-form",
        WARNING,
        "legs[0].variable",
        with_leg(kamailio(version=(3, 0)), "$avp(src)"),
        with_leg(kamailio(version=(3, 1)), "$avp(src)"),
    ),
)


@cases(*CASES)
def test_what_is_wrong_with_a_variable_is_found_and_what_is_right_is_not(case: Case) -> None:
    case.holds()


def test_the_nearest_known_names_are_suggested() -> None:
    (found,) = of_rule(with_extra(kamailio(), "$RU"), "variable-unknown")
    assert "$ru" in found.remedy
    (found,) = of_rule(with_extra(kamailio(), "$hdrs(X)"), "variable-unknown")
    assert "$hdr" in found.remedy


@pytest.mark.parametrize("text", ["$fU", "$(fU)", "$(ru{uri.user})", "$hdr(X-Note)", "$(hdr(X-Note)[*])", "$avp(s:x)"])
def test_the_forms_of_a_variable_are_taken(text: str) -> None:
    profile = with_extra(kamailio(), text)
    for rule in ("variable-one", "variable-argument", "variable-unknown"):
        assert of_rule(profile, rule) == []


def test_fields_of_dialog_records_are_looked_at_too() -> None:
    assert of_rule(with_cdr(kamailio(cdr_enable=1), "nothing"), "variable-one")[0].where == "cdr_extras[0].variable"


def test_fields_that_the_release_does_not_have_are_left_alone() -> None:
    profile = replace(openser(version=(1, 1)), legs=(LegDefinition("src", "nothing"),))
    assert of_rule(profile, "variable-one") == []


@pytest.mark.parametrize(
    ("profile", "variable", "severity"),
    [
        (kamailio(), "$ctu", ERROR),
        (kamailio(version=(6, 1)), "$ctu", None),
        (kamailio(), "$ful", ERROR),
        (opensips(), "$challenge.algorithm", ERROR),
        (opensips(), "$proxy_protocol(src_ip)", ERROR),
        (opensips(version=(2, 4)), "$proto", None),
        (opensips(version=(3, 4)), "$proto", ERROR),
    ],
)
def test_a_variable_that_the_release_does_not_have_is_an_error(
    profile: AccountingProfile, variable: str, severity: Severity | None
) -> None:
    found = of_rule(with_extra(profile, variable), "variable-unknown")
    assert [one.severity for one in found] == ([severity] if severity else [])


def test_a_newer_variable_is_said_to_be_newer() -> None:
    (found,) = of_rule(with_extra(kamailio(), "$ctu"), "variable-unknown")
    assert found.what == "Kamailio 5.6 has no $ctu: it came with 6.0."


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("$(fU{s.foo})", "variable-transformation"),
        ("$(ru{uri.usr})", "variable-transformation"),
        ("$(fU{s.substr,0})", "variable-transformation"),
        ("$(fU{s.sha1})", "variable-transformation"),
        ("$(fU{s.countc,a})", "variable-transformation"),
        ("$(fU[0])", "variable-index"),
        ("$(avp(x)[abc])", "variable-index"),
        ("$avp(i:abc)", "variable-avp-number"),
        ("$time(nosuch)", "variable-choice"),
        ("$K(IP)", "variable-choice"),
        ("$hdr(X Test)", "variable-header"),
        ("$foo", "variable-unknown"),
    ],
)
def test_an_expression_that_stops_kamailio_is_an_error(text: str, rule: str) -> None:
    assert [one.severity for one in of_rule(with_extra(kamailio(), text), rule)] == [ERROR]


@pytest.mark.parametrize("text", ['"sip:"+$fU+"@"+$fd', '$fU + "@" + $fd', '$avp(username)+"@"+$avp(domain)', "5"])
def test_an_expression_of_the_script_is_taken_where_the_script_assigns_values(text: str) -> None:
    assert of_rule(with_extra(opensips(), text), "variable-one") == []


@pytest.mark.parametrize("text", ['"a" +', "$fU@$fd", '"a" "b"', "alice"])
def test_what_is_no_expression_stays_an_error(text: str) -> None:
    assert [one.severity for one in of_rule(with_extra(opensips(), text), "variable-one")] == [ERROR]


def test_a_field_that_the_script_assigns_itself_is_a_note_that_names_it() -> None:
    (found,) = of_rule(with_extra(opensips(), ""), "variable-one")
    assert (found.severity, found.what) == (NOTE, "$acc_extra(field0) is not assigned here.")
