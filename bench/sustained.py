"""Everything at once, for minutes: whether events, calls and pages keep up with a rate of calls, and in what memory.

    python bench/sustained.py [--rate 2500] [--minutes 10] [--not-durable]

``manage.py up`` serves three outputs of one proxy (syslog over TCP, RADIUS, its own SQL tables), correlates and counts;
senders bring mixed traffic (``mixed_traffic``) at ``--rate`` calls per second; a reader asks for the start page and the
list of calls each second. Each ten seconds it prints how far events and calls lag behind, and the memory of all
processes of ``up``; at the end whether anything lagged more than five seconds, and the pages' median against their time
before there was load.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path
from typing import Any, NamedTuple

import mixed_traffic
import psycopg
import stand

ROOT = Path(__file__).resolve().parent.parent
PROXY_DATABASE = READER = "accweb_bench_proxy"
MOST_LAG = 5.0
REPORT = 10.0
OUTSTANDING = 128
LONGEST = 60
"""Seconds that calls last at most, so that after a minute as many end as begin."""

_IDS = ("id", *mixed_traffic.ACC_COLUMNS[1:])
_TABLE = "CREATE TABLE {} (id bigint PRIMARY KEY, {})"


class Sample(NamedTuple):
    """Seconds that the oldest unread event and the oldest unmade call are behind, and MB of all processes."""

    events: float
    calls: float
    memory: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=2_500, help="calls per second")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--not-durable", action="store_true", help="no commit waits for the disk")
    options = parser.parse_args()
    with stand.database(durable=not options.not_durable) as url, _proxy_database(url) as proxy_url:
        ports = [_free_port() for _ in range(3)]
        _sources(proxy_url, ports)
        with _up(ports[2]) as process:
            reader = _Reader(ports[2])
            idle = [reader.read() for _ in range(10)]
            samples, pages = _measure(options, ports, proxy_url, process, reader)
    lag = max(max(sample.events, sample.calls) for sample in samples)
    print(f"{options.rate} calls/s for {options.minutes:g} minutes: the longest lag was {lag:.1f} s", end=" ")
    print("(kept up)" if lag <= MOST_LAG else f"(more than {MOST_LAG:g} s: did not keep up)")
    for name, before, during in zip(
        ("start page", "list"), zip(*idle, strict=True), zip(*pages, strict=True), strict=True
    ):
        usual, loaded = statistics.median(before), statistics.median(during)
        print(f"{name}: {usual * 1000:.0f} ms idle, {loaded * 1000:.0f} ms under load; {loaded / usual:.1f} ×")
    after = [sample.memory for sample in samples[int(60 // REPORT) :]] or [samples[-1].memory]
    print(f"memory: {after[0]:.0f} MB after the first minute, {after[-1]:.0f} MB at the end; {stand.load()}")


@contextmanager
def _proxy_database(url: str) -> Iterator[str]:
    """Make the proxy's own database on the same server."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {PROXY_DATABASE}")
        admin.execute(f"CREATE DATABASE {PROXY_DATABASE}")
        proxy_url = url.replace(stand.DATABASE, PROXY_DATABASE)
        columns = ", ".join(f"{name} {'timestamp' if name == 'time' else 'text'} NOT NULL" for name in _IDS[1:])
        with psycopg.connect(proxy_url) as proxy:
            for table in ("acc", "missed_calls"):
                proxy.execute(_TABLE.format(table, columns))
            proxy.execute(f"DROP ROLE IF EXISTS {READER}")
            proxy.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{READER}'")
            proxy.execute(f"GRANT SELECT ON acc, missed_calls TO {READER}")
        try:
            yield proxy_url
        finally:
            admin.execute(f"DROP DATABASE {PROXY_DATABASE} WITH (FORCE)")
            admin.execute(f"DROP ROLE {READER}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _sources(proxy_url: str, ports: list[int]) -> None:
    from cdr.models import Source
    from proxyconf.models import Proxy

    folder = tempfile.mkdtemp(prefix="accweb-bench-")
    os.environ["ACCWEB_FILE_ROOTS"] = folder
    dictionary = Path(folder, "dictionary")
    dictionary.write_text(mixed_traffic.DICTIONARY)
    proxy = Proxy.objects.create(name="bench", layout=mixed_traffic.LAYOUT)
    server = stand.libpq(proxy_url)
    kinds: dict[str, dict[str, Any]] = {
        "syslog": {"listen": f"127.0.0.1:{ports[0]}", "transport": "tcp", "senders": ["127.0.0.1"]},
        "radius": {
            "listen": f"127.0.0.1:{ports[1]}",
            "clients": ["127.0.0.1"],
            "secret": mixed_traffic.SECRET.decode(),
            "dictionary": str(dictionary),
        },
        "database": {
            "server": server["host"],
            "port": int(server["port"]),
            "database": PROXY_DATABASE,
            "user": READER,
            "password": READER,
        },
    }
    for kind, settings in kinds.items():
        limit = {} if kind == "database" else {"rate": 0}
        Source.objects.create(proxy=proxy, name=kind, kind=kind, settings=settings | limit)


@contextmanager
def _up(port: int) -> Iterator[int]:
    """Run ``manage.py up``, until it answers and then for the block; yield its process."""
    command = [sys.executable, "manage.py", "up", "--host", "127.0.0.1", "--port", str(port)]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                with socket.create_connection(("127.0.0.1", port)):
                    break
            except ConnectionError:
                time.sleep(0.1)
        time.sleep(5)  # until the receivers listen
        yield running.pid
    finally:
        running.terminate()
        running.wait(60)


class _Reader:
    """Somebody who is logged in and looks at pages."""

    def __init__(self, port: int) -> None:
        from django.contrib.auth import get_user_model
        from django.test import Client

        user = get_user_model().objects.create_superuser("reader")
        client = Client()
        client.force_login(user)
        self._cookie = f"sessionid={client.cookies['sessionid'].value}"
        self._address = f"http://127.0.0.1:{port}"

    def read(self) -> tuple[float, float]:
        """Return the seconds that the start page and the list take."""
        return self._get("/"), self._get("/calls/")

    def _get(self, path: str) -> float:
        begun = time.perf_counter()
        asked = urllib.request.Request(self._address + path, headers={"Cookie": self._cookie})
        with urllib.request.urlopen(asked) as answer:
            body = answer.read()
        assert b"login" not in answer.url.encode(), f"{path} wants a login: {body[:200]!r}"
        return time.perf_counter() - begun


def _measure(
    options: argparse.Namespace, ports: list[int], proxy_url: str, process: int, reader: _Reader
) -> tuple[list[Sample], list[tuple[float, float]]]:
    context = multiprocessing.get_context("spawn")
    sent = context.Array("q", 2)  # transactions, rows
    arguments = (options.rate, options.minutes, ports[0], ports[1], proxy_url, sent)
    sender = context.Process(target=_send, args=arguments, daemon=True)
    sender.start()
    samples: list[Sample] = []
    pages: list[tuple[float, float]] = []
    history: list[tuple[float, int, int]] = []
    due = time.monotonic() + REPORT
    while sender.is_alive():
        begun = time.monotonic()
        history.append((begun, sent[0], sent[1]))
        pages.append(reader.read())
        if begun >= due:
            due += REPORT
            samples.append(Sample(_events_lag(history), _calls_lag(), _memory(process)))
            print(
                f"{sent[0]} transactions sent; events lag {samples[-1].events:.1f} s, calls {samples[-1].calls:.1f} s;"
                f" {samples[-1].memory:.0f} MB; pages {pages[-1][0] * 1000:.0f} and {pages[-1][1] * 1000:.0f} ms",
                flush=True,
            )
        time.sleep(max(0.0, begun + 1 - time.monotonic()))
    if sender.exitcode:
        sys.exit("the sender failed; its error is above")
    return samples, pages


def _events_lag(history: list[tuple[float, int, int]]) -> float:
    """Return how long ago the oldest was sent that a source has not stored yet."""
    from cdr.models import Source

    lags = []
    for source in Source.objects.all():
        stored = source.events + source.duplicates + source.rejected
        place = 2 if source.kind == Source.Kind.DATABASE else 1
        lags += [history[-1][0] - sample[0] for sample in history if sample[place] > stored][:1]
    return max(lags, default=0.0)


def _calls_lag() -> float:
    from django.utils import timezone

    from cdr.calls.progress import progress

    waiting = progress(timezone.now()).waiting
    return waiting.total_seconds() if waiting else 0.0


def _memory(process: int) -> float:
    """Return the MB that a process and its descendants use, memory that they share counted once."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(re.search(r"PPid:\s*(\d+)", (folder / "status").read_text())[1])  # type: ignore[index]
        except OSError:
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found, left = 0, [process]
    while left:
        one = left.pop()
        left += children.get(one, [])
        try:
            found += int(re.search(r"Pss:\s*(\d+)", Path(f"/proc/{one}/smaps_rollup").read_text())[1])  # type: ignore[index]
        except OSError:
            continue
    return found / 1024


def _send(rate: int, minutes: float, syslog: int, radius: int, proxy_url: str, sent: SynchronizedArray[int]) -> None:
    """Send what the proxy accounts to all three outputs, each transaction when it happens."""
    mixed_traffic.BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=mixed_traffic.FIRST_CALL)
    with (
        closing(socket.create_connection(("127.0.0.1", syslog))) as log,
        closing(_Radius(radius)) as client,
        psycopg.connect(proxy_url, autocommit=True) as database,
    ):
        begun = time.monotonic() - mixed_traffic.FIRST_CALL
        part: list[mixed_traffic.Transaction] = []
        for one in mixed_traffic.stream(int(rate * 60 * minutes), rate, LONGEST):
            part.append(one)
            if len(part) < rate / 5:
                continue
            time.sleep(max(0.0, begun + one.time - time.monotonic()))
            sent[1] += _send_part(part, log, client, database, sent[1])
            sent[0] += len(part)
            part = []
            if one.time > mixed_traffic.FIRST_CALL + 60 * minutes:
                return


def _send_part(
    part: list[mixed_traffic.Transaction],
    log: socket.socket,
    client: _Radius,
    database: psycopg.Connection[Any],
    number: int,
) -> int:
    """Send some transactions; return the number of their rows, the first of which gets the id after ``number``."""
    log.sendall(b"".join(b"<29>" + mixed_traffic.line(one) + b"\n" for one in part))
    for one in part:
        client.send(one)
    rows: dict[bool, list[tuple[Any, ...]]] = {True: [], False: []}
    count = 0
    for one in part:
        made = mixed_traffic.rows(one, number + count + 1)
        count += len(made)
        rows[one.missed] += made
    for missed, made in rows.items():
        table = "missed_calls" if missed else "acc"
        with database.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(_IDS)}) FROM STDIN") as copying:
            for row in made:
                copying.write_row(row)
    return count


class _Radius:
    """Sends requests, so many unanswered at once; one that is lost is sent again."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(2.0)
        self._free = list(range(OUTSTANDING))
        self._sent: dict[int, bytes] = {}

    def send(self, transaction: mixed_traffic.Transaction) -> None:
        while not self._free:
            self._receive()
        identifier = self._free.pop()
        self._sent[identifier] = packet = mixed_traffic.packet(transaction, identifier)
        self._socket.send(packet)

    def _receive(self) -> None:
        try:
            identifier = self._socket.recv(4096)[1]
        except TimeoutError:
            for packet in self._sent.values():
                self._socket.send(packet)
            return
        if self._sent.pop(identifier, None) is not None:
            self._free.append(identifier)

    def close(self) -> None:
        while self._sent:
            self._receive()
        self._socket.close()


if __name__ == "__main__":
    main()
