from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from pyrad.client import Client
from pyrad.dictionary import Dictionary as PyradDictionary

from cdr.calls import correlate
from cdr.models import Call, Event, Rejected, Source
from cdr.receivers.radius_server import RadiusServer
from cdr.receivers.service import Hold
from tests.background import in_background, wait_until_blocked
from tests.cdr.receivers.serving import idle, serving, step_until
from tests.factories import make_proxy, make_source
from tests.servers import PATIENCE

pytestmark = pytest.mark.django_db
SECRET = b"testing123"


def _source(**settings: Any) -> Source:
    given = {"listen": "127.0.0.1:0", "clients": ["127.0.0.0/8"], "secret": SECRET.decode()}
    return make_source(name="radius", kind=Source.Kind.RADIUS, settings={**given, **settings})


@pytest.fixture
def server() -> Iterator[RadiusServer]:
    with serving(RadiusServer(), _source()) as made:
        yield made


@pytest.fixture
def client(server: RadiusServer) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.settimeout(PATIENCE)
        made.connect(("127.0.0.1", server.port))
        yield made


def request(*attributes: tuple[int, bytes], identifier: int = 7, secret: bytes = SECRET) -> bytes:
    body = b"".join(bytes((number, len(value) + 2)) + value for number, value in attributes)
    head = bytes((4, identifier)) + (20 + len(body)).to_bytes(2, "big")
    return head + hashlib.md5(head + bytes(16) + body + secret).digest() + body


def start(call_id: str = "a@x", identifier: int = 7) -> bytes:
    return request(
        (40, (1).to_bytes(4, "big")),
        (101, (1).to_bytes(4, "big")),
        (102, (200).to_bytes(4, "big")),
        (55, (1_795_000_000).to_bytes(4, "big")),
        (105, b"f"),
        (104, b"t"),
        (44, call_id.encode()),
        identifier=identifier,
    )


def is_answer(response: bytes, packet: bytes) -> bool:
    """Whether this is the answer to ``packet``, made with the secret (RFC 2866 section 3)."""
    return (
        response[0] == 5
        and response[1] == packet[1]
        and response[4:20] == hashlib.md5(response[:4] + packet[4:20] + response[20:] + SECRET).digest()
    )


def silent(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        client.recv(4096)
    except BlockingIOError:
        return True
    return False


def test_a_request_is_stored_and_then_answered(server: RadiusServer, client: socket.socket) -> None:
    client.send(start())
    step_until(server, 1)
    assert Event.objects.get().call_id == "a@x"
    assert is_answer(client.recv(4096), start())


def test_nothing_is_answered_that_could_not_be_stored(
    server: RadiusServer, client: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Hold, "finish", fail)
        client.send(start())
        with pytest.raises(DatabaseError):
            step_until(server, 1)
        assert silent(client)
    client.setblocking(True)
    client.send(start())
    step_until(server, 1)
    assert is_answer(client.recv(4096), start())


def test_requests_that_wait_are_stored_by_one_commit(
    server: RadiusServer, client: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    packets = [start(f"{number}@x", number) for number in range(50)]
    for packet in packets:
        client.send(packet)
    assert server.step(PATIENCE) == 50
    assert all(is_answer(client.recv(4096), packet) for packet in packets)
    assert Event.objects.count() == 50


def test_a_retransmission_is_answered_again_and_not_stored_again(server: RadiusServer, client: socket.socket) -> None:
    client.send(start())
    step_until(server, 1)
    first = client.recv(4096)
    client.send(start())
    idle(server)
    assert client.recv(4096) == first
    assert Event.objects.count() == 1
    assert server.sources[0].refused["retransmissions"] == 1


def test_a_retransmission_to_a_receiver_that_was_restarted_is_the_same_event(client: socket.socket) -> None:
    source = Source.objects.get()
    for _ in range(2):
        with serving(RadiusServer(), source) as server:
            client.connect(("127.0.0.1", server.port))
            client.send(start())
            step_until(server, 1)
            assert is_answer(client.recv(4096), start())
    assert Event.objects.count() == 1
    source.refresh_from_db()
    assert (source.events, source.duplicates) == (1, 1)


def _wrong() -> dict[str, bytes]:
    good = start()
    return {
        "wrong authenticators": good[:4] + bytes(16) + good[20:],
        "malformed packets": good[:20] + b"\x28\x00" + good[22:],
    }


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        *((packet, reason) for reason, packet in _wrong().items()),
        (b"", "malformed packets"),
        (b"\x04", "malformed packets"),
        (b"\x01" + start()[1:], "malformed packets"),
        (start()[:30], "malformed packets"),
        (start() + bytes(5000), "malformed packets"),
    ],
)
def test_what_is_no_request_with_our_secret_is_counted_and_not_answered(
    packet: bytes, reason: str, server: RadiusServer, client: socket.socket
) -> None:
    client.send(packet)
    idle(server)
    assert silent(client)
    assert server.sources[0].refused == {reason: 1}


def test_an_unknown_client_is_counted_told_and_not_answered(
    client: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    source = Source.objects.get()
    source.settings["clients"] = ["10.0.0.0/8"]
    source.save()
    with serving(RadiusServer(), source) as server:
        client.connect(("127.0.0.1", server.port))
        client.send(start())
        idle(server)
        assert silent(client)
        assert server.sources[0].refused == {"packets of unknown clients": 1}


def test_a_request_that_is_no_accounting_of_sip_is_kept_and_answered(
    server: RadiusServer, client: socket.socket
) -> None:
    packet = request((40, (1).to_bytes(4, "big")), (44, b"modem"))
    client.send(packet)
    step_until(server, 1)
    assert is_answer(client.recv(4096), packet)
    assert "no Sip-Method" in Rejected.objects.get().reason


def test_proxy_state_comes_back(server: RadiusServer, client: socket.socket) -> None:
    packet = request((40, (7).to_bytes(4, "big")), (33, b"hop1"), (33, b"hop2"))
    client.send(packet)
    step_until(server, 1)
    response = client.recv(4096)
    assert is_answer(response, packet)
    assert response[20:] == b"\x21\x06hop1\x21\x06hop2"


def test_the_most_special_network_says_whose_secret_counts(client: socket.socket) -> None:
    near = Source.objects.get()
    near.settings["clients"] = ["127.0.0.1"]
    near.save()
    far = make_source(
        proxy=make_proxy("kam2"),
        name="radius",
        kind=Source.Kind.RADIUS,
        settings={"listen": "127.0.0.1:0", "clients": ["127.0.0.0/8"], "secret": "another"},
    )
    with serving(RadiusServer(), far, near) as server:
        client.connect(("127.0.0.1", server.port))
        client.send(start())
        step_until(server, 1)
    assert Event.objects.get().source == near


def test_a_dictionary_of_the_proxys_own_is_used(tmp_path: Path, client: socket.socket) -> None:
    (tmp_path / "more").write_text("ATTRIBUTE Sip-Src-Name 190 string\n")
    (tmp_path / "dictionary").write_text(
        "$INCLUDE more\nATTRIBUTE Sip-Method 180 integer\nATTRIBUTE Sip-Response-Code 181 integer\n"
        "ATTRIBUTE Sip-From-Tag 182 string\nATTRIBUTE Sip-To-Tag 183 string\n"
    )
    source = Source.objects.get()
    source.settings["dictionary"] = str(tmp_path / "dictionary")
    source.save()
    number = (1).to_bytes(4, "big")
    code = (200).to_bytes(4, "big")
    with serving(RadiusServer(), source) as server:
        client.connect(("127.0.0.1", server.port))
        client.send(
            request((40, number), (180, number), (181, code), (182, b"f"), (183, b"t"), (44, b"c"), (190, b"n"))
        )
        step_until(server, 1)
    event = Event.objects.get()
    assert (event.from_tag, event.to_tag, event.extra) == ("f", "t", [["Sip-Src-Name", "n"]])


def test_a_dictionary_that_cannot_be_read_leaves_the_other_sources_alone(client: socket.socket) -> None:
    good = Source.objects.get()
    bad = make_source(
        proxy=make_proxy("kam2"),
        name="radius",
        kind=Source.Kind.RADIUS,
        settings={**good.settings, "clients": ["10.0.0.1"], "dictionary": "/nowhere/dictionary"},
    )
    with serving(RadiusServer(), bad, good) as server:
        client.connect(("127.0.0.1", server.port))
        client.send(start())
        step_until(server, 1)
        assert "/nowhere/dictionary" in server.sources[0].setup_error
    assert Event.objects.get().source == good


@pytest.mark.parametrize(
    "scenario", ["01-answered-caller-hangup", "11-multi-leg", "opensips-01-answered-caller-hangup", "opensips-18-cdr"]
)
def test_recorded_packets_give_the_recorded_calls(
    scenario: str, recorded: Path, server: RadiusServer, client: socket.socket
) -> None:
    proxy = Source.objects.get().proxy
    proxy.product = "opensips" if scenario.startswith("opensips") else "kamailio"
    proxy.save()
    server.configure(
        [type(server.sources[0]).of(s := Source.objects.select_related("proxy").get(), s.parsed_settings())]
    )
    client.connect(("127.0.0.1", server.port))
    packets = [
        bytes.fromhex(json.loads(line)["raw"])
        for line in (recorded / scenario / "radius.jsonl").read_text().splitlines()
    ]
    for packet in packets:
        client.send(packet)
        step_until(server, 1)
        assert is_answer(client.recv(4096), packet)
    correlate.correlate_pending()
    calls = json.loads((recorded / scenario / "expected.json").read_text())
    expected = calls["calls"] if isinstance(calls, dict) else calls
    assert {call.call_id for call in Call.objects.all()} == {call["call_id"] for call in expected}
    assert not Rejected.objects.exists()


def test_pyrads_client_is_answered(server: RadiusServer, tmp_path: Path) -> None:
    (tmp_path / "dictionary").write_text(
        "ATTRIBUTE Acct-Status-Type 40 integer\nATTRIBUTE Acct-Session-Id 44 string\nATTRIBUTE Sip-Method 101 integer\n"
        "ATTRIBUTE Sip-Response-Code 102 integer\nATTRIBUTE Sip-From-Tag 105 string\n"
    )
    client = Client(
        "127.0.0.1", acctport=server.port, secret=SECRET, dict=PyradDictionary(str(tmp_path / "dictionary"))
    )
    packet = client.CreateAcctPacket()
    packet["Acct-Status-Type"] = 1
    packet["Acct-Session-Id"] = "p@x"
    packet["Sip-Method"] = 1
    packet["Sip-Response-Code"] = 200
    packet["Sip-From-Tag"] = "f"
    answered = in_background(client.SendPacket, packet)
    step_until(server, 1)
    assert answered.result(PATIENCE).code == 5


def radclient() -> str:
    """Return the path of FreeRADIUS' client; its absence fails the test and says how to get it."""
    found = shutil.which("radclient")
    if found is None:
        raise RuntimeError("radclient is missing: apt-get install freeradius-utils")
    return found


def test_radclient_is_answered(server: RadiusServer) -> None:
    attributes = "Acct-Status-Type=Start,Attr-101=0x00000001,Attr-102=0x000000c8,Acct-Session-Id=r@x,Attr-105=0x66"
    run = subprocess.Popen(
        [radclient(), f"127.0.0.1:{server.port}", "acct", SECRET.decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.stdin is not None
    run.stdin.write(attributes)
    run.stdin.close()
    step_until(server, 1)
    assert run.stdout is not None
    assert "Received Accounting-Response" in run.stdout.read()
    assert run.wait(PATIENCE) == 0
    assert Event.objects.get().call_id == "r@x"


if connection.vendor == "postgresql":

    @pytest.mark.django_db(transaction=True)
    def test_packets_that_come_while_others_are_stored_wait_for_a_commit_of_their_own(
        server: RadiusServer, client: socket.socket
    ) -> None:
        with transaction.atomic():
            Source.objects.select_for_update().get()
            client.send(start("a@x", 1))
            stepping = in_background(step_until, server, 2)
            wait_until_blocked()
            client.send(start("a@x", 1))
            client.send(start("b@x", 2))
            assert silent(client)
        stepping.result(PATIENCE)
        client.setblocking(True)
        assert {client.recv(4096)[1], client.recv(4096)[1]} >= {1}
        assert server.sources[0].refused["retransmissions"] == 1
        assert sorted(Event.objects.values_list("call_id", flat=True)) == ["a@x", "b@x"]
        assert server.sources[0].counts.events == 2

    @pytest.mark.django_db(transaction=True)
    def test_events_that_are_known_already_are_answered_too(server: RadiusServer, client: socket.socket) -> None:
        client.send(start("a@x", 1))
        step_until(server, 1)
        client.recv(4096)
        client.send(start("a@x", 2))
        client.send(start("b@x", 3))
        step_until(server, 2)
        assert {client.recv(4096)[1], client.recv(4096)[1]} == {2, 3}
        assert (server.sources[0].counts.events, server.sources[0].counts.duplicates) == (2, 1)
