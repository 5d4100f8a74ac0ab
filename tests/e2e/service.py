"""accweb as processes around a test, and its calls held against what the phones saw."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cdr.calls.correlate import observed, policies
from cdr.correlation.fold import fold
from cdr.correlation.record import CallRecord, CallState, Outcome
from cdr.models import Call, Event
from proxyconf.profile import AccountingProfile
from proxyconf.render.acc_section import acc_section
from proxyconf.vocabulary.layout import Backend
from tests import servers
from tests.conftest import ROOT, Manage
from tests.e2e import sip
from tests.e2e.exchange import ZONE

OUTCOMES = {200: Outcome.ANSWERED, 486: Outcome.BUSY, 487: Outcome.CANCELLED, 408: Outcome.NO_ANSWER}
USER_AGENT = "e2e phone; rev=7"
LATER = timedelta(hours=5)  # past the longest plausible call
SLACK = timedelta(milliseconds=400)
"""The phones and the proxy do not read the clock at once, and less so on a busy machine. Calls take 1.5 seconds, so the
time of another event is found out."""

Identity = tuple[str, str, str, tuple[str, ...]]
Compare = Callable[[sip.Seen, CallRecord], Iterator[tuple[str, bool]]]


@contextmanager
def running(database_url: str, folder: Path, *command: str) -> Iterator[Path]:
    """Run ``manage.py COMMAND``, which must end well when it is told to; give its log."""
    log = folder / f"{command[0]}.log"
    environment = {"DATABASE_URL": database_url, "ACCWEB_DATA_DIR": str(folder / "data")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, ROOT / "manage.py", *command],
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


def add_proxy(manage: Manage, profile: AccountingProfile, folder: Path) -> None:
    """Make the proxy ``exchange`` known, with what its generated configuration says of its fields."""
    (folder / "given.cfg").write_text(acc_section(profile))
    given = ("--timezone", ZONE, "--address", "127.0.0.1", "--acc-cfg", str(folder / "given.cfg"))
    succeed(manage("proxy", "add", "exchange", *given))


def add_source(manage: Manage, kind: str, **settings: object) -> None:
    given = [f"--set={name}={value}" for name, value in settings.items()]
    succeed(manage("source", "add", "--proxy", "exchange", "--kind", kind, *given))


def succeed(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr


def make_calls(scenes: Sequence[tuple[str, str]], proxy: int, folder: Path) -> list[sip.Seen]:
    """Make two calls of each kind, all kinds at once."""
    with ThreadPoolExecutor(len(scenes)) as phones:
        made = [phones.submit(sip.call, scenario, dialled, proxy, folder, count=2) for scenario, dialled in scenes]
        return [one for each in made for one in each.result()]


def differences(seen: Sequence[sip.Seen], backends: Sequence[Backend], compare: Compare) -> list[str]:
    """Return what the phones saw and the calls of these backends' events say otherwise, long after."""
    keys = Event.objects.values_list("call_key", flat=True).distinct()
    events = [one for one in observed(key for key in keys if key is not None) if one.event.backend in backends]
    calls = fold(events, policies(), datetime.now(UTC) + LATER).calls
    found = [] if len(calls) == len(seen) else [f"{len(calls)} calls instead of {len(seen)}"]
    by_id = {call.call_id: call for call in calls}
    for one in seen:
        call = by_id.get(one.call_id)
        wrong = [what for what, same in compare(one, call) if not same] if call else ["not there"]
        found += [f"{one.dialled}: {what}" for what in wrong]
    return found


def compared(
    one: sip.Seen, call: CallRecord, truncated: timedelta, slack: timedelta = SLACK
) -> Iterator[tuple[str, bool]]:
    """Yield what every backend can know: whether the call agrees with what its caller saw.

    ``truncated`` is the resolution to which the backend's times are cut.
    """
    yield "from_tag", call.from_tag == one.from_tag
    yield "outcome", (call.sip_code, call.outcome) == (one.code, OUTCOMES[one.code])
    yield "state", call.state == _state(one)
    yield "answered_at", _is_about(call.answered_at, one.answered_at, truncated, slack)
    yield "ended_at", _is_about(call.ended_at, one.ended_at, 2 * truncated, slack)
    yield "released_by", call.released_by == (one.released_by or ("caller" if one.cancelled else None))
    yield "caller", call.caller == "alice"


def published() -> set[Identity]:
    """Return the calls that accweb shows, each with the backends that told of it."""
    calls = Call.objects.filter(superseded=False)
    return {(call.call_id, call.from_tag, call.to_tag, tuple(call.backends)) for call in calls}


def identities(seen: Sequence[sip.Seen], backends: Sequence[Backend]) -> set[Identity]:
    told_by = tuple(sorted(str(backend) for backend in backends))
    return {(one.call_id, one.from_tag, one.to_tag, told_by) for one in seen}


def wait_until(condition: Callable[[], bool], log: Path) -> None:
    wait_until_same(lambda: [] if condition() else ["not yet"], log)


def wait_until_same(differing: Callable[[], list[str]], log: Path) -> None:
    """Wait until nothing differs; fail with what does and the log."""
    end = time.monotonic() + servers.PATIENCE
    while found := differing():
        assert time.monotonic() < end, f"{found}\n{log.read_text()}"
        time.sleep(0.2)


def free_tcp_port() -> int:
    """Return a TCP port of the loopback that nobody has."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _state(one: sip.Seen) -> CallState:
    if one.answered_at is None:
        return CallState.UNANSWERED
    return CallState.COMPLETED if one.ended_at else CallState.STOP_MISSING


def _is_about(told: datetime | None, true: datetime | None, truncated: timedelta, slack: timedelta) -> bool:
    if told is None or true is None:
        return told is true
    return -slack <= true - told < truncated + slack
