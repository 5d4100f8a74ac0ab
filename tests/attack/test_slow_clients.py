"""Clients that send half a request and no more, against the running web server, with nothing in front of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from cdr.models import Event, Source
from tests.cdr.api.test_events import record
from tests.factories import make_source
from tests.functional.test_nothing_lost import Collector, _free_port, start
from tests.servers import PATIENCE

__all__ = ["start"]
TOKEN = "t0ken"
SLOW_HEADERS = b"GET /calls/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
SLOW_BODY = b"POST /api/v1/events/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n[{"


@pytest.fixture
def port(start: Callable[..., Collector], database_url: str) -> int:
    port = _free_port(socket.SOCK_STREAM)
    make_source(name="http", kind=Source.Kind.HTTP, settings={"token": TOKEN})
    web = start("web", "--port", str(port), "--threads", "4")

    def answers() -> bool:
        try:
            return page(port, "/healthz/live") < 500
        except (URLError, ConnectionError):
            return False

    web.wait_for(answers)
    return port


def page(port: int, path: str) -> int:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            return int(answer.status)
    except URLError as error:
        if (status := getattr(error, "code", None)) is not None:
            return int(status)
        raise


def post_in_chunks(port: int, body: bytes) -> bytes:
    head = (
        "POST /api/v1/events/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {TOKEN}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    parts = [body[:10], body[10:]]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    with closing(socket.create_connection(("127.0.0.1", port), PATIENCE)) as client:
        client.sendall(head.encode() + chunks)
        answer = b""
        while data := client.recv(65_536):
            answer += data
    return answer


def test_a_hundred_half_sent_requests_keep_nobody_from_pages_and_posts(port: int) -> None:
    with ExitStack() as stack:
        for number in range(100):
            client = stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), PATIENCE)))
            client.sendall(SLOW_HEADERS if number % 2 else SLOW_BODY)
        assert page(port, "/admin/login/") == 200
        answer = post_in_chunks(port, json.dumps([record("a@x")]).encode())
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert page(port, "/healthz") in (200, 503)
    assert Event.objects.get().call_id == "a@x"
