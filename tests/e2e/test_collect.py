"""A real Kamailio accounts real calls to the log, to PostgreSQL and over RADIUS at once; accweb collects all of it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from cdr.correlate import observed_of, policies
from cdr.correlation.fold import fold
from cdr.correlation.record import CallRecord, Outcome, State
from cdr.models import Call, Event, Source
from proxyconf.profile import ExtraField, LegField, Profile
from proxyconf.render.acc_section import acc_section
from proxyconf.render.radius_dictionary import (
    CLIENT_DICTIONARY,
    CLIENT_SERVERS,
    client_configuration,
    client_dictionary,
)
from proxyconf.render.sql_ddl import Dialect, sql_ddl
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests import servers
from tests.conftest import ROOT, Manage
from tests.e2e import sip
from tests.e2e.exchange import exchange

SECRET = "shared-by-the-two"
LATER = timedelta(hours=5)  # past the longest plausible call
RESOLUTION = timedelta(seconds=1)
SLACK = timedelta(milliseconds=100)  # the phones and the proxy do not read the clock at once
SCENES = [
    ("caller_hangs_up", "answers"),
    ("caller_waits", "hangs-up"),
    ("caller_fails", "busy"),
    ("caller_cancels", "rings"),
    ("caller_fails", "rings"),
    ("caller_hangs_up", "next"),
    ("caller_hangs_up", "forwarded"),
    ("caller_vanishes", "answers"),
]
OUTCOMES = {200: Outcome.ANSWERED, 486: Outcome.BUSY, 487: Outcome.CANCELLED, 408: Outcome.NO_ANSWER}
BACKENDS = (Backend.SYSLOG, Backend.SQL, Backend.RADIUS)


def profile(database: str, folder: Path) -> Profile:
    """Return what the exchange shall account: everything, everywhere."""
    suggested = Profile.suggested(Product.KAMAILIO, Version(5, 6), BACKENDS)
    return replace(
        suggested,
        options={
            "report_cancels": 1,
            "db_url": f"postgres://postgres@/{database}",
            "radius_config": str(folder / "radiusclient.conf"),
        },
        extras=(
            ExtraField(
                "caller", "$fU", {Backend.SYSLOG: "src_user", Backend.SQL: "src_user", Backend.RADIUS: "User-Name"}
            ),
            ExtraField("ua", "$ua", {Backend.SYSLOG: "ua", Backend.SQL: "ua", Backend.RADIUS: "Sip-User-Agent"}),
        ),
        legs=tuple(LegField(name, f"$avp({name})") for name in ("src", "dst", "type")),
    )


def test_the_calls_are_those_that_the_phones_saw_per_backend_and_all_together(
    database_url: str, manage: Manage, tmp_path: Path
) -> None:
    server = servers.postgresql()
    socket_folder = parse_qs(urlsplit(server).query)["host"][0]
    wanted = profile("postgres", tmp_path)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql_ddl(wanted, Dialect.POSTGRESQL).encode())
    radius = sip.free_port()
    (tmp_path / "radiusclient.conf").write_text(client_configuration(wanted, port=radius))
    (tmp_path / CLIENT_DICTIONARY).write_text(client_dictionary(wanted))
    (tmp_path / CLIENT_SERVERS).write_text(f"127.0.0.1 {SECRET}\n")
    (tmp_path / "given.cfg").write_text(acc_section(wanted))
    (tmp_path / "proxy.log").touch()
    _succeed(
        manage("proxy", "add", "exchange", "--timezone", "America/New_York", "--acc-cfg", str(tmp_path / "given.cfg"))
    )
    _add(manage, "file", path=tmp_path / "proxy.log")
    _add(manage, "database", server=socket_folder, database="postgres", user="postgres")
    _add(
        manage,
        "radius",
        listen=f"127.0.0.1:{radius}",
        clients="127.0.0.1",
        secret=SECRET,
        dictionary=tmp_path / CLIENT_DICTIONARY,
    )
    with _collecting(database_url, tmp_path) as log, exchange(wanted, tmp_path, PGHOST=socket_folder) as port:
        _wait_until(lambda: f"127.0.0.1:{radius}" in log.read_text(), log)
        seen = _make_calls(port, tmp_path)
        assert len(seen) == 2 * len(SCENES)
        for backend in BACKENDS:
            _wait_until(lambda backend=backend: _differences(seen, _calls_of([backend]), backend) == [], log)
        _wait_until(lambda: _differences(seen, _calls_of(BACKENDS)) == [], log)
        everywhere = tuple(sorted(BACKENDS))
        published = {(one.call_id, one.from_tag, one.to_tag, everywhere) for one in seen}
        _wait_until(lambda: set(_published()) == published, log)
    assert Source.objects.filter(rejected__gt=0).count() == 0


def _make_calls(port: int, folder: Path) -> list[sip.Seen]:
    """Make two calls of each kind, all kinds at once."""
    with ThreadPoolExecutor(len(SCENES)) as phones:
        made = [phones.submit(sip.call, scenario, dialled, port, folder, count=2) for scenario, dialled in SCENES]
        return [one for each in made for one in each.result()]


def _calls_of(backends: Sequence[Backend]) -> list[CallRecord]:
    """Return the calls that the events of these backends make by themselves, long after."""
    events = Event.objects.filter(backend__in=backends).select_related("proxy")
    return fold([observed_of(event) for event in events], policies(), datetime.now(UTC) + LATER).calls


def _published() -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    for call in Call.objects.filter(superseded=False):
        yield call.call_id, call.from_tag, call.to_tag, tuple(call.backends)


def _differences(seen: list[sip.Seen], calls: list[CallRecord], backend: Backend | None = None) -> list[str]:
    """Return what a phone saw and the calls say otherwise."""
    found = [] if len(calls) == len(seen) else [f"{len(calls)} calls instead of {len(seen)}"]
    by_id = {call.call_id: call for call in calls}
    for one in seen:
        call = by_id.get(one.call_id)
        if call is None:
            found.append(f"no call {one.call_id}")
        else:
            found += [f"{one.dialled}: {what}" for what, same in _compared(one, call, backend) if not same]
    return found


def _compared(one: sip.Seen, call: CallRecord, backend: Backend | None) -> Iterator[tuple[str, bool]]:
    answered = one.answered_at is not None
    # Kamailio's RADIUS leaves out the To tag that the proxy made for its own 408.
    to_tag = "" if backend is Backend.RADIUS and one.code == 408 else one.to_tag
    yield "from_tag", call.from_tag == one.from_tag
    yield "to_tag", call.to_tag == to_tag
    yield "code", call.sip_code == one.code
    yield "outcome", call.outcome == OUTCOMES[one.code]
    yield "state", call.state == _state(one)
    yield "answered_at", _is(call.answered_at, one.answered_at)
    yield "ended_at", _is(call.ended_at, one.ended_at, 2 * RESOLUTION)
    yield "released_by", call.released_by == (one.released_by or ("caller" if one.cancelled else None))
    yield "caller", call.caller == "alice"
    yield "user agent", call.user_agent == "e2e phone; rev=7"
    legs = [("alice", one.dialled, "0")] + ([("forwarded", "answers", "1")] if one.dialled == "forwarded" else [])
    yield "legs", [leg[:3] for leg in call.legs] == legs
    attempts = [486] if one.dialled == "next" else [] if answered else [one.code]
    yield "attempts", [attempt.code for attempt in call.attempts] == attempts


def _state(one: sip.Seen) -> State:
    if one.answered_at is None:
        return State.UNANSWERED
    return State.COMPLETED if one.ended_at else State.STOP_MISSING


def _is(told: datetime | None, true: datetime | None, resolution: timedelta = RESOLUTION) -> bool:
    if told is None or true is None:
        return told is true
    return -SLACK <= true - told < resolution + SLACK


def _add(manage: Manage, kind: str, **settings: object) -> None:
    given = [f"--set={name}={value}" for name, value in settings.items()]
    _succeed(manage("source", "add", "--proxy", "exchange", "--kind", kind, *given))


def _succeed(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr


@contextmanager
def _collecting(database_url: str, folder: Path) -> Iterator[Path]:
    """Run ``manage.py collect``; give its log."""
    log = folder / "collect.log"
    environment = {"DATABASE_URL": database_url, "ACCWEB_DATA_DIR": str(folder / "data")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "collect"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "accweb.settings", **environment},
        )
    try:
        yield log
    finally:
        process.terminate()
        assert process.wait(servers.PATIENCE) == 0, log.read_text()


def _wait_until(condition: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + servers.PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(log.read_text())
        time.sleep(0.2)
