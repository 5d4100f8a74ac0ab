"""The form's fields for the options of a release: an empty field stands for the default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.forms.options import (
    EMPTY,
    GROUPS,
    WholeNumber,
    changed_options,
    field_name,
    group_of,
    option_fields,
    shown,
)
from proxyconf.profile import AccountingProfile
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.parameters import ParameterKind
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import profiles

KAMAILIO = AccountingProfile(Product.KAMAILIO, Version(5, 6), (Backend.SYSLOG, Backend.SQL))
URL = "mysql://kamailio:s3cret@db/kamailio"
MASKED = "mysql://kamailio:********@db/kamailio"


def with_options(**options: Any) -> AccountingProfile:
    return replace(KAMAILIO, options=options)


def changed(profile: AccountingProfile, **entered: Any) -> dict[str, Any]:
    return changed_options(profile, {field_name(key): value for key, value in entered.items()})


def test_an_option_at_its_default_is_shown_as_an_empty_field() -> None:
    assert shown(KAMAILIO, "log_facility") == ""


def test_an_option_that_is_set_is_shown_as_text() -> None:
    assert shown(with_options(log_level=2), "log_level") == "2"


def test_a_switch_is_shown_as_on_or_off() -> None:
    assert shown(KAMAILIO, "report_cancels") is False
    assert shown(with_options(report_cancels=1), "report_cancels") is True


def test_an_option_set_to_the_empty_string_differs_from_one_at_its_default() -> None:
    assert shown(with_options(log_facility=""), "log_facility") == EMPTY
    assert changed(KAMAILIO, log_facility=EMPTY) == {"log_facility": ""}


def test_a_password_is_never_shown() -> None:
    assert shown(with_options(db_url=URL), "db_url") == MASKED


def test_the_mask_of_a_password_stands_for_the_stored_one() -> None:
    moved = changed(with_options(db_url=URL), db_url="mysql://kamailio:********@other/kamailio")
    assert moved == {"db_url": "mysql://kamailio:s3cret@other/kamailio"}


def test_a_new_password_replaces_the_stored_one() -> None:
    entered = "mysql://kamailio:n3w@db/kamailio"
    assert changed(with_options(db_url=URL), db_url=entered) == {"db_url": entered}


def test_an_emptied_field_returns_to_the_default() -> None:
    assert changed(with_options(log_level=2), log_level="") == {}


def test_the_default_entered_in_full_is_not_stored() -> None:
    default = KAMAILIO.parameters["log_facility"].default
    assert changed(with_options(log_facility="LOG_LOCAL7"), log_facility=default) == {}


def test_options_that_the_form_does_not_show_stay() -> None:
    assert changed(with_options(log_level=2, db_url=URL), log_facility="LOG_LOCAL1") == {
        "log_level": 2,
        "db_url": URL,
        "log_facility": "LOG_LOCAL1",
    }


@given(profiles())
def test_a_form_that_is_submitted_unchanged_changes_no_option(profile: AccountingProfile) -> None:
    cleaned = {name: initial for name, _field, initial in option_fields(profile)}
    assert changed_options(profile, cleaned) == dict(profile.options)


@given(profiles())
def test_each_option_of_a_release_has_one_field_in_a_group_of_the_form(profile: AccountingProfile) -> None:
    names = [name for name, _field, _initial in option_fields(profile)]
    assert len(set(names)) == len(names)
    groups = {group.name for group in GROUPS}
    assert {group_of(key) for key in profile.parameters} <= groups
    lists = (ParameterKind.FLAG, ParameterKind.EXTRAS, ParameterKind.LEGS, ParameterKind.FIELDS)
    scalars = [key for key, parameter in profile.parameters.items() if parameter.kind not in lists]
    assert names == list(map(field_name, scalars))


@pytest.mark.parametrize(
    ("key", "group"),
    [
        ("report_cancels", "behaviour"),
        ("acc_method_column", "columns"),
        ("db_url", "sql"),
        ("log_level", "syslog"),
        ("radius_config", "radius"),
        ("aaa_url", "aaa"),
        ("cdr_enable", "dialog"),
        ("time_mode", "times"),
        ("acc_json.acc_time_mode", "json"),
        ("multi_leg_enable", "advanced"),
    ],
)
def test_an_option_stands_in_the_group_of_what_it_concerns(key: str, group: str) -> None:
    assert group_of(key) == group


def test_a_mode_that_does_not_exist_can_still_be_chosen_as_it_is_stored() -> None:
    fields = {name: field for name, field, _initial in option_fields(with_options(time_mode=9))}
    field = fields["option_time_mode"]
    assert isinstance(field, forms.ChoiceField)
    assert field.clean("9") == "9"
    with pytest.raises(ValidationError):
        field.clean("8")


def test_help_names_meaning_allowed_values_and_default() -> None:
    fields = {name: field for name, field, _initial in option_fields(KAMAILIO)}
    facility = KAMAILIO.parameters["log_facility"]
    text = str(fields["option_log_facility"].help_text)
    assert text.startswith(facility.meaning)
    assert f"default {facility.default}" in text
    assert str(fields["option_report_cancels"].help_text).endswith("(default off)")


@given(st.integers())
def test_a_whole_number_is_read_without_leading_zeros(number: int) -> None:
    sign = "-" if number < 0 else ""
    assert WholeNumber(required=False).clean(f" {sign}00{abs(number)} ") == str(number)


@pytest.mark.parametrize("text", ["1.5", "one", "0x10", "--1", "1 2", "-"])
def test_what_is_not_a_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="is not a whole number"):
        WholeNumber(required=False).clean(text)
