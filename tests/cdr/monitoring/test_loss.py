"""The loss meter names what one backend lacks, and nothing else."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent, EventKind
from cdr.monitoring.loss import BackendEvent, BackendShare, LossReport, Sort, measure
from proxyconf.vocabulary.layout import Backend
from tests.recorded_scenarios import DIAMETER, EVENTS, JSON, RADIUS, SCENARIOS, SQL, Scenario

NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)
LOG = {"syslog.txt": "syslog"}
OF_KAMAILIO = LOG | SQL | RADIUS
START = BackendEvent(Backend.SYSLOG, EventKind.ANSWERED, "INVITE", 200, "call@x", "a", "b", NOON)
STOP = START._replace(kind=EventKind.BYE, method="BYE", time=NOON + timedelta(minutes=1))
REINVITE = START._replace(time=NOON + timedelta(seconds=30))
NOT_LOGGED = {
    ("03d-diameter-busy-failed-flag", Sort.FAILED, Backend.DIAMETER),  # acc_diameter sends no failure
    ("03d-diameter-busy-failed-flag", Sort.MISSED, Backend.DIAMETER),
    ("07-report-ack", Sort.ACK, Backend.RADIUS),  # the script did not flag the ACK
    ("18-dialog-cdrs", Sort.CDR, Backend.RADIUS),  # Kamailio's dialog records go to the log and to SQL
}


def told(event: AccEvent) -> BackendEvent:
    sure = BackendEvent.sure(event.flags)
    core = (event.method, event.code, event.call_id, event.from_tag, event.to_tag, event.time)
    return BackendEvent(event.backend, event.kind, *core, not sure)


def share(meter: LossReport, sort: Sort, backend: Backend) -> BackendShare:
    (found,) = (one for one in meter.shares if (one.sort, one.backend) == (sort, backend))
    return found


def in_sql(*events: BackendEvent) -> list[BackendEvent]:
    return [event._replace(backend=Backend.SQL) for event in events]


@cache
def recorded() -> tuple[BackendEvent, ...]:
    """What Kamailio told the log, SQL and RADIUS of all recorded calls that it told all three of."""
    names = {"07-report-ack", "18-dialog-cdrs"}
    wanted = [one for one in SCENARIOS if one.has(LOG) and one.has(SQL) and one.has(RADIUS) and one.name not in names]
    kamailio = [one for one in wanted if not one.name.startswith("opensips")]
    return tuple(told(event) for scenario in kamailio for event in scenario.events(OF_KAMAILIO))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_proxy_that_lost_nothing_shows_no_loss(scenario: Scenario) -> None:
    files = LOG | SQL | RADIUS | DIAMETER | JSON | EVENTS
    meter = measure(map(told, scenario.events(files)))
    assert meter.losses == []
    silent = {(scenario.name, one.sort, one.backend) for one in meter.shares if not one.logged}
    assert silent == {one for one in NOT_LOGGED if one[0] == scenario.name}


@given(data=st.data(), backend=st.sampled_from([Backend.SYSLOG, Backend.SQL, Backend.RADIUS]))
def test_exactly_the_calls_whose_records_one_backend_lost_are_named(data: st.DataObject, backend: Backend) -> None:
    everything = recorded()
    assert measure(everything).losses == []
    calls = sorted({event.call_id for event in everything})
    lost = data.draw(st.sets(st.sampled_from(calls), max_size=len(calls) // 4))
    meter = measure([one for one in everything if one.backend is not backend or one.call_id not in lost])
    silent = {one.sort for one in meter.shares if not one.logged}  # the draw may hold every early event, say
    other = {one.call_id for one in everything if one.call_id in lost and _sort(one) not in silent}
    assert {one.backend for one in meter.losses} <= {backend}
    assert {call_id for one in meter.losses for call_id in one.lost} == other


@given(data=st.data(), backend=st.sampled_from([Backend.SYSLOG, Backend.SQL, Backend.RADIUS]))
def test_each_bye_that_one_backend_lost_is_counted_once(data: st.DataObject, backend: Backend) -> None:
    everything = recorded()
    byes = sorted({one.call_id for one in everything if one.kind is EventKind.BYE})
    lost = data.draw(st.sets(st.sampled_from(byes), min_size=1, max_size=len(byes) - 1))
    kept = [
        one
        for one in everything
        if one.backend is not backend or one.kind is not EventKind.BYE or one.call_id not in lost
    ]
    (only,) = measure(kept).losses
    assert (only.sort, only.backend) == (Sort.BYE, backend)
    events = Counter(
        (one.call_id, one.from_tag, one.to_tag)
        for one in everything
        if one.kind is EventKind.BYE and one.call_id in lost
    )
    assert len(only.lost) == len(events)
    assert set(only.lost) == lost


@given(st.permutations([START, STOP, REINVITE, *in_sql(START, STOP, REINVITE)]))
def test_the_order_of_events_does_not_matter(events: list[BackendEvent]) -> None:
    assert measure(events) == measure([START, STOP, REINVITE, *in_sql(START, STOP, REINVITE)])
    assert measure(events).losses == []


def test_a_lost_reinvite_is_found_though_the_start_looks_alike() -> None:
    answers = share(measure([START, REINVITE, *in_sql(START)]), Sort.ANSWER, Backend.SQL)
    assert (answers.known, answers.lost, answers.percent) == (2, ("call@x",), 50.0)


def test_what_a_backend_never_got_is_not_logged_there_and_no_loss() -> None:
    meter = measure([START, STOP, *in_sql(START)])
    byes = share(meter, Sort.BYE, Backend.SQL)
    assert (byes.known, byes.logged) == (1, False)
    assert meter.losses == []


def test_one_backend_alone_lost_nothing_that_could_be_known() -> None:
    meter = measure([START, STOP])
    assert (meter.backends, meter.losses) == ((Backend.SYSLOG,), [])


def test_clocks_a_second_apart_tell_the_same() -> None:
    assert measure([START, *in_sql(START._replace(time=NOON + timedelta(seconds=1)))]).losses == []


def test_a_local_time_that_may_be_an_hour_off_is_matched_by_number() -> None:
    hour = timedelta(hours=1)
    rows = [one._replace(time=one.time + hour, uncertain=True) for one in in_sql(START, REINVITE)]
    meter = measure([START, REINVITE, *rows])
    assert meter.losses == []
    assert share(meter, Sort.ANSWER, Backend.SQL).known == 2


def test_a_missed_call_looks_like_a_failed_one_in_radius() -> None:
    missed = START._replace(kind=EventKind.MISSED, code=486, to_tag="")
    packet = missed._replace(kind=EventKind.FAILED, backend=Backend.RADIUS, to_tag="x")
    meter = measure([missed, packet])
    assert [(one.sort, one.known, one.lost) for one in meter.shares] == [
        (Sort.MISSED, 1, ()),
        (Sort.MISSED, 1, ()),
    ]


def test_a_failure_that_radius_alone_tells_is_lost_elsewhere() -> None:
    other = START._replace(kind=EventKind.FAILED, code=503, call_id="other@x")
    packets = [one._replace(backend=Backend.RADIUS) for one in (other, other._replace(call_id="lost@x"))]
    failed = share(measure([other, *packets]), Sort.FAILED, Backend.SYSLOG)
    assert failed.lost == ("lost@x",)


def test_what_a_script_accounted_by_hand_and_what_is_of_no_call_does_not_count() -> None:
    by_hand = START._replace(kind=EventKind.MANUAL)
    without = START._replace(kind=EventKind.CDR, call_id="")
    assert measure([by_hand, without, *in_sql(STOP)]).backends == (Backend.SQL,)


def _sort(event: BackendEvent) -> Sort:
    (only,) = {one.sort for one in measure([event]).shares}
    return only
