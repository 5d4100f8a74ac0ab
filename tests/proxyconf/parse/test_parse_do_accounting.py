"""Calls of do_accounting() and declared fields (OpenSIPS 2.2 and later)."""

from __future__ import annotations

import pytest

from proxyconf.profile import ExtraDefinition, LegDefinition, OtherParameter
from proxyconf.vocabulary.layout import Backend, Role
from tests.proxyconf.parse.configurations import LOG, RADIUS, SQL, opensips

# --- do_accounting()


@pytest.mark.parametrize(
    "bye",
    [
        'route { if (is_method("BYE")) { do_accounting("log", "failed"); } }',
        'route { if ($rm == "BYE") do_accounting("log", "failed"); else t_relay(); }',
        'route[ACC_BYE] { do_accounting("log", "failed"); }',
    ],
)
def test_failed_for_a_bye_is_not_asked_for_the_invite(bye: str) -> None:
    assert not opensips(bye + 'route[X] { do_accounting("log"); }').profile.do_accounting.failed


def test_what_is_asked_for_is_what_all_calls_ask_for() -> None:
    text = """
        route { do_accounting("log|db", "missed|failed"); }
        route[BYE] { do_accounting("log"); }
        failure_route[F] { do_accounting("LOG | evi", "Missed"); }
        route[C] { do_accounting("db", "cdr", "acc_2"); }
    """
    profile = opensips(text).profile
    assert profile.backends == (LOG, SQL, Backend.EVENTS)
    assert profile.do_accounting.missed == {LOG, SQL, Backend.EVENTS}
    assert profile.do_accounting.failed == profile.do_accounting.cdr == {LOG, SQL, Backend.EVENTS}
    assert profile.do_accounting.table == "acc_2"


@pytest.mark.parametrize(
    ("call", "why"),
    [
        ('do_accounting("$var(types)")', "only known at run time"),
        ("do_accounting($avp(types))", "only known at run time"),
        ('do_accounting("log", "$avp(flags)")', "only known at run time"),
        ("do_accounting()", "accounting output is missing"),
        ('do_accounting("syslog")', "'syslog' is not one of aaa, db, evi, log"),
        ('do_accounting("log", "always")', "'always' is not one of cdr, failed, missed"),
        ('do_accounting("db", "cdr", "$avp(table)")', "one constant table is kept"),
        ('drop_accounting("log")', "is not imported"),
    ],
)
def test_a_call_that_is_not_understood_is_listed(call: str, why: str) -> None:
    imported = opensips(f"route {{ {call}; }}")
    assert [one for one in imported.remarks if why in one.why and one.text == call] != []


def test_aaa_is_radius_or_diameter_as_its_url_says() -> None:
    call = 'route { do_accounting("aaa"); }\n'
    assert opensips(call + 'modparam("acc", "aaa_url", "radius:/etc/r")').profile.backends == (RADIUS,)
    assert opensips(call + 'modparam("acc", "aaa_url", "diameter:/etc/d")').profile.backends == (Backend.DIAMETER,)


def test_declared_fields_add_up_and_have_what_the_script_assigns() -> None:
    text = """
        modparam("acc", "extra_fields", "log: ua->agent; caller;")
        modparam("acc", "extra_fields", "db: ua")
        modparam("acc", "extra_fields", "log: ip")
        modparam("acc", "leg_fields", "log: src")
        route { do_accounting("log|db"); $acc_extra(ua) = $ua; $acc_extra(caller)=$(fU{s.tolower}); }
        route[LEG] { $acc_leg(src) = $fU; }
    """
    profile = opensips(text).profile
    assert profile.extras == (
        ExtraDefinition("ua", "$ua", {LOG: "agent", SQL: "ua"}, Role.USER_AGENT),
        ExtraDefinition("caller", "$(fU{s.tolower})", {LOG: "caller"}, Role.CALLER),
        ExtraDefinition("ip", "", {LOG: "ip"}),
    )
    assert profile.legs == (LegDefinition("src", "$fU", {LOG: "src"}, Role.LEG_SOURCE),)


def test_a_second_assignment_is_remarked_on() -> None:
    text = 'modparam("acc", "extra_fields", "log: a")\n$acc_extra(a) = $fU;\n$acc_extra(a) = "x" + $rU;'
    imported = opensips(text)
    assert imported.profile.extras[0].variable == "$fU"
    assert [(one.line, one.text) for one in imported.remarks] == [(3, '$acc_extra(a) = "x" + $rU')]


def test_fields_of_a_backend_that_nothing_asks_for_are_kept_as_they_are() -> None:
    text = 'modparam("acc", "extra_fields", "db: a->b")\nroute { do_accounting("log"); }'
    profile = opensips(text).profile
    assert (profile.backends, profile.extras) == ((LOG,), ())
    assert profile.other_parameters == (OtherParameter("acc", "extra_fields", "db: a->b"),)


@pytest.mark.parametrize("value", ["syslog: a", "a;b", ""])
def test_a_declaration_that_is_none_is_kept_and_remarked_on(value: str) -> None:
    imported = opensips(f'modparam("acc", "extra_fields", "{value}")')
    assert imported.profile.other_parameters == (OtherParameter("acc", "extra_fields", value),)
    assert len(imported.remarks) == 1
