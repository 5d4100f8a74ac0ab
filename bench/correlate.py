"""How fast events are stored and calls are made on PostgreSQL, beside the least that the same work can cost there.

    python bench/correlate.py [--calls 100000] [--rounds 3] [--extras] [--no-steps]

One run prints, for clean calls (one START and one STOP each):

* ingest: ``store`` of the parsed events; beside (a) COPY of the same rows, ready-made, into the same table;
* correlation: ``correlate_pending`` by one worker and by two at once; beside (b) one SQL statement that joins each
  START to its STOP into the call table, which can do nothing but that;
* a step: correlating 2 000 new calls while 20 000 and while 1 000 000 calls are stored.

Each figure is the best of ``--rounds``. The server is the one that DATABASE_URL names (a database of its own is made
there and dropped), else one of the test dependencies, started for the run with fsync off.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
STEP = 2_000
FEW, MANY = 20_000, 1_000_000
DATABASE = "accweb_bench"


def main() -> None:
    options = _options()
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        from tests.servers import postgresql

        server = postgresql()
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        admin.execute(f"CREATE DATABASE {DATABASE}")
        try:
            os.environ["DATABASE_URL"] = urlunsplit(urlsplit(server)._replace(path=f"/{DATABASE}"))
            os.environ["ACCWEB_DATA_DIR"] = tempfile.mkdtemp(prefix="accweb-bench-")
            _setup()
            from django.core.management import call_command

            call_command("migrate", verbosity=0)
            _measure(options)
        finally:
            from django.db import connection

            connection.close()
            admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--extras", action="store_true", help="with caller, callee and source address in each event")
    parser.add_argument("--no-steps", action="store_true", help="leave out the steps, which fill the tables")
    return parser.parse_args()


def _setup() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "accweb.settings"
    import django

    django.setup()


def _measure(options: argparse.Namespace) -> None:
    from cdr.calls.correlate import correlate_pending, mark_all
    from cdr.models import Call, Event, Source
    from cdr.storage.ingest import store
    from proxyconf.models import Proxy

    source = Source.objects.create(proxy=Proxy.objects.create(name="bench"), name="bench", kind=Source.Kind.IMPORT)
    events = _events(options.calls, NOON, options.extras)
    gc.freeze()  # the input is not the writers' garbage
    total = len(events)
    print(f"{options.calls} calls, {total} events, best of {options.rounds}")

    rows = _rows(source, events)
    copied = _best(options.rounds, _empty, lambda: _copy(rows))
    stored = _best(options.rounds, _empty, lambda: store(source, events, format="bench"))
    assert Event.objects.count() == total
    _tell("ingest", total / stored, "(a) COPY", total / copied)

    _vacuum()
    joined = _best(options.rounds, _no_calls, _join)
    assert Call.objects.count() == options.calls

    def pending() -> None:
        _no_calls()
        mark_all()

    alone = _best(options.rounds, pending, correlate_pending)
    assert Call.objects.filter(state="completed").count() == options.calls
    _tell("correlation, 1 worker", total / alone, "(b) one SQL join", total / joined)
    with _Workers(2) as workers:
        together = _best(options.rounds, pending, workers.correlate)
    assert Call.objects.filter(state="completed").count() == options.calls
    _tell("correlation, 2 workers", total / together, "(b) one SQL join", total / joined)

    if not options.no_steps:
        few, many = _steps(source, options)
        print(
            f"step of {STEP} calls: {few * 1000:.0f} ms at {FEW} stored calls, {many * 1000:.0f} ms at {MANY}:", end=" "
        )
        print(f"{many / few:.2f} times")


def _tell(what: str, ours: float, beside: str, theirs: float) -> None:
    print(f"{what}: {ours:,.0f} events/s; {beside}: {theirs:,.0f} events/s; ratio {ours / theirs:.2f}")


def _best(rounds: int, prepare: Callable[[], object], work: Callable[[], object]) -> float:
    """Return the seconds that ``work`` takes at best, each time after ``prepare``."""
    best = float("inf")
    for _ in range(rounds):
        prepare()
        begun = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun)
    return best


def _events(calls: int, begin: datetime, extras: bool, seed: int = 1) -> list[Any]:
    """Return the events of clean calls as a busy proxy logs them: 50 calls a second, each of up to ten minutes."""
    from cdr.events import SECOND, AccEvent, EventKind
    from proxyconf.vocabulary.layout import Backend

    dice = random.Random(seed)
    events = []
    for number in range(calls):
        start = begin + timedelta(seconds=number // 50)
        call_id, caller, callee = (
            f"{dice.getrandbits(96):024x}@192.0.2.1",
            dice.randbytes(5).hex(),
            dice.randbytes(5).hex(),
        )
        extra = (
            (("src_user", f"1{number:09d}"), ("dst_user", f"2{number:09d}"), ("src_ip", "192.0.2.1")) if extras else ()
        )
        for kind, method, at in (
            (EventKind.ANSWERED, "INVITE", start),
            (EventKind.BYE, "BYE", start + timedelta(seconds=dice.randint(1, 600))),
        ):
            line = (
                f"May  1 12:00:00 proxy kamailio[4711]: NOTICE: acc [acc.c:279]: acc_log_request(): ACC: transaction "
                f"answered: timestamp={int(at.timestamp())};method={method};from_tag={caller};to_tag={callee};"
                f"call_id={call_id};code=200;reason=OK"
            ) + "".join(f";{label}={text}" for label, text in extra)
            events.append(
                AccEvent(
                    kind,
                    method,
                    caller,
                    callee,
                    call_id,
                    200,
                    "OK",
                    at,
                    SECOND,
                    Backend.SYSLOG,
                    extra,
                    raw=line.encode(),
                )
            )
    events.sort(key=lambda event: event.time)
    return events


def _rows(source: Any, events: list[Any]) -> list[Any]:
    """Return the rows that ``store`` would write."""
    from cdr.storage.database import database_for_writes
    from cdr.storage.event_rows import Rows

    def refuse(event: Any, why: str) -> None:
        raise AssertionError(why)

    return list(Rows(source, database_for_writes().wire).of(events, NOON, refuse))


def _copy(rows: list[Any]) -> None:
    from django.db import transaction

    from cdr.storage.database import database_for_writes
    from cdr.storage.event_rows import TABLE

    with transaction.atomic():
        database_for_writes().insert(TABLE, rows)


_JOIN = """
INSERT INTO cdr_call (
    cluster, call_id, call_key, identity, from_tag, to_tag, state, outcome, started_at, answered_at, ended_at, duration,
    duration_kind, released_by, sip_code, sip_reason, caller, callee, source_ip, extra, flags, proxies, backends,
    events, superseded, revision, updated_at
)
SELECT
    '', start.call_id, start.call_key,
    substring(sha256(convert_to(start.call_id || least(start.from_tag, start.to_tag)
        || greatest(start.from_tag, start.to_tag), 'UTF8')) FOR 16),
    start.from_tag, start.to_tag, 'completed', 'answered', start.time, start.time, stop.time, stop.time - start.time,
    'measured', CASE WHEN stop.from_tag = start.from_tag THEN 'caller' ELSE 'callee' END, start.code, start.reason,
    start.extra -> 0 ->> 1, start.extra -> 1 ->> 1, start.extra -> 2 ->> 1,
    CASE WHEN start.extra = '[]' THEN '{}'::jsonb ELSE jsonb_build_object(
        start.extra -> 0 ->> 0, start.extra -> 0 ->> 1, start.extra -> 1 ->> 0, start.extra -> 1 ->> 1,
        start.extra -> 2 ->> 0, start.extra -> 2 ->> 1
    ) END,
    '', ' bench ', ' syslog ', 2, false, 1, now()
FROM cdr_event AS start
JOIN cdr_event AS stop ON stop.call_key = start.call_key AND stop.call_id = start.call_id AND stop.kind = 'bye'
WHERE start.kind = 'answered' AND start.method = 'INVITE'
"""


def _join() -> None:
    _run(_JOIN)


def _steps(source: Any, options: argparse.Namespace) -> tuple[float, float]:
    """Return the seconds that a step takes while few and while many calls are stored."""
    from cdr.calls.correlate import correlate_pending
    from cdr.storage.ingest import store

    seconds = []
    seeds = iter(range(100, 200))
    _empty()
    stored = 0
    for calls in (FEW, MANY):
        _fill(stored, calls)
        stored = calls
        _vacuum()

        def new_events() -> None:
            seed = next(seeds)
            store(source, _events(STEP, NOON + timedelta(days=seed), options.extras, seed), format="bench")

        seconds.append(_best(max(5, options.rounds), new_events, correlate_pending))
    return seconds[0], seconds[1]


def _fill(begin: int, end: int) -> None:
    """Store the events and calls number ``begin`` to ``end``, by SQL alone."""
    for kind, method, seconds in (("answered", "INVITE", 0), ("bye", "BYE", 60)):
        _run(
            f"""
            INSERT INTO cdr_event (
                proxy_id, source_id, kind, method, from_tag, to_tag, call_id, call_key, code, reason, time, "precision",
                backend, extra, legs, position, flags, received_at, raw, fingerprint
            )
            SELECT
                proxy.id, source.id, '{kind}', '{method}', 'f' || n, 't' || n, digest || '@192.0.2.1',
                ('x' || substr(digest, 1, 16))::bit(64)::bigint, 200, 'OK',
                timestamptz '2026-01-01' + interval '1 second' * (n / 50 + {seconds}), 1000000, 'syslog', '[]', '[]', n,
                '', now(), repeat('x', 200)::bytea, decode(md5('{kind}' || n), 'hex')
            FROM proxyconf_proxy AS proxy, cdr_source AS source, generate_series({begin}, {end - 1}) AS n,
                md5(n::text) AS digest
            """
        )
    _vacuum()
    _run(f"{_JOIN} AND start.position >= {begin}")


def _empty() -> None:
    _run("TRUNCATE cdr_event, cdr_pending, cdr_call CASCADE")


def _no_calls() -> None:
    _run("TRUNCATE cdr_pending, cdr_call CASCADE")


def _vacuum() -> None:
    _run("VACUUM ANALYZE")


def _run(statement: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


class _Workers:
    """Processes that correlate at once."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._start, self._end = context.Barrier(count + 1), context.Barrier(count + 1)
        self._processes = [
            context.Process(target=_work, args=(self._start, self._end), daemon=True) for _ in range(count)
        ]

    def __enter__(self) -> _Workers:
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()

    def correlate(self) -> None:
        self._start.wait()
        self._end.wait()


def _work(start: Barrier, end: Barrier) -> None:
    _setup()
    from cdr.calls.correlate import correlate_pending

    correlate_pending()  # connects
    while True:
        start.wait()
        correlate_pending()
        end.wait()


if __name__ == "__main__":
    main()
