from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from django.test import RequestFactory

from accweb.web.client_address import client_address

FRONT = "10.0.0.2"


@pytest.fixture(autouse=True)
def trusted(settings: Any) -> None:
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1"), ip_network("10.0.0.0/29")]


@pytest.mark.parametrize(
    ("connection", "forwarded", "client"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "203.0.113.1", "192.0.2.7"),
        (FRONT, "192.0.2.7", "192.0.2.7"),
        (FRONT, "203.0.113.1, 192.0.2.7", "192.0.2.7"),
        (FRONT, "192.0.2.7, 127.0.0.1", "192.0.2.7"),
        (FRONT, "2001:db8::1", "2001:db8::1"),
        (FRONT, "", FRONT),
        (FRONT, "unknown", FRONT),
        ("", "192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_forwarded_address_counts_as_far_as_trusted_servers_wrote_it(
    connection: str, forwarded: str, client: str
) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert client_address(RequestFactory(headers=headers).get("/", REMOTE_ADDR=connection)) == client


def test_without_trusted_servers_nothing_forwarded_counts(settings: Any) -> None:
    settings.TRUSTED_PROXIES = []
    request = RequestFactory(headers={"X-Forwarded-For": "192.0.2.7"}).get("/", REMOTE_ADDR="127.0.0.1")
    assert client_address(request) == "127.0.0.1"
