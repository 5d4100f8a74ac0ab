"""Syslog and RADIUS over TLS, with clients that are Python's own."""

from __future__ import annotations

import hmac
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError

from cdr.formats import radius
from cdr.models import Event, Rejected, Source
from cdr.receivers import stream_server, tls
from cdr.receivers.radsec_server import SECRET, RadSecServer
from cdr.receivers.service import Served, Service
from cdr.receivers.syslog_server import SyslogServer
from tests.background import in_background
from tests.cdr.receivers.serving import idle, serving, step_until
from tests.cdr.receivers.test_radius_server import request, start
from tests.cdr.receivers.test_syslog_server import line, make_syslog, seen
from tests.certificates import Authority
from tests.factories import make_source
from tests.servers import PATIENCE

pytestmark = pytest.mark.django_db


@pytest.fixture
def authority(tmp_path: Path, settings: Any) -> Authority:
    settings.TLS_FOLDERS = [str(tmp_path)]
    return Authority(tmp_path)


def syslog(authority: Authority, **settings: Any) -> Source:
    certificate = str(authority.issue("accweb.example.net"))
    return make_syslog(transport="tls", certificate=certificate, **settings)


def radsec(authority: Authority, **settings: Any) -> Source:
    own = {"listen": "127.0.0.1:0", "client_ca": str(authority.file)}
    certificate = str(authority.issue("accweb.example.net"))
    return make_source(kind=Source.Kind.RADSEC, settings={**own, "certificate": certificate, **settings})


@contextmanager
def connected(service: Service, port: int, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    """Connect while the service is stepped, which makes its side of the handshake."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
        client = context.wrap_socket(plain, do_handshake_on_connect=False)
        handshake = in_background(client.do_handshake)
        while not handshake.done():
            service.step(0.02)
        handshake.result(PATIENCE)
        with client:
            yield client


def received(service: Service, client: ssl.SSLSocket) -> bytes:
    """Step until an answer came, or the end of the connection, and return it."""
    answer = in_background(client.recv, 65_536)
    while not answer.done():
        service.step(0.02)
    return answer.result(PATIENCE)


def test_counted_messages_come_over_tls(authority: Authority) -> None:
    lines = [line("a@x"), line("b@x")]
    with (
        serving(SyslogServer(), syslog(authority)) as server,
        connected(server, server.ports[1], authority.client()) as client,
    ):
        client.sendall(b"".join(b"%d %b" % (len(one), one) for one in lines))
        step_until(server, 2)
        assert server.ports[0] == 0
    assert seen() == ["a@x", "b@x"]


def test_more_than_one_tls_record_is_read_to_its_end(authority: Authority) -> None:
    names = [f"{number:04}@x" for number in range(2000)]
    with (
        serving(SyslogServer(), syslog(authority)) as server,
        connected(server, server.ports[1], authority.client()) as client,
    ):
        sending = in_background(client.sendall, b"".join(line(name) + b"\n" for name in names))
        step_until(server, len(names))
        sending.result(PATIENCE)
    assert seen() == names


def test_what_was_sent_before_the_sender_closed_is_stored(authority: Authority) -> None:
    with serving(SyslogServer(), syslog(authority)) as server:
        with connected(server, server.ports[1], authority.client()) as client:
            client.sendall(b"".join(line(f"{number}@x") + b"\n" for number in range(50)))
        step_until(server, 50)
    assert Event.objects.count() == 50


def test_a_sender_without_the_certificate_that_is_asked_for_is_refused_and_counted(authority: Authority) -> None:
    source = syslog(authority, client_ca=str(authority.file))
    with serving(SyslogServer(), source) as server:
        with connected(server, server.ports[1], authority.client()) as client, suppress(OSError):
            client.sendall(line("a@x") + b"\n")
            while server._connections:
                server.step(0.02)
        assert server.sources[0].refused["connections with TLS errors"] == 1
    assert seen() == []


def test_only_certificates_with_an_allowed_name_may_send(authority: Authority) -> None:
    source = syslog(authority, client_ca=str(authority.file), client_names="kam1.example.net")
    with serving(SyslogServer(), source) as server:
        for name in ("other.example.net", "kam1.example.net"):
            with connected(server, server.ports[1], authority.client(authority.issue(name))) as client:
                client.sendall(line(f"{name.partition('.')[0]}@x") + b"\n")
                idle(server) if name.startswith("other") else step_until(server, 1)
        assert server.sources[0].refused["messages with a certificate of another name"] == 1
    assert seen() == ["kam1@x"]


def test_a_sender_that_speaks_no_tls_costs_only_its_own_connection(authority: Authority) -> None:
    with serving(SyslogServer(), syslog(authority)) as server:
        with socket.create_connection(("127.0.0.1", server.ports[1]), PATIENCE) as plain:
            plain.sendall(line("a@x") + b"\n")
            idle(server)
            assert server.sources[0].refused["connections with TLS errors"] == 1
        with connected(server, server.ports[1], authority.client()) as client:
            client.sendall(line("b@x") + b"\n")
            step_until(server, 1)
    assert seen() == ["b@x"]


def test_a_renewed_certificate_is_used_without_a_restart(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tls, "_LOOK", 0.0)
    with serving(SyslogServer(), syslog(authority)) as server:
        renewed = Authority(tmp_path, "new-ca")
        renewed.issue("accweb.example.net")
        server._sweep_at = 0.0
        idle(server)
        with connected(server, server.ports[1], renewed.client()) as client:
            client.sendall(line("a@x") + b"\n")
            step_until(server, 1)


def test_a_certificate_that_ends_soon_is_warned_about(authority: Authority) -> None:
    source = syslog(authority)
    authority.issue("accweb.example.net", lasts=timedelta(days=3))
    with serving(SyslogServer(), source) as server:
        idle(server)
        assert "the TLS certificate expires on" in server.sources[0].warnings


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing.pem", None, "No such file"),
        ("text.pem", "no certificate", "it takes PEM files"),
        ("../elsewhere.pem", "", "no folder of certificates"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_named(
    name: str, content: str | None, complaint: str, authority: Authority, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    source = make_syslog(transport="tls", certificate=str(tmp_path / name))
    with pytest.raises(OSError, match=complaint), serving(SyslogServer(), source):
        pass


def test_plain_and_encrypted_sources_do_not_share_an_address(authority: Authority) -> None:
    with (
        pytest.raises(ValueError, match="all or none of them use tls"),
        serving(SyslogServer(), syslog(authority), make_syslog("kam2", transport="tcp")),
    ):
        pass


def radius_start(call_id: str, identifier: int = 7) -> bytes:
    plain = start(call_id, identifier)
    wire = radius.attributes_of(plain)
    return request(*wire, identifier=identifier, secret=SECRET)


def test_radius_over_tls_is_stored_and_then_answered(authority: Authority) -> None:
    client_context = authority.client(authority.issue("kam1.example.net"))
    packet = radius_start("a@x")
    with (
        serving(RadSecServer(), radsec(authority)) as server,
        connected(server, server.port, client_context) as client,
    ):
        client.sendall(packet)
        answer = received(server, client)
        assert Event.objects.get().call_id == "a@x"
        assert answer == radius.answer(packet, SECRET)


def test_packets_in_one_piece_or_several_are_all_answered(authority: Authority) -> None:
    client_context = authority.client(authority.issue("kam1.example.net"))
    packets = [radius_start(f"{number}@x", number) for number in range(3)]
    stream = b"".join(packets)
    with (
        serving(RadSecServer(), radsec(authority)) as server,
        connected(server, server.port, client_context) as client,
    ):
        client.sendall(stream[:40])
        idle(server)
        client.sendall(stream[40:])
        answers = b""
        while len(answers) < 60:
            answers += received(server, client)
    assert answers == b"".join(radius.answer(packet, SECRET) for packet in packets)
    assert Event.objects.count() == 3


def test_nothing_is_answered_over_tls_that_could_not_be_stored(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_batches: object) -> None:
        raise DatabaseError("the disk is full")

    client_context = authority.client(authority.issue("kam1.example.net"))
    with (
        serving(RadSecServer(), radsec(authority)) as server,
        connected(server, server.port, client_context) as client,
    ):
        client.sendall(radius_start("a@x"))
        with monkeypatch.context() as failing:
            failing.setattr(stream_server, "commit", fails)
            with pytest.raises(DatabaseError):
                step_until(server, 1)
        assert received(server, client) == radius.answer(radius_start("a@x"), SECRET)
    assert Event.objects.count() == 1


@pytest.mark.parametrize("sent", [b"\x04\x07\x00\x03" + bytes(40), start("a@x")])
def test_what_is_no_radius_of_ours_ends_the_connection(sent: bytes, authority: Authority) -> None:
    client_context = authority.client(authority.issue("kam1.example.net"))
    with (
        serving(RadSecServer(), radsec(authority)) as server,
        connected(server, server.port, client_context) as client,
    ):
        client.sendall(sent)
        assert received(server, client) == b""
        assert server.sources[0].refused["malformed messages"] == 1
    assert not Event.objects.exists()
    assert not Rejected.objects.exists()


def test_a_client_whose_certificate_bears_another_name_is_refused(authority: Authority) -> None:
    client_context = authority.client(authority.issue("other.example.net"))
    with (
        serving(RadSecServer(), radsec(authority, client_names="kam1.example.net")) as server,
        connected(server, server.port, client_context) as client,
    ):
        client.sendall(radius_start("a@x"))
        assert received(server, client) == b""
    assert not Event.objects.exists()


def test_whoever_asks_whether_we_are_there_is_answered(authority: Authority) -> None:
    client_context = authority.client(authority.issue("kam1.example.net"))
    packet = status_server(SECRET)
    with (
        serving(RadSecServer(), radsec(authority)) as server,
        connected(server, server.port, client_context) as client,
    ):
        client.sendall(packet)
        assert received(server, client) == radius.answer(packet, SECRET, [])


def status_server(secret: bytes) -> bytes:
    head = bytes((radius.STATUS_SERVER, 9)) + (38).to_bytes(2, "big") + b"a" * 16
    blank = bytes((80, 18)) + bytes(16)
    return head + bytes((80, 18)) + hmac.digest(secret, head + blank, "md5")


def test_served_sources_share_one_certificate(authority: Authority) -> None:
    first = radsec(authority)
    settings = {**first.settings, "certificate": str(authority.issue("b.example.net"))}
    second = make_source(name="second", kind=Source.Kind.RADSEC, settings=settings)
    served = [Served.of(one, one.parsed_settings()) for one in (first, second)]
    with pytest.raises(ValueError, match="need the same certificate"):
        tls.TlsFiles.of(served)
