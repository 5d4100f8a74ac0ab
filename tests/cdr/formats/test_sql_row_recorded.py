"""Recorded rows of acc, missed_calls and acc_cdrs tell what the log of the same calls tells."""

from __future__ import annotations

import gzip
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cdr.events import SECOND, AccEvent, EventKind
from cdr.formats import table_files
from cdr.formats.reading import Reading

RECORDED = Path(__file__).parents[2] / "recorded"


# --- recorded ---------------------------------------------------------------------------------------------------------

SCENARIOS = sorted(path.parent for path in RECORDED.glob("*/acc.csv*"))


LOGGED = re.compile(
    rb"ACC: (transaction answered|call missed|request acknowledged|call ended): "
    rb"(?:timestamp|created)=(\d+)(?:;call_start_time=(\d+))?[^\n]*?"
    rb"method=(\w+);from_tag=([^;]*);to_tag=([^;]*);call_id=([^;]*);code=(\d+);reason=([^;\n]*)"
)


Seen = tuple[str, str, str, str, str, int, str]


def content(folder: Path, name: str) -> bytes:
    plain = folder / name
    return plain.read_bytes() if plain.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())


def zone_of(folder: Path) -> ZoneInfo:
    found = re.search(r"TZ=([\w/]+)", (folder / "scenario.md").read_text())
    assert found
    return ZoneInfo(found[1])


def parsed(folder: Path, name: str) -> list[AccEvent]:
    read = {
        "acc": table_files.read_acc,
        "missed_calls": table_files.read_missed_calls,
        "acc_cdrs": table_files.read_acc_cdrs,
    }
    found = list(read[name](io.BytesIO(content(folder, f"{name}.csv")), Reading(zone=zone_of(folder))))
    assert all(isinstance(one, AccEvent) for one in found)
    return [one for one in found if isinstance(one, AccEvent)]


def told(one: AccEvent) -> Seen:
    special = {EventKind.MISSED: "call missed", EventKind.ACK: "request acknowledged", EventKind.CDR: "call ended"}
    words = special.get(one.kind, "transaction answered")
    return (words, one.method, one.from_tag, one.to_tag, one.call_id, one.code, one.reason)


def logged(folder: Path) -> dict[Seen, int]:
    """What the log of the same scenario tells of each event, and when."""
    log = content(folder, "syslog.txt" if list(folder.glob("syslog.txt*")) else "syslog_iso.txt")
    found = {}
    for one in LOGGED.findall(log):
        words, first, start, method, from_tag, to_tag, call_id, code, reason = (part.decode() for part in one)
        found[words, method, from_tag, to_tag, call_id, int(code), reason] = int(start or first)
    return found


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_recorded_rows_tell_what_the_log_tells(folder: Path) -> None:
    events = parsed(folder, "acc") + parsed(folder, "missed_calls")
    assert {told(one) for one in events} == logged(folder).keys()


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_recorded_rows_have_the_time_of_the_log_whatever_the_zone(folder: Path) -> None:
    times = logged(folder)
    for one in parsed(folder, "acc") + parsed(folder, "missed_calls"):
        assert abs(one.time.timestamp() - times[told(one)]) <= 1  # the clock is read anew for each backend
        assert one.flags == ()


def test_recorded_legs_stand_one_to_a_row_in_the_order_of_the_rows() -> None:
    rows = parsed(RECORDED / "11-multi-leg", "acc")
    assert [(one.method, one.position, one.legs) for one in rows] == [
        ("INVITE", 1, ((("src", "bob"), ("dst", "carol"), ("type", "1")),)),
        ("INVITE", 2, ((("src", "alice"), ("dst", "bob"), ("type", "0")),)),
        ("INVITE", 3, ((("src", "erin"), ("dst", "frank"), ("type", "0")),)),
        ("BYE", 4, ()),
        ("BYE", 5, ()),
    ]
    assert {one.extra for one in rows} == {()}


def test_recorded_extras_keep_hostile_text() -> None:
    rows = parsed(RECORDED / "12-extra-accounting", "acc")
    assert [label for label, _ in rows[0].extra] == ["ua", "uuid", "ruser", "src_ip", "notes"]
    agents = {dict(one.extra)["ua"] for one in rows}
    assert 'Acme "Turbo, 3000" phone\'s UA, v1' in agents
    assert "x;code=486;reason=Busy Here ACC: call missed: timestamp=1;method=INVITE" in agents
    assert "Téléphone-Ünï/☎ 日本" in agents
    assert "" in agents


def test_recorded_dialog_records_of_kamailio() -> None:
    rows = parsed(RECORDED / "18-dialog-cdrs", "acc_cdrs")
    start = datetime(2026, 11, 22, 23, 23, 45, tzinfo=UTC)
    assert [(one.call_id, one.ended_at, one.duration_us) for one in rows] == [
        ("1-1904-2@127.0.0.1", start, 0),
        ("1-1902-0@127.0.0.1", start + timedelta(seconds=2), 2_303_000),
        ("1-1903-1@127.0.0.1", start + timedelta(seconds=3), 2_504_000),
    ]
    assert {(one.kind, one.method, one.code, one.time, one.precision) for one in rows} == {
        (EventKind.CDR, "INVITE", 0, start, SECOND)
    }
    assert rows[0].extra == (("caller", "erin"), ("callee", "frank"), ("callid", "1-1904-2@127.0.0.1"))


def test_recorded_dialog_records_of_opensips() -> None:
    busy, first, second = parsed(RECORDED / "opensips-18-cdr", "acc")
    start = datetime(2026, 11, 22, 23, 59, 26, tzinfo=UTC)
    assert (busy.kind, busy.duration_us, busy.ended_at) == (EventKind.FAILED, None, None)
    assert (first.kind, first.time, first.duration_us) == (EventKind.CDR, start, 2_303_000)
    assert first.ended_at == start + timedelta(milliseconds=2303)
    assert (second.kind, second.duration_us) == (EventKind.CDR, 2_504_000)
    assert {one.created_at for one in (busy, first, second)} == {start - timedelta(seconds=1)}
