"""What a real Kamailio sends with the generated RADIUS dictionary."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest
from pyrad.dictionary import Dictionary
from pyrad.packet import AcctPacket

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.render.acc_section import acc_section
from proxyconf.render.hints import routing_hints
from proxyconf.render.radius_dictionary import (
    CLIENT_DICTIONARY,
    CLIENT_SERVERS,
    client_configuration,
    client_dictionary,
)
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.kamailio.proxy import PATIENCE, DidNotStart, raw

pytestmark = pytest.mark.kamailio

RADIUS = Backend.RADIUS
PROFILE = replace(
    AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), (Backend.SYSLOG, RADIUS)),
    extras=(
        ExtraDefinition("ua", "$ua", {RADIUS: "UA-Attr"}),
        ExtraDefinition("port", "$sp", {RADIUS: "Sip-Src-Port"}),
        ExtraDefinition("method", "$rm", {RADIUS: "Method-Attr"}),
        ExtraDefinition("user", "$fU", {RADIUS: "User-Name"}),
    ),
    legs=(LegDefinition("src", "$avp(src)"),),
)


def write_client(profile: AccountingProfile, folder: Path, port: int, dictionary: str) -> None:
    (folder / "radiusclient.conf").write_text(client_configuration(profile, port=port))
    (folder / CLIENT_DICTIONARY).write_text(dictionary)
    (folder / CLIENT_SERVERS).write_text("127.0.0.1 testing123\n")


@pytest.mark.parametrize("time_as_text", [0, 1])
def test_the_values_that_arrive_have_the_types_of_the_dictionary(time_as_text: int, tmp_path: Path) -> None:
    options = {"radius_config": str(tmp_path / "radiusclient.conf"), "rad_time_mode": time_as_text}
    profile = replace(PROFILE, options=options)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(PATIENCE)
        write_client(profile, tmp_path, server.getsockname()[1], client_dictionary(profile))
        with raw(acc_section(profile), routing_hints(profile), tmp_path) as proxy:
            proxy.send("INVITE", "call-1", headers="User-Agent: phone; v=1")
            data = server.recv(4096)
    packet = AcctPacket(dict=Dictionary(str(tmp_path / CLIENT_DICTIONARY)), packet=data, secret=b"testing123")
    assert {name: packet[name] for name in ("Acct-Status-Type", "Service-Type", "Sip-Method", "Sip-Response-Code")} == {
        "Acct-Status-Type": ["Start"],
        "Service-Type": ["Sip-Session"],
        "Sip-Method": ["INVITE"],
        "Sip-Response-Code": [200],
    }
    assert packet["UA-Attr"] == ["phone; v=1"]
    assert packet["User-Name"] == ["alice"]
    assert packet["Method-Attr"] == [1]  # $rm has an integer form, and that is what is sent
    assert 0 < packet["Sip-Src-Port"][0] < 65536
    assert isinstance(packet["Event-Timestamp"][0], str) == bool(time_as_text)


def test_without_the_attributes_of_the_profile_the_module_does_not_start(tmp_path: Path) -> None:
    profile = replace(PROFILE, options={"radius_config": str(tmp_path / "radiusclient.conf")})
    write_client(profile, tmp_path, 1813, client_dictionary(replace(profile, extras=())))
    with (
        pytest.raises(DidNotStart, match="can't get code for the UA-Attr attribute"),
        raw(acc_section(profile), routing_hints(profile), tmp_path),
    ):
        pass
