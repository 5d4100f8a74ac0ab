"""A database that goes away while proxies send, and receivers that are killed meanwhile."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from cdr.receivers.spool_files import spool_files
from tests.cdr.receivers.test_radius_server import SECRET
from tests.cdr.receivers.test_syslog_server import line
from tests.conftest import Manage
from tests.functional.test_nothing_lost import Collector, Proxy, _free_port
from tests.servers import PATIENCE, Postgres

CALLS = [f"{number}@radius+INVITE" for number in range(40)]
LINES = [f"{number}@syslog" for number in range(40)]


class Site:
    """accweb with a PostgreSQL server of its own, a RADIUS and a syslog listener."""

    def __init__(self, folder: Path, manage: Manage) -> None:
        self.server = Postgres()
        self.folder = folder
        self._environment = {
            "DATABASE_URL": self.server.url,
            "SECRET_KEY": settings.SECRET_KEY,
            "ACCWEB_DATA_DIR": str(folder / "data"),
        }
        self.radius, self.syslog = _free_port(socket.SOCK_DGRAM), _free_port(socket.SOCK_STREAM)
        manage("migrate", **self._environment)
        manage("proxy", "add", "edge", **self._environment)
        for kind, port, more in (
            ("radius", self.radius, ["clients=127.0.0.1", f"secret={SECRET.decode()}"]),
            ("syslog", self.syslog, ["transport=tcp", "senders=127.0.0.1"]),
        ):
            options = [option for setting in (f"listen=127.0.0.1:{port}", *more) for option in ("--set", setting)]
            manage("source", "add", "--proxy", "edge", "--kind", kind, *options, **self._environment)
        self.start()

    def start(self) -> None:
        self.collector = Collector(self.folder, self._environment)

    def wait_until_served(self) -> None:
        self.collector.wait_for(
            lambda: self.query("SELECT count(*) FROM cdr_receiver WHERE state = 'running'") == [(2,)]
        )

    def kill(self) -> None:
        """Kill all processes at once."""
        receivers = [self.collector.process_of(f"receiver {kind}") for kind in ("radius", "syslog")]
        self.collector.process.kill()
        self.collector.process.wait(PATIENCE)
        for process in receivers:
            os.kill(process, signal.SIGKILL)

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.server.url) as connection:
            return connection.execute(sql.encode()).fetchall()

    def stored(self) -> list[str]:
        return sorted(str(call_id) for (call_id,) in self.query("SELECT call_id FROM cdr_event"))

    def spooled(self) -> int:
        return sum(file.stat().st_size for file in (self.folder / "data" / "spool").glob("*.spool"))

    def send_lines(self) -> None:
        with closing(socket.create_connection(("127.0.0.1", self.syslog), PATIENCE)) as proxy:
            proxy.sendall(b"".join(line(call_id) + b"\n" for call_id in LINES))


@pytest.fixture
def site(tmp_path: Path, manage: Manage) -> Iterator[Site]:
    made = Site(tmp_path, manage)
    made.wait_until_served()
    yield made
    made.collector.process.terminate()
    made.collector.process.wait(PATIENCE)


def shut_down(server: Postgres) -> Callable[[], object]:
    server.kill()
    return server.start


def freeze(server: Postgres) -> Callable[[], object]:
    """Stop the server and the processes that it forked for its connections."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    frozen = [server.pid, *map(int, children)]
    for process in frozen:
        os.kill(process, signal.SIGSTOP)

    def thaw() -> None:
        for process in frozen:
            with suppress(ProcessLookupError):  # a child that was ending is gone once the server continues
                os.kill(process, signal.SIGCONT)

    return thaw


@pytest.mark.parametrize("take_away", [shut_down, freeze])
def test_what_is_acknowledged_while_the_database_is_away_is_stored_once_though_all_is_killed(
    take_away: Callable[[Postgres], Callable[[], object]], site: Site
) -> None:
    give_back = take_away(site.server)
    proxy = Proxy(site.radius)
    try:
        proxy.account(CALLS)
        before = site.spooled()
        site.send_lines()
        site.collector.wait_for(lambda: site.spooled() > before)
        site.kill()
    finally:
        give_back()
    assert proxy.answered == set(CALLS)
    site.start()
    site.collector.wait_for(lambda: len(site.stored()) >= len(CALLS) + len(LINES))
    site.collector.wait_for(lambda: not site.spooled())
    assert site.stored() == sorted([*(call.partition("+")[0] for call in CALLS), *LINES])


def test_receivers_that_start_while_the_database_is_away_take_what_comes(site: Site) -> None:
    site.kill()
    give_back = shut_down(site.server)
    proxy = Proxy(site.radius)
    try:
        site.start()
        proxy.account(CALLS)
        site.send_lines()
        site.collector.wait_for(lambda: len(list(spool_files(site.folder / "data" / "spool"))) == 2)
    finally:
        give_back()
    assert proxy.answered == set(CALLS)
    site.collector.wait_for(lambda: len(site.stored()) >= len(CALLS) + len(LINES))
    site.collector.wait_for(lambda: not site.spooled())
    assert site.stored() == sorted([*(call.partition("+")[0] for call in CALLS), *LINES])
    site.wait_until_served()
