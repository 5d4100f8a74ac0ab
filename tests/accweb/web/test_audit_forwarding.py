from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.test import Client

from accweb.web import audit_forwarding
from accweb.web.audit import Action, record_of
from accweb.web.models import AuditEntry, AuditForwarding
from accweb.web.tasks import forward_audit_log, log_audit_head
from tests.servers import PATIENCE

pytestmark = pytest.mark.django_db


def write(target: str = "call 1", **detail: object) -> AuditEntry:
    record_of(AnonymousUser(), Action.VIEWED, target, username="ann", **detail)
    return AuditEntry.objects.latest("pk")


class StreamServer:
    """A syslog server for one connection, which keeps all that it receives."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.received = b""
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while part := connection.recv(65536):
                self.received += part

    def messages(self) -> list[dict[str, object]]:
        self._thread.join(PATIENCE)
        self._listener.close()
        found, rest = [], self.received
        while rest:
            length, _, rest = rest.partition(b" ")
            message, rest = rest[: int(length)], rest[int(length) :]
            found.append(json.loads(message[message.index(b"{") :]))
        return found


@pytest.fixture
def datagrams() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(PATIENCE)
        yield server


def forwarded_from_here(settings: Any, address: str) -> None:
    settings.AUDIT_SYSLOG = address
    audit_forwarding.forward()


def test_each_entry_is_one_message_with_its_digest(settings: Any, datagrams: socket.socket) -> None:
    write("before forwarding was set")
    forwarded_from_here(settings, f"udp://127.0.0.1:{datagrams.getsockname()[1]}")
    entry = write("call 1\n<14>1 - forged", conditions="a=ü")
    assert forward_audit_log() == 1
    message = datagrams.recv(65536).decode("ascii")
    assert re.match(r"<110>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \S+ accweb - audit - \{", message)
    assert "\n" not in message
    said = json.loads(message[message.index("{") :])
    assert (said["id"], said["digest"], said["previous"]) == (entry.pk, entry.digest, entry.previous)
    assert (said["target"], said["detail"]) == ("call 1\n<14>1 - forged", {"conditions": "a=ü"})
    assert forward_audit_log() == 0


def test_a_stream_gets_entries_with_their_lengths(settings: Any) -> None:
    server = StreamServer()
    settings.AUDIT_SYSLOG = server.address
    AuditForwarding.objects.create(pk=AuditForwarding.ONLY)
    entries = [write(str(number)) for number in range(3)]
    assert forward_audit_log() == 3
    assert [message["id"] for message in server.messages()] == [entry.pk for entry in entries]


def test_a_local_socket_gets_them_too(settings: Any, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        forwarded_from_here(settings, f"unix://{tmp_path}/log")
        write()
        assert forward_audit_log() == 1
        assert b'"username"' not in server.recv(65536)


def test_what_is_written_while_the_server_is_away_is_sent_afterwards(
    settings: Any, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    forwarded_from_here(settings, f"tcp://127.0.0.1:{port}")
    entry = write()
    assert forward_audit_log() == 0
    assert "the audit log cannot be forwarded" in caplog.text
    state = audit_forwarding.state()
    assert state is not None
    assert (state.waiting, state.failures) == (1, 1)
    metrics = client.get("/metrics").text
    assert "accweb_audit_waiting 1.0" in metrics
    assert "accweb_audit_failures_total 1.0" in metrics
    error = StringIO()
    call_command("audit", "verify", stdout=StringIO(), stderr=error)
    assert "1 entries wait to be forwarded" in error.getvalue()
    server = StreamServer()
    settings.AUDIT_SYSLOG = server.address
    assert forward_audit_log() == 1
    assert [message["id"] for message in server.messages()] == [entry.pk]
    assert audit_forwarding.state() == (0, 1, "")


def test_an_entry_that_is_too_long_for_a_message_goes_without_its_details() -> None:
    message = audit_forwarding.message(write("x" * 400, conditions="y" * 9000))
    assert len(message) < 8192
    assert b"too long to be forwarded" in message


def test_without_a_server_nothing_is_forwarded() -> None:
    write()
    assert (forward_audit_log(), audit_forwarding.state()) == (0, None)


def test_the_head_is_written_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    entry = write()
    with caplog.at_level("INFO"):
        log_audit_head()
    assert f"head of the audit log: {entry.pk}:{entry.digest}" in caplog.text
