from __future__ import annotations

from dataclasses import replace

import pytest

from proxyconf.profile import (
    AccountingProfile,
    ExtraDefinition,
    Flags,
    LegDefinition,
    MessageFlag,
    OtherParameter,
    mask_password,
)
from proxyconf.profile_layout import layout_of
from proxyconf.vocabulary.layout import Backend, CdrLayout, Role, TimeLayout
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import ALL_RELEASES, Release

LOG, SQL, RADIUS, JSON = Backend.SYSLOG, Backend.SQL, Backend.RADIUS, Backend.JSON
KAMAILIO = (Product.KAMAILIO, Version(5, 6))
OPENSIPS = (Product.OPENSIPS, Version(3, 6))
OPENSER = (Product.OPENSER, Version(1, 1))


@pytest.mark.parametrize("release", ALL_RELEASES, ids=lambda one: f"{one[0]} {one[1]}")
def test_a_suggested_profile_asks_for_everything_in_every_backend(release: Release) -> None:
    profile = AccountingProfile.suggested(*release, tuple(Backend))
    assert set(profile.backends) == set(profile.known_backends)
    if profile.uses_do_accounting:
        assert profile.do_accounting.missed == profile.do_accounting.failed == set(profile.backends)
    else:
        flags = profile.flags.by_parameter(*release).values()
        assert len(set(flags)) == 2 * len(profile.backends) + 1


def test_flags_are_suggested_by_number_or_by_name_and_never_flag_0() -> None:
    assert 0 not in AccountingProfile.suggested(*KAMAILIO, tuple(Backend)).flags.numbers()
    named = AccountingProfile.suggested(Product.OPENSIPS, Version(1, 11), (LOG,)).flags
    assert named == Flags(
        {LOG: MessageFlag(None, "ACC_LOG")}, {LOG: MessageFlag(None, "ACC_LOG_MISSED")}, MessageFlag(None, "ACC_FAILED")
    )


def test_suggested_flags_start_at_20_and_leave_out_those_of_the_script() -> None:
    flags = AccountingProfile.suggested(*KAMAILIO, (LOG,), flags_elsewhere=(20, 22)).flags
    assert flags == Flags({LOG: MessageFlag(21)}, {LOG: MessageFlag(23)}, MessageFlag(24))


def test_free_flags_are_those_used_neither_here_nor_elsewhere_and_0_comes_last() -> None:
    profile = AccountingProfile(
        *KAMAILIO, flags=Flags({LOG: MessageFlag(1)}, {LOG: MessageFlag(2)}, failed=MessageFlag(4))
    )
    free = profile.free_flags([5])
    assert free[:3] == (20, 21, 22)
    assert free[12:14] == (3, 6)
    assert free[-1] == 0
    assert not {1, 2, 4, 5} & set(free)


def test_flags_are_set_by_the_parameters_of_the_release() -> None:
    flags = Flags(
        {LOG: MessageFlag(1), RADIUS: MessageFlag(3)},
        {RADIUS: MessageFlag(4)},
        MessageFlag(5),
        MessageFlag(6),
        MessageFlag(7),
    )
    assert flags.by_parameter(*KAMAILIO) == {
        "log_flag": MessageFlag(1),
        "radius_flag": MessageFlag(3),
        "radius_missed_flag": MessageFlag(4),
        "failed_transaction_flag": MessageFlag(5),
        "acc_prepare_flag": MessageFlag(6),
    }
    assert flags.by_parameter(Product.OPENSIPS, Version(1, 8)) == {
        "log_flag": MessageFlag(1),
        "aaa_flag": MessageFlag(3),
        "aaa_missed_flag": MessageFlag(4),
        "failed_transaction_flag": MessageFlag(5),
        "cdr_flag": MessageFlag(7),
    }


def test_an_option_has_its_value_or_the_default_of_the_release_or_is_none_of_it() -> None:
    profile = AccountingProfile(*KAMAILIO, options={"early_media": 1})
    assert (profile.option("early_media"), profile.is_on("early_media")) == (1, True)
    assert (profile.option("cdr_start_id"), profile.option("time_mode")) == ("start_time", 0)
    assert (profile.option("aaa_url"), profile.is_on("aaa_url")) == (None, False)


def test_only_options_that_differ_and_apply_are_set() -> None:
    options = {
        "early_media": 1,
        "report_ack": 0,
        "radius_config": "/etc/r",
        "acc_json.acc_time_mode": 2,
        "aaa_url": "x",
    }
    assert AccountingProfile(*KAMAILIO, (LOG,), options=options).set_options() == {"early_media": 1}
    assert AccountingProfile(*KAMAILIO, (LOG, RADIUS), options=options).set_options() == {
        "early_media": 1,
        "radius_config": "/etc/r",
    }


def test_legs_have_one_name_in_all_backends_before_opensips_2_3_and_labels_from_then_on() -> None:
    legs = (LegDefinition("src", "$avp(src)", {SQL: "leg_src"}),)
    assert [label for label, _one in AccountingProfile(*KAMAILIO, legs=legs).leg_labels(LOG)] == ["src"]
    assert AccountingProfile(*OPENSIPS, legs=legs).leg_labels(LOG) == ()
    assert [label for label, _one in AccountingProfile(*OPENSIPS, legs=legs).leg_labels(SQL)] == ["leg_src"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://user:secret@host/db", "mysql://user:********@host/db"),
        ("postgres://user:s@cr:et@host/db", "postgres://user:********@host/db"),
        ("mysql://user@host/db", "mysql://user@host/db"),
        ("sqlite:///var/acc.db", "sqlite:///var/acc.db"),
        ("", ""),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert mask_password(url) == shown


def test_a_masked_profile_shows_no_password_and_is_else_the_same() -> None:
    kept = OtherParameter("acc", "db2_url", "mysql://u:secret@h/d")
    profile = AccountingProfile(
        *KAMAILIO, options={"db_url": "mysql://u:secret@h/d", "early_media": 1}, other_parameters=(kept,)
    )
    masked = profile.masked()
    assert "secret" not in str(masked.to_json())
    assert replace(masked, options=profile.options, other_parameters=(kept,)) == profile


@pytest.mark.parametrize(
    "data",
    [
        {"product": "asterisk"},
        {"version": "new"},
        {"backends": ["telex"]},
        {"flags": {"failed": ["7", ""]}},
        {"options": {"db_url": None}},
        {"extras": [{"name": "a", "variable": "$fU", "colour": "red"}]},
        {"other_parameters": [["acc", "x"]]},
        {"extras": [5]},
    ],
)
def test_json_that_is_no_profile_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        AccountingProfile.from_json(data)


def test_a_layout_holds_the_labels_of_the_backends_in_use_in_order() -> None:
    extras = (
        ExtraDefinition("ua", "$ua", {LOG: "ua", RADIUS: "UA"}, Role.USER_AGENT),
        ExtraDefinition("ip", "$si", {LOG: "ip", SQL: "src"}),
    )
    layout = layout_of(AccountingProfile(*KAMAILIO, (LOG, SQL), extras=extras, legs=(LegDefinition("src", "$avp(s)"),)))
    assert layout.extras == {LOG: ("ua", "ip"), SQL: ("src",)}
    assert layout.legs == {LOG: ("src",), SQL: ("src",)}
    assert layout.roles == {"ua": Role.USER_AGENT, "UA": Role.USER_AGENT}


def test_a_layout_tells_whether_the_newest_leg_comes_first() -> None:
    assert layout_of(AccountingProfile(*KAMAILIO)).newest_leg_first
    assert layout_of(AccountingProfile(Product.OPENSIPS, Version(2, 2))).newest_leg_first
    assert not layout_of(AccountingProfile(Product.OPENSIPS, Version(2, 3))).newest_leg_first


def test_a_layout_holds_direction_time_and_names_of_columns() -> None:
    options = {"detect_direction": 1, "time_mode": 2, "time_attr": "at", "acc_callid_column": "cid"}
    layout = layout_of(AccountingProfile(*KAMAILIO, options=options))
    assert layout.detect_direction
    assert layout.time == TimeLayout(2, "at")
    assert layout.columns == {"callid": "cid"}


def test_a_layout_holds_the_time_mode_of_acc_json_apart_from_that_of_acc() -> None:
    options = {"time_mode": 1, "acc_json.acc_time_mode": 4, "acc_json.acc_time_format": "%d.%m.%Y %T"}
    layout = layout_of(AccountingProfile(*KAMAILIO, (LOG, Backend.JSON), options=options))
    assert layout.time.mode == 1
    assert layout.json_time == TimeLayout(4, format="%d.%m.%Y %T")


def test_a_layout_holds_the_names_of_dialog_records_if_they_are_on() -> None:
    fields = (ExtraDefinition("callid", "$ci", {LOG: "cid", SQL: "cid"}),)
    off = AccountingProfile(*KAMAILIO, (LOG,), options={"cdr_start_id": "begin"}, cdr_extras=fields)
    on = replace(off, options={"cdr_enable": 1, "cdr_start_id": "begin", "cdr_start_on_confirmed": 1})
    assert layout_of(off).cdr == CdrLayout()
    assert layout_of(on).cdr == CdrLayout("begin", extras=("cid",), start_on_confirmed=True)


def test_openser_1_1_has_two_fixed_legs_and_columns_of_other_names() -> None:
    layout = layout_of(AccountingProfile(*OPENSER, (LOG, SQL), options={"multi_leg_enabled": 1}))
    assert layout.legs == {LOG: (), SQL: ("src_leg", "dst_leg")}
    assert layout.columns["callid"] == "sip_callid"
    assert layout.columns["to_tag"] == "totag"
