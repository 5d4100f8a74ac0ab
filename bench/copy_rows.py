"""Storing batches of new events: psycopg's own binary COPY and pipeline mode against one message over raw libpq.

    python bench/copy_rows.py [--rounds 5] [--batches 64,1000,5000] [--not-durable]

Each way makes the rows of new events, copies them, marks their calls as pending, moves the source's counters and
commits, over one connection, and makes the next rows meanwhile, as receivers do. ``ours`` is what they do, with psycopg
in a thread; ``libpq`` encodes the rows itself and sends the transaction as one message. The ways take turns; the median
of their rounds counts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import stand

if TYPE_CHECKING:
    from cdr.events import AccEvent
    from cdr.models import Source

EVENTS = 20_000
"""So many a way stores in one round."""
NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", default="64,1000,5000", help="events per transaction, separated by commas")
    parser.add_argument("--not-durable", action="store_true", help="no commit waits for the disk")
    options = parser.parse_args()
    with stand.database(durable=not options.not_durable) as url:
        numbers = count(1)
        for size in map(int, options.batches.split(",")):
            _measure(url, size, options.rounds, numbers)


Way = Callable[["Source", Sequence["AccEvent"]], Callable[[], Callable[[], object]]]
"""Makes rows; returns what begins to store them, which returns what waits for the commit."""


def _measure(url: str, size: int, rounds: int, numbers: Iterator[int]) -> None:
    from cdr.models import Source
    from proxyconf.models import Proxy

    proxy, _ = Proxy.objects.get_or_create(name="bench")
    source = Source.objects.create(proxy=proxy, name=f"batches of {size}", kind=Source.Kind.IMPORT)
    results: dict[str, list[tuple[float, float, float]]] = {name: [] for name in WAYS}
    load = stand.load()
    for _round in range(rounds):
        for name, way in WAYS.items():
            results[name].append(_round_of(way, source, numbers, size, url))
    ours = statistics.median(rate for rate, *_ in results["ours"])
    for name, found in results.items():
        rate, cpu, database = (statistics.median(column) for column in zip(*found, strict=True))
        print(
            f"batches of {size:5}  {name:8} {rate:8.0f} events/s  CPU {cpu * 1e6:5.1f} µs/event and "
            f"{database * 1e6:5.1f} of the database  {rate / ours:4.2f} × ours  ({load} before)"
        )


def _round_of(way: Way, source: Source, numbers: Iterator[int], size: int, url: str) -> tuple[float, float, float]:
    """Return events per second, and the CPU seconds per event of this process and of the database."""
    batches = [[_event(next(numbers)) for _ in range(size)] for _ in range(max(4, EVENTS // size))]
    database = stand.cpu_of_database(url)
    begin, cpu = time.perf_counter(), time.process_time()
    wait: Callable[[], object] = bool
    for events in batches:
        ready = way(source, events)
        wait()
        wait = ready()
    wait()
    seconds, cpu, stored = time.perf_counter() - begin, time.process_time() - cpu, size * len(batches)
    return stored / seconds, cpu / stored, (stand.cpu_of_database(url) - database) / stored


def _event(number: int) -> AccEvent:
    from cdr.events import AccEvent, Backend, EventKind

    call_id = f"{number:08x}-5d1f4a2b@192.0.2.10"
    raw = f"ACC: transaction answered: timestamp=1780228800;method=INVITE;from_tag=as{number:x};call_id={call_id}"
    return AccEvent(
        kind=EventKind.ANSWERED,
        method="INVITE",
        from_tag=f"as{number:x}",
        to_tag=f"gK{number:x}",
        call_id=call_id,
        code=200,
        reason="OK",
        time=NOON + timedelta(milliseconds=number),
        precision=1_000_000,
        backend=Backend.SYSLOG,
        extra=(("src_user", "+4930123456"), ("src_ip", "192.0.2.7"), ("ua", "Phone 1.2.3; build 4")),
        raw=raw.encode(),
    )


def _ours(source: Source, events: Sequence[AccEvent]) -> Callable[[], Callable[[], object]]:
    from cdr.storage.ingest import Storing

    storing = Storing()
    storing.add(source, events, NOON)

    def begin() -> Callable[[], object]:
        storing.start()
        return finish

    def finish() -> None:
        assert storing.finish() is not None

    return begin


def _libpq(source: Source, events: Sequence[AccEvent]) -> Callable[[], Callable[[], object]]:
    from django.db import connection
    from libpq_copy import Sending, encoded

    from cdr.storage.event_rows import KEY, TABLE, Rows
    from cdr.storage.garbage_collection import gc_paused
    from cdr.storage.ingest import IngestCounts, _counting
    from cdr.storage.postgresql import _MARK, PostgresqlWire, _array, _copy_command, _wire_types

    with gc_paused():
        rows = list(Rows(source, PostgresqlWire()).of(events, NOON, _refuse))
        data = encoded(rows, _wire_types(TABLE))
    counting = _counting(source, IngestCounts(read=len(rows), events=len(rows)), NOON, NOON, {})

    def begin() -> Callable[[], object]:
        connection.ensure_connection()
        statements = ((_MARK, [_array({row[KEY] for row in rows})]), counting)
        with connection.cursor() as cursor:
            others = [cursor.mogrify(sql, values) for sql, values in statements]
        command = _copy_command(f'"{TABLE.name}"', TABLE)
        return Sending(connection.connection, "; ".join([command, *others]), [data]).finish

    return begin


def _refuse(event: AccEvent, reason: str) -> None:
    raise AssertionError(f"{reason}: {event}")


WAYS: dict[str, Way] = {"ours": _ours, "libpq": _libpq}

if __name__ == "__main__":
    main()
