"""A host that a source names opens connections and says nothing."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from cdr.formats import diameter
from cdr.models import Source
from cdr.receivers import tcp_connections
from cdr.receivers.diameter_server import DiameterServer
from cdr.receivers.syslog_server import SyslogServer
from tests.cdr.receivers.serving import idle, serving, step_until
from tests.cdr.receivers.test_diameter_server import received, request
from tests.cdr.receivers.test_syslog_server import connect, line, make_syslog, seen
from tests.factories import make_source
from tests.servers import PATIENCE

pytestmark = pytest.mark.django_db

LIMIT, OPENED = 20, 50


@pytest.fixture(autouse=True)
def _limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_connections, "MOST_PER_ADDRESS", LIMIT)


def test_idle_syslog_connections_do_not_lock_the_listener() -> None:
    with serving(SyslogServer(), make_syslog()) as server, ExitStack() as stack:
        for _ in range(OPENED):
            stack.enter_context(connect(server))
            server.step(0.05)
        client = stack.enter_context(connect(server))
        client.sendall(line("a@x") + b"\n")
        step_until(server, 1)

        served = server.sources[0]
        assert len(server._connections) == LIMIT
        assert served.refused["idle connections closed to make room for new ones"] == OPENED + 1 - LIMIT
        assert "too many connections from 127.0.0.1" in served.warnings
    assert seen() == ["a@x"]


def test_idle_diameter_connections_do_not_lock_the_listener() -> None:
    source = make_source(kind=Source.Kind.DIAMETER, settings={"listen": "127.0.0.1:0"})
    with serving(DiameterServer(), source) as server, ExitStack() as stack:
        for _ in range(OPENED):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))
            server.step(0.05)
        worker = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE))
        worker.sendall(request())

        assert received(server, worker) == diameter.answer(request())
        assert len(server._connections) == LIMIT
        assert server.sources[0].refused["idle connections closed to make room for new ones"] == OPENED + 1 - LIMIT


def test_a_half_sent_message_does_not_keep_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_connections, "UNFINISHED", 0.0)
    with serving(SyslogServer(), make_syslog()) as server, connect(server) as client:
        client.sendall(b"100 <13>")
        idle(server, 3)
        server._sweep_at = 0.0
        idle(server)
        assert not server._connections
        assert server.sources[0].refused["connections closed as idle"] == 1
