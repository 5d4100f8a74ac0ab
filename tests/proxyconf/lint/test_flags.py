"""Message flags and what do_accounting() asks for."""

from __future__ import annotations

from dataclasses import replace

from proxyconf.profile import MessageFlag
from proxyconf.script_facts import ScriptFacts
from tests.proxyconf.lint.cases import (
    DIAMETER,
    ERROR,
    JSON,
    LOG,
    NOTE,
    RADIUS,
    SQL,
    WARNING,
    Case,
    asking,
    cases,
    flags,
    kamailio,
    of_rule,
    openser,
    opensips,
    with_flags,
)

NAMED = opensips(version=(1, 11))

CASES = (
    Case(
        "a flag of 77",
        "flag-range",
        ERROR,
        "flags.account.syslog",
        with_flags(kamailio(), account={LOG: 77}),
        with_flags(kamailio(), account={LOG: 31}),
    ),
    Case(
        "a negative flag",
        "flag-range",
        ERROR,
        "flags.failed",
        with_flags(openser(), failed=-1),
        with_flags(openser(), failed=0),
    ),
    Case(
        "a flag of 32 for what comes later",
        "flag-range",
        ERROR,
        "flags.prepare",
        with_flags(kamailio(), prepare=32),
        with_flags(kamailio(version=(3, 1)), prepare=32),
    ),
    Case(
        "a flag that is nothing",
        "flag-form",
        ERROR,
        "flags.account.syslog",
        with_flags(kamailio(), account={LOG: MessageFlag()}),
        with_flags(kamailio(), account={LOG: MessageFlag(3)}),
    ),
    Case(
        "a name without number",
        "flag-form",
        ERROR,
        "flags.account.syslog",
        with_flags(kamailio(), account={LOG: "FLT_ACC"}),
        with_flags(kamailio(), account={LOG: MessageFlag(1, "FLT_ACC")}),
    ),
    Case(
        "a number where names are wanted",
        "flag-form",
        WARNING,
        "flags.account.syslog",
        with_flags(NAMED, account={LOG: 3}),
        with_flags(NAMED, account={LOG: "ACC_LOG"}),
    ),
    Case(
        "a name with a blank",
        "flag-form",
        ERROR,
        "flags.account.syslog",
        with_flags(NAMED, account={LOG: "ACC LOG"}),
        with_flags(NAMED, account={LOG: "ACC_LOG"}),
    ),
    Case(
        "a number whose name nobody can define",
        "flag-form",
        WARNING,
        "flags.account.syslog",
        with_flags(kamailio(), account={LOG: MessageFlag(1, "my flag")}),
        with_flags(kamailio(), account={LOG: MessageFlag(1, "my_flag")}),
    ),
    Case(
        "one flag for accounted and missed calls",
        "flag-clash",
        ERROR,
        "flags.missed.syslog",
        replace(kamailio(), flags=flags(account={LOG: 1}, missed={LOG: 1})),
        replace(kamailio(), flags=flags(account={LOG: 1}, missed={LOG: 2})),
    ),
    Case(
        "one flag for accounted calls of one backend and missed calls of another",
        "flag-clash",
        ERROR,
        "flags.missed.syslog",
        replace(kamailio(LOG, SQL), flags=flags(account={LOG: 1, SQL: 2}, missed={LOG: 2, SQL: 3})),
        replace(kamailio(LOG, SQL), flags=flags(account={LOG: 1, SQL: 1}, missed={LOG: 2, SQL: 2})),
    ),
    Case(
        "one flag for accounted and failed calls",
        "flag-clash",
        WARNING,
        "flags.failed",
        replace(kamailio(), flags=flags(account={LOG: 1}, failed=1)),
        replace(kamailio(), flags=flags(account={LOG: 1}, failed=2)),
    ),
    Case(
        "one name for accounted calls and dialog records",
        "flag-clash",
        WARNING,
        "flags.cdr",
        replace(NAMED, flags=flags(account={LOG: "ACC"}, cdr="ACC")),
        replace(NAMED, flags=flags(account={LOG: "ACC"}, cdr="CDR")),
    ),
    Case(
        "one name for two numbers",
        "flag-name-clash",
        WARNING,
        "flags.failed",
        replace(kamailio(), flags=flags(account={LOG: MessageFlag(1, "FLT")}, failed=MessageFlag(2, "FLT"))),
        replace(kamailio(), flags=flags(account={LOG: MessageFlag(1, "FLT")}, failed=MessageFlag(2, "FLT_FAILED"))),
    ),
    Case(
        "flag 0 while an engine has no flag",
        "flag-unset-is-0",
        ERROR,
        "flags.missed.radius",
        replace(kamailio(LOG, RADIUS), flags=flags(account={LOG: 0, RADIUS: 1})),
        replace(kamailio(LOG, RADIUS), flags=flags(account={LOG: 0, RADIUS: 1}, missed={RADIUS: 2})),
    ),
    Case(
        "an engine without a flag",
        "flag-unset-is-0",
        WARNING,
        "flags.account.json",
        replace(kamailio(JSON), flags=flags(missed={JSON: 1})),
        replace(kamailio(JSON), flags=flags(account={JSON: 2}, missed={JSON: 1})),
    ),
    Case(
        "an engine that acc itself holds knows unset flags",
        "flag-unset-is-0",
        WARNING,
        "flags.missed.diameter",
        replace(kamailio(DIAMETER), flags=flags(account={DIAMETER: 1})),
        replace(kamailio(DIAMETER, version=(4, 4)), flags=flags(account={DIAMETER: 1})),
    ),
    Case(
        "a backend without a flag",
        "flag-missing",
        WARNING,
        "flags.account.sql",
        replace(kamailio(LOG, SQL), flags=flags(account={LOG: 1})),
        replace(kamailio(LOG, SQL), flags=flags(account={LOG: 1, SQL: 1})),
    ),
    Case(
        "a backend of OpenSIPS without a flag",
        "flag-missing",
        WARNING,
        "flags.account.syslog",
        replace(NAMED, flags=flags(missed={LOG: "MISSED"})),
        opensips(version=(2, 2)),
    ),
    Case(
        "failed calls of no backend",
        "failed-without-account",
        ERROR,
        "flags.failed",
        replace(kamailio(), flags=flags(failed=3)),
        replace(kamailio(), flags=flags(account={LOG: 1}, failed=3)),
    ),
    Case(
        "no failed calls",
        "failed-missing",
        WARNING,
        "flags.failed",
        with_flags(kamailio(), failed=None),
        with_flags(kamailio(), failed=9),
    ),
    Case(
        "no failed calls in OpenSIPS",
        "failed-missing",
        WARNING,
        "do_accounting.failed",
        asking(opensips()),
        asking(opensips(), failed=frozenset({LOG})),
    ),
    Case(
        "no failed calls beside call records, which a 481 ends too",
        "failed-missing",
        WARNING,
        "do_accounting.failed",
        asking(opensips()),
        asking(opensips(), cdr=frozenset({LOG})),
    ),
    Case(
        "missed calls without asking again",
        "missed-once",
        NOTE,
        "flags.missed.syslog",
        kamailio(),
        with_flags(kamailio(), missed={}),
    ),
    Case(
        "a failure_route that does not set the missed flag again",
        "missed-once",
        WARNING,
        "flags.missed.syslog",
        kamailio(),
        with_flags(kamailio(), missed={LOG: 9}),
        ScriptFacts(is_whole=True, has_failure_route=True, flags_set_again=frozenset({"9"})),
    ),
    Case(
        "a failure_route that does not request missed calls again",
        "missed-once",
        WARNING,
        "do_accounting.missed",
        opensips(),
        asking(opensips()),
        ScriptFacts(is_whole=True, has_failure_route=True),
    ),
    Case(
        "missed calls in OpenSIPS without asking again",
        "missed-once",
        NOTE,
        "do_accounting.missed",
        opensips(),
        asking(opensips()),
    ),
)


@cases(*CASES)
def test_what_is_wrong_with_flags_is_found_and_what_is_right_is_not(case: Case) -> None:
    case.holds()


def test_the_remedy_names_a_flag_that_is_free() -> None:
    (found,) = of_rule(replace(kamailio(), flags=flags(account={LOG: 1}, missed={LOG: 1})), "flag-clash")
    assert "such as 2" in found.remedy


def test_flags_are_nothing_to_releases_with_do_accounting() -> None:
    profile = replace(opensips(), flags=flags(account={LOG: 77}))
    assert of_rule(profile, "flag-range") == []


def test_flags_of_a_backend_that_is_not_in_use_are_left_alone() -> None:
    assert of_rule(with_flags(kamailio(LOG), account={LOG: 1, SQL: 77}), "flag-range") == []


def test_failed_calls_asked_of_one_backend_count_for_all_in_opensips() -> None:
    assert of_rule(asking(opensips(LOG, SQL), failed=frozenset({LOG})), "failed-missing") == []
