"""Which source a sender belongs to."""

from __future__ import annotations

import pytest

from cdr.models import Source
from cdr.receivers.senders import Senders, senders_of
from cdr.receivers.service import Served, signature
from tests.factories import make_proxy, make_source

pytestmark = pytest.mark.django_db
LISTENERS = {
    Source.Kind.SYSLOG: {"senders": "192.0.2.9"},
    Source.Kind.EVENTS: {"senders": "192.0.2.9"},
    Source.Kind.DIAMETER: {"senders": "192.0.2.9"},
    Source.Kind.RADIUS: {"clients": "192.0.2.9", "secret": "x"},
    Source.Kind.RADSEC: {"clients": "192.0.2.9", "certificate": "/c.pem", "client_ca": "/ca.pem"},
}


def served(source: Source) -> Served:
    return Served.of(source, source.parsed_settings())


def senders(*sources: Source) -> Senders:
    return Senders((one, senders_of(one)) for one in map(served, sources))


@pytest.mark.parametrize("kind", LISTENERS, ids=str)
def test_without_senders_the_addresses_of_the_proxy_may_send_and_no_others(kind: Source.Kind) -> None:
    proxy = make_proxy(addresses="192.0.2.1, 2001:db8::/64")
    settings = {name: value for name, value in LISTENERS[kind].items() if name not in ("senders", "clients")}
    found = senders(make_source(proxy=proxy, kind=kind, settings=settings))
    assert found.source("192.0.2.1")
    assert found.source("2001:db8::7")
    assert found.source("192.0.2.2") is None


@pytest.mark.parametrize("kind", LISTENERS, ids=str)
def test_senders_that_are_named_count_instead_of_the_addresses_of_the_proxy(kind: Source.Kind) -> None:
    proxy = make_proxy(addresses="192.0.2.1")
    found = senders(make_source(proxy=proxy, kind=kind, settings=LISTENERS[kind]))
    assert found.source("192.0.2.9")
    assert found.source("192.0.2.1") is None


def test_nobody_may_send_where_neither_is_known() -> None:
    assert senders(make_source(proxy=make_proxy(addresses=""), kind=Source.Kind.SYSLOG)).source("192.0.2.1") is None


def test_a_source_for_everybody_takes_what_others_leave() -> None:
    own = make_source(name="own", kind=Source.Kind.SYSLOG, settings={"senders": "192.0.2.0/24"})
    rest = make_source(name="rest", kind=Source.Kind.SYSLOG, settings={"senders": "0.0.0.0/0, ::/0"})
    found = senders(rest, own)
    assert [found.source(address).source for address in ("192.0.2.1", "10.0.0.1", "::5")] == [own, rest, rest]  # type: ignore[union-attr]


def test_a_changed_address_of_the_proxy_is_taken_over() -> None:
    source = make_source(kind=Source.Kind.SYSLOG)
    before = signature([source])
    source.proxy.addresses = "192.0.2.77"
    assert signature([source]) != before
