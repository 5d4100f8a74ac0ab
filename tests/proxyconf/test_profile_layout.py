"""The field layout of a profile is what a parser needs to read the lines of its proxy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.profile_layout import column_names, layout_of
from proxyconf.vocabulary.layout import Backend, CdrLayout, FieldLayout, Role, TimeLayout
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import profiles

LOG, SQL, JSON = Backend.SYSLOG, Backend.SQL, Backend.JSON
KAMAILIO = AccountingProfile(Product.KAMAILIO, Version(5, 6), (LOG, SQL))


def test_labels_are_those_of_each_backend_in_use_in_order() -> None:
    fields = (
        ExtraDefinition("a", "$fU", {LOG: "src_user", SQL: "caller"}),
        ExtraDefinition("b", "$ua", {SQL: "user_agent"}),
        ExtraDefinition("c", "$si", {LOG: "ip", Backend.RADIUS: "Sip-Src-IP"}),
    )
    layout = layout_of(replace(KAMAILIO, extras=fields))
    assert layout.extras == {LOG: ("src_user", "ip"), SQL: ("caller", "user_agent")}


def test_a_backend_without_labels_is_known_to_log_none() -> None:
    assert layout_of(KAMAILIO).extras == {LOG: (), SQL: ()}


def test_roles_that_were_set_are_in_the_layout_also_of_backends_that_are_not_in_use() -> None:
    fields = (ExtraDefinition("a", "$avp(x)", {LOG: "who", Backend.RADIUS: "Who"}, Role.CALLER),)
    assert layout_of(replace(KAMAILIO, extras=fields)).roles == {"who": Role.CALLER, "Who": Role.CALLER}


def test_the_first_role_of_a_label_counts() -> None:
    fields = (
        ExtraDefinition("a", "$fU", {LOG: "x"}, Role.CALLER),
        ExtraDefinition("b", "$rU", {SQL: "x"}, Role.CALLEE),
    )
    assert layout_of(replace(KAMAILIO, extras=fields)).roles == {"x": Role.CALLER}


def test_one_list_of_legs_serves_all_backends_until_opensips_declares_them() -> None:
    legs = (LegDefinition("src", "$avp(src)", {LOG: "leg_src"}),)
    assert layout_of(replace(KAMAILIO, legs=legs)).legs == {LOG: ("src",), SQL: ("src",)}
    opensips = AccountingProfile(Product.OPENSIPS, Version(3, 4), (LOG, SQL), legs=legs)
    assert layout_of(opensips).legs == {LOG: ("leg_src",), SQL: ()}


def test_openser_1_1_has_two_fixed_columns_for_legs() -> None:
    profile = AccountingProfile(Product.OPENSER, Version(1, 1), (SQL,), options={"multi_leg_enabled": 1})
    assert len(layout_of(profile).legs[SQL]) == 2


@pytest.mark.parametrize(
    ("product", "version", "newest_first"),
    [(Product.KAMAILIO, (5, 6), True), (Product.OPENSIPS, (2, 2), True), (Product.OPENSIPS, (2, 3), False)],
)
def test_the_order_of_legs_is_that_of_the_release(
    product: Product, version: tuple[int, int], newest_first: bool
) -> None:
    assert layout_of(AccountingProfile(product, Version(*version), (LOG,))).newest_leg_first == newest_first


def test_times_are_those_of_the_options() -> None:
    options: dict[str, int | str] = {"time_mode": 3, "time_attr": "t", "time_format": "%H"}
    assert layout_of(replace(KAMAILIO, options=options)).time == TimeLayout(3, "t", TimeLayout().exten, "%H")
    assert layout_of(replace(KAMAILIO, options={"time_attr": "t"})).time == TimeLayout()


def test_acc_json_has_times_of_its_own() -> None:
    profile = AccountingProfile(*(Product.KAMAILIO, Version(5, 6)), (JSON,), options={"acc_json.acc_time_mode": 2})
    assert layout_of(profile).json_time.mode == 2
    assert layout_of(profile).time.mode == 0


def test_dialog_records_have_their_names_and_fields() -> None:
    field = ExtraDefinition("c", "$dlg_var(c)", {LOG: "callid", SQL: "callid"})
    options: dict[str, int | str] = {"cdr_enable": 1, "cdr_start_id": "begin", "cdr_start_on_confirmed": 1}
    layout = layout_of(replace(KAMAILIO, options=options, cdr_extras=(field,)))
    assert layout.cdr == CdrLayout("begin", "end_time", "duration", ("callid",), True)


def test_without_dialog_records_their_layout_is_the_default() -> None:
    assert layout_of(replace(KAMAILIO, options={"cdr_start_id": "begin"})).cdr == CdrLayout()


def test_only_renamed_columns_are_in_the_layout() -> None:
    options: dict[str, int | str] = {"acc_callid_column": "my_callid", "acc_time_column": "time"}
    assert column_names(replace(KAMAILIO, options=options)) == {"callid": "my_callid"}


def test_the_columns_of_openser_1_1_are_found_under_their_old_names() -> None:
    names = column_names(AccountingProfile(Product.OPENSER, Version(1, 1), (SQL,)))
    assert names["callid"] == "sip_callid"
    assert names["from_tag"] == "fromtag"


@given(profiles())
def test_the_layout_of_any_profile_survives_json(profile: AccountingProfile) -> None:
    layout = layout_of(profile)
    assert FieldLayout.from_json(layout.to_json()) == layout


@given(profiles())
def test_the_layout_of_any_profile_has_the_backends_in_use(profile: AccountingProfile) -> None:
    assert layout_of(profile).extras.keys() == set(profile.backends)
