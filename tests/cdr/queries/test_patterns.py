"""Conditions on text meet the same rows on every database."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.models import Call
from cdr.queries import patterns
from tests.factories import make_call

pytestmark = pytest.mark.django_db

NOT_ADDRESSES = ["", " 10.0.0.1", "10.0.0.1\n", "10.0.0", "10.0.0.256", "010.0.0.1", "٣.0.0.1", "1::2::3", "::g", "]["]
NOT_ADDRESSES += ["fe80::1%eth0", "[10.0.0.1]", "10.0.0.1:5060", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "10.0.0.1/8"]


def found(network: str) -> list[str | None]:
    calls = Call.objects.filter(patterns.address("source_ip", patterns.read_network(network)))
    return sorted(call.source_ip or "" for call in calls)


@pytest.mark.parametrize(
    ("network", "addresses"),
    [
        ("10.1.0.0/16", ["10.1.0.1", "10.1.255.255"]),
        ("10.0.0.0/8", ["10.1.0.1", "10.1.255.255", "10.2.0.0"]),
        ("10.1.0.1", ["10.1.0.1"]),
        ("10.1.0.7/31", []),
        ("2001:db8::/32", ["2001:0DB8:0:0:0:0:0:1", "[2001:db8::1]"]),
        ("[2001:db8::1]", ["2001:0DB8:0:0:0:0:0:1", "[2001:db8::1]"]),
        ("::/0", ["2001:0DB8:0:0:0:0:0:1", "[2001:db8::1]"]),
    ],
)
def test_an_address_is_known_in_every_notation(network: str, addresses: list[str]) -> None:
    for source in ("10.1.0.1", "10.1.255.255", "10.2.0.0", "2001:0DB8:0:0:0:0:0:1", "[2001:db8::1]", None):
        make_call(source_ip=source)
    assert found(network) == addresses


@pytest.mark.parametrize("text", NOT_ADDRESSES)
def test_text_that_is_no_address_lies_in_no_network(text: str) -> None:
    make_call(source_ip=text)
    assert found("0.0.0.0/0") == found("::/0") == []


@pytest.mark.parametrize("written", ["fe80::1%eth0", "fe80::%1/64", "[fe80::1%eth0]"])
def test_an_address_with_a_zone_cannot_be_asked_for(written: str) -> None:
    with pytest.raises(ValueError, match="has a zone"):
        patterns.read_network(written)


@given(
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
    st.integers(0, 128),
)
def test_databases_and_python_agree_on_networks(address: object, base: object, length: int) -> None:
    text, network = str(address), ip_network(f"{base}/{min(length, ip_address(str(base)).max_prefixlen)}", strict=False)
    Call.objects.all().delete()
    make_call(source_ip=text)
    assert bool(found(str(network))) == (ip_address(text) in network)
