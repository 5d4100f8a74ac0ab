"""The RADIUS attributes of a profile: names, numbers and types that proxy and server agree on."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, RadiusType
from proxyconf.render.radius_attributes import (
    LOCAL_NUMBERS,
    RadiusWire,
    acc_names,
    agreed_number,
    attributes_of,
    labels_of,
    sends_integers,
    uses_radius,
    wire_of,
)
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import profiles

RADIUS = Backend.RADIUS
KAMAILIO = (Product.KAMAILIO, Version(5, 6))
OPENSIPS = (Product.OPENSIPS, Version(2, 4))


def extra(
    label: str, variable: str = "$fU", number: int | None = None, kind: RadiusType | None = None
) -> ExtraDefinition:
    return ExtraDefinition(label, variable, {RADIUS: label}, radius_number=number, radius_type=kind)


def profile(*extras: ExtraDefinition, release: tuple[Product, Version] = KAMAILIO) -> AccountingProfile:
    return AccountingProfile(*release, (RADIUS,), extras=extras)


def numbers(extras: Iterable[ExtraDefinition]) -> dict[str, int | None]:
    return {attribute.name: attribute.number for attribute in attributes_of(profile(*extras)).fields}


def test_a_profile_without_radius_sends_none() -> None:
    assert uses_radius(profile())
    assert not uses_radius(AccountingProfile(*KAMAILIO, (Backend.SYSLOG,)))


def test_a_standard_attribute_keeps_its_number_and_is_not_declared_as_a_field() -> None:
    attributes = attributes_of(profile(extra("Calling-Station-Id")))
    assert attributes.fields == ()
    assert ("Calling-Station-Id", 31) in {(one.name, one.number) for one in attributes.standard}


def test_a_well_known_attribute_has_the_number_of_its_product() -> None:
    assert agreed_number(Product.KAMAILIO, "Sip-Src-IP") == 108
    assert agreed_number(Product.OPENSIPS, "Sip-Src-IP") is None
    assert agreed_number(Product.OPENSIPS, "sip-method") == 204
    assert agreed_number(Product.KAMAILIO, "SIP-METHOD") == 101


def test_a_field_keeps_the_number_that_was_set() -> None:
    assert numbers([extra("X", number=230)]) == {"X": 230}


def test_other_fields_get_numbers_for_local_use_that_nobody_else_has() -> None:
    assigned = numbers([extra(f"Field-{number}") for number in range(20)])
    assert set(assigned.values()) <= set(LOCAL_NUMBERS)
    assert len(set(assigned.values())) == 20


@given(st.permutations(["A", "B", "C"]), st.integers(0, 3))
def test_reordering_or_adding_fields_does_not_change_the_number_of_others(names: list[str], added: int) -> None:
    before = numbers(map(extra, ["A", "B", "C"]))
    after = numbers(map(extra, [*names, *(f"X{number}" for number in range(added))][: 3 + added]))
    assert {name: after[name] for name in before} == before


def test_when_no_number_is_left_the_attribute_has_none() -> None:
    assigned = numbers([extra(f"F{number}") for number in range(60)])
    assert list(assigned.values()).count(None) == 60 - len(set(assigned.values()) - {None})
    assert None in assigned.values()


@pytest.mark.parametrize(
    ("variable", "kind", "wire"),
    [
        ("$fU", None, RadiusWire.STRING),
        ("$sp", None, RadiusWire.INTEGER),
        ("$avp(x)", None, RadiusWire.STRING),
        ("$sp", RadiusType.STRING, RadiusWire.STRING),
        ("$fU", RadiusType.INTEGER, RadiusWire.INTEGER),
        ("nonsense", None, RadiusWire.STRING),
    ],
)
def test_the_type_is_the_configured_one_else_that_of_the_variable(
    variable: str, kind: RadiusType | None, wire: RadiusWire
) -> None:
    assert wire_of(profile(), extra("X", variable, kind=kind)) is wire


def test_only_kamailio_sends_integers() -> None:
    assert sends_integers(profile())
    assert not sends_integers(profile(release=OPENSIPS))
    assert wire_of(profile(release=OPENSIPS), extra("X", "$sp")) is RadiusWire.STRING


def test_values_of_legs_are_always_text() -> None:
    assert wire_of(profile(), LegDefinition("X", "$avp(sp)", {RADIUS: "X"})) is RadiusWire.STRING


def test_opensips_declares_the_attributes_of_the_call_since_the_release_that_sends_them() -> None:
    def names(*version: int) -> set[str]:
        return {one.name for one in attributes_of(profile(release=(Product.OPENSIPS, Version(*version)))).acc}

    assert "Sip-Call-Duration" not in names(1, 5)
    assert "Sip-Call-Duration" in names(1, 6)
    assert "Sip-Call-MSDuration" not in names(2, 1)
    assert "Sip-Call-MSDuration" in names(2, 2)


def test_the_time_is_text_where_the_proxy_sends_microseconds() -> None:
    def wire(mode: int) -> RadiusWire:
        attributes = attributes_of(AccountingProfile(*KAMAILIO, (RADIUS,), options={"rad_time_mode": mode}))
        return next(one.wire for one in attributes.standard if one.name == "Event-Timestamp")

    assert (wire(0), wire(1)) == (RadiusWire.DATE, RadiusWire.STRING)


@given(profiles(backends=(RADIUS,)))
def test_no_name_of_any_profile_is_declared_twice(any_profile: AccountingProfile) -> None:
    attributes = attributes_of(any_profile)
    names = [one.name.lower() for one in (*attributes.standard, *attributes.acc, *attributes.fields)]
    assert len(names) == len(set(names))


@given(profiles(backends=(RADIUS,)))
def test_every_label_of_any_profile_is_declared(any_profile: AccountingProfile) -> None:
    attributes = attributes_of(any_profile)
    declared = {one.name.lower() for one in (*attributes.standard, *attributes.acc, *attributes.fields)}
    assert {label.lower() for label, _field in labels_of(any_profile)} <= declared
    assert acc_names(any_profile) <= declared
