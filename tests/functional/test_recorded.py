"""Every recorded scenario: the calls made from its accounting are those that the SIP endpoints saw."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdr.correlation.record import CallRecord, CallState, Flag, Outcome, ReleasedBy
from tests.recorded_scenarios import DETAIL, DIAMETER, EVENTS, JSON, RADIUS, SCENARIOS, SQL, SYSLOG, Scenario

LATER = datetime(2026, 11, 24, tzinfo=UTC)  # past the longest plausible call
BOTH = SYSLOG | SQL
TICK = timedelta(seconds=1)
SLACK = timedelta(milliseconds=30)  # the proxy and the endpoints do not read the clock at once

NOTHING_ACCOUNTED = {"03b-busy-no-failed-flag"}
OUTCOMES = {
    "answered": {Outcome.ANSWERED},
    "missing-stop": {Outcome.ANSWERED},
    "busy": {Outcome.BUSY},
    "no-answer": {Outcome.NO_ANSWER},
    "cancelled": {Outcome.CANCELLED},
    "failed": {Outcome.FAILED, Outcome.NOT_FOUND, Outcome.DECLINED},
}


def scenarios_with(files: dict[str, str]) -> list[Scenario]:
    return [scenario for scenario in SCENARIOS if scenario.has(files) and scenario.name not in NOTHING_ACCOUNTED]


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def within(measured: datetime | None, true: datetime | None, resolution: timedelta = TICK) -> bool:
    """Tell whether a time written with ``resolution`` (truncated to it) may be the true one."""
    if measured is None or true is None:
        return measured is true
    return -SLACK <= true - measured < resolution + SLACK


def one_for(expected: dict[str, Any], calls: list[CallRecord]) -> CallRecord:
    tags = {expected["from_tag"], expected["to_tag"]}
    same_id = [call for call in calls if call.call_id == expected["call_id"]]
    if len(same_id) > 1:
        same_id = [call for call in same_id if {call.from_tag, call.to_tag} == tags]
    (only,) = same_id
    return only


def check(scenario: Scenario, expected: dict[str, Any], call: CallRecord, *, knows_direction: bool = True) -> None:
    """Compare a call with what the endpoints saw, to the clock resolution of the source."""
    if expected.get("start_not_accounted"):
        assert call.state == CallState.START_MISSING
        assert {call.from_tag, call.to_tag} == {expected["from_tag"], expected["to_tag"]}
        assert within(call.ended_at, moment(expected["end_time"]))
        return
    assert call.from_tag == expected["from_tag"]
    assert call.to_tag == expected["to_tag"]
    assert call.outcome in OUTCOMES[expected["outcome"]]
    assert call.sip_code == expected["final_code"]
    assert call.sip_reason in (expected["final_reason"], None)
    assert within(call.answered_at, moment(expected["answer_time"]))
    if "legs" in expected and call.legs:
        assert [
            {"source": leg.source, "destination": leg.destination, "type": leg.type} for leg in call.legs
        ] == expected["legs"]
        assert (call.caller, call.callee) == (expected["caller"], expected["callee"])
    match expected["outcome"]:
        case "missing-stop":
            assert (call.state, call.ended_at, call.duration) == (CallState.STOP_MISSING, None, None)
            return
        case "answered":
            assert call.state == CallState.COMPLETED
        case _:
            assert call.state == CallState.UNANSWERED
            assert call.duration == timedelta(0)
    assert within(call.ended_at, moment(expected["end_time"]), TICK * 2)
    assert call.duration is not None
    assert abs(call.duration - timedelta(seconds=expected["duration_seconds"])) <= TICK + SLACK
    if knows_direction:
        assert call.released_by == (ReleasedBy(expected["hung_up_by"]) if expected["hung_up_by"] else None)
    else:
        assert call.released_by == ReleasedBy.UNKNOWN


def substance(call: CallRecord) -> tuple[object, ...]:
    """Return what a call says, less its times (backends differ in their clocks) and who told it."""
    legs, attempts = tuple(leg[:3] for leg in call.legs), tuple(attempt[:3] for attempt in call.attempts)
    parties = (call.call_id, call.from_tag, call.to_tag)
    return *parties, call.state, call.outcome, call.released_by, call.sip_code, call.duration_kind, legs, attempts


def cannot_know_who_hung_up(scenario: Scenario, expected: dict[str, Any]) -> bool:
    """``detect_direction`` writes every BYE in the caller's order; an OpenSIPS record does not say who sent the BYE."""
    answered = expected["outcome"] == "answered"
    return answered and (scenario.reading.layout.detect_direction or scenario.name == "opensips-18-cdr")


@pytest.mark.parametrize("files", [SYSLOG, SQL, BOTH], ids=["syslog", "sql", "both"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_calls_are_those_on_the_wire(scenario: Scenario, files: dict[str, str]) -> None:
    if not scenario.has(files) or scenario.name in NOTHING_ACCOUNTED:
        files = BOTH
    calls = scenario.calls(scenario.events(files), LATER)
    expected = [] if scenario.name in NOTHING_ACCOUNTED else scenario.expected
    assert len(calls) == len(expected)
    for one in expected:
        check(scenario, one, one_for(one, calls), knows_direction=not cannot_know_who_hung_up(scenario, one))


@pytest.mark.parametrize("scenario", [s for s in scenarios_with(SYSLOG) if s.has(SQL)], ids=str)
def test_each_source_and_both_together_tell_the_same_calls(scenario: Scenario) -> None:
    def told(files: dict[str, str]) -> list[str]:
        calls = scenario.calls(scenario.events(files), LATER)
        return sorted(map(repr, map(substance, calls)))

    assert told(SYSLOG) == told(SQL) == told(BOTH)


@pytest.mark.parametrize("scenario", scenarios_with(BOTH), ids=str)
def test_failed_branches_are_the_attempts(scenario: Scenario) -> None:
    """Each branch that the callee refused is an attempt with its code and To tag.

    Where the proxy gave up waiting (408) and cancelled the branch, the callee's 487 comes after the accounting: the
    attempt has the proxy's 408. Where no missed flag is set, branches that failed before the last leave no trace.
    """
    calls = scenario.calls(scenario.events(BOTH), LATER)
    for one in scenario.expected:
        if one.get("start_not_accounted"):
            continue
        call = one_for(one, calls)
        gave_up = one["final_code"] == 408
        refused = [
            (branch["code"], branch["to_tag"])
            for branch in one["branches"]
            if branch["code"] >= 300 and not (gave_up and branch["code"] == 487)
        ]
        attempts = [(attempt.code, attempt.to_tag) for attempt in call.attempts]
        assert attempts == refused + ([(408, one["to_tag"])] if gave_up else [])


def test_the_accounting_cannot_know_of_a_failed_call_without_the_failed_flag() -> None:
    (scenario,) = (s for s in SCENARIOS if s.name == "03b-busy-no-failed-flag")
    assert scenario.expected
    assert list(scenario.events(BOTH)) == []


def test_the_accounting_cannot_know_who_hung_up_under_detect_direction() -> None:
    (scenario,) = (s for s in SCENARIOS if s.name == "02b-callee-hangup-detect-direction")
    calls = scenario.calls(scenario.events(BOTH), LATER)
    assert {one["hung_up_by"] for one in scenario.expected} == {"callee"}
    assert {call.released_by for call in calls} == {ReleasedBy.UNKNOWN}


def test_the_accounting_cannot_know_who_hung_up_in_an_opensips_record() -> None:
    (scenario,) = (s for s in SCENARIOS if s.name == "opensips-18-cdr")
    answered = [c for c in scenario.calls(scenario.events(BOTH), LATER) if c.outcome == Outcome.ANSWERED]
    assert {call.released_by for call in answered} == {ReleasedBy.UNKNOWN}
    assert {one["hung_up_by"] for one in scenario.expected} == {"caller", "callee", None}


def test_an_opensips_record_knows_the_duration_to_the_millisecond() -> None:
    (scenario,) = (s for s in SCENARIOS if s.name == "opensips-18-cdr")
    for files in (SYSLOG, SQL):
        calls = scenario.calls(scenario.events(files), LATER)
        for one in scenario.expected:
            measured = one_for(one, calls).duration
            assert measured is not None
            assert abs(measured - timedelta(seconds=one["duration_seconds"])) <= SLACK


def test_a_kamailio_dialog_record_beside_the_events_gives_milliseconds() -> None:
    (scenario,) = (s for s in SCENARIOS if s.name == "18-dialog-cdrs")
    calls = scenario.calls(scenario.events(SYSLOG), LATER)
    for one in scenario.expected:
        call = one_for(one, calls)
        if one["answer_time"]:
            assert within(call.answered_at, moment(one["answer_time"]), timedelta(milliseconds=1))
            assert within(call.ended_at, moment(one["end_time"]), timedelta(milliseconds=1))


def test_extras_hold_what_the_phones_sent() -> None:
    (scenario,) = (s for s in SCENARIOS if s.name == "12-extra-accounting")
    for files in (SYSLOG, SQL, BOTH):
        calls = scenario.calls(scenario.events(files), LATER)
        for one in scenario.expected:
            call = one_for(one, calls)
            assert call.user_agent == (one["user_agent"] or None)  # an empty header and none at all look alike
            assert (call.callee, call.source_ip) == (one["callee"], "127.0.0.1")


def test_the_small_soak_matches_call_by_call() -> None:
    (scenario,) = (s for s in SCENARIOS if s.name == "19s-small-soak")
    calls = scenario.calls(scenario.events(BOTH), LATER)
    assert len(calls) == len(scenario.expected) == 300
    for one in scenario.expected:
        check(scenario, one, one_for(one, calls))
    lost = [call for call in calls if call.state == CallState.STOP_MISSING]
    assert len(lost) == sum(one["outcome"] == "missing-stop" for one in scenario.expected) > 0
    assert all(Flag.CLOCK_SKEW not in call.flags for call in calls)


@pytest.mark.parametrize("scenario", scenarios_with(RADIUS | DETAIL | DIAMETER | JSON | EVENTS), ids=str)
def test_the_other_backends_tell_the_same_calls_as_far_as_they_can_know(scenario: Scenario) -> None:
    """RADIUS and Diameter carry no reason; Kamailio's Diameter never sends what failed ("status unknown").

    Kamailio's RADIUS leaves out the To tag that the proxy itself made for its 408.
    """
    for files in (RADIUS, DETAIL, DIAMETER, JSON, EVENTS):
        if not scenario.has(files):
            continue
        calls = scenario.calls(scenario.events(files), LATER)
        for one in scenario.expected:
            if files is DIAMETER and one["outcome"] != "answered":
                assert all(call.call_id != one["call_id"] for call in calls)
                continue
            if files is RADIUS and one["final_code"] == 408:
                assert one_for(one, calls).to_tag == ""
                one = {**one, "to_tag": ""}
            check(scenario, one, one_for(one, calls), knows_direction=not cannot_know_who_hung_up(scenario, one))


@pytest.mark.parametrize("scenario", scenarios_with(BOTH), ids=str)
def test_all_backends_together_tell_the_same_calls(scenario: Scenario) -> None:
    everything = BOTH | RADIUS | DETAIL | DIAMETER | JSON | EVENTS
    calls = scenario.calls(scenario.events(everything), LATER)
    assert len(calls) == len(scenario.expected)
    for one in scenario.expected:
        check(scenario, one, one_for(one, calls), knows_direction=not cannot_know_who_hung_up(scenario, one))
