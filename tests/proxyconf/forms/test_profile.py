from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from proxyconf.forms.profile import ProfileForm
from proxyconf.parse import parse_config
from proxyconf.profile import AccountingProfile, ExtraDefinition, MessageFlag
from proxyconf.vocabulary.layout import Backend, Role
from proxyconf.vocabulary.parameters import RELEASES
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.forms.sending import sent
from tests.proxyconf.strategies import profiles

KAMAILIO = AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), (Backend.SYSLOG, Backend.SQL))
EXTRAS = (
    ExtraDefinition("one", "$fU", {Backend.SYSLOG: "one", Backend.RADIUS: "One"}, Role.CALLER),
    ExtraDefinition("two", "$rU", {Backend.SYSLOG: "two"}),
    ExtraDefinition("three", "$si", {Backend.SYSLOG: "three"}),
)


def changed(profile: AccountingProfile, **changes: str | list[str]) -> AccountingProfile:
    """Return what becomes of a profile if its form is sent with these changes."""
    form = ProfileForm(profile, data=sent(ProfileForm(profile), **changes))
    assert form.is_valid(), (form.errors, [rows.errors for rows in form.rows.values()])
    return form.value()


@pytest.mark.parametrize(
    ("product", "version"), [(product, one) for product, releases in RELEASES.items() for one in releases]
)
def test_sending_the_form_as_it_is_shown_changes_nothing_in_any_release(product: Product, version: str) -> None:
    profile = AccountingProfile.suggested(product, Version.parse(version), list(Backend))
    profile = replace(profile, extras=EXTRAS, cdr_extras=(), options={"early_media": 1, "db_url": "mysql://a:b@c/d"})
    assert changed(profile) == profile


@given(profiles())
def test_sending_the_form_of_any_sound_profile_changes_nothing(profile: AccountingProfile) -> None:
    assert changed(profile) == profile


@pytest.mark.parametrize("config", sorted(Path("tests/recorded").glob("*/acc.cfg")), ids=lambda file: file.parent.name)
def test_sending_the_form_of_an_imported_configuration_changes_nothing(config: Path) -> None:
    profile = parse_config(config.read_text()).profile
    assert changed(profile) == profile


def test_what_a_release_lacks_is_not_offered_and_says_why() -> None:
    form = ProfileForm(AccountingProfile.suggested(Product.KAMAILIO, Version(4, 0)))
    assert "option_db_insert_mode" in form.fields
    assert "option_cdr_extra_nullable" not in form.fields
    assert any(
        sentence.startswith("Kamailio 4.0 has no cdr_extra_nullable: it came with") for sentence in form.absent()
    )


def test_a_backend_that_a_release_lacks_says_why() -> None:
    absent = {one["name"]: one["absent"] for one in ProfileForm(KAMAILIO).backend_choices()}
    assert absent["events"] == "Kamailio 5.6 has no accounting to events: it belongs to OpenSIPS."
    assert absent["radius"] == ""


def test_free_numbers_are_suggested_without_those_of_the_script() -> None:
    assert "Free: 26, 27, 28" in ProfileForm(KAMAILIO, flags_elsewhere=(25,)).flag_hint


@pytest.mark.parametrize(
    ("text", "flag"),
    [("7", MessageFlag(7)), ("FLT_ACC = 7", MessageFlag(7, "FLT_ACC")), ("ACC", MessageFlag(None, "ACC")), ("", None)],
)
def test_a_flag_is_a_number_a_name_or_both(text: str, flag: MessageFlag | None) -> None:
    assert changed(KAMAILIO, flag_syslog=text).flags.account.get(Backend.SYSLOG) == flag


@pytest.mark.parametrize("text", ["4 5", "= 3", "ACC = x", "A B = 3"])
def test_what_is_no_flag_is_refused_and_stays_as_it_was(text: str) -> None:
    form = ProfileForm(KAMAILIO, data=sent(ProfileForm(KAMAILIO), flag_syslog=text))
    assert not form.is_valid()
    assert form.value() == KAMAILIO


def test_a_flag_that_no_proxy_has_can_be_drafted() -> None:
    assert changed(KAMAILIO, flag_syslog="77").flags.account[Backend.SYSLOG] == MessageFlag(77)


def test_an_option_that_is_emptied_has_its_default_again() -> None:
    profile = replace(KAMAILIO, options={"db_table_acc": "calls"})
    assert changed(profile, option_db_table_acc="").options == {}


@pytest.mark.parametrize("text", ["\r", " x", "a\nb"])
def test_an_option_that_no_line_can_hold_stays_unless_it_is_changed(text: str) -> None:
    profile = replace(KAMAILIO, options={"db_table_acc": text})
    typed = text.replace("\n", "")
    assert changed(profile, option_db_table_acc=typed) == profile
    assert changed(profile, option_db_table_acc="calls").options == {"db_table_acc": "calls"}


def test_two_quotes_set_an_option_to_nothing() -> None:
    profile = changed(KAMAILIO, option_db_table_acc='""')
    assert profile.options == {"db_table_acc": ""}
    assert changed(profile) == profile


def test_a_number_that_is_none_is_refused() -> None:
    form = ProfileForm(KAMAILIO, data=sent(ProfileForm(KAMAILIO), option_acc_extra_size="many"))
    assert form.errors["option_acc_extra_size"] == ["'many' is not a whole number"]


class TestThePassword:
    WITH = replace(KAMAILIO, options={"db_url": "mysql://acc:geheim@db/acc"})

    def test_is_not_in_the_form(self) -> None:
        assert ProfileForm(self.WITH)["option_db_url"].value() == "mysql://acc:********@db/acc"

    def test_stays_where_its_asterisks_stay(self) -> None:
        changes = {"option_db_url": "postgres://acc:********@db2/acc"}
        assert changed(self.WITH, **changes).options["db_url"] == "postgres://acc:geheim@db2/acc"

    def test_is_replaced_by_another(self) -> None:
        changes = {"option_db_url": "mysql://acc:neu@db/acc"}
        assert changed(self.WITH, **changes).options["db_url"] == "mysql://acc:neu@db/acc"


class TestRows:
    PROFILE = replace(KAMAILIO, extras=EXTRAS)

    def test_follow_the_order_that_is_sent(self) -> None:
        changes = {"extras-0-ORDER": "3", "extras-1-ORDER": "1", "extras-2-ORDER": "2"}
        assert [one.name for one in changed(self.PROFILE, **changes).extras] == ["two", "three", "one"]

    def test_that_are_removed_are_gone(self) -> None:
        assert changed(self.PROFILE, **{"extras-1-DELETE": "on"}).extras == (EXTRAS[0], EXTRAS[2])

    def test_that_say_nothing_are_left_out(self) -> None:
        assert changed(self.PROFILE, **{"extras-TOTAL_FORMS": "4"}).extras == EXTRAS

    def test_are_added_with_the_role_that_the_variable_suggests(self) -> None:
        new = {"extras-TOTAL_FORMS": "4", "extras-3-name": "ua", "extras-3-variable": "$ua", "extras-3-label_sql": "ua"}
        added = changed(self.PROFILE, **new).extras[3]
        assert added == ExtraDefinition("ua", "$ua", {Backend.SQL: "ua"}, Role.USER_AGENT)

    def test_may_hold_what_is_wrong(self) -> None:
        assert changed(self.PROFILE, **{"extras-0-label_syslog": "a;b=c"}).extras[0].labels[Backend.SYSLOG] == "a;b=c"


def test_kamailios_dialog_fields_have_one_label_for_the_log_and_sql() -> None:
    new = {"cdr_extras-TOTAL_FORMS": "1", "cdr_extras-0-variable": "$ci", "cdr_extras-0-label_syslog": "callid"}
    field = changed(KAMAILIO, **new).cdr_extras[0]
    assert field.labels == {Backend.SYSLOG: "callid", Backend.SQL: "callid"}


def test_missed_is_asked_per_backend_and_cdr_and_failed_for_all() -> None:
    profile = AccountingProfile.suggested(Product.OPENSIPS, Version(3, 6), (Backend.SYSLOG, Backend.SQL))
    found = changed(profile, ask_missed=["sql"], ask_failed=[], ask_cdr="on", ask_table="calls").do_accounting
    assert (found.missed, found.failed, found.cdr) == ({Backend.SQL}, frozenset(), {Backend.SYSLOG, Backend.SQL})
    assert found.table == "calls"


def test_options_of_another_release_are_kept_and_named() -> None:
    profile = replace(KAMAILIO, options={"db_table_avp": "x"})
    assert changed(profile) == profile
    assert ProfileForm(profile).unavailable_options() == ["Kamailio 5.6 has no db_table_avp: it belongs to OpenSIPS."]


def test_a_macro_stands_for_its_value_until_another_is_typed() -> None:
    profile = replace(KAMAILIO, options={"db_url": "mysql://u:p@h/d"}, macros={"db_url": "DBURL"})
    assert changed(profile).macros == {"db_url": "DBURL"}
    assert changed(profile, option_db_url="mysql://u:p@other/d").macros == {}
