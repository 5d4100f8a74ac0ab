"""The logs of real proxies."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest

from cdr.events import AccEvent, EventKind
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.syslog import read
from proxyconf.vocabulary.layout import Backend, CdrLayout, FieldLayout
from tests.cdr.formats.recorded_lines import ROOT, content, said_by, said_in_log

EXTRAS = ("ua", "uuid", "ruser", "src_ip", "notes")
LEGS = ("src", "dst", "type")
LOGS = sorted({path.relative_to(ROOT).as_posix().removesuffix(".gz") for path in ROOT.glob("*/*syslog*.txt*")})


def reading_of(folder: str) -> Reading:
    return Reading(
        layout=FieldLayout(
            extras={Backend.SYSLOG: EXTRAS if folder.startswith("12-") else ()},
            legs={Backend.SYSLOG: LEGS if folder.startswith(("11-", "19s-")) else ()},
            cdr=CdrLayout(extras=("caller", "callee", "callid"), start_on_confirmed=True),
        )
    )


def parsed(log: str, reading: Reading | None = None) -> list[Parsed]:
    folder, _, name = log.partition("/")
    return list(read(io.BytesIO(content(folder, name)), reading or reading_of(folder)))


def events(log: str, reading: Reading | None = None) -> list[AccEvent]:
    return [found for found in parsed(log, reading) if isinstance(found, AccEvent)]


def test_there_are_logs_of_all_scenarios() -> None:
    assert len(LOGS) == 43
    assert {Path(log).parts[0] for log in LOGS} == {path.parent.name for path in ROOT.glob("*/scenario.md")}


@pytest.mark.parametrize("log", LOGS)
def test_every_line_of_a_recorded_log_is_an_event_or_no_accounting(log: str) -> None:
    lines = content(*log.split("/")).splitlines()
    found = parsed(log)

    assert len(found) == len(lines)
    assert not [one for one in found if isinstance(one, Rejection)]
    accounting = [b"ACC: " in line or b"log_write_cdr()" in line or b" json_acc" in line for line in lines]
    assert [isinstance(one, AccEvent) for one in found] == accounting
    assert [one.raw for one in found if isinstance(one, AccEvent)] == [
        line for line, is_event in zip(lines, accounting, strict=True) if is_event
    ]


@pytest.mark.parametrize("log", [log for log in LOGS if "acc_json" not in log])
def test_the_core_fields_are_those_in_the_line(log: str) -> None:
    told = [one for one in events(log) if one.backend == Backend.SYSLOG and one.method and one.call_id and one.from_tag]

    assert said_by(told) == said_in_log(log.partition("/")[0], knows_missed=True)


@pytest.mark.parametrize("log", [log for log in LOGS if "12-" not in log])
def test_without_a_layout_the_same_events_are_read(log: str) -> None:
    assert events(log, Reading()) == events(log)


@pytest.mark.parametrize("log", [log for log in LOGS if "12-" in log])
def test_without_a_layout_hostile_extras_are_read_as_with_it(log: str) -> None:
    assert events(log, Reading()) == events(log)


@pytest.mark.parametrize("folder", sorted({Path(log).parts[0] for log in LOGS if "syslog_" in log}))
def test_the_three_ways_that_syslog_frames_a_log_give_the_same_events(folder: str) -> None:
    traditional, iso, rfc5424 = (
        [one._replace(raw=b"") for one in events(f"{folder}/syslog_{style}.txt")]
        for style in ("traditional", "iso", "rfc5424")
    )

    assert traditional == iso == rfc5424
    assert traditional


@pytest.mark.parametrize(
    "folder",
    [
        "01-answered-caller-hangup",
        "04-serial-fork-answered",
        "12-extra-accounting",
        "opensips-01-answered-caller-hangup",
    ],
)
def test_syslog_and_stderr_tell_the_same_calls(folder: str) -> None:
    def what(log: str) -> Counter[tuple[object, ...]]:
        kept = (dict(one.extra) | {"uuid": ""} for one in events(log))  # Call-IDs, tags and uuids are of the run
        return Counter(
            (one.kind, one.method, one.code, one.reason, *extra.items())
            for one, extra in zip(events(log), kept, strict=True)
        )

    assert what(f"{folder}/syslog.txt") == what(f"{folder}-syslog/syslog_iso.txt")


def test_the_small_soak_has_all_its_events() -> None:
    found = events("19s-small-soak/syslog.txt")

    assert Counter(one.kind for one in found) == {
        EventKind.ANSWERED: 222,
        EventKind.BYE: 216,
        EventKind.MISSED: 99,
        EventKind.FAILED: 75,
        EventKind.CANCEL: 24,
    }
    assert {one.method for one in found if one.legs} == {"INVITE"}
    assert {one.method for one in found if not one.legs} == {"BYE", "CANCEL"}


def test_the_legs_of_a_forwarded_call_are_newest_first() -> None:
    first = events("11-multi-leg/syslog.txt")[0]

    assert [leg[0] + leg[1] for leg in first.legs] == [("src", "bob", "dst", "carol"), ("src", "alice", "dst", "bob")]


def test_hostile_user_agents_stay_what_they_are() -> None:
    agents = {dict(one.extra)["ua"]: one.flags for one in events("12-extra-accounting/syslog.txt")}

    assert agents == {
        'Acme "Turbo, 3000" phone\'s UA, v1': (),
        "Grandstream GXP2170 1.0; rev=7; method=BYE;to_tag=none": ("forged_separator",),
        "x;code=486;reason=Busy Here ACC: call missed: timestamp=1;method=INVITE": ("forged_separator",),
        "Téléphone-Ünï/☎ 日本": (),
        "ua%s%n%20 \\back\\slash\\ <b>&amp;</b> `id`": (),
        "": (),
    }


def test_the_dialogs_of_kamailio_are_calls_with_a_call_id() -> None:
    found = [one for one in events("18-dialog-cdrs/syslog.txt") if one.kind is EventKind.CDR]

    assert [(one.call_id, one.duration_us) for one in found] == [
        ("1-1904-2@127.0.0.1", 0),
        ("1-1902-0@127.0.0.1", 2_303_000),
        ("1-1903-1@127.0.0.1", 2_504_000),
    ]


def test_the_ended_calls_of_opensips_are_calls() -> None:
    found = [one for one in events("opensips-18-cdr/syslog.txt") if one.kind is EventKind.CDR]

    assert [(one.call_id, one.duration_us) for one in found] == [
        ("1-23344-0@127.0.0.1", 2_303_000),
        ("1-23345-1@127.0.0.1", 2_504_000),
    ]
