"""What was acknowledged is there once, whatever is killed while events come in."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from django.conf import settings

from cdr.models import Call, Event, Pending, Receiver, Source
from tests.cdr.receivers.test_radius_server import SECRET, request
from tests.cdr.receivers.test_syslog_server import line
from tests.conftest import ROOT, Manage
from tests.factories import make_source
from tests.servers import PATIENCE, Postgres, Redis

OUTSTANDING = 16


class Collector:
    """A running ``manage.py collect``, or another command; what it logs goes to a file."""

    def __init__(self, folder: Path, environment: dict[str, str], *command: str) -> None:
        self._logged = folder / "collected"
        with self._logged.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", *(command or ("collect",))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, "DJANGO_SETTINGS_MODULE": "accweb.settings", **environment},
            )

    @property
    def logged(self) -> str:
        return self._logged.read_text()

    def process_of(self, name: str) -> int:
        """The process that serves, as the log tells it, once it runs."""
        self.wait_for(lambda: re.search(rf"{re.escape(name)}.* started", self.logged))
        return int(re.findall(rf"{re.escape(name)}.* started \(process (\d+)\)", self.logged)[-1])

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, self.logged
            assert time.monotonic() < deadline, self.logged
            time.sleep(0.02)

    def kill(self, name: str) -> None:
        os.kill(self.process_of(name), signal.SIGKILL)

    def end(self) -> None:
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Collector]]:
    started: list[Collector] = []

    def collect(*command: str, **environment: str) -> Collector:
        kept = {"DATABASE_URL": database_url, "ACCWEB_DATA_DIR": str(tmp_path / "data")}
        kept["SECRET_KEY"] = settings.SECRET_KEY  # what the test sealed is to be read
        started.append(Collector(tmp_path, {**kept, **environment}, *command))
        return started[-1]

    yield collect
    for one in started:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(PATIENCE)


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def radius_port(database_url: str) -> int:
    port = _free_port(socket.SOCK_DGRAM)
    given = {"listen": f"127.0.0.1:{port}", "clients": ["127.0.0.1"], "secret": SECRET.decode()}
    make_source(name="radius", kind=Source.Kind.RADIUS, settings=given)
    return port


class Proxy:
    """A RADIUS client as proxies have it: some requests outstanding, each sent again until it is answered."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.answered: set[str] = set()

    def account(self, call_ids: list[str], then: Callable[[int], object] = lambda answered: None) -> None:
        """Have all of them acknowledged; ``then`` is told now and then how many are."""
        deadline = time.monotonic() + PATIENCE
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", self._port))
            sock.settimeout(0.2)
            waiting = list(reversed(call_ids))
            outstanding: dict[int, tuple[str, bytes]] = {}
            identifier = 0
            while waiting or outstanding:
                assert time.monotonic() < deadline, f"{len(waiting)} not sent, {len(outstanding)} not answered"
                while waiting and len(outstanding) < OUTSTANDING:
                    identifier = (identifier + 1) % 256
                    if identifier not in outstanding:
                        outstanding[identifier] = (call_id := waiting.pop()), packet(call_id, identifier)
                        _send(sock, outstanding[identifier][1])
                self._take_answers(sock, outstanding)
                then(len(self.answered))

    def _take_answers(self, sock: socket.socket, outstanding: dict[int, tuple[str, bytes]]) -> None:
        try:
            answer = sock.recv(4096)
        except (TimeoutError, ConnectionError):  # nobody is there: send all again
            time.sleep(0.05)
            for _, sent in outstanding.values():
                _send(sock, sent)
            return
        if found := outstanding.pop(answer[1], None):
            self.answered.add(found[0])


def _send(sock: socket.socket, packet: bytes) -> None:
    with suppress(ConnectionError):  # what the kernel learned of the send before
        sock.send(packet)


def packet(call_id: str, identifier: int) -> bytes:
    call, method = call_id.split("+")
    bye = method == "BYE"
    return request(
        (40, (2 if bye else 1).to_bytes(4, "big")),
        (101, (8 if bye else 1).to_bytes(4, "big")),
        (102, (200).to_bytes(4, "big")),
        (55, (1_795_000_009 if bye else 1_795_000_000).to_bytes(4, "big")),
        (105, b"f"),
        (104, b"t"),
        (44, call.encode()),
        identifier=identifier,
    )


CALLS = [f"{number}@x" for number in range(300)]
REQUESTS = [f"{call}+{method}" for call in CALLS for method in ("INVITE", "BYE")]


def stored() -> list[str]:
    return sorted(
        f"{call_id}+{method}" for call_id, method in Event.objects.values_list("call_id", "method").iterator()
    )


def all_complete() -> bool:
    return not Pending.objects.exists() and Call.objects.filter(state="completed").count() == len(CALLS)


class Killer:
    """Kills something each time that so many more requests were answered."""

    def __init__(self, kill: Callable[[], object], *, every: int, times: int) -> None:
        self._kill, self._every, self._left = kill, every, times
        self._next = every

    def __call__(self, answered: int) -> None:
        if self._left and answered >= self._next:
            self._next = answered + self._every
            self._left -= 1
            self._kill()

    @property
    def done(self) -> bool:
        return not self._left


def test_a_receiver_killed_in_the_middle_of_a_load_loses_nothing_that_it_acknowledged(
    start: Callable[..., Collector], radius_port: int
) -> None:
    collector, proxy = start(), Proxy(radius_port)
    killer = Killer(lambda: collector.kill("receiver radius"), every=150, times=2)
    proxy.account(REQUESTS, killer)
    assert killer.done
    assert stored() == sorted(REQUESTS)
    collector.wait_for(all_complete)
    assert "receiver radius" in collector.logged
    assert "ended (signal SIGKILL)" in collector.logged


def test_the_whole_tree_killed_in_the_middle_of_a_load_loses_nothing_that_it_acknowledged(
    start: Callable[..., Collector], radius_port: int
) -> None:
    running = [start()]
    proxy = Proxy(radius_port)

    def kill() -> None:
        receiver = running[-1].process_of("receiver radius")
        running[-1].process.kill()
        running[-1].process.wait(PATIENCE)
        os.kill(receiver, signal.SIGKILL)
        running.append(start())

    killer = Killer(kill, every=200, times=1)
    proxy.account(REQUESTS, killer)
    assert killer.done
    assert stored() == sorted(REQUESTS)
    running[-1].wait_for(all_complete)


def test_a_scheduler_killed_while_it_correlates_loses_no_call(
    start: Callable[..., Collector], radius_port: int
) -> None:
    collector, proxy = start(), Proxy(radius_port)
    killer = Killer(lambda: collector.kill("scheduler"), every=150, times=1)
    proxy.account(REQUESTS, killer)
    assert killer.done
    collector.wait_for(all_complete)


def test_a_stopped_collector_stores_what_it_received_and_takes_its_report_back(
    start: Callable[..., Collector], database_url: str
) -> None:
    port = _free_port(socket.SOCK_STREAM)
    make_source(name="syslog", kind=Source.Kind.SYSLOG, settings={"listen": f"127.0.0.1:{port}", "transport": "tcp"})
    collector = start()
    collector.wait_for(Receiver.objects.filter(state="running").exists)
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(b"".join(line(f"{number}@x") + b"\n" for number in range(2000)))
        collector.wait_for(Event.objects.exists)
        collector.end()
    assert Event.objects.count() == 2000
    assert not Receiver.objects.exists()


def test_a_followed_file_is_read_once_though_its_follower_is_killed(
    start: Callable[..., Collector], database_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "acc.log"
    log.touch()
    make_source(name="file", kind=Source.Kind.FILE, settings={"path": str(log)})
    collector = start()
    for part in range(6):
        with log.open("ab") as file:
            file.write(b"".join(line(f"{part}-{number}@x") + b"\n" for number in range(500)))
        collector.wait_for(lambda part=part: Event.objects.filter(call_id__startswith=f"{part}-").exists())
        if part % 2:
            collector.kill("receiver file")
    collector.wait_for(lambda: Event.objects.count() == 3000)
    source = Source.objects.get()
    assert (source.events, source.duplicates) == (3000, 0)


def test_a_source_added_or_changed_while_the_collector_runs_is_served(
    start: Callable[..., Collector], database_url: str
) -> None:
    collector = start()
    collector.process_of("scheduler")
    ports = [_free_port(socket.SOCK_DGRAM), _free_port(socket.SOCK_DGRAM)]
    source = make_source(
        name="syslog", kind=Source.Kind.SYSLOG, settings={"listen": f"127.0.0.1:{ports[0]}", "transport": "udp"}
    )
    for number, port in enumerate(ports):
        source.settings["listen"] = f"127.0.0.1:{port}"
        source.save()

        def served(port: int = port, number: int = number) -> bool:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(line(f"{number}@x"), ("127.0.0.1", port))
            return Event.objects.filter(call_id=f"{number}@x").exists()

        collector.wait_for(served)
    source.enabled = False
    source.save()
    collector.wait_for(lambda: not Receiver.objects.exists())


def test_an_address_that_cannot_be_had_is_told_and_tried_again(
    start: Callable[..., Collector], database_url: str
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        make_source(
            name="syslog", kind=Source.Kind.SYSLOG, settings={"listen": f"127.0.0.1:{port}", "transport": "udp"}
        )
        collector = start()
        collector.wait_for(Receiver.objects.filter(state="retrying").exists)
        assert f"cannot listen at 127.0.0.1:{port}: Address already in use" in Source.objects.get().error
    collector.wait_for(Receiver.objects.filter(state="running").exists)
    assert Source.objects.get().error == ""


def test_workers_and_redis_killed_in_the_middle_of_a_load_lose_no_call(
    start: Callable[..., Collector], radius_port: int
) -> None:
    broker = Redis()
    everything = start("up", "--port", str(_free_port(socket.SOCK_STREAM)), REDIS_URL=broker.url)
    proxy = Proxy(radius_port)

    def kill() -> None:
        everything.kill("worker")
        broker.kill()

    everything.process_of("receiver radius")
    killer = Killer(kill, every=200, times=1)
    proxy.account(REQUESTS, killer)
    assert killer.done
    assert stored() == sorted(REQUESTS)
    broker.start()
    everything.wait_for(all_complete)


def test_a_database_killed_in_the_middle_of_a_load_loses_nothing_that_was_acknowledged(
    start: Callable[..., Collector], manage: Manage
) -> None:
    server, port = Postgres(), _free_port(socket.SOCK_DGRAM)
    environment = {"DATABASE_URL": server.url, "SECRET_KEY": settings.SECRET_KEY}
    given = (f"secret={SECRET.decode()}", f"listen=127.0.0.1:{port}", "clients=127.0.0.1")
    add = ["source", "add", "--proxy", "kam1", "--kind", "radius", *(f"--set={one}" for one in given)]
    for command in (["migrate"], ["proxy", "add", "kam1"], add):
        done = manage(*command, **environment)
        assert done.returncode == 0, done.stderr
    collector, proxy = start(**environment), Proxy(port)

    def kill() -> None:
        server.kill()
        server.start()

    killer = Killer(kill, every=200, times=2)
    proxy.account(REQUESTS, killer)
    assert killer.done

    def count(query: LiteralString) -> int:
        with psycopg.connect(server.url) as connection:
            (found,) = connection.execute(query).fetchone() or (0,)
        return int(found)

    # What was acknowledged while the database was away lies in the spool and is drained into it.
    collector.wait_for(lambda: count("SELECT count(DISTINCT raw) FROM cdr_event") == len(REQUESTS))
    assert count("SELECT count(*) FROM cdr_event") == len(REQUESTS)
    collector.wait_for(lambda: count("SELECT count(*) FROM cdr_call WHERE state = 'completed'") == len(CALLS))
