from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from proxyconf.parse.tokens import Reader, TokenKind
from proxyconf.profile import (
    AccountingProfile,
    DoAccounting,
    ExtraDefinition,
    Flags,
    LegDefinition,
    MessageFlag,
    OtherParameter,
)
from proxyconf.render.acc_section import acc_section, modules_section
from proxyconf.render.modparams import modules_needed, quoted
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import odd_texts

LOG, SQL, RADIUS, DIAMETER, JSON = (
    Backend.SYSLOG,
    Backend.SQL,
    Backend.RADIUS,
    Backend.DIAMETER,
    Backend.JSON,
)
KAMAILIO = (Product.KAMAILIO, Version(5, 6))
OPENSIPS = (Product.OPENSIPS, Version(3, 6))
UA = ExtraDefinition("ua", "$ua", {LOG: "ua", SQL: "agent"})
IP = ExtraDefinition("ip", "$si", {LOG: "ip"})
LEGS = (LegDefinition("src", "$avp(src)", {LOG: "src"}), LegDefinition("dst", "$avp(dst)", {LOG: "to"}))


def lines(profile: AccountingProfile, *, verbose: bool = False) -> list[str]:
    return acc_section(profile, verbose=verbose).splitlines()


def code(profile: AccountingProfile) -> str:
    """The section without comments and empty lines."""
    return "\n".join(line for line in lines(profile) if line and not line.startswith("# "))


@given(odd_texts)
def test_a_quoted_text_is_read_back_as_it_was(text: str) -> None:
    tokens = list(Reader(quoted(text)).tokens())
    assert [(one.kind, one.value) for one in tokens] == [(TokenKind.TEXT, text)]


def test_a_kamailio_section_names_flags_loads_modules_and_sets_parameters_in_this_order() -> None:
    flags = Flags({LOG: MessageFlag(1, "FLT_ACC")}, {LOG: MessageFlag(2)})
    assert (
        code(AccountingProfile(*KAMAILIO, flags=flags))
        == """\
#!ifndef FLT_ACC
#!define FLT_ACC 1
#!endif
#!ifndef MOD_tm
loadmodule "tm.so"
#!endif
#!ifndef MOD_rr
loadmodule "rr.so"
#!endif
#!ifndef MOD_acc
loadmodule "acc.so"
#!endif
modparam("acc", "log_flag", FLT_ACC)
modparam("acc", "log_missed_flag", 2)"""
    )


def test_one_name_for_two_numbers_is_given_to_the_first() -> None:
    flags = Flags({LOG: MessageFlag(1, "FLT_ACC")}, {LOG: MessageFlag(2, "FLT_ACC")})
    section = code(AccountingProfile(*KAMAILIO, flags=flags))
    assert section.count("#!define") == 1
    assert 'modparam("acc", "log_missed_flag", 2)' in section


def test_a_name_that_cannot_be_defined_is_left_out() -> None:
    section = code(AccountingProfile(*KAMAILIO, flags=Flags({LOG: MessageFlag(1, "FLT-ACC")})))
    assert 'modparam("acc", "log_flag", 1)' in section
    assert "#!define" not in section


def test_kamailio_gets_a_list_in_pieces_that_it_joins() -> None:
    section = acc_section(AccountingProfile(*KAMAILIO, extras=(UA, IP)))
    assert 'modparam("acc", "log_extra",\n    "ua=$ua;"\n    "ip=$si")\n' in section


@pytest.mark.parametrize("extras", [(UA,), (UA, IP)])
@pytest.mark.parametrize("release", [KAMAILIO, (Product.OPENSIPS, Version(2, 2)), (Product.OPENSER, Version(1, 3))])
def test_no_list_ends_with_a_semicolon(release: tuple[Product, Version], extras: tuple[ExtraDefinition, ...]) -> None:
    assert ';")' not in acc_section(AccountingProfile(*release, extras=extras, legs=LEGS))


def test_only_what_differs_from_the_default_is_written_unless_asked() -> None:
    profile = AccountingProfile(*KAMAILIO, options={"early_media": 1, "report_ack": 0})
    short, long = lines(profile), lines(profile, verbose=True)
    assert 'modparam("acc", "early_media", 1)' in short
    assert 'modparam("acc", "report_ack", 0)' not in short
    assert 'modparam("acc", "report_ack", 0)' in long
    assert long.count('modparam("acc", "early_media", 1)') == 1


def test_a_number_is_written_bare_and_a_text_in_quotes() -> None:
    section = lines(AccountingProfile(*KAMAILIO, options={"time_mode": 2, "time_attr": 'a"b\\c'}))
    assert 'modparam("acc", "time_mode", 2)' in section
    assert r'modparam("acc", "time_attr", "a\"b\\c")' in section


def test_flags_fields_and_options_of_a_backend_that_is_not_in_use_are_not_written() -> None:
    profile = AccountingProfile(
        *KAMAILIO,
        (LOG,),
        flags=Flags({LOG: MessageFlag(1), RADIUS: MessageFlag(2)}),
        extras=(ExtraDefinition("a", "$fU", {RADIUS: "A"}),),
        options={"radius_config": "/etc/r"},
    )
    assert "radius" not in acc_section(profile)


def test_a_parameter_that_the_release_does_not_have_is_not_written() -> None:
    profile = AccountingProfile(
        Product.KAMAILIO, Version(3, 0), options={"cdr_enable": 1}, flags=Flags(prepare=MessageFlag(3))
    )
    assert [line for line in lines(profile) if line.startswith("modparam")] == []


def test_what_the_profile_does_not_model_is_written_as_it_was() -> None:
    profile = AccountingProfile(
        *KAMAILIO, other_parameters=(OtherParameter("acc", "new", "x"), OtherParameter("acc", "newer", 3))
    )
    assert lines(profile)[-2:] == ['modparam("acc", "new", "x")', 'modparam("acc", "newer", 3)']


def test_append_fromtag_is_written_where_the_direction_is_detected_and_only_once() -> None:
    on = AccountingProfile(*KAMAILIO, options={"detect_direction": 1})
    own = replace(on, other_parameters=(OtherParameter("rr", "append_fromtag", 0),))
    assert 'modparam("rr", "append_fromtag", 1)' in acc_section(on)
    assert 'modparam("rr", "append_fromtag", 1)' not in acc_section(own)
    assert "append_fromtag" not in acc_section(AccountingProfile(*KAMAILIO))


@pytest.mark.parametrize(
    ("profile", "modules"),
    [
        (AccountingProfile(*KAMAILIO), ["tm", "rr", "acc"]),
        (AccountingProfile(*KAMAILIO, (LOG, JSON, RADIUS)), ["tm", "rr", "acc", "acc_json", "acc_radius"]),
        (AccountingProfile(*KAMAILIO, extras=(UA,)), ["tm", "rr", "pv", "acc"]),
        (AccountingProfile(*KAMAILIO, options={"cdr_enable": 1}), ["tm", "rr", "dialog", "acc"]),
        (AccountingProfile(*KAMAILIO, options={"db_url": "postgres://h/d"}), ["tm", "rr", "db_postgres", "acc"]),
        (
            AccountingProfile(*KAMAILIO, (JSON,), options={"acc_json.acc_output_mqueue": "q"}),
            ["tm", "rr", "mqueue", "acc", "acc_json"],
        ),
        (AccountingProfile(Product.KAMAILIO, Version(1, 5), extras=(UA,)), ["tm", "rr", "acc"]),
        (AccountingProfile(Product.KAMAILIO, Version(3, 0), (RADIUS, DIAMETER)), ["tm", "rr", "acc"]),
        (
            AccountingProfile(Product.OPENSER, Version(1, 3), options={"db_url": "mysql://h/d"}),
            ["tm", "rr", "mysql", "acc"],
        ),
        (AccountingProfile(*OPENSIPS, extras=(UA,)), ["tm", "rr", "acc"]),
        (AccountingProfile(*OPENSIPS, (RADIUS,), options={"aaa_url": "radius:/r"}), ["tm", "rr", "aaa_radius", "acc"]),
        (AccountingProfile(*OPENSIPS, do_accounting=DoAccounting(cdr=frozenset({LOG}))), ["tm", "rr", "dialog", "acc"]),
    ],
)
def test_the_modules_that_are_needed_come_in_the_order_of_loading(
    profile: AccountingProfile, modules: list[str]
) -> None:
    assert modules_needed(profile) == modules


def test_a_module_with_settings_of_its_own_is_left_to_the_script() -> None:
    profile = AccountingProfile(*KAMAILIO, extras=(ExtraDefinition("a", "$rtpstat", {LOG: "a"}),))
    section = acc_section(profile)
    assert 'loadmodule "rtpengine.so"' not in section
    assert "for the variables below: rtpengine" in section


def test_the_queue_of_acc_json_is_made() -> None:
    profile = AccountingProfile(
        *KAMAILIO, (JSON,), options={"acc_json.acc_output_mqueue": "q", "acc_json.cdr_output_mqueue": "q"}
    )
    assert lines(profile).count('modparam("mqueue", "mqueue", "name=q")') == 1


# --- do_accounting()


def test_opensips_2_2_asks_in_routes_and_keeps_lists_of_fields() -> None:
    profile = AccountingProfile(
        Product.OPENSIPS,
        Version(2, 2),
        (LOG, SQL),
        do_accounting=DoAccounting(missed=frozenset({LOG, SQL}), failed=frozenset({LOG, SQL})),
        extras=(UA,),
        legs=LEGS,
    )
    assert (
        code(profile)
        == """\
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "acc.so"
modparam("acc", "log_extra", "ua=$ua")
modparam("acc", "db_extra", "agent=$ua")
modparam("acc", "multi_leg_info", "src=$avp(src);dst=$avp(dst)")
route[ACC_INVITE] {
    do_accounting("log|db", "missed|failed");
    return;
}
route[ACC_BYE] {
    do_accounting("log|db", "failed");
    return;
}
route[ACC_FAILURE] {
    do_accounting("log|db", "missed");
    return;
}"""
    )


def test_opensips_2_3_declares_fields_and_assigns_them() -> None:
    reason = ExtraDefinition("why", "$rr", {LOG: "why"})
    profile = AccountingProfile(
        *OPENSIPS, (LOG,), do_accounting=DoAccounting(cdr=frozenset({LOG})), extras=(UA, reason), legs=LEGS
    )
    assert (
        code(profile)
        == """\
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "dialog.so"
loadmodule "acc.so"
modparam("acc", "extra_fields", "log: ua;why")
modparam("acc", "leg_fields", "log: src;dst->to")
route[ACC_INVITE] {
    create_dialog("B");  # the record is written at its end; with B also if the BYE is lost
    do_accounting("log", "cdr");
    route(ACC_VALUES);
    t_on_reply("ACC_REPLY");
    return;
}
route[ACC_BYE] {
    return;
}
route[ACC_FAILURE] {
    return;
}
route[ACC_VALUES] {
    $acc_extra(ua) = $ua;
    $acc_leg(src) = $avp(src);
    $acc_leg(dst) = $avp(dst);
    return;
}
onreply_route[ACC_REPLY] {
    $acc_extra(why) = $rr;
    return;
}
route[ACC_NEXT_LEG] {
    acc_new_leg();
    $acc_leg(src) = $avp(src);
    $acc_leg(dst) = $avp(dst);
    return;
}"""
    )


def test_backends_that_want_different_things_are_asked_for_apart() -> None:
    asked = DoAccounting(missed=frozenset({LOG, Backend.EVENTS}), failed=frozenset({SQL}))
    section = acc_section(AccountingProfile(*OPENSIPS, (LOG, SQL, Backend.EVENTS), do_accounting=asked))
    assert '    do_accounting("log|evi", "missed|failed");\n    do_accounting("db", "failed");\n' in section


def test_opensips_gets_the_modules_apart_from_the_section_that_is_included() -> None:
    profile = AccountingProfile.suggested(*OPENSIPS, (LOG,))
    assert 'loadmodule "' not in acc_section(profile, modules=False)
    assert 'loadmodule "acc.so"' in modules_section(profile)
    kamailio = AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), (LOG,))
    assert modules_section(kamailio) == ""


def test_a_macro_of_the_script_is_rendered_in_place_of_its_value() -> None:
    options = {"db_url": "mysql://u:secret@h/d"}
    profile = replace(
        AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), (SQL,)),
        options=options,
        macros={"db_url": "DBURL"},
    )
    section = acc_section(profile)
    assert 'modparam("acc", "db_url", DBURL)' in section
    assert "The script must #!define these names before: DBURL." in section
    assert "secret" not in section


@pytest.mark.parametrize(
    ("version", "missed", "call"),
    [
        (Version(2, 4), {SQL}, 'do_accounting("db", "missed", "acc_2");'),
        (Version(3, 0), {SQL}, 'do_accounting("db", "missed", "acc_2");'),
        (Version(3, 0), (), 'do_accounting("db", , "acc_2");'),
        (Version(2, 4), (), 'do_accounting("db");'),  # an empty string for the flags would stop the proxy
    ],
)
def test_a_table_is_named_where_the_release_can_take_it(version: Version, missed: set[Backend], call: str) -> None:
    asked = DoAccounting(missed=frozenset(missed), table="acc_2")
    assert f"    {call}\n" in acc_section(AccountingProfile(Product.OPENSIPS, version, (SQL,), do_accounting=asked))


def test_a_tag_that_no_backend_in_use_declares_is_not_assigned() -> None:
    section = acc_section(AccountingProfile(*OPENSIPS, (LOG,), extras=(ExtraDefinition("a", "$fU", {SQL: "a"}),)))
    assert "acc_extra" not in section


def test_opensips_1_9_gets_the_names_of_flags() -> None:
    profile = AccountingProfile.suggested(Product.OPENSIPS, Version(1, 9), (LOG,))
    assert 'modparam("acc", "log_flag", "ACC_LOG")' in lines(profile)
