from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given

from proxyconf.parse.statements import read_statements
from proxyconf.parse.tokens import Reader
from proxyconf.profile import AccountingProfile, DoAccounting, ExtraDefinition, Flags, LegDefinition, MessageFlag
from proxyconf.render.hints import routing_hints
from proxyconf.vocabulary.layout import Backend, Role
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import profiles

LOG, SQL, RADIUS = Backend.SYSLOG, Backend.SQL, Backend.RADIUS
KAMAILIO = (Product.KAMAILIO, Version(5, 6))
FLAGS = Flags(
    {LOG: MessageFlag(1, "FLT_ACC"), RADIUS: MessageFlag(3)},
    {LOG: MessageFlag(2), RADIUS: MessageFlag(4)},
    failed=MessageFlag(7),
)
PROFILE = AccountingProfile(*KAMAILIO, (LOG, RADIUS), flags=FLAGS)


def route(profile: AccountingProfile, name: str) -> list[str]:
    """The statements of one route, without their comments."""
    _before, found, rest = routing_hints(profile).partition(f"[{name}] {{\n")
    statements = rest.partition("\n}")[0].splitlines() if found else []
    return [one.partition("  #")[0].strip() for one in statements]


def test_the_initial_invite_gets_every_flag_and_is_record_routed() -> None:
    assert route(PROFILE, "ACC_INVITE") == [
        *("setflag(FLT_ACC);", "setflag(3);", "setflag(2);", "setflag(4);", "setflag(7);"),
        "record_route();",
    ]


def test_the_bye_gets_the_flags_and_that_of_failed_calls() -> None:
    assert route(PROFILE, "ACC_WITHIN_DIALOG") == [
        'if ($rm == "BYE") {',
        *("setflag(FLT_ACC);", "setflag(3);", "setflag(7);"),
        "}",
    ]


@pytest.mark.parametrize("flags", [Flags(), Flags(missed={LOG: MessageFlag(2)})])
def test_no_block_is_empty(flags: Flags) -> None:
    hints = routing_hints(AccountingProfile(*KAMAILIO, (LOG,), flags=flags, options={"cdr_enable": 1, "report_ack": 1}))
    assert not re.search(r"\{\s*\}", hints)


def test_the_dialog_gets_the_variables_of_its_record() -> None:
    fields = (
        ExtraDefinition("callid", "$dlg_var(call_id)", {LOG: "callid"}),
        ExtraDefinition("anum", "$dlg_var(caller)", {LOG: "anum"}),
        ExtraDefinition("tenant", "$dlg_var(tenant)", {LOG: "tenant"}),
    )
    profile = replace(PROFILE, options={"cdr_enable": 1}, cdr_extras=fields)
    statements = route(profile, "ACC_INVITE")
    start = statements.index("dlg_manage();")
    assert statements[start + 1 : start + 3] == ["$dlg_var(call_id) = $ci;", "$dlg_var(caller) = $fU;"]
    assert "    # set here: $dlg_var(tenant) = …;\n" in routing_hints(profile)


def test_the_missed_flags_are_set_again_before_the_next_attempt() -> None:
    assert route(PROFILE, "ACC_NEXT_ATTEMPT") == ["setflag(2);", "setflag(4);"]


def test_one_flag_for_several_backends_is_set_once() -> None:
    profile = AccountingProfile(*KAMAILIO, (LOG, SQL), flags=Flags({LOG: MessageFlag(1), SQL: MessageFlag(1)}))
    assert "setflag(1);  # the log and SQL\n" in routing_hints(profile)


def test_external_engines_want_the_flag_on_the_ack_too() -> None:
    profile = replace(PROFILE, options={"report_ack": 1})
    assert route(profile, "ACC_WITHIN_DIALOG")[-3:] == ['if ($rm == "ACK") {', "setflag(3);", "}"]


def test_a_cancel_gets_the_flags_if_it_is_to_be_reported() -> None:
    assert route(PROFILE, "ACC_CANCEL") == []
    assert route(replace(PROFILE, options={"report_cancels": 1}), "ACC_CANCEL") == ["setflag(FLT_ACC);", "setflag(3);"]


def test_every_leg_pushes_every_avp() -> None:
    legs = (
        LegDefinition("src", "$avp(src)", role=Role.LEG_SOURCE),
        LegDefinition("dst", "$avp(dst)", role=Role.LEG_DESTINATION),
        LegDefinition("kind", "$avp(kind)"),
    )
    pushed = ["$avp(src) = $fU;", "$avp(dst) = $rU;", '$avp(kind) = "";']
    assert route(replace(PROFILE, legs=legs), "ACC_LEG") == pushed


@pytest.mark.parametrize(
    ("profile", "statement"),
    [
        (replace(PROFILE, options={"cdr_enable": 1}), "dlg_manage();"),
        (AccountingProfile(Product.OPENSIPS, Version(1, 8), flags=Flags(cdr=MessageFlag(9))), "create_dialog();"),
    ],
)
def test_a_dialog_is_tracked_where_dialogs_are_accounted(profile: AccountingProfile, statement: str) -> None:
    assert statement in route(profile, "ACC_INVITE")
    assert statement not in route(PROFILE, "ACC_INVITE")


def test_a_value_of_replies_is_taken_when_the_reply_arrives() -> None:
    profile = replace(
        PROFILE, extras=(ExtraDefinition("why not", "$rr", {LOG: "why"}), ExtraDefinition("ua", "$ua", {LOG: "ua"}))
    )
    assert route(profile, "ACC_REPLY") == ["$avp(reply_why_not) = $rr;"]
    assert "onreply_route[ACC_REPLY]" in routing_hints(profile)
    assert "ACC_REPLY" not in routing_hints(PROFILE)


def test_opensips_is_told_where_to_call_the_routes_of_the_section() -> None:
    asked = DoAccounting(missed=frozenset({LOG}))
    legs = (LegDefinition("src", "$avp(src)", {LOG: "src"}),)
    profile = AccountingProfile(Product.OPENSIPS, Version(3, 6), do_accounting=asked, legs=legs)
    calls = [line for line in routing_hints(profile).splitlines() if line.startswith("#     route(")]
    assert calls == [f"#     route({name});" for name in ("ACC_INVITE", "ACC_BYE", "ACC_FAILURE", "ACC_NEXT_LEG")]


def test_the_method_is_written_as_openser_knows_it() -> None:
    profile = AccountingProfile.suggested(Product.OPENSER, Version(1, 3))
    assert route(profile, "ACC_WITHIN_DIALOG")[0] == 'if (method == "BYE") {'


@given(profiles())
def test_hints_set_the_flags_of_the_profile_and_no_others(profile: AccountingProfile) -> None:
    calls = read_statements(Reader(routing_hints(profile))).calls
    flags = profile.flags.by_parameter(profile.product, profile.version).values()
    words = {str(call.arguments[0].word or call.arguments[0].value) for call in calls if call.name == "setflag"}
    assert words <= {flag.name for flag in flags} | {str(flag.number) for flag in flags}
