from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from django.db import DatabaseError

from cdr.models import Event, Rejected, Source
from cdr.receivers import event_datagrams
from cdr.receivers.event_datagrams import EventDatagramServer
from tests.cdr.receivers.serving import idle, serving, step_until
from tests.factories import make_proxy, make_source

pytestmark = pytest.mark.django_db


def make_events(proxy: str = "os1", senders: list[str] | None = None) -> Source:
    return make_source(
        proxy=make_proxy(proxy, product="opensips", version="3.6"),
        name="events",
        kind=Source.Kind.EVENTS,
        settings={"listen": "127.0.0.1:0", "senders": senders or []},
    )


def send(server: EventDatagramServer, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for datagram in datagrams:
            client.sendto(datagram, ("127.0.0.1", server.port))


@pytest.fixture
def datagrams(recorded: Path) -> list[bytes]:
    lines = (recorded / "opensips-01-answered-caller-hangup" / "events.jsonl").read_text().splitlines()
    return [json.loads(line)["raw"].encode() for line in lines]


def test_recorded_datagrams_give_their_events(datagrams: list[bytes]) -> None:
    with serving(EventDatagramServer(), make_events()) as server:
        send(server, *datagrams)
        step_until(server, len(datagrams))
    assert sorted(Event.objects.values_list("method", flat=True)) == ["BYE", "BYE", "INVITE", "INVITE"]
    assert not Rejected.objects.exists()


def test_a_datagram_that_makes_no_sense_is_kept_and_costs_no_other(datagrams: list[bytes]) -> None:
    with serving(EventDatagramServer(), make_events()) as server:
        send(server, b"\xff\x00{", datagrams[0])
        step_until(server, 2)
    assert (Event.objects.count(), Rejected.objects.count()) == (1, 1)


def test_what_could_not_be_stored_is_held_and_stored_later(
    datagrams: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise DatabaseError("the server went away")

    with serving(EventDatagramServer(), make_events()) as server:
        send(server, datagrams[0])
        with monkeypatch.context() as broken:
            broken.setattr(event_datagrams, "commit", fail)
            with pytest.raises(DatabaseError):
                step_until(server, 1)
        step_until(server, 1)
    assert Event.objects.count() == 1


def test_the_senders_address_tells_whose_it_is(datagrams: list[bytes]) -> None:
    far, near = make_events(senders=["10.0.0.0/8"]), make_events("os2", senders=["127.0.0.1"])
    with serving(EventDatagramServer(), far, near) as server:
        send(server, datagrams[0])
        step_until(server, 1)
    assert Event.objects.get().source == near


def test_an_unknown_sender_is_counted(datagrams: list[bytes]) -> None:
    with serving(EventDatagramServer(), make_events(senders=["10.0.0.0/8"])) as server:
        send(server, datagrams[0])
        idle(server)
        assert server.sources[0].refused == {"datagrams of unknown senders": 1}


def test_text_datagrams_of_older_releases_are_read() -> None:
    core = b"method::BYE\nfrom_tag::a\nto_tag::b\ncallid::c@x\nsip_code::200\nsip_reason::OK\ntime::1430579797\n"
    with serving(EventDatagramServer(), make_events()) as server:
        send(server, b"E_ACC_EVENT\n" + core + b"\n")
        step_until(server, 1)
    assert Event.objects.get().call_id == "c@x"
    assert not Rejected.objects.exists()
