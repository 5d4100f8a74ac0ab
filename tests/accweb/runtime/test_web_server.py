"""The web server and clients that do not finish what they began."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest

from accweb.runtime import web_server
from tests.servers import PATIENCE

HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with the body of the request."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def running(application: Any = echo, **named: Any) -> Iterator[int]:
    """Serve in a thread; give the port."""
    end = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    port = int(listener.getsockname()[1])
    thread = threading.Thread(
        target=web_server.serve, args=(application, listener, end.is_set), kwargs=named, daemon=True
    )
    thread.start()
    try:
        yield port
    finally:
        end.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def connect(port: int, sent: bytes = b"") -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), PATIENCE)
    made.sendall(sent)
    return made


def answer(port: int, request: bytes) -> bytes:
    with closing(connect(port, request)) as client:
        received = b""
        while data := client.recv(65_536):
            received += data
    return received


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()


def test_a_body_in_chunks_is_read() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    with running() as port:
        received = answer(port, head + b"5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n")
    assert received.endswith(b"\r\n\r\nhello, world")


@pytest.mark.parametrize(
    ("limit", "sent"),
    [("HEADERS_WITHIN", HALF), ("REQUEST_WITHIN", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")],
)
def test_a_request_that_is_not_finished_in_time_is_given_up(
    limit: str, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_server, limit, 0.0)
    with running() as port, closing(connect(port, sent)) as client:
        assert client.recv(1) == b""
        assert answer(port, get("/")).startswith(b"HTTP/1.1 200")


def test_bytes_that_drip_in_do_not_prolong_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_server, "HEADERS_WITHIN", 1.0)
    with running() as port, closing(connect(port, HALF)) as client:
        client.settimeout(0.05)
        ended = False
        while not ended:
            try:
                client.sendall(b"x")
                ended = client.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True


def test_where_connections_run_out_those_that_wait_longest_make_room() -> None:
    with running(connections=20) as port, ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(closing(connect(port, HALF)))
        assert answer(port, get("/")).startswith(b"HTTP/1.1 200")


def test_pages_that_take_long_do_not_keep_events_and_monitoring_waiting() -> None:
    go_on, entered = threading.Event(), threading.Semaphore(0)

    def slow_pages(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/calls/":
            entered.release()
            go_on.wait(PATIENCE)
        return echo(environ, start_response)

    with running(slow_pages, threads=2) as port, ExitStack() as stack:
        try:
            for _ in range(4):
                stack.enter_context(closing(connect(port, get("/calls/"))))
            for _ in range(2):
                assert entered.acquire(timeout=PATIENCE)
            for path in ("/healthz", "/metrics", "/api/v1/events/"):
                assert answer(port, get(path)).startswith(b"HTTP/1.1 200")
        finally:
            go_on.set()


def test_a_request_that_is_under_way_is_answered_when_the_server_ends() -> None:
    go_on, entered = threading.Event(), threading.Event()

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        entered.set()
        go_on.wait(PATIENCE)
        return echo(environ, start_response)

    with running(slow) as port:
        client = connect(port, get("/"))
        assert entered.wait(PATIENCE)
        threading.Timer(0.3, go_on.set).start()  # when the server was told to end already
    with closing(client):
        assert client.recv(65_536).startswith(b"HTTP/1.1 200")


def test_nonsense_is_refused() -> None:
    with running() as port:
        assert answer(port, b"nonsense\r\n\r\n").startswith(b"HTTP/1.0 400")
