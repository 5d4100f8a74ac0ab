"""The hosts to which a source may connect."""

from __future__ import annotations

import socket
from ipaddress import ip_network
from typing import Any

import pytest

from cdr.receivers.reachable_hosts import ForbiddenHost, allowed_address


@pytest.fixture(autouse=True)
def every_network(settings: Any) -> None:
    settings.SOURCE_NETWORKS = [ip_network("0.0.0.0/0"), ip_network("::/0")]


def resolving_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name have these addresses."""
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 3306)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: answer)


@pytest.mark.parametrize("host", ["192.0.2.1", "127.0.0.1", "2001:db8::1"])
def test_an_address_in_an_allowed_network_is_itself(host: str) -> None:
    assert allowed_address(host, 3306) == host


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fe80::1",
        "224.0.0.1",
        "0.0.0.0",
        "::",
        "::ffff:169.254.169.254",
    ],
)
def test_metadata_services_and_special_addresses_are_forbidden_in_any_network(settings: Any, host: str) -> None:
    settings.SOURCE_NETWORKS += [ip_network("fd00:ec2::/32"), ip_network("169.254.0.0/16")]
    with pytest.raises(ForbiddenHost):
        allowed_address(host, 80)


def test_an_address_outside_of_the_networks_is_forbidden(settings: Any) -> None:
    settings.SOURCE_NETWORKS = [ip_network("192.0.2.0/24")]
    with pytest.raises(ForbiddenHost, match="ACCWEB_SOURCE_NETWORKS"):
        allowed_address("198.51.100.1", 3306)


def test_an_ipv4_address_in_ipv6_is_judged_as_what_it_is(settings: Any) -> None:
    settings.SOURCE_NETWORKS = [ip_network("::/0")]
    with pytest.raises(ForbiddenHost):
        allowed_address("::ffff:192.0.2.1", 3306)


def test_a_name_becomes_its_first_address(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, "192.0.2.1", "192.0.2.2")
    assert allowed_address("db.example", 3306) == "192.0.2.1"


def test_one_forbidden_address_forbids_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, "192.0.2.1", "169.254.169.254")
    with pytest.raises(ForbiddenHost, match=r"may not connect to db\.example"):
        allowed_address("db.example", 3306)


def test_an_address_with_a_scope_is_judged_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, "fe80::1%eth0")
    with pytest.raises(ForbiddenHost):
        allowed_address("db.example", 3306)
