"""A RADIUS server that keeps what it is sent."""

from __future__ import annotations

import hashlib
import socket
import threading
from contextlib import suppress


class RadiusServer:
    """Takes accounting requests and acknowledges them."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self.port = int(self._socket.getsockname()[1])
        self.packets: list[bytes] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> RadiusServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            with suppress(TimeoutError):
                data, sender = self._socket.recvfrom(4096)
                self.packets.append(data)
                head = bytes([5, data[1], 0, 20])
                self._socket.sendto(head + hashlib.md5(head + data[4:20] + b"testing123").digest(), sender)
