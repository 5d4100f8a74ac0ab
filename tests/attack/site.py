"""accweb with a PostgreSQL server of its own, whose processes and database a test may kill."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import closing, suppress
from pathlib import Path

import psycopg
from django.conf import settings

from tests.cdr.receivers.test_radius_server import SECRET
from tests.cdr.receivers.test_syslog_server import line
from tests.conftest import Manage
from tests.functional.test_nothing_lost import Collector, _free_port
from tests.servers import PATIENCE, Postgres

_OPTIONS = {
    "radius": ["clients=127.0.0.1", f"secret={SECRET.decode()}"],
    "syslog": ["transport=tcp", "senders=127.0.0.1"],
    "diameter": ["senders=127.0.0.1"],
}


class Site:
    """A collector that serves listeners of the kinds given, each at a port of its own, for the proxy ``edge``."""

    def __init__(self, folder: Path, manage: Manage, *kinds: str, **environment: str) -> None:
        self.server = Postgres()
        self.folder = folder
        self._kinds = kinds
        self._environment = {
            "DATABASE_URL": self.server.url,
            "SECRET_KEY": settings.SECRET_KEY,
            "ACCWEB_DATA_DIR": str(folder / "data"),
        }
        self.ports = {kind: _free_port(socket.SOCK_DGRAM if kind == "radius" else socket.SOCK_STREAM) for kind in kinds}
        for command in (["migrate"], ["proxy", "add", "edge"], *map(self._add, kinds)):
            done = manage(*command, **self._environment)
            assert done.returncode == 0, done.stderr
        self._environment |= environment
        self.start()

    def _add(self, kind: str) -> list[str]:
        given = [f"listen=127.0.0.1:{self.ports[kind]}", *_OPTIONS[kind]]
        options = [option for setting in given for option in ("--set", setting)]
        return ["source", "add", "--proxy", "edge", "--kind", kind, *options]

    def start(self) -> None:
        self.collector = Collector(self.folder, self._environment)

    def end(self) -> None:
        self.collector.process.terminate()
        self.collector.process.wait(PATIENCE)

    def wait_until_served(self) -> None:
        served = [(len(self._kinds),)]
        query = "SELECT count(*) FROM cdr_receiver WHERE state = 'running'"
        self.collector.wait_for(lambda: self.query(query) == served)

    def kill(self) -> None:
        """Kill the collector and its receivers at once."""
        receivers = [self.collector.process_of(f"receiver {kind}") for kind in self._kinds]
        self.collector.process.kill()
        self.collector.process.wait(PATIENCE)
        for process in receivers:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.server.url) as connection:
            return connection.execute(sql.encode()).fetchall()

    def stored(self) -> list[str]:
        return sorted(str(call_id) for (call_id,) in self.query("SELECT call_id FROM cdr_event"))

    def spooled(self) -> int:
        return sum(file.stat().st_size for file in (self.folder / "data" / "spool").glob("*.spool"))

    def send_lines(self, call_ids: list[str]) -> None:
        with closing(socket.create_connection(("127.0.0.1", self.ports["syslog"]), PATIENCE)) as proxy:
            proxy.sendall(b"".join(line(call_id) + b"\n" for call_id in call_ids))
