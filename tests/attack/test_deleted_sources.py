"""Sources that are deleted while they are served, with input that is not stored yet."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cdr.formats import diameter
from cdr.models import Acc, Event, Source
from cdr.receivers import database_service, mirror_service, serving
from cdr.receivers.diameter_server import DiameterServer
from cdr.receivers.radius_server import RadiusServer
from cdr.receivers.service import Service
from cdr.receivers.services import SERVICES
from tests.cdr.receivers.serving import idle
from tests.cdr.receivers.serving import serving as configured
from tests.cdr.receivers.test_diameter_server import connected, received, request
from tests.cdr.receivers.test_syslog_server import line
from tests.factories import make_proxy, make_source

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing but the failure itself tell the process that its source is gone."""
    monkeypatch.setattr(serving, "RELOAD", 3600.0)
    monkeypatch.setattr(serving.gc, "freeze", lambda: None)
    monkeypatch.setattr(serving.gc, "set_threshold", lambda *_: None)
    monkeypatch.setattr(mirror_service, "_INTERVAL", 0.0)
    monkeypatch.setattr(database_service, "INTERVAL", 0.0)


def run_until_deleted(source: Source, service: Service, send: Callable[[], object]) -> None:
    """Serve ``source`` in this thread; delete it, with new input waiting, before the third step."""
    steps: Iterator[int] = iter(range(1000))

    def stop() -> bool:
        step = next(steps)
        if step == 2:
            Source.objects.filter(pk=source.pk).delete()
            send()
        assert step < 900, "the receiver goes on without its source"
        return False

    name = source.parsed_settings().service(f"{source.kind} {source.pk}")
    serving.serve(name, lambda: service, stop)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_the_receiver_of_a_deleted_file_ends_quietly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = tmp_path / "acc.log"
    log.write_bytes(b"")
    source = make_source(kind=Source.Kind.FILE, settings={"path": str(log)})

    run_until_deleted(source, SERVICES[source.kind](), lambda: log.write_bytes(line("a@x") + b"\n"))

    assert not errors(caplog)
    assert not Event.objects.exists()


def test_the_receiver_of_a_deleted_mirror_ends_quietly(caplog: pytest.LogCaptureFixture) -> None:
    source = make_source(kind=Source.Kind.MIRROR, settings={})

    run_until_deleted(source, SERVICES[source.kind](), lambda: Acc.objects.count())

    assert not errors(caplog)


def test_the_receiver_of_a_deleted_database_ends_quietly(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = {"engine": "sqlite", "database": str(tmp_path / "kamailio.sqlite"), "acc": "acc", "missed_calls": ""}
    source = make_source(kind=Source.Kind.DATABASE, settings=settings)
    (tmp_path / "kamailio.sqlite").touch()

    run_until_deleted(source, SERVICES[source.kind](), lambda: None)

    assert not errors(caplog)


@pytest.mark.parametrize("kind", [Source.Kind.SYSLOG, Source.Kind.EVENTS], ids=str)
def test_the_receiver_of_deleted_datagrams_ends_quietly(
    kind: Source.Kind, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "RELOAD", 0.5)  # a socket to which nothing comes touches no database
    source = make_source(kind=kind, settings={"listen": "127.0.0.1:0"})
    service: Any = SERVICES[kind]()

    def send() -> None:
        port = service.ports[0] if kind == Source.Kind.SYSLOG else service.port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(line("a@x"), ("127.0.0.1", port))

    run_until_deleted(source, service, send)

    assert not errors(caplog)


def test_requests_of_a_deleted_diameter_source_do_not_block_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"listen": "127.0.0.1:0", "realm": "example.net"}
    deleted = make_source(
        proxy=make_proxy("gone"), kind=Source.Kind.DIAMETER, settings={**settings, "senders": "127.0.0.1"}
    )
    kept = make_source(proxy=make_proxy("kept"), kind=Source.Kind.DIAMETER, settings=settings)
    with configured(DiameterServer(), deleted, kept) as server, connected(server) as worker:
        worker.sendall(request("lost@x"))
        # Taken, and not stored: the source is deleted before the commit.
        while not server._held.count:
            for key, events in server._selector.select(1.0):
                server._take(key.data, events)
        deleted.delete()
        server.configure([served for served in server.sources if served.source.pk == kept.pk])
        idle(server)
        worker.sendall(request("new@x"))
        assert received(server, worker) == diameter.answer(request("new@x"))

    assert list(Event.objects.values_list("call_id", flat=True)) == ["new@x"]


def test_a_radius_server_drops_requests_of_deleted_sources() -> None:
    source = make_source(
        kind=Source.Kind.RADIUS, settings={"listen": "127.0.0.1:0", "clients": "10.0.0.1", "secret": "x" * 16}
    )
    kept = make_source(
        proxy=make_proxy("kept"),
        kind=Source.Kind.RADIUS,
        settings={"listen": "127.0.0.1:0", "clients": "127.0.0.1", "secret": "y" * 16},
    )
    with configured(RadiusServer(), source, kept) as server:
        gone, other = server.sources
        for number, served in enumerate((gone, other)):
            client = server._clients[served.source.pk]
            key = (b"packet", ("127.0.0.1", number))
            server._incoming.requests[key] = type("Request", (), {"client": client})()  # type: ignore[assignment]
        server.configure([other])

        assert [request.client.served for request in server._incoming.requests.values()] == [other]
