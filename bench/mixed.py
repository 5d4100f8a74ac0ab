"""What calls cost as they really come, beside clean ones and beside the usual stored procedure.

    python bench/mixed.py [--calls 100000] [--rounds 3] [--no-procedure] [--profile]

Three outputs of one proxy in parallel (syslog, SQL, RADIUS) with extras, legs, failed branches, re-INVITEs, lost, late
and repeated STOPs, in the order of arrival (``mixed_traffic``). From the same run:

* parsing: CPU per line, row and packet, beside decoding and splitting the lines, and beside pyrad's decoding;
* storing and correlating: time and CPU per event, of mixed traffic and of as many clean calls;
* the procedure that people run on MariaDB, fed the SQL output alone, in one transaction.

Each figure is the best of ``--rounds``.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import joining_procedure
import mixed_traffic
import stand

NOW = mixed_traffic.BEGIN + timedelta(days=2)


class Cost(NamedTuple):
    """Seconds of the clock, of our CPU and of the database's, for everything."""

    seconds: float
    ours: float
    database: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-procedure", action="store_true", help="leave out MariaDB")
    parser.add_argument("--profile", action="store_true", help="show where correlation spends its time")
    options = parser.parse_args()
    with stand.database() as url:
        from cdr.calls.correlate import correlate_pending

        mixed = mixed_traffic.arriving(mixed_traffic.transactions(options.calls))
        events = _parsed(mixed, options.rounds)
        clean = _clean(options.calls)
        gc.freeze()  # the input is not the writers' garbage
        print(f"{options.calls} calls, {stand.load()}")
        usual, own = (
            _correlated(url, name, made, options.rounds) for name, made in (("clean", clean), ("mixed", events))
        )
        ratios = [(a / len(events)) / (b / len(clean)) for a, b in zip(own, usual, strict=True)]
        print(f"an event of mixed traffic costs {ratios[0]:.2f} × a clean one, {ratios[1]:.2f} × of our CPU")
        rate = options.calls / own.seconds
        print(f"mixed: {rate:,.0f} calls/s by one worker")
        if options.profile:
            _pending()
            profile = cProfile.Profile()
            profile.runcall(correlate_pending, now=NOW)
            pstats.Stats(profile).sort_stats("tottime").print_stats(40)
    if not options.no_procedure:
        with joining_procedure.server() as connection:
            rows = [
                row for number, one in enumerate(mixed) if not one.missed for row in mixed_traffic.rows(one, number)
            ]
            theirs = joining_procedure.calls_per_second(connection, rows, options.rounds)
        print(f"MariaDB's procedure: {theirs:,.0f} calls/s; ratio {rate / theirs:.2f}")


def _clean(calls: int) -> list[Any]:
    """Return the events of so many calls of one output, without extras and legs, as ``bench/correlate.py`` has them."""
    parse = _readers()[0]
    made = mixed_traffic.arriving(mixed_traffic.clean(calls))
    return [parse(mixed_traffic.line(one))._replace(extra=(), legs=(), flags=()) for one in made]


def _readers() -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Return what parses a line, a row (of missed calls or not) and a packet of the proxy."""
    from cdr.formats.radius import Decoder
    from cdr.formats.radius_dictionary import parse
    from cdr.formats.reading import Reading
    from cdr.formats.sql_row import AccTable, RowReader
    from cdr.formats.syslog import LineParser
    from proxyconf.vocabulary.layout import FieldLayout

    reading = Reading(layout=FieldLayout.from_json(mixed_traffic.LAYOUT))
    acc = RowReader(mixed_traffic.ACC_COLUMNS, AccTable.ACC, reading)
    missed_calls = RowReader(mixed_traffic.ACC_COLUMNS, AccTable.MISSED_CALLS, reading)
    decoder = Decoder(parse(mixed_traffic.DICTIONARY, lambda name: "", name="bench"))
    return (
        LineParser(reading).parse,
        lambda missed, row: (missed_calls if missed else acc).event(row),
        lambda packet: decoder.decode(packet, reading),
    )


def _parsed(made: Sequence[mixed_traffic.Transaction], rounds: int) -> list[Any]:
    """Parse what the three outputs tell, print what it costs, and return the events in their order of arrival."""
    parse, read, decode = _readers()
    lines = list(map(mixed_traffic.line, made))
    rows = [[(one.missed, row) for row in mixed_traffic.rows(one, 2 * n)] for n, one in enumerate(made)]
    packets = list(map(mixed_traffic.packet, made))
    per_line, of_lines = _cpu(rounds, lambda: list(map(parse, lines)), len(lines))
    text = b"\n".join(lines)
    splitting, _ = _cpu(rounds, lambda: text.decode().splitlines(), len(lines))
    print(f"line → event: {per_line:.2f} µs; decode and splitlines: {splitting:.2f} µs; {per_line / splitting:.1f} ×")
    per_row, of_rows = _cpu(rounds, lambda: [[read(*row) for row in group] for group in rows], sum(map(len, rows)))
    print(f"row → event: {per_row:.2f} µs")
    per_packet, of_packets = _cpu(rounds, lambda: list(map(decode, packets)), len(packets))
    pyrad = _pyrad(packets[:5000], rounds)
    print(f"packet → event: {per_packet:.2f} µs; pyrad's decoding: {pyrad:.1f} µs; {per_packet / pyrad:.2f} ×")
    return [event for three in zip(of_lines, of_packets, of_rows, strict=True) for event in (*three[:2], *three[2])]


def _cpu(rounds: int, work: Callable[[], Any], count: int) -> tuple[float, Any]:
    """Return the microseconds of CPU per item that ``work`` takes at best, and what it returns."""
    best, result = float("inf"), None
    for _ in range(rounds):
        gc.collect()
        begun = time.process_time()
        result = work()
        best = min(best, time.process_time() - begun)
    return best / count * 1e6, result


def _pyrad(packets: Sequence[bytes], rounds: int) -> float:
    from io import StringIO

    from pyrad.dictionary import Dictionary
    from pyrad.packet import AcctPacket

    standard = (
        "ATTRIBUTE NAS-IP-Address 4 ipaddr\nATTRIBUTE NAS-Port 5 integer\nATTRIBUTE Service-Type 6 integer\n"
        "ATTRIBUTE Acct-Status-Type 40 integer\nATTRIBUTE Acct-Delay-Time 41 integer\n"
        "ATTRIBUTE Acct-Session-Id 44 string\nATTRIBUTE Event-Timestamp 55 date\n"
    )
    dictionary = Dictionary(StringIO(standard + mixed_traffic.DICTIONARY))

    def decode() -> None:
        for packet in packets:
            read = AcctPacket(packet=packet, secret=mixed_traffic.SECRET, dict=dictionary)
            for name in read.keys():  # noqa: SIM118  # of pyrad's own, not a dictionary's
                read[name]

    return _cpu(rounds, decode, len(packets))[0]


def _correlated(url: str, name: str, events: list[Any], rounds: int) -> Cost:
    """Store events and correlate them, print and return what correlation costs at best."""
    from cdr.calls.correlate import correlate_pending
    from cdr.models import Call, Source
    from cdr.storage.ingest import store
    from proxyconf.models import Proxy

    proxy, _ = Proxy.objects.get_or_create(name="bench", defaults={"layout": mixed_traffic.LAYOUT})
    source, _ = Source.objects.get_or_create(proxy=proxy, name="bench", defaults={"kind": Source.Kind.IMPORT})
    best = dict.fromkeys(("storing", "correlating"), Cost(*[float("inf")] * 3))

    def measure(what: str, work: Callable[[], object]) -> None:
        before = time.perf_counter(), time.process_time(), stand.cpu_of_database(url)
        work()
        after = time.perf_counter(), time.process_time(), stand.cpu_of_database(url)
        cost = [end - begin for begin, end in zip(before, after, strict=True)]
        best[what] = Cost(*map(min, cost, best[what]))

    for _ in range(rounds):
        _run("TRUNCATE cdr_event, cdr_pending, cdr_call CASCADE")
        measure("storing", lambda: store(source, events, format="bench"))
    _run("VACUUM ANALYZE")
    for _ in range(rounds):
        _pending()
        measure("correlating", lambda: correlate_pending(now=NOW))
    for what, cost in best.items():
        each = [f"{part / len(events) * 1e6:.1f}" for part in cost]
        print(f"{name}, {what}: {each[0]} µs per event, CPU {each[1]} µs of ours and {each[2]} µs of the database's")
    print(f"{name}: {len(events)} events, {Call.objects.count()} calls")
    return best["correlating"]


def _pending() -> None:
    """Forget all calls, so that all are to be made."""
    from cdr.calls.correlate import mark_all

    _run("TRUNCATE cdr_pending, cdr_call, cdr_volume CASCADE")
    mark_all()


def _run(statement: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement)


if __name__ == "__main__":
    main()
