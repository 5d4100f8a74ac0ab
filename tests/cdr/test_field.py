"""Files that people showed in public become the calls that their cases (``tests/field``) expect."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cdr.correlation.record import CallState, Outcome, ReleasedBy
from proxyconf.parse import parse_config
from proxyconf.render.hints import routing_hints
from proxyconf.vocabulary.layout import Backend, FieldLayout, Role
from proxyconf.vocabulary.products import Product
from tests.cdr.field_cases import CASES, FieldInput, seconds


@pytest.mark.parametrize("name", ["acc.csv", "missed-and-acc/acc.csv"])
def test_a_folders_name_says_nothing_about_the_rows_in_it(name: str) -> None:
    calls = FieldInput(f"17-path-says-missed/{name}").calls
    assert [(call.state, seconds(call)) for call in calls.values()] == [(CallState.COMPLETED, 60)]


@pytest.mark.parametrize("name", ["batch.tsv", "boxed.txt", "dump.sql"])
def test_what_mysql_prints_and_dumps_gives_the_calls_of_its_table(name: str) -> None:
    calls = FieldInput(f"01-dsiprouter-mysqldump/{name}").calls
    assert {call_id: (call.state, call.outcome, seconds(call)) for call_id, call in calls.items()} == {
        "call-a": (CallState.UNANSWERED, Outcome.CANCELLED, 0),
        "call-b": (CallState.COMPLETED, Outcome.ANSWERED, 0),
        "call-b-pbx": (CallState.COMPLETED, Outcome.ANSWERED, 0),
        "call-c": (CallState.COMPLETED, Outcome.ANSWERED, 15),
        "call-d": (CallState.COMPLETED, Outcome.ANSWERED, 26),
        "call-e": (CallState.UNANSWERED, Outcome.FAILED, 0),
    }
    assert calls["call-c"].released_by is ReleasedBy.CALLEE
    assert "duplicate_stop" in calls["call-d"].flags


@pytest.mark.parametrize("name", ["acc.tsv", "pasted-pipes.txt"])
def test_rows_of_both_modes_of_opensips_give_a_call_each(name: str) -> None:
    new_york = ZoneInfo("America/New_York")
    calls = FieldInput(f"02-opensips-acc-mixed-modes/{name}", product=Product.OPENSIPS, zone=new_york).calls
    assert {call_id: (call.state, seconds(call)) for call_id, call in calls.items()} == {
        "call9@192.0.2.1": (CallState.COMPLETED, 15),
        "call11@192.0.2.1": (CallState.UNANSWERED, 0),
        "2_call12@192.0.2.1": (CallState.COMPLETED, 5.07),
    }
    assert calls["call11@192.0.2.1"].outcome is Outcome.CANCELLED


def test_flatstore_files_are_read_without_a_heading() -> None:
    calls = FieldInput("09-flatstore/acc_1.log").calls
    assert sorted(seconds(call) or 0 for call in calls.values()) == [2, 4]
    missed = FieldInput("09-flatstore/missed_1.log").calls
    assert {call.outcome for call in missed.values()} == {Outcome.CANCELLED, Outcome.NOT_FOUND}


def test_the_layout_names_the_extras_of_a_flatstore_file() -> None:
    labels = ("reqtype", "account", "destination", "subject", "dialog_id")
    layout = FieldLayout(extras={Backend.SQL: labels}, legs={Backend.SQL: ()})
    first = FieldInput("09-flatstore/acc_1.log", layout=layout).events[0]
    assert first.extra == tuple(zip(labels, ("*prepaid", "1001", "1002", "", "3401:2069362475"), strict=True))


@pytest.mark.parametrize("name", ["cdr.csv", "cdr_1.log"])
def test_a_duration_that_cannot_be_is_rejected_and_costs_no_other(name: str) -> None:
    found = FieldInput(f"09-flatstore/{name}")
    (call,) = found.events
    assert call.duration_us == 301_148_400
    assert "duration is '136298900000.000000'" in found.reasons[0]


def test_flatstore_lines_of_opensips_differ_in_width() -> None:
    calls = FieldInput("13-opensips-flatstore/acc_1.log", product=Product.OPENSIPS).calls
    answered, failed = calls["8262@192.0.2.45"], calls["8223@192.0.2.45"]
    assert (answered.answered_at, seconds(answered)) == (datetime(2019, 10, 10, 11, 6, 51, tzinfo=UTC), 19.102)
    assert (failed.state, failed.sip_code) == (CallState.UNANSWERED, 480)


@pytest.mark.parametrize(
    "name", ["quoted.csv", "azure.csv", "cw.jsonl", "es.jsonl", "gelf.jsonl", "loki.jsonl", "array.json"]
)
def test_log_lines_within_csv_and_json_give_their_call(name: str) -> None:
    found = FieldInput(f"19-syslog-inside-csv-export/{name}")
    (call,) = found.calls.values()
    assert (call.state, seconds(call), call.sip_reason, found.reasons) == (CallState.COMPLETED, 9, "OK", [])


def test_the_quotes_of_a_csv_cell_are_no_part_of_a_value() -> None:
    (call,) = FieldInput("19-syslog-inside-csv-export/quoted.csv").calls.values()
    assert (call.user_agent, call.callee) == ('He said "hi", ok', "200")


def test_lines_of_openser_1_1_are_accounting() -> None:
    found = FieldInput("05-openser-1.1-log-lines/syslog.txt", product=Product.OPENSER, version="1.1")
    assert [type(record).__name__ for record in found.parsed] == ["AccEvent", "AccEvent", "AccEvent", "Ignored"]
    calls = found.calls
    answered, failed = calls["808D-4E47@203.0.113.7"], calls["AC52@203.0.113.8"]
    assert (answered.state, seconds(answered)) == (CallState.COMPLETED, 60)
    assert (answered.from_tag, answered.to_tag) == ("18806", "8728AB")
    assert dict(answered.extra)["from"] == "Doe, Jane <sip:0305678@example.net>;tag=18806"
    assert (failed.state, failed.sip_code) == (CallState.UNANSWERED, 404)
    assert "assumed_year" in answered.flags


def test_the_lines_of_the_course_are_calls_with_their_legs() -> None:
    found = FieldInput("40-course/lines.txt")
    forwarded, plain = found.calls["1629788544@192.168.2.2"], found.calls["1629788545@192.168.2.2"]
    assert (forwarded.state, seconds(forwarded)) == (CallState.COMPLETED, 12)
    assert [leg.values for leg in forwarded.legs] == [
        (("A", "user1"), ("B", "user2"), ("C", "0")),
        (("A", "user2"), ("B", "user3"), ("C", "1")),
    ]
    assert (plain.state, plain.extra) == (CallState.STOP_MISSING, (("acc", "Grandstream"), ("uuid", "123423")))


@pytest.mark.parametrize(("name", "length"), [("boxed.txt", 22), ("radius-detail.txt", 300)])
def test_the_table_and_the_radius_text_of_the_course_are_a_call_each(name: str, length: int) -> None:
    (call,) = FieldInput(f"40-course/{name}").calls.values()
    assert (call.state, seconds(call)) == (CallState.COMPLETED, length)


def test_text_datagrams_of_opensips_are_the_events_of_their_json() -> None:
    case = "03-opensips-legacy-datagram"
    text, as_json = (FieldInput(f"{case}/{name}", product=Product.OPENSIPS) for name in ("all.txt", "json.txt"))
    assert [event._replace(raw=b"") for event in text.events] == [event._replace(raw=b"") for event in as_json.events]
    assert sorted((call.state, seconds(call)) for call in text.calls.values()) == [
        (CallState.COMPLETED, 20),
        (CallState.COMPLETED, 27),
        (CallState.UNANSWERED, 0),
    ]
    for number, event in enumerate(text.events, 1):
        (alone,) = FieldInput(f"{case}/event{number}.dgram", product=Product.OPENSIPS).events
        assert alone == event


def test_legs_are_named_by_their_words_or_their_place() -> None:
    course = FieldInput("40-course/lines.txt").calls["1629788544@192.168.2.2"]
    assert [(leg.source, leg.destination, leg.type) for leg in course.legs] == [
        ("user1", "user2", "0"),
        ("user2", "user3", "1"),
    ]
    layout = FieldLayout(newest_leg_first=False)
    sample = FieldInput("23-opensips-legs-sample/syslog.txt", product=Product.OPENSIPS, layout=layout)
    call = sample.calls["fw@192.0.2.1"]
    assert [(leg.source, leg.destination) for leg in call.legs] == [("alice", "bob"), ("bob", "carol")]
    assert (seconds(call), [attempt.code for attempt in call.attempts]) == (29.9, [486])


def test_failed_and_early_rows_of_one_table_are_one_call() -> None:
    layout = FieldLayout(legs={Backend.SQL: ("dst_id2",)})
    calls = FieldInput("16-acc-table-shared-with-failed/acc.tsv", product=Product.OPENSIPS, layout=layout).calls
    answered, failed = calls["cid1"], calls["cid2"]
    assert (answered.state, seconds(answered)) == (CallState.COMPLETED, 60)
    assert [(attempt.code, dict(attempt.extra)["dst_id"]) for attempt in answered.attempts] == [(503, "gw1")]
    assert [dict(leg.values)["dst_id2"] for leg in answered.legs] == ["gw1", "gw2"]
    assert (answered.caller, answered.callee) == ("15035550100", "15035550199")
    assert (failed.state, failed.sip_code) == (CallState.UNANSWERED, 480)


def test_users_of_uris_are_the_parties() -> None:
    new_york = ZoneInfo("America/New_York")
    calls = FieldInput("02-opensips-acc-mixed-modes/acc.tsv", product=Product.OPENSIPS, zone=new_york).calls
    call = calls["2_call12@192.0.2.1"]
    assert (call.caller, call.callee) == ("1001", "1002")


def test_the_address_of_a_reply_is_not_the_callers() -> None:
    (call,) = FieldInput("20-acc-extra-set-in-reply-route/syslog.txt", product=Product.OPENSIPS).calls.values()
    assert (call.source_ip, dict(call.extra)["dst_ip"]) == ("192.0.2.1", "198.51.100.77")
    imported = parse_config((CASES / "20-acc-extra-set-in-reply-route" / "opensips.cfg").read_text())
    roles = {field.name: field.role for field in imported.profile.extras}
    assert (roles["dst_ip"], roles["src_ip"]) == (None, Role.SOURCE_IP)
    assert any("reply route" in str(remark) for remark in imported.remarks)
    assert "dst_ip" not in routing_hints(imported.profile)
