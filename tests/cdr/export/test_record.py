from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdr.export import FIELDS, record_of, records
from cdr.export.text import csv_lines, json_lines
from cdr.models import Attempt, Call, Leg
from tests.factories import NOON, make_call

pytestmark = pytest.mark.django_db

NAMES = (
    "id, call_id, from_tag, to_tag, caller, callee, source_ip, user_agent, state, outcome, started_at, answered_at, "
    "ended_at, duration, duration_kind, released_by, sip_code, sip_reason, attempts, legs, extra, flags, proxies, "
    "backends, events, revision, updated_at"
)


def _rows(calls: int = 1) -> list[dict[str, str]]:
    text = "".join(csv_lines(records(Call.objects.order_by("id"))))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_record_has_the_promised_fields_in_their_order() -> None:
    assert ", ".join(record_of(make_call())) == NAMES == ", ".join(FIELDS)


def test_times_are_iso_8601_in_utc_and_a_duration_is_seconds() -> None:
    record = record_of(make_call(duration=timedelta(seconds=2, milliseconds=250)))
    assert (record["started_at"], record["duration"]) == ("2026-05-31T12:00:00Z", 2.25)


def test_what_is_not_known_is_null() -> None:
    call = make_call(caller=None, answered_at=None, ended_at=None, duration=None, released_by=None, sip_code=None)
    record = json.loads(next(json_lines([record_of(call)])))
    assert [record[name] for name in ("caller", "answered_at", "ended_at", "duration", "released_by", "sip_code")] == [
        None
    ] * 6


def test_legs_and_attempts_come_in_their_order() -> None:
    call = make_call()
    for position, (source, destination) in enumerate((("alice", "bob"), ("bob", "carol"))):
        Leg.objects.create(
            call=call, position=position, source=source, destination=destination, type="0", values={"src": source}
        )
    Attempt.objects.create(call=call, position=0, code=486, reason="Busy Here", to_tag="t1", time=NOON)
    (record,) = records(Call.objects.all())
    assert record["legs"] == [
        {"source": "alice", "destination": "bob", "type": "0", "values": {"src": "alice"}},
        {"source": "bob", "destination": "carol", "type": "0", "values": {"src": "bob"}},
    ]
    assert record["attempts"] == [
        {
            "code": 486,
            "reason": "Busy Here",
            "to_tag": "t1",
            "time": "2026-05-31T12:00:00Z",
            "extra": {},
            "legs": [],
        },
    ]


def test_the_number_of_queries_does_not_grow_with_the_calls() -> None:
    for _ in range(30):
        Leg.objects.create(call=make_call(), position=0)
    with CaptureQueriesContext(connection) as queries:
        assert len(list(records(Call.objects.order_by("id")))) == 30
    assert len(queries) == 3


def test_a_line_of_json_stays_one_line_and_gives_back_every_character() -> None:
    hostile = 'a\nb\r\u2028"\\;=<script>\x00é'.replace("\x00", "\\x00")
    line = next(json_lines([record_of(make_call(user_agent=hostile))]))
    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert json.loads(line)["user_agent"] == hostile


@pytest.mark.parametrize("text", ["=1+1", "+4930123", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"])
def test_no_cell_of_csv_is_a_formula(text: str) -> None:
    make_call(caller=text, user_agent=text)
    (row,) = _rows()
    assert row["caller"] == row["user_agent"] == "'" + text


def test_a_negative_duration_is_a_number_and_stays_one() -> None:
    make_call(duration=timedelta(seconds=-3))
    (row,) = _rows()
    assert row["duration"] == "-3.0"


def test_nested_values_are_json_in_csv_and_absent_ones_empty() -> None:
    make_call(extra={"ua": "=evil"}, flags=["late_stop"], caller=None)
    (row,) = _rows()
    assert json.loads(row["extra"]) == {"ua": "=evil"}
    assert json.loads(row["flags"]) == ["late_stop"]
    assert row["caller"] == ""


def test_csv_keeps_separators_quotes_and_line_ends_within_their_cell() -> None:
    hostile = 'a,"b"\r\nc;d'
    make_call(user_agent=hostile)
    (row,) = _rows()
    assert row["user_agent"] == hostile


def test_csv_of_no_calls_is_the_heading() -> None:
    assert "".join(csv_lines([])) == NAMES.replace(", ", ",") + "\r\n"
