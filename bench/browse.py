"""How long the pages of calls take at ten million calls on PostgreSQL, beside the SQL that one would write by hand.

    python bench/browse.py [--calls 10000000] [--repetitions 9] [--keep FOLDER] [--only WORD] [--queries]

For each page one run prints, as medians, all warm:

* SQL: the time of all statements that the page sends about calls, and of those about its reader (session, user,
  permissions, preferences, the audit log); beside the best statements by hand for the same rows and figures, on a
  connection of their own, in turn with ours;
* the whole response, with login and permission checks, and the CPU time of our process in it; for pages of rows beside
  a plain Django template of the same cells: the rows alone, and a page of them in the same frame.

The server is the one that DATABASE_URL names (a database of its own is made there and dropped), else the system's where
that has pg_trgm, else that of the test dependencies. ``--keep`` leaves the database in a folder for the next run.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import psycopg
from filled import filled

DEEP = 1_000_000
_ROWS = 51
_TALLY = 1001
_SHOWN = (
    "id, caller, callee, call_id, state, outcome, sip_code, started_at, answered_at, duration, duration_kind,"
    " released_by, flags, proxies, backends, superseded"
)
_SAMPLE = "TABLESAMPLE system (2) REPEATABLE (1)"
_NEWEST = "ORDER BY started_at DESC, id DESC LIMIT"
_PLAIN_CELLS = """
<table class="data-table"><tbody>
{% for call in calls %}<tr class="row-{{ call.state }}" data-call="{% url "cdr:call" call.pk %}">
<td><button type="button" aria-label="{% translate "Legs, attempts and events" %}"
  hx-get="{% url "cdr:call-inside" call.pk %}">+</button></td>
<td><a href="{% url "cdr:call" call.pk %}"><time datetime="{{ call.started_at|date:"c" }}">
  {{ call.started_at|date:"Y-m-d H:i:s" }}</time></a></td>
<td>{{ call.caller }} → {{ call.callee }}</td>
<td>{{ call.get_state_display }}</td>
<td>{{ call.duration|default_if_none:"–" }}</td>
<td>{{ call.get_outcome_display }} {{ call.sip_code|default_if_none:"" }}</td>
<td>{{ call.get_released_by_display|default_if_none:"–" }}</td>
<td>{{ call.proxies|join:", " }} {{ call.backends|join:", " }}</td>
<td>{% for flag in call.flags %}<span class="badge">{{ flag }}</span>{% endfor %}</td>
</tr>{% endfor %}
</tbody></table>
"""
"""The cells of the usual columns, as a first version of a page would write them: no menus, no masking, no marks."""

Hand = tuple[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page, and the statements by hand that give what it shows of calls."""

    name: str
    address: str
    by_hand: list[Hand]


@dataclass(slots=True)
class Taken:
    """What answering took, in seconds, once each time."""

    calls: list[float] = field(default_factory=list)
    reader: list[float] = field(default_factory=list)
    hand: list[float] = field(default_factory=list)
    response: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    statements: list[tuple[float, str]] = field(default_factory=list)


def main() -> None:
    options = _options()
    with filled(options.calls, options.keep) as url, psycopg.connect(url, autocommit=True) as connection:
        by_hand = psycopg.ClientCursor(connection)
        pages = [page for page in _pages(by_hand) if options.only in page.name]
        client = _client()
        found = {page.name: _measure(page, client, by_hand, options.repetitions) for page in pages}
        print(f"\nmedian of {options.repetitions}, load {os.getloadavg()[0]:.1f}; times in ms")
        print(f"{'':34}{'SQL of calls':>14}{'by hand':>10}{'ratio':>7}{'at best':>9}", end="")
        print(f"{'+ reader':>10}{'response':>10}{'CPU':>8}")
        for name, taken in found.items():
            _tell(name, taken, statements=options.queries)
        _compare_templates(client, options.repetitions)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the database there, or take it from there")
    parser.add_argument("--only", default="", metavar="WORD", help="only pages with this word in their name")
    parser.add_argument("--queries", action="store_true", help="print each statement of ours with its time")
    return parser.parse_args()


def _client() -> Any:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.test import Client

    settings.ALLOWED_HOSTS.append("testserver")
    client = Client()
    client.force_login(get_user_model().objects.get(username="bench"))
    return client


def _pages(by_hand: psycopg.Cursor[Any]) -> Iterator[Page]:
    """Yield the pages to measure, about calls that there are."""
    from cdr.queries.keyset import Cursor

    newest = _one(by_hand, "SELECT max(started_at) FROM cdr_call")[0]
    month = newest - timedelta(days=30)
    stored = _one(by_hand, "SELECT count(*) FROM cdr_call")[0]
    depth = min(DEEP, stored // 2)
    at, pk = _one(by_hand, f"SELECT started_at, id FROM cdr_call {_NEWEST} 1 OFFSET {depth}")
    caller = _one(
        by_hand,
        f"SELECT caller FROM cdr_call {_SAMPLE} GROUP BY 1 ORDER BY abs(count(*) - 2), 1 LIMIT 1",
    )[0]
    busy = _one(by_hand, f"SELECT caller FROM cdr_call {_SAMPLE} GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")[0]
    call_id = _known_call_id(by_hand)
    print(f"{stored:,} calls until {newest:%Y-%m-%d %H:%M}; caller {caller}, busiest {busy}", flush=True)

    yield _list("first page", {}, "NOT superseded")
    yield _list(f"page at depth {depth:,}", {}, "NOT superseded", after=(at, pk))
    for name, number in (("", caller), (", the busiest", busy), (", unknown", "+4930nobody")):
        exactly = "substr(caller, 1, 48) = %s AND caller = %s AND NOT superseded"  # as the index is
        yield _list(f"exact caller{name}", {"caller": f"={number}"}, exactly, [number, number])
    for name, digits in (("whole number as part", caller), ("7 digits", caller[-7:]), ("4 digits", caller[-4:])):
        yield _list(f"partial number, {name}", {"number": digits}, *_part(digits))
    whole = "call_key = %s AND call_id = %s AND NOT superseded"
    yield _list("Call-ID", {"call_id": call_id}, whole, [_key(call_id), call_id])
    failed = "outcome = 'failed' AND started_at >= %s AND NOT superseded"
    since = {"since": month.isoformat()}
    yield _list("failed calls of 30 days", {"outcome": "failed"} | since, failed, [month])
    kinds = ["failed", "not_found", "redirected", "unauthorized"]
    yield _list(
        "all that failed, 30 days",
        {"outcome": kinds} | since,
        "outcome IN ('failed', 'not_found', 'redirected', 'unauthorized') AND started_at >= %s AND NOT superseded",
        [month],
    )
    yield _list("without STOP", {"state": "stop_missing"}, "state = 'stop_missing' AND NOT superseded")
    yield Page("start page, 30 days", f"/?{urlencode(since)}", _start(month))
    yield Page("histogram, 30 days", f"/calls/histogram/?{urlencode(since)}", _start(month)[:2])
    numbers = _histogram(*_part(caller))
    yield Page("histogram, partial number", f"/calls/histogram/?{urlencode({'number': caller})}", numbers)
    yield from _reports(month)
    yield Page("busiest, 30 days", f"/busiest/?{urlencode(since)}", _busiest(month))
    newer = (
        "SELECT count(*) FROM (SELECT FROM cdr_call WHERE (started_at, id) > (%s, %s) LIMIT 100) AS capped",
        [at, pk],
    )
    yield Page("new calls", f"/calls/new/?{urlencode({'before': Cursor(at, pk)})}", [newer])


def _part(digits: str) -> tuple[str, list[str]]:
    """Ask the index for the last digits alone, as we do: the first ones are those of nearly all numbers."""
    sides = [f"(upper({one}) LIKE %s AND strpos(upper({one}), %s) > 0)" for one in ("caller", "callee")]
    return f"({' OR '.join(sides)}) AND NOT superseded", [f"%{digits[-7:]}%", digits] * 2


def _list(
    name: str,
    asked: dict[str, Any],
    condition: str,
    parameters: Sequence[Any] = (),
    *,
    after: tuple[datetime, int] | None = None,
) -> Page:
    """Return a page of the list; by hand it is a statement for the rows, and one for how many there are, capped."""
    from cdr.queries.keyset import Cursor

    rows, place = condition, list(parameters)
    by_hand: list[Hand] = []
    if after:
        asked, rows, place = (
            asked | {"after": Cursor(*after)},
            f"{condition} AND (started_at, id) < (%s, %s)",
            [*place, *after],
        )
    by_hand.append((f"SELECT {_SHOWN} FROM cdr_call WHERE {rows} {_NEWEST} {_ROWS}", place))
    by_hand.append(
        (f"SELECT count(*) FROM (SELECT FROM cdr_call WHERE {condition} LIMIT {_TALLY}) AS capped", parameters)
    )
    return Page(name, f"/calls/?{urlencode(asked, doseq=True)}", by_hand)


def _start(since: datetime) -> list[Hand]:
    """The figures and the series from the hourly volumes, with the calls of the hour that the range begins in."""
    hour = since.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return [
        (
            "SELECT CASE WHEN grouping(hour) = 0 THEN hour END, state, outcome, sip_code, sum(calls), sum(measured),"
            " sum(duration_us) FROM cdr_volume WHERE hour >= %s"
            " GROUP BY GROUPING SETS ((hour, outcome), (state, outcome, sip_code))",
            [hour],
        ),
        (
            "SELECT state, outcome, sip_code, count(*), count(duration), sum(duration) FROM cdr_call"
            " WHERE started_at >= %s AND started_at < %s AND NOT superseded GROUP BY 1, 2, 3",
            [since, hour],
        ),
        (f"SELECT {_SHOWN} FROM cdr_call WHERE state = 'ongoing' ORDER BY stop_due_at LIMIT 5", []),
        ("SELECT count(*) FROM (SELECT FROM cdr_call WHERE state = 'ongoing' LIMIT 10000) AS capped", []),
        ("SELECT count(*) FROM (SELECT FROM cdr_pending LIMIT 10000) AS capped", []),
        (
            "SELECT count(*) FROM cdr_call JOIN cdr_settlement ON cdr_settlement.call_id = cdr_call.id"
            " WHERE state = 'stop_missing' AND revoked_at IS NULL AND started_at >= %s",
            [since],
        ),
        ("SELECT * FROM cdr_settlement WHERE revoked_at IS NULL ORDER BY at DESC LIMIT 5", []),
    ]


def _reports(month: datetime) -> Iterator[Page]:
    """Yield reports of 30 days: by day from the volumes, by account from the calls."""
    since = {"since": month.isoformat(), "until": (month + timedelta(days=30)).isoformat()}
    hours = (
        "SELECT hour, sum(calls), sum(calls) FILTER (WHERE outcome = 'answered'), sum(measured), sum(duration_us)"
        " FROM cdr_volume WHERE hour >= %s GROUP BY 1"
    )
    figures = "count(*), count(*) FILTER (WHERE outcome = 'answered'), sum(duration)"
    for name, group, key in (
        ("account", "account", "extra ->> 'account'"),
        ("callee prefix", "callee_prefix", "substr(callee, 1, 5)"),
        ("caller", "caller", "caller"),
    ):
        asked = {"group": group} | since
        of_calls = (
            f"SELECT {key}, {figures} FROM cdr_call WHERE started_at >= %s AND NOT superseded"
            " GROUP BY 1 ORDER BY 2 DESC LIMIT 20001"
        )
        yield Page(f"report of 30 days by {name}", f"/reports/?{urlencode(asked)}", [(of_calls, [month])])
    by_day = urlencode({"per": "day"} | since)
    yield Page("report of 30 days by day", f"/reports/?{by_day}", [(hours, [month])])


def _histogram(condition: str, parameters: Sequence[Any]) -> list[Hand]:
    counted = f"SELECT started_at, outcome FROM cdr_call WHERE {condition} LIMIT 200000"
    return [
        (f"SELECT date_trunc('day', started_at), outcome, count(*) FROM ({counted}) AS c GROUP BY 1, 2", parameters)
    ]


def _busiest(since: datetime) -> list[Hand]:
    newest = (
        f"SELECT caller, callee, source_ip, outcome FROM cdr_call WHERE started_at >= %s AND NOT superseded {_NEWEST}"
    )
    ranked = [
        f"(SELECT {one}, count(*), count(*) FILTER (WHERE outcome = 'answered') FROM newest"
        " GROUP BY 1 ORDER BY 2 DESC LIMIT 8)"
        for one in ("caller", "callee", "source_ip")
    ]
    return [(f"WITH newest AS ({newest} 100000) {' UNION ALL '.join(ranked)}", [since])]


def _one(cursor: psycopg.Cursor[Any], query: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
    found: tuple[Any, ...] | None = cursor.execute(query, parameters or None).fetchone()
    if found is None:
        raise LookupError(query)
    return found


def _known_call_id(cursor: psycopg.Cursor[Any]) -> str:
    """Return a Call-ID from the middle whose key is the one that we look for: SQL cannot make it for all."""
    pk, call_id = _one(cursor, "SELECT id, call_id FROM cdr_call WHERE id = (SELECT max(id) / 2 FROM cdr_call)")
    cursor.execute("UPDATE cdr_call SET call_key = %s WHERE id = %s", [_key(call_id), pk])
    return str(call_id)


def _key(call_id: str) -> int:
    from cdr.events import call_key

    return call_key(call_id)


def _measure(page: Page, client: Any, by_hand: psycopg.Cursor[Any], repetitions: int) -> Taken:
    from django.db import connection

    taken = Taken()
    for repetition in range(-1, repetitions):
        statements: list[tuple[float, str]] = []
        with connection.execute_wrapper(_timing(statements)):
            begun, used = time.perf_counter(), time.process_time()
            response = client.get(page.address)
            cpu, whole = time.process_time() - used, time.perf_counter() - begun
        if response.status_code != 200:
            raise RuntimeError(f"{page.address} answered {response.status_code}")
        hand = sum(_seconds(by_hand, *one) for one in page.by_hand)
        if repetition < 0:
            continue  # the first one warms the caches
        ours = sum(seconds for seconds, sql in statements if _of_calls(sql))
        taken.calls.append(ours)
        taken.reader.append(sum(seconds for seconds, _ in statements) - ours)
        taken.hand.append(hand)
        taken.response.append(whole)
        taken.cpu.append(cpu)
        taken.statements = statements
    return taken


def _timing(statements: list[tuple[float, str]]) -> Callable[..., Any]:
    def timed(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            statements.append((time.perf_counter() - begun, sql))

    return timed


def _of_calls(sql: str) -> bool:
    return any(table in sql for table in ('"cdr_call"', '"cdr_volume"', '"cdr_settlement"', '"cdr_pending"'))


def _seconds(cursor: psycopg.Cursor[Any], sql: str, parameters: Sequence[Any]) -> float:
    """Return how long a statement takes until its rows are here; they are not made to Python's, as in our time."""
    begun = time.perf_counter()
    cursor.execute(sql, parameters or None)
    return time.perf_counter() - begun


def _tell(name: str, taken: Taken, *, statements: bool) -> None:
    calls, hand = _ms(taken.calls), _ms(taken.hand)
    at_best = min(taken.calls) / min(taken.hand)
    print(
        f"{name:34}{calls:14.2f}{hand:10.2f}{calls / hand:7.1f}{at_best:9.1f}{_ms(taken.reader):10.2f}"
        f"{_ms(taken.response):10.1f}{_ms(taken.cpu):8.1f}"
    )
    if statements:
        for seconds, sql in taken.statements:
            print(f"    {seconds * 1000:8.2f} {sql[:60]} … {sql[-300:]}")


def _ms(seconds: Sequence[float]) -> float:
    return median(seconds) * 1000


@contextmanager
def _address_of(view: Any) -> Iterator[str]:
    """Give a view of this file an address for a while."""
    from django.urls import clear_url_caches, path

    from accweb import urls

    urls.urlpatterns.insert(0, path("plain/", view))
    clear_url_caches()
    yield "/plain/"
    urls.urlpatterns.pop(0)
    clear_url_caches()


def _compare_templates(client: Any, repetitions: int) -> None:
    """Print the CPU time of our rows and page beside those of a plain template of the same cells."""
    from django.http import QueryDict
    from django.template import engines
    from django.views.generic import TemplateView

    from accweb.web.shell import ShellMixin
    from cdr.calls.settlement import attach_settlements
    from cdr.models import Call
    from cdr.queries.columns import DEFAULT, columns_of
    from cdr.queries.visibility import Visibility
    from cdr.views.addresses import ListAddress
    from cdr.views.calls.call_rows import call_rows

    engine = engines["django"]
    cells = engine.from_string("{% load i18n %}" + _PLAIN_CELLS)
    whole = engine.from_string(
        '{% extends "shell.html" %}{% load i18n %}{% block page %}' + _PLAIN_CELLS + "{% endblock %}"
    )
    calls = list(Call.objects.order_by("-started_at", "-id")[: _ROWS - 1])
    list_of_all = ListAddress("/calls/", QueryDict())
    attach_settlements(calls)
    columns, _unknown = columns_of(DEFAULT)

    class Plain(ShellMixin, TemplateView):
        permission_required = "cdr.view_call"

        def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
            newest = Call.objects.order_by("-started_at", "-id")[: _ROWS - 1]
            return super().get_context_data(calls=newest, **kwargs)

        def get_template_names(self) -> Any:
            return whole

    with _address_of(Plain.as_view()) as address:
        times = _in_turn(
            repetitions * 3,
            lambda: "".join(
                row.markup for row in call_rows(calls, columns, Visibility(), usual=True, address=list_of_all)
            ),
            lambda: cells.render({"calls": calls}),
            lambda: client.get("/calls/"),
            lambda: client.get("/calls/", headers={"HX-Request": "true"}),
            lambda: client.get(address),
        )
    rows, plain_rows, page, changing, plain_page = map(_ms, times)
    print("\nCPU time of 50 rows, in ms")
    print(f"rows:                {rows:6.1f}; plain template {plain_rows:6.1f}; ratio {rows / plain_rows:.2f}")
    print(f"page:                {page:6.1f}; plain page     {plain_page:6.1f}; ratio {page / plain_page:.2f}")
    print(f"page, changing part: {changing:6.1f}; plain page     {plain_page:6.1f}; ratio {changing / plain_page:.2f}")


def _in_turn(repetitions: int, *works: Callable[[], object]) -> list[list[float]]:
    """Return the CPU seconds of each of ``works``, done in turn, after once without looking."""
    taken: list[list[float]] = [[] for _ in works]
    for repetition in range(-1, repetitions):
        for work, seconds in zip(works, taken, strict=True):
            used = time.process_time()
            work()
            if repetition >= 0:
                seconds.append(time.process_time() - used)
    return taken


if __name__ == "__main__":
    main()
