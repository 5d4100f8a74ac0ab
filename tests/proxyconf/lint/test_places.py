"""The fields and labels of a profile, with the places that findings name."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from proxyconf.lint.places import Field, fields, labels, number_of, option_place, takes, used_backends
from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import profiles

LOG, SQL, EVENTS = Backend.SYSLOG, Backend.SQL, Backend.EVENTS
CALLER = ExtraDefinition("caller", "$fU", {LOG: "src", SQL: "src_user"})
PLAIN = AccountingProfile(Product.KAMAILIO, Version(5, 6), (LOG, SQL), extras=(CALLER,))
OPENSIPS = AccountingProfile(Product.OPENSIPS, Version(3, 4), (LOG, SQL), extras=(CALLER,))


def test_a_place_has_a_path_and_words() -> None:
    place = Field("extras", 0, CALLER).place("labels.db", "label for SQL")
    assert (place.path, place.words) == ("extras[0].labels.db", "extra field 1 “caller”, label for SQL")


def test_a_field_without_a_name_is_named_by_its_number() -> None:
    place = Field("legs", 2, LegDefinition("", "$avp(x)")).place()
    assert (place.path, place.words) == ("legs[2]", "leg field 3")


def test_the_variable_of_a_field_has_its_own_place() -> None:
    place = Field("extras", 1, CALLER).variable_place
    assert (place.path, place.words) == ("extras[1].variable", "extra field 2 “caller”, variable")


def test_an_option_has_its_place() -> None:
    assert option_place("db_url") == ("options.db_url", "option db_url")


def test_backends_that_the_release_lacks_are_not_used() -> None:
    assert used_backends(replace(PLAIN, backends=(LOG, EVENTS, SQL))) == (LOG, SQL)


def test_fields_are_those_that_the_release_takes() -> None:
    legs = (LegDefinition("src", "$avp(src)"),)
    assert [field.kind for field in fields(replace(PLAIN, legs=legs))] == ["extras", "legs"]
    assert not takes(PLAIN, "cdr_legs")
    assert takes(OPENSIPS, "extras")


def test_fields_of_dialog_records_are_used_only_where_kamailio_writes_them() -> None:
    profile = replace(PLAIN, cdr_extras=(ExtraDefinition("who", "$avp(who)", {LOG: "who"}),))
    assert [field.kind for field in fields(profile)] == ["extras"]
    enabled = replace(profile, options={"cdr_enable": 1})
    assert [field.kind for field in fields(enabled)] == ["extras", "cdr_extras"]


def test_labels_are_those_of_the_backends_in_use() -> None:
    assert [(label.backend, label.text) for label in labels(PLAIN)] == [(LOG, "src"), (SQL, "src_user")]
    assert [label.text for label in labels(replace(PLAIN, backends=(SQL,)))] == ["src_user"]


def test_labels_can_be_of_some_kinds_of_fields() -> None:
    profile = replace(PLAIN, legs=(LegDefinition("leg", "$avp(leg)"),))
    assert [label.text for label in labels(profile, "legs")] == ["leg", "leg"]
    assert [label.text for label in labels(profile, "cdr_extras")] == []


def test_the_label_of_a_leg_is_its_name_until_opensips_declares_fields() -> None:
    legs = (LegDefinition("leg", "$avp(leg)", {LOG: "leg_src"}),)
    assert [label.text for label in labels(replace(PLAIN, legs=legs), "legs")] == ["leg", "leg"]
    assert [label.text for label in labels(replace(OPENSIPS, legs=legs), "legs")] == ["leg_src"]


def test_dialog_records_of_kamailio_are_records_of_their_own_with_one_list_of_labels() -> None:
    who = ExtraDefinition("who", "$avp(who)", {SQL: "who"})
    profile = replace(PLAIN, cdr_extras=(who,), options={"cdr_enable": 1})
    found = list(labels(profile, "cdr_extras"))
    assert [(label.backend, label.text, label.place.path) for label in found] == [
        (LOG, "who", "cdr_extras[0].labels.sql"),
        (SQL, "who", "cdr_extras[0].labels.sql"),
    ]
    assert not {label.record for label in found} & {label.record for label in labels(profile, "extras")}


def test_the_label_for_the_log_counts_in_dialog_records() -> None:
    who = ExtraDefinition("who", "$avp(who)", {LOG: "logged", SQL: "stored"})
    profile = replace(PLAIN, cdr_extras=(who,), options={"cdr_enable": 1})
    assert {label.text for label in labels(profile, "cdr_extras")} == {"logged"}


def test_only_an_integer_is_the_number_of_an_option() -> None:
    assert number_of(replace(PLAIN, options={"log_level": 2}), "log_level") == 2
    assert number_of(replace(PLAIN, options={"log_level": "L_DBG"}), "log_level") is None


@given(profiles())
def test_each_label_is_of_a_field_and_a_backend_in_use(profile: AccountingProfile) -> None:
    known = list(fields(profile))
    for label in labels(profile):
        assert label.field in known
        assert label.backend in used_backends(profile)
        assert label.place.path.startswith(f"{label.field.kind}[{label.field.index}].")
