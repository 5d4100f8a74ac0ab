"""A real Kamailio accounts real calls through acc_diameter, and through acc_json over HTTP; accweb collects them.

acc_json has two outputs: syslog(3), which needs a daemon, and a message queue, from which a route of the script posts
each object. The latter is what runs here.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cdr.correlate import observed_of, policies
from cdr.correlation.fold import fold
from cdr.correlation.record import CallRecord, Outcome, State
from cdr.models import Call, Event, Source
from proxyconf.profile import ExtraField, Profile
from proxyconf.render.acc_section import acc_section
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests import servers
from tests.conftest import ROOT, Manage
from tests.e2e import sip
from tests.e2e.exchange import exchange

TOKEN = "a-token-of-the-proxy"
LATER = timedelta(hours=5)  # past the longest plausible call
ANSWERED = [
    ("caller_hangs_up", "answers"),
    ("caller_waits", "hangs-up"),
    ("caller_hangs_up", "next"),
    ("caller_vanishes", "answers"),
]
FAILED = [("caller_fails", "busy"), ("caller_cancels", "rings"), ("caller_fails", "rings")]
OUTCOMES = {200: Outcome.ANSWERED, 486: Outcome.BUSY, 487: Outcome.CANCELLED, 408: Outcome.NO_ANSWER}
TRUNCATED, SLACK = timedelta(seconds=1), timedelta(milliseconds=500)

# What a script needs besides, to post the objects: one process empties the queue, and what could not be posted goes
# back there. A single quote or anything else that a phone sends stays data: nothing of it reaches a shell.
POSTING = """
loadmodule "xlog.so"
loadmodule "rtimer.so"
loadmodule "http_client.so"
modparam("rtimer", "timer", "name=accounting;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=accounting;route=POST_ACCOUNTING")
route[POST_ACCOUNTING] {{
    while (mq_fetch("acc")) {{
        http_client_query("{url}", "$mqv(acc)", "Authorization: Bearer {token}", "$var(answer)");
        if ($rc != 200) {{
            xlog("L_ERR", "accounting not posted: $rc $var(answer)\\n");
            mq_add("acc", "$mqk(acc)", "$mqv(acc)");
            return;
        }}
    }}
}}
"""


def test_the_answered_calls_of_acc_diameter_are_those_that_the_phones_saw(
    database_url: str, manage: Manage, tmp_path: Path
) -> None:
    """acc_diameter sends neither failed and missed calls nor a reason: of those nothing can be known."""
    port = free_tcp_port()
    wanted = replace(
        Profile.suggested(Product.KAMAILIO, Version(5, 6), [Backend.DIAMETER]),
        options={"diameter_client_host": "127.0.0.1", "diameter_client_port": port},
        extras=(ExtraField("caller", "$fU", {Backend.DIAMETER: "1001"}),),
    )
    add_proxy(manage, wanted, tmp_path)
    succeed(manage(*SOURCE, "diameter", f"--set=listen=127.0.0.1:{port}", "--set=senders=127.0.0.1"))
    with running(database_url, tmp_path) as (_, log):
        wait_until(lambda: accepts(port), log)
        with exchange(wanted, tmp_path) as proxy:
            seen = make_calls([*ANSWERED, *FAILED], proxy, tmp_path)
            answered = [one for one in seen if one.answered_at]
            assert (len(seen), len(answered)) == (2 * 7, 2 * 4)
            wait_until_same(lambda: differences(answered, Backend.DIAMETER), log)
            wait_until(lambda: published() == identities(answered, Backend.DIAMETER), log)
    assert Source.objects.filter(rejected__gt=0).count() == 0


def test_the_calls_of_acc_json_are_those_that_the_phones_saw(database_url: str, manage: Manage, tmp_path: Path) -> None:
    wanted = replace(
        Profile.suggested(Product.KAMAILIO, Version(5, 6), [Backend.JSON]),
        options={"acc_json.acc_output_mqueue": "acc", "acc_json.acc_output_syslog": 0},
        extras=(
            ExtraField("caller", "$fU", {Backend.JSON: "src_user"}),
            ExtraField("ua", "$ua", {Backend.JSON: "ua"}),
        ),
    )
    add_proxy(manage, wanted, tmp_path)
    succeed(manage(*SOURCE, "http", f"--set=token={TOKEN}"))
    with running(database_url, tmp_path) as (web, log):
        wait_until(lambda: accepts(web), log)
        posting = POSTING.format(url=f"http://127.0.0.1:{web}/api/v1/events/", token=TOKEN)
        with exchange(wanted, tmp_path, more=posting) as proxy:
            seen = make_calls([*ANSWERED, *FAILED], proxy, tmp_path)
            wait_until_same(lambda: differences(seen, Backend.JSON), log)
            wait_until(lambda: published() == identities(seen, Backend.JSON), log)
    assert Source.objects.filter(rejected__gt=0).count() == 0


SOURCE = ("source", "add", "--proxy", "exchange", "--kind")


def add_proxy(manage: Manage, profile: Profile, folder: Path) -> None:
    (folder / "given.cfg").write_text(acc_section(profile))
    given = ("--timezone", "America/New_York", "--acc-cfg", str(folder / "given.cfg"))
    succeed(manage("proxy", "add", "exchange", *given))


def make_calls(scenes: Sequence[tuple[str, str]], proxy: int, folder: Path) -> list[sip.Seen]:
    """Make two calls of each kind, all kinds at once."""
    with ThreadPoolExecutor(len(scenes)) as phones:
        made = [phones.submit(sip.call, scenario, dialled, proxy, folder, count=2) for scenario, dialled in scenes]
        return [one for each in made for one in each.result()]


def differences(seen: Sequence[sip.Seen], backend: Backend) -> list[str]:
    """Return what the phones saw and the calls say otherwise, long after."""
    events = Event.objects.filter(backend=backend).select_related("proxy")
    calls = fold([observed_of(event) for event in events], policies(), datetime.now(UTC) + LATER).calls
    found = [] if len(calls) == len(seen) else [f"{len(calls)} calls instead of {len(seen)}"]
    by_id = {call.call_id: call for call in calls}
    for one in seen:
        call = by_id.get(one.call_id)
        wrong = [what for what, same in compared(one, call, backend) if not same] if call else ["not there"]
        found += [f"{one.dialled}: {what}" for what in wrong]
    return found


def compared(one: sip.Seen, call: CallRecord, backend: Backend) -> Iterator[tuple[str, bool]]:
    yield "parties", (call.from_tag, call.to_tag, call.caller) == (one.from_tag, one.to_tag, "alice")
    yield "outcome", (call.sip_code, call.outcome) == (one.code, OUTCOMES[one.code])
    yield "state", call.state == state(one)
    # acc_diameter sends no time: an event has that of its arrival; acc_json's is cut to seconds
    truncated = TRUNCATED if backend is Backend.JSON else timedelta(0)
    yield "answered_at", is_about(call.answered_at, one.answered_at, truncated)
    yield "ended_at", is_about(call.ended_at, one.ended_at, 2 * truncated)
    yield "released_by", call.released_by == (one.released_by or ("caller" if one.cancelled else None))
    if backend is Backend.JSON:
        yield "user agent", call.user_agent == "e2e phone; rev=7"


def state(one: sip.Seen) -> State:
    if one.answered_at is None:
        return State.UNANSWERED
    return State.COMPLETED if one.ended_at else State.STOP_MISSING


def is_about(told: datetime | None, true: datetime | None, truncated: timedelta) -> bool:
    if told is None or true is None:
        return told is true
    return -SLACK <= true - told < truncated + SLACK


def published() -> set[tuple[str, str, str, tuple[str, ...]]]:
    calls = Call.objects.filter(superseded=False)
    return {(call.call_id, call.from_tag, call.to_tag, tuple(call.backends)) for call in calls}


def identities(seen: Sequence[sip.Seen], backend: Backend) -> set[tuple[str, str, str, tuple[str, ...]]]:
    return {(one.call_id, one.from_tag, one.to_tag, (str(backend),)) for one in seen}


@contextmanager
def running(database_url: str, folder: Path) -> Iterator[tuple[int, Path]]:
    """Run ``manage.py up``; give its port and its log."""
    port, log = free_tcp_port(), folder / "up.log"
    environment = {"DATABASE_URL": database_url, "ACCWEB_DATA_DIR": str(folder / "data")}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "up", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "accweb.settings", **environment},
        )
    try:
        yield port, log
    finally:
        process.terminate()
        assert process.wait(servers.PATIENCE) == 0, log.read_text()


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


def succeed(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr


def wait_until(condition: Callable[[], bool], log: Path) -> None:
    end = time.monotonic() + servers.PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(log.read_text())
        time.sleep(0.2)


def wait_until_same(differing: Callable[[], list[str]], log: Path) -> None:
    end = time.monotonic() + servers.PATIENCE
    while found := differing():
        assert time.monotonic() < end, f"{found}\n{log.read_text()}"
        time.sleep(0.2)
