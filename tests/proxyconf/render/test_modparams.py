"""The parameters and modules that make a profile effective."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.parse.tokens import Reader
from proxyconf.profile import AccountingProfile, ExtraDefinition, Flags, LegDefinition, MessageFlag, OtherParameter
from proxyconf.render.modparams import (
    Modparam,
    default_parameters,
    effective_parameters,
    modules_needed,
    modules_presumed,
    pairs_text,
    quoted,
)
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import profiles

LOG, SQL, RADIUS, JSON = Backend.SYSLOG, Backend.SQL, Backend.RADIUS, Backend.JSON
KAMAILIO = AccountingProfile(Product.KAMAILIO, Version(5, 6), (LOG, SQL))
OPENSIPS = AccountingProfile(Product.OPENSIPS, Version(3, 4), (LOG, SQL))


def settings(profile: AccountingProfile) -> dict[str, object]:
    return {f"{one.module}.{one.name}": one.value for one in effective_parameters(profile)}


def test_an_option_with_its_default_is_not_set() -> None:
    assert settings(replace(KAMAILIO, options={"early_media": 0})) == {}
    assert settings(replace(KAMAILIO, options={"early_media": 1})) == {"acc.early_media": 1}


def test_an_option_of_another_release_is_not_set() -> None:
    assert settings(replace(KAMAILIO, options={"db_table_avp": "x"})) == {}


def test_flags_are_set_for_the_backends_in_use_alone() -> None:
    flags = Flags(account={LOG: MessageFlag(1), RADIUS: MessageFlag(2)}, failed=MessageFlag(3, "FLT_FAILED"))
    assert settings(replace(KAMAILIO, flags=flags)) == {"acc.log_flag": 1, "acc.failed_transaction_flag": 3}


def test_opensips_has_no_flags_where_it_has_do_accounting() -> None:
    assert settings(replace(OPENSIPS, flags=Flags(account={LOG: MessageFlag(1)}))) == {}


def test_each_backend_has_its_own_list_of_extras() -> None:
    field = ExtraDefinition("ua", "$ua", {LOG: "ua", SQL: "user_agent", RADIUS: "UA"})
    assert settings(replace(KAMAILIO, extras=(field,))) == {"acc.log_extra": "ua=$ua", "acc.db_extra": "user_agent=$ua"}


def test_opensips_declares_tags_with_the_names_that_differ() -> None:
    fields = (ExtraDefinition("ua", "$ua", {LOG: "ua", SQL: "user_agent"}), ExtraDefinition("x", "$si", {LOG: "x"}))
    found = [one.value for one in effective_parameters(replace(OPENSIPS, extras=fields))]
    assert found == ["log: ua;x", "db: ua->user_agent"]


def test_the_queue_of_acc_json_is_created() -> None:
    profile = replace(KAMAILIO, backends=(JSON,), options={"acc_json.acc_output_mqueue": "q"})
    assert settings(profile)["mqueue.mqueue"] == "name=q"
    assert "mqueue" in modules_needed(profile)


def test_detect_direction_needs_the_from_tag_in_the_route_header() -> None:
    profile = replace(KAMAILIO, options={"detect_direction": 1})
    assert settings(profile)["rr.append_fromtag"] == 1
    own = replace(profile, other_parameters=(OtherParameter("rr", "append_fromtag", 1),))
    assert [one.name for one in effective_parameters(own)].count("append_fromtag") == 1


def test_the_macro_of_an_option_goes_with_it() -> None:
    profile = replace(KAMAILIO, options={"db_url": "mysql://h/d"}, macros={"db_url": "DBURL"})
    assert [(one.name, one.macro) for one in effective_parameters(profile)] == [("db_url", "DBURL")]


@pytest.mark.parametrize(
    ("url", "product", "version", "module"),
    [
        ("mysql://h/d", Product.KAMAILIO, (5, 6), "db_mysql"),
        ("postgres://h/d", Product.OPENSIPS, (3, 4), "db_postgres"),
        ("db_cluster://c", Product.KAMAILIO, (5, 6), "db_cluster"),
        ("mysql://h/d", Product.OPENSER, (1, 3), "mysql"),
        ("text:///dir", Product.OPENSER, (1, 3), "dbtext"),
    ],
)
def test_the_driver_of_the_database_is_loaded(
    url: str, product: Product, version: tuple[int, int], module: str
) -> None:
    profile = AccountingProfile(product, Version(*version), (SQL,), options={"db_url": url})
    assert module in modules_needed(profile)


def test_modules_come_after_those_that_they_need() -> None:
    profile = replace(KAMAILIO, backends=(LOG, SQL, RADIUS), options={"db_url": "mysql://h/d", "cdr_enable": 1})
    modules = modules_needed(profile)
    assert modules == ["tm", "rr", "dialog", "db_mysql", "acc", "acc_radius"]


def test_the_module_of_a_variable_is_loaded_or_presumed() -> None:
    fields = (ExtraDefinition("a", "$T_branch_idx", {LOG: "a"}), ExtraDefinition("b", "$rtpstat", {LOG: "b"}))
    profile = replace(KAMAILIO, extras=fields)
    assert "tmx" in modules_needed(profile)
    assert modules_presumed(profile) == ["rtpengine"]


def test_default_parameters_are_those_that_the_profile_does_not_change() -> None:
    profile = replace(KAMAILIO, options={"early_media": 1})
    defaults = {one.name for one in default_parameters(profile)}
    assert "early_media" not in defaults
    assert {"report_ack", "log_level"} <= defaults


def test_a_list_has_no_semicolon_at_its_end() -> None:
    pairs = [("a", ExtraDefinition("a", "$fU")), ("b", ExtraDefinition("b", "$rU"))]
    assert pairs_text(pairs) == "a=$fU;b=$rU"


@given(st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0x2FF, exclude_characters="\0\r"), max_size=30))
def test_any_quoted_text_is_read_back_by_the_lexer(text: str) -> None:
    (token,) = Reader(quoted(text)).tokens()
    assert token.value == text


@given(profiles())
def test_no_parameter_of_any_profile_is_set_twice_unless_it_adds_up(profile: AccountingProfile) -> None:
    bare = replace(profile, other_parameters=())
    single = [
        (one.module, one.name)
        for one in effective_parameters(bare)
        if one.name not in ("extra_fields", "leg_fields", "mqueue")
    ]
    assert len(single) == len(set(single))


@given(profiles())
def test_the_module_of_each_parameter_of_any_profile_is_loaded(profile: AccountingProfile) -> None:
    bare = replace(profile, other_parameters=())
    assert {one.module for one in effective_parameters(bare)} <= set(modules_needed(bare))


def test_legs_of_all_backends_are_one_parameter() -> None:
    legs = (LegDefinition("src", "$avp(src)"), LegDefinition("dst", "$avp(dst)"))
    assert effective_parameters(replace(KAMAILIO, legs=legs)) == [
        Modparam("acc", "multi_leg_info", "src=$avp(src);dst=$avp(dst)")
    ]
