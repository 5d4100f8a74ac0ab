"""The web server: waitress, which takes a request whole before a thread is spent on it, so slow clients cost no thread.

Two things are added. A request must be complete some time after its first byte, however slowly its bytes drip in; and
where the connections run out, those that are late with a request are closed first. Posted events and the questions of
monitoring have threads of their own, so pages that take long do not keep them waiting.
"""

from __future__ import annotations

import logging
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

logger = logging.getLogger(__name__)

HEADERS_WITHIN = 20.0
REQUEST_WITHIN = 120.0
"""Seconds from a request's first byte within which its headers, and all of it, must have come."""

CONNECTIONS = 900
"""Connections of one process; below the usual limit of 1,024 files."""

INTAKE = ("/api/v1/events/", "/healthz", "/metrics")
"""Paths that are served by threads of their own."""

LARGEST_BODY = 64 << 20
_LARGEST_HEADERS = 64 << 10
_INTAKE_THREADS = 4
_GRACE = 5.0
"""Seconds that requests have to end when the server is to stop."""


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection. Bytes of a request that is incomplete do not count as activity: waitress closes it when late."""

    began: float | None = None
    """When the first byte of a request came that is incomplete."""

    def received(self, data: bytes) -> bool:
        taken: bool = super().received(data)
        request = self.request
        if request is None:
            self.began = None
        else:
            self.began = self.began or time.time()
            within = REQUEST_WITHIN if request.headers_finished else HEADERS_WITHIN
            self.last_activity = self.began + within - self.adj.channel_timeout
        return taken

    @property
    def is_waiting(self) -> bool:
        """Whether the client has the word: it has sent no whole request, and nothing is left to be sent to it."""
        return not self.requests and not self.total_outbufs_len


class _Server(TcpWSGIServer):  # type: ignore[misc]
    channel_class = _Channel

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._intake = ThreadedTaskDispatcher()
        self._intake.set_thread_count(_INTAKE_THREADS)

    def add_task(self, task: Any) -> None:
        is_intake = getattr(task.requests[0], "path", "").startswith(INTAKE)  # none where the request makes no sense
        (self._intake if is_intake else self.task_dispatcher).add_task(task)

    def readable(self) -> bool:
        if self.accepting and len(self._map) >= self.adj.connection_limit - 1:
            self._make_room()
        return bool(super().readable())

    def end(self) -> None:
        self.task_dispatcher.shutdown(timeout=_GRACE)
        self._intake.shutdown(timeout=_GRACE)

    def _make_room(self) -> None:
        """Close the connection that has been waiting longest, of the address that has the most of those."""
        waiting = [channel for channel in self.active_channels.values() if channel.is_waiting]
        if not waiting:
            return
        per_address = Counter(channel.addr[0] for channel in waiting)
        crowded = max(per_address, key=lambda address: per_address[address])
        min(
            (one for one in waiting if one.addr[0] == crowded), key=lambda one: one.began or one.last_activity
        ).handle_close()


def serve(
    application: Any,
    listener: socket.socket,
    stop: Callable[[], bool],
    *,
    threads: int = 8,
    connections: int = CONNECTIONS,
) -> None:
    """Serve ``application`` on a listening socket until ``stop`` says so; then let requests end, for some seconds."""
    _allow_files(connections)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue is no fault
    listener.setblocking(False)
    adjustments = Adjustments(
        sockets=[listener],
        threads=threads,
        connection_limit=connections,
        channel_timeout=60,
        cleanup_interval=1,
        asyncore_use_poll=True,
        max_request_header_size=_LARGEST_HEADERS,
        max_request_body_size=LARGEST_BODY,
        clear_untrusted_proxy_headers=False,  # accweb.web.client_address says which of them count
        ident=None,
    )
    server: Any = _Server(
        application,
        _sock=listener,
        adj=adjustments,
        bind_socket=False,
        sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
    )
    server.task_dispatcher.set_thread_count(threads)
    sockets = server._map
    while not stop():
        _loop_once(sockets)
    server.del_channel(sockets)  # whoever else has the listener takes new connections
    deadline = time.monotonic() + _GRACE
    while time.monotonic() < deadline and not all(one.is_waiting for one in server.active_channels.values()):
        _loop_once(sockets)
    server.end()
    wasyncore.close_all(sockets)


def _loop_once(sockets: Any) -> None:
    wasyncore.loop(timeout=0.2, use_poll=True, map=sockets, count=1)


def _allow_files(connections: int) -> None:
    """Raise the limit of open files where it is too low for so many connections and what else is open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * connections
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
