"""The simulator writes what the real proxies wrote, field by field, for every recorded call."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from proxyconf.simulate.record import SimulatedRecord
from proxyconf.simulate.simulation import simulate
from proxyconf.vocabulary.layout import Backend
from tests.proxyconf.simulate.recorded_flows import RecordedFlows
from tests.recorded_scenarios import SCENARIOS, SYSLOG, Scenario

Fields = tuple[tuple[str, str], ...]
Records = dict[str, list[Fields]]
_BODY = re.compile(r"ACC: [a-z ]+: (?:timestamp|created)=.*|start_time=\d+\.\d+; .*")
_CALL_ID = re.compile(r"call_?id=([^;\s]+)")
_TIMES = frozenset(
    {"timestamp", "time", "Event-Timestamp", "call_start_time", "start_time", "end_time", "Sip-Call-Setuptime", "406"}
)
_WHEN_SET = frozenset({"created", "setuptime", "Sip-Call-Created"})
_LENGTHS = frozenset({"duration", "ms_duration", "Sip-Call-Duration", "Sip-Call-MSDuration"})
_NEVER = ("0", "1970-01-01 00:00:00", "1969-12-31 19:00:00")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_the_records_of_a_recorded_scenario_are_foreseen(scenario: Scenario) -> None:
    recorded = {key: records for key, records in _recorded(scenario).items() if records}
    assert {key: _timeless(records) for key, records in _simulated(scenario).items()} == {
        key: _timeless(records) for key, records in recorded.items()
    }


@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if "18-" in s.name], ids=str)
def test_the_lengths_of_dialogs_are_foreseen(scenario: Scenario) -> None:
    simulated, recorded = (sorted(_lengths(records)) for records in (_simulated(scenario), _recorded(scenario)))
    assert recorded
    assert simulated == pytest.approx(recorded, abs=5)  # milliseconds


# --- what was simulated


def _simulated(scenario: Scenario) -> Records:
    flows, found = RecordedFlows(scenario), defaultdict(list)
    for call, flow, start in flows.flows():
        simulation = simulate(flows.profile, flow, flows.script(call), start=start, zone=scenario.reading.zone)
        for record in simulation.records:
            found[f"{_output(record)} of {flow.call_id}"].append(_fields_of(record))
    return dict(found)


def _output(record: SimulatedRecord) -> str:
    return record.table if record.backend is Backend.SQL else str(record.backend)


def _fields_of(record: SimulatedRecord) -> Fields:
    if record.backend is Backend.SYSLOG:
        return _line_fields(record.text)
    if record.backend in (Backend.JSON, Backend.EVENTS):
        return _json_fields(json.loads(record.text))
    fields = tuple((name, "" if value is None else str(value)) for name, value in record.fields)
    return tuple(sorted(fields)) if record.backend is Backend.SQL else fields


# --- what was recorded


def _recorded(scenario: Scenario) -> Records:
    found: Records = defaultdict(list)
    for output, call_id, fields in _all_recorded(scenario):
        found[f"{output} of {call_id}"].append(fields)
    return found


def _all_recorded(scenario: Scenario) -> Iterator[tuple[str, str, Fields]]:
    log = next(file for file in SYSLOG if scenario.bytes_of(file) is not None)
    for line in (scenario.bytes_of(log) or b"").decode().splitlines():
        body = _BODY.search(line.split("json_acc", 1)[0])
        if body and not line.split("ACC:")[0].count("<script>"):
            match = _CALL_ID.findall(body[0])
            yield "syslog", match[0], _line_fields(body[0])
    for table in ("acc", "missed_calls", "acc_cdrs"):
        for row in csv.DictReader((scenario.bytes_of(f"{table}.csv") or b"").decode().splitlines()):
            yield table, row["callid"], tuple(sorted((name, value) for name, value in row.items() if name != "id"))
    for packet in _objects(scenario, "radius.jsonl"):
        fields = tuple((one["name"], str(one["value"])) for one in packet["attributes"])
        yield "radius", dict(fields)["Acct-Session-Id"], fields
    for message in _objects(scenario, "diameter.jsonl"):
        fields = tuple((str(one["code"]), one["value"]) for one in message["avps"])
        yield "diameter", dict(fields)["550"], fields
    for member in _objects(scenario, "acc_json.jsonl"):
        yield "json", member["callid"], _json_fields(member)
    for notification in _objects(scenario, "events.jsonl"):
        yield "events", notification["payload"]["params"]["callid"], _json_fields(notification["payload"])
    if scenario.name == "01j-json-answered-syslog":
        for line in (scenario.bytes_of(log) or b"").decode().splitlines():
            if "json_acc" in line:
                member = json.loads(line[line.index("{") :])
                yield "json", member["callid"], _json_fields(member)


def _objects(scenario: Scenario, file: str) -> Iterator[dict[str, Any]]:
    for line in (scenario.bytes_of(file) or b"").decode().splitlines():
        yield json.loads(line)


# --- times apart


def _line_fields(body: str) -> Fields:
    prefix, _, rest = body.partition(": ") if body.startswith("ACC") else ("", "", body)
    prefix, rest = (f"ACC: {rest.split(': ', 1)[0]}", rest.split(": ", 1)[1]) if prefix else ("", rest)
    # values with ; in them: whole, for both sides are read alike
    return (("prefix", prefix), *(tuple(part.partition("=")[::2]) for part in rest.split(";")))


def _json_fields(data: dict[str, Any]) -> Fields:
    params = data.get("params", data)
    return tuple((name, repr(value)) for name, value in [("method of it", data.get("method")), *params.items()])


def _timeless(records: Iterable[Fields]) -> list[list[tuple[str, str]]]:
    # sorted: a CANCEL and the 487 that it causes are written by two workers of the proxy, in either order
    return sorted([_untimed(name.strip(), value) for name, value in fields] for fields in records)


def _untimed(name: str, value: str) -> tuple[str, str]:
    if name in _TIMES or (name in _WHEN_SET and value not in _NEVER):
        return name, "a time"
    if name in _LENGTHS:
        return name, "a length" if float(value) else "0"
    return name, value


def _lengths(records: Records) -> Iterator[float]:
    for fields in (one for many in records.values() for one in many):
        values = {name.strip(): value for name, value in fields}
        for name, factor in (("ms_duration", 1), ("Sip-Call-MSDuration", 1)):
            if values.get(name, "0") != "0":
                yield float(values[name]) * factor
        if "ms_duration" not in values and values.get("duration", "0") not in ("0", "0.0"):
            yield float(values["duration"]) * 1000
