"""Proxies, whoever can send as one, and whoever has the token of one: too large, too many, too late, twice.

What a listener does against idle connections is in ``test_idle_connections``, against malformed input in
``test_rejection_floods``.
"""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from cdr.api import events as event_intake
from cdr.calls.correlate import correlate_pending
from cdr.formats.limits import MOST_EXTRAS
from cdr.models import Call, Event, Rejected, Source
from cdr.receivers import file_follower
from cdr.receivers.diameter_server import DiameterServer
from cdr.receivers.event_datagrams import EventDatagramServer
from cdr.receivers.file_follower import LogFollower
from cdr.receivers.radius_server import RadiusServer
from tests.cdr.receivers.serving import idle, serving, step_until
from tests.cdr.receivers.test_diameter_server import connected
from tests.cdr.receivers.test_diameter_server import request as diameter_request
from tests.cdr.receivers.test_diameter_server import source as make_diameter
from tests.cdr.receivers.test_file_follower import _rotate as rotate
from tests.cdr.receivers.test_file_follower import add
from tests.cdr.receivers.test_radius_server import request as radius_request
from tests.factories import make_proxy, make_source

pytestmark = pytest.mark.django_db
TOKEN = "t0ken-of-kam1"


def test_datagrams_with_thousands_of_members_cripple_neither_the_list_of_calls_nor_its_columns(client: Client) -> None:
    """Of a proxy, or of anybody who can send from its address."""
    proxy = make_proxy("os1", product="opensips", version="3.6")
    source = make_source(
        proxy=proxy,
        name="events",
        kind=Source.Kind.EVENTS,
        settings={"listen": "127.0.0.1:0", "senders": ["127.0.0.1"]},
    )
    with (
        serving(EventDatagramServer(), source) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker,
    ):
        for number in range(50):
            members = {"time": 1795391610, "method": "INVITE", "from_tag": "f", "to_tag": "t", "callid": f"{number}@x"}
            members |= {"sip_code": "200", "sip_reason": "OK"} | {f"{number}_{one}": "" for one in range(4600)}
            params = {"jsonrpc": "2.0", "method": "E_ACC_EVENT", "params": members}
            attacker.sendto(json.dumps(params, separators=(",", ":")).encode(), ("127.0.0.1", server.port))
            step_until(server, 1)
    assert Event.objects.count() == 50
    for event in Event.objects.all():
        assert len(event.extra) <= MOST_EXTRAS
        assert "truncated" in event.flags
    correlate_pending()
    client.force_login(User.objects.create_superuser("ann"))
    page = client.get("/calls/")
    assert page.status_code == 200
    assert len(page.content) < 1_000_000


def test_a_post_of_a_million_objects_is_refused_whole_and_costs_no_other_sender(client: Client) -> None:
    """Of somebody who has the token of an HTTP source."""
    make_source(name="http", kind=Source.Kind.HTTP, settings={"token": TOKEN})
    answer = post(client, "{}\n" * 1_100_000)
    assert answer == 413
    assert not Rejected.objects.exists()
    event = {"time": 1795391610, "method": "INVITE", "from_tag": "f", "to_tag": "t", "callid": "a@x"}
    assert post(client, json.dumps(event | {"sip_code": "200", "sip_reason": "OK"})) == 200
    assert Event.objects.get().call_id == "a@x"


def test_as_many_malformed_objects_as_a_post_may_hold_are_kept_by_few_statements(
    client: Client, django_assert_max_num_queries: object
) -> None:
    """Of somebody who has the token of an HTTP source."""
    make_source(name="http", kind=Source.Kind.HTTP, settings={"token": TOKEN})
    count = min(event_intake.MOST_ITEMS, 2_000)
    with django_assert_max_num_queries(100):  # type: ignore[operator]
        assert post(client, '{"method": "INVITE"}\n' * count) == 200
    assert Rejected.objects.exists()
    assert not Call.objects.exists()


def post(client: Client, body: str) -> int:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return client.post("/api/v1/events/", body, content_type="application/json", headers=headers).status_code


@pytest.mark.parametrize("compressed_from", [1, 9], ids=["compressed", "plain"])
def test_4800_lines_that_were_rotated_twice_while_the_follower_was_away_are_stored_once_each(
    compressed_from: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a proxy on the same machine, with logrotate."""
    monkeypatch.setattr(file_follower, "_ROTATED_FOR", 0.0)  # what waits for late writers
    log = tmp_path / "acc.log"
    source = make_source(name="file", kind=Source.Kind.FILE, settings={"path": str(log)})
    lines = [f"{number}@x" for number in range(4800)]
    add(log, *lines[:400])
    with serving(LogFollower(), source) as follower:
        step_until(follower, 400)
    for generation, end in enumerate((1600, 3200, 4800)):
        if generation:
            rotate(log, generation, compressed_from)
        add(log, *lines[max(400, end - 1600) : end])
    with serving(LogFollower(), source) as follower:
        step_until(follower, 4400)
        idle(follower)
        assert not follower.sources[0].warning
    assert sorted(Event.objects.values_list("call_id", flat=True)) == sorted(lines)
    source.refresh_from_db()
    assert source.duplicates == 0


def test_a_radius_request_that_waited_at_the_client_has_the_time_that_it_was_made() -> None:
    """Of a RADIUS client that asked another server first (Acct-Delay-Time, RFC 2866 section 5.2)."""
    settings = {"listen": "127.0.0.1:0", "clients": ["127.0.0.0/8"], "secret": "testing123"}
    source = make_source(name="radius", kind=Source.Kind.RADIUS, settings=settings)
    delay = 3600
    packet = radius_request(
        (40, (1).to_bytes(4, "big")),
        (101, (1).to_bytes(4, "big")),
        (102, (200).to_bytes(4, "big")),
        (41, delay.to_bytes(4, "big")),
        (44, b"a@x"),
    )
    began = datetime.now(UTC)
    with serving(RadiusServer(), source) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as proxy:
        proxy.sendto(packet, ("127.0.0.1", server.port))
        step_until(server, 1)
    event = Event.objects.get()
    assert (event.received_at - event.time).total_seconds() == pytest.approx(delay, abs=1)
    assert event.received_at >= began


def test_a_diameter_request_that_is_sent_again_is_one_event_and_one_that_waited_is_imprecise() -> None:
    """Of a Diameter peer that lost its connection before the answer (T flag, RFC 6733 section 3)."""
    again = bytearray(diameter_request())
    again[4] |= 0x10
    with serving(DiameterServer(), make_diameter()) as server:
        for sent in (diameter_request(), bytes(again)):
            with connected(server) as worker:
                worker.sendall(sent)
                step_until(server, 1)
        assert Event.objects.count() == 1
        with connected(server) as worker:
            idle(server)
            worker.sendall(diameter_request("2@x", 2))
            server._read_at -= 90  # as if the database had been away
            step_until(server, 1)
    assert Event.objects.get(call_id="2@x").precision >= 90_000_000
