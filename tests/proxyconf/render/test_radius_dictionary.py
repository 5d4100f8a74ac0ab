"""The RADIUS dictionaries and the client's configuration, as text and as FreeRADIUS reads them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from io import StringIO
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrad.dictionary import Dictionary

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, RadiusType
from proxyconf.render.radius_attributes import LOCAL_NUMBERS, RadiusWire, attributes_of
from proxyconf.render.radius_dictionary import (
    client_configuration,
    client_dictionary,
    client_servers,
    server_dictionary,
)
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import ALL_RELEASES, profiles
from tests.servers import program

RADIUS = Backend.RADIUS
EXTRAS = (
    ExtraDefinition("ua", "$ua", {RADIUS: "UA-Attr"}),
    ExtraDefinition("port", "$sp", {RADIUS: "Sip-Src-Port"}),
    ExtraDefinition("user", "$fU", {RADIUS: "User-Name"}),
    ExtraDefinition("length", "$ml", {RADIUS: "Msg-Length"}),
)
LEGS = (LegDefinition("src", "$avp(src)", {RADIUS: "src"}),)
KAMAILIO = AccountingProfile(backends=(RADIUS,), extras=EXTRAS, legs=LEGS)
OPENSIPS = AccountingProfile(Product.OPENSIPS, Version(3, 4), (RADIUS,), extras=EXTRAS, legs=LEGS)


def read(text: str) -> Dictionary:
    return Dictionary(StringIO(text))


def values(dictionary: Dictionary, attribute: str, *names: str) -> list[int]:
    return [int.from_bytes(dictionary[attribute].values[name], "big") for name in names]


def numbers(profile: AccountingProfile) -> dict[str, int]:
    found = attributes_of(profile)
    return {one.name: one.number for one in (*found.acc, *found.fields) if one.number is not None}


def test_the_client_dictionary_defines_all_that_the_module_asks_for() -> None:
    found = read(client_dictionary(KAMAILIO))
    for name in (
        *("Acct-Status-Type", "Service-Type", "Sip-Response-Code", "Sip-Method", "Event-Timestamp", "Sip-From-Tag"),
        *("Sip-To-Tag", "Acct-Session-Id", "NAS-Port", "NAS-IP-Address", "Acct-Delay-Time"),
        *("UA-Attr", "Sip-Src-Port", "User-Name", "Msg-Length", "src"),
    ):
        assert name in found.attributes
    assert values(found, "Acct-Status-Type", "Start", "Stop", "Alive", "Failed") == [1, 2, 3, 15]
    assert values(found, "Service-Type", "Sip-Session") == [15]


def test_both_dictionaries_agree_on_the_numbers() -> None:
    for profile in (KAMAILIO, OPENSIPS):
        client, server = read(client_dictionary(profile)), read(server_dictionary(profile))
        for name, number in numbers(profile).items():
            assert (client[name].code, server[name].code) == (number, number)


def test_a_well_known_name_keeps_its_number() -> None:
    assert numbers(KAMAILIO)["Sip-Src-Port"] == 109
    assert {numbers(KAMAILIO)[name] for name in ("Sip-Method", "Sip-Response-Code")} == {101, 102}
    assert {numbers(OPENSIPS)[name] for name in ("Sip-Method", "Sip-Response-Code")} == {204, 205}
    assert read(client_dictionary(KAMAILIO))["User-Name"].code == 1


@pytest.mark.parametrize(
    ("product", "register", "options"),
    [(Product.KAMAILIO, 32, 512), (Product.OPENSIPS, 128, 32), (Product.OPENSER, 128, 32)],
)
def test_method_numbers_are_those_of_the_product(product: Product, register: int, options: int) -> None:
    version = {Product.KAMAILIO: Version(5, 6), Product.OPENSIPS: Version(3, 4), Product.OPENSER: Version(1, 3)}
    found = read(client_dictionary(AccountingProfile(product, version[product], (RADIUS,))))
    assert values(found, "Sip-Method", "REGISTER", "OPTIONS", "INVITE", "BYE") == [register, options, 1, 8]


def test_opensips_gets_the_attributes_of_its_call_records() -> None:
    assert "Sip-Call-MSDuration" in numbers(OPENSIPS)
    older = numbers(replace(OPENSIPS, version=Version(2, 1)))
    assert "Sip-Call-Duration" in older
    assert "Sip-Call-MSDuration" not in older
    assert "Sip-Call-Duration" not in numbers(KAMAILIO)


def wires(profile: AccountingProfile) -> dict[str, RadiusWire]:
    return {one.name: one.wire for one in attributes_of(profile).fields}


def test_the_type_fits_what_the_product_sends_for_the_variable() -> None:
    assert wires(KAMAILIO) == {
        "UA-Attr": RadiusWire.STRING,
        "Sip-Src-Port": RadiusWire.INTEGER,
        "Msg-Length": RadiusWire.INTEGER,
        "src": RadiusWire.STRING,
    }
    assert wires(OPENSIPS)["Msg-Length"] is RadiusWire.STRING  # always text there


def test_a_type_that_is_set_counts() -> None:
    text = ExtraDefinition("length", "$ml", {RADIUS: "Msg-Length"}, radius_type=RadiusType.STRING)
    assert wires(replace(KAMAILIO, extras=(text,)))["Msg-Length"] is RadiusWire.STRING


def test_the_time_is_text_where_it_is_sent_as_text() -> None:
    precise = replace(KAMAILIO, options={"rad_time_mode": 1})
    assert read(client_dictionary(KAMAILIO))["Event-Timestamp"].type == "date"
    assert read(client_dictionary(precise))["Event-Timestamp"].type == "string"
    assert read(server_dictionary(precise))["Event-Timestamp"].type == "string"
    assert "Event-Timestamp" not in read(server_dictionary(KAMAILIO)).attributes


def test_a_number_that_is_set_counts_and_nobody_else_gets_it() -> None:
    wanted = numbers(KAMAILIO)["UA-Attr"]
    pinned = replace(EXTRAS[3], radius_number=wanted)
    found = numbers(replace(KAMAILIO, extras=(*EXTRAS[:3], pinned)))
    assert found["Msg-Length"] == wanted
    assert found["UA-Attr"] != wanted


def test_reordering_adding_and_removing_fields_leaves_the_numbers_of_the_others() -> None:
    before = numbers(KAMAILIO)
    for extras in permutations(EXTRAS):
        assert numbers(replace(KAMAILIO, extras=extras)) == before
    fewer = numbers(replace(KAMAILIO, extras=EXTRAS[1:]))
    assert fewer.items() <= before.items()


def test_what_is_left_without_a_number_is_named_and_not_defined() -> None:
    many = tuple(ExtraDefinition(f"e{at}", "$ua", {RADIUS: f"Attr-{at}"}) for at in range(60))
    found = attributes_of(replace(KAMAILIO, extras=many))
    without = [one.name for one in found.fields if one.number is None]
    assert without
    text = client_dictionary(replace(KAMAILIO, extras=many))
    for name in without:
        assert f"no free number is left for {name}" in text
        assert name not in read(text).attributes


@settings(max_examples=30, deadline=None)
@given(profile=profiles(backends=(RADIUS, Backend.SYSLOG), releases=[one for one in ALL_RELEASES if one[1] != (1, 1)]))
def test_no_two_attributes_share_a_number_and_new_ones_are_for_local_use(profile: AccountingProfile) -> None:
    found = attributes_of(profile)
    used = [one.number for one in (*found.standard, *found.acc, *found.fields)]
    assert len(set(used)) == len(used)
    for one in found.fields:
        assert one.number in LOCAL_NUMBERS or one.name.lower().startswith("sip-")
    read(client_dictionary(profile))
    read(server_dictionary(profile))


@given(label=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_whatever_a_label_holds_the_file_keeps_its_lines(label: str) -> None:
    profile = replace(KAMAILIO, extras=(ExtraDefinition("x", "$ua", {RADIUS: label}),))
    usual = client_dictionary(replace(KAMAILIO, extras=EXTRAS[:1]))
    assert abs(len(client_dictionary(profile).splitlines()) - len(usual.splitlines())) <= 1


def test_a_profile_without_radius_has_no_attributes_to_define() -> None:
    silent = replace(KAMAILIO, backends=(Backend.SYSLOG,))
    assert "sends no RADIUS" in client_dictionary(silent)
    assert "ATTRIBUTE" not in client_dictionary(silent) + server_dictionary(silent)


def test_the_client_configuration_names_its_files_and_no_secret() -> None:
    configured = replace(KAMAILIO, options={"radius_config": "/etc/kamailio/radius/client.conf"})
    text = client_configuration(configured, "192.0.2.7", 11813)
    assert "acctserver      192.0.2.7:11813" in text
    assert "dictionary      /etc/kamailio/radius/dictionary" in text
    assert "servers         /etc/kamailio/radius/servers" in text
    secrets = client_servers(configured, "192.0.2.7").splitlines()
    assert all(line.startswith("#") for line in secrets)


def test_an_address_with_colons_stands_in_brackets() -> None:
    assert "acctserver      [2001:db8::7]:1813" in client_configuration(KAMAILIO, "2001:db8::7")


@pytest.mark.parametrize("server", ["", "a b", "x\nservers /tmp"])
def test_what_is_no_host_is_refused(server: str) -> None:
    for write in (client_configuration, client_servers):
        with pytest.raises(ValueError, match="not a valid host name"):
            write(KAMAILIO, server)


def test_opensips_names_its_client_configuration_in_the_url() -> None:
    configured = replace(OPENSIPS, options={"aaa_url": "radius:/etc/opensips/radius.conf"})
    assert "Save it as /etc/opensips/radius.conf" in client_configuration(configured)


@pytest.mark.parametrize(
    "profile",
    [KAMAILIO, replace(KAMAILIO, options={"rad_time_mode": 1}), OPENSIPS],
    ids=["kamailio", "kamailio, time as text", "opensips"],
)
def test_freeradius_takes_the_dictionary_after_its_own(profile: AccountingProfile, tmp_path: Path) -> None:
    freeradius = program("freeradius", "freeradius")
    home = Path("/usr/share/freeradius")
    without = ("columbia_university", "ascend")
    own = [line for line in (home / "dictionary").read_text().splitlines() if not any(one in line for one in without)]
    included = [line.replace("$INCLUDE dictionary", f"$INCLUDE {home}/dictionary") for line in own]
    (tmp_path / "dictionary").write_text("\n".join([*included, "$INCLUDE dictionary.sip_accounting", ""]))
    (tmp_path / "dictionary.sip_accounting").write_text(server_dictionary(profile))
    (tmp_path / "radiusd.conf").write_text("listen {\n type = acct\n ipaddr = 127.0.0.1\n port = 0\n}\nmodules {\n}\n")
    done = subprocess.run(
        [freeradius, "-C", "-d", tmp_path, "-D", tmp_path, "-l", "stdout"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
