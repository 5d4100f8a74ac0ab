"""A report's groups add up to what list, overview, export and API give for the same filter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdr.calls import volumes
from cdr.export.record import Record, records
from cdr.models import Attempt, Call
from cdr.queries.filters import CallFilter
from cdr.queries.reports import table
from cdr.queries.reports.definition import report_of
from cdr.queries.reports.slots import Per
from cdr.queries.reports.sums import Sums
from cdr.queries.reports.table import ReportTable, report_table
from cdr.queries.statistics import figures
from cdr.queries.visibility import Visibility
from tests.factories import NOON, make_call, make_proxy

UTC_ZONE = ZoneInfo("UTC")
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns")]
NOW = NOON + timedelta(days=300)


def report(query: str, zone: ZoneInfo = UTC_ZONE, visibility: Visibility | None = None) -> ReportTable:
    """The report of an address, conditions and all."""
    data = QueryDict(query, mutable=True)
    shown, errors = report_of(data, masked=visibility is not None and not visibility.numbers)
    assert errors == {}
    for name in ("group", "per", "figures", "sort", "digits"):
        data.pop(name, None)
    return report_table(CallFilter(data, visibility or Visibility(), now=NOW), shown, zone)


def add_attempt(call: Call, gateway: str | None, code: int = 503) -> None:
    position = call.attempts.count()
    Attempt.objects.create(
        call=call,
        position=position,
        code=code,
        reason="No",
        to_tag=f"t{position}",
        time=call.started_at,
        gateway=gateway,
    )


def calls_by(found: ReportTable) -> dict[Any, int]:
    return {(*row.keys, *([] if row.slot is None else [row.slot])): row.sums.calls for row in found.rows}


OUTCOMES = ["answered", "busy", "no_answer", "cancelled", "failed", "not_found", None]
KINDS = ["measured", "at_least", "at_most", "unknown"]
PROXIES = [["kam1"], ["kam2"], ["kam1", "kam2"]]
GATEWAYS = [None, "", "gw1", "gw2", "gw3"]
MOMENTS = [
    datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),  # the day with 23 hours in Berlin
    datetime(2026, 3, 29, 1, 15, 0, 5, tzinfo=UTC),
    datetime(2026, 4, 4, 15, 20, tzinfo=UTC),  # the clock goes back by half an hour on Lord Howe
    datetime(2026, 4, 30, 18, 29, 59, 999_999, tzinfo=UTC),  # midnight in Kolkata follows
    datetime(2026, 5, 31, 12, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # the day with 25 hours in Berlin
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
]


@st.composite
def stored_calls(draw: st.DrawFn) -> dict[str, Any]:
    outcome = draw(st.sampled_from(OUTCOMES))
    answered = outcome == "answered"
    kind = draw(st.sampled_from(KINDS)) if answered else "unknown"
    state = draw(st.sampled_from(["completed", "stop_missing", "ongoing"])) if answered else "unanswered"
    extra = {"account": draw(st.sampled_from(["shop", "club", ""])), "gateway": draw(st.sampled_from(GATEWAYS[1:]))}
    codes = {"answered": 200, "busy": 486, "no_answer": 480, "cancelled": 487, "failed": 503, "not_found": 404}
    return {
        "started_at": draw(st.sampled_from(MOMENTS)) + timedelta(seconds=draw(st.integers(0, 90))),
        "outcome": outcome,
        "state": "setup" if outcome is None else state,
        "sip_code": codes.get(outcome or ""),
        "duration_kind": kind,
        "duration": None if kind == "unknown" else timedelta(seconds=draw(st.integers(0, 4000)), microseconds=7),
        "caller": draw(st.sampled_from([None, "alice", "Alice", "+4930123", "+49301", "0049"])),
        "callee": draw(st.sampled_from(["+4989555", "+4989556", "*21#", "911"])),
        "source_ip": draw(st.sampled_from([None, "192.0.2.7", "2001:db8::1"])),
        "released_by": draw(st.sampled_from(["caller", "callee", None])),
        "proxies": draw(st.sampled_from(PROXIES)),
        "extra": draw(st.sampled_from([extra, {}])),
        "superseded": draw(st.integers(0, 9)) == 0,
    }


CONDITIONS = [
    "",
    "outcome=answered",
    "not_outcome=busy",
    "state=stop_missing",
    "sip_code=4xx",
    "proxy=kam1",
    "account=shop",
    "gateway=gw1",
    "not_gateway=gw2",
    "caller=49*",
    "duration_kind=at_least",
    "released_by=caller",
    "since=2026-03-29T00:30:00Z&until=2026-10-25T01:00:00Z",
    "since=2026-04-01",
    "until=2026-05-31T12:00:30Z",
    "extra.account=club",
]
GROUPS = [
    "account",
    "caller",
    "callee",
    "source_ip",
    "proxy",
    "outcome",
    "state",
    "sip_code",
    "released_by",
    "extra.account",
    "caller_prefix",
    "callee_prefix",
]


def of_record(call: Record, digits: int = 4) -> dict[str, Callable[[], Any]]:
    """The value of each dimension, taken from an export record by itself."""

    def prefix(number: str | None) -> str | None:
        return number and (number[: digits + 1] if number.startswith("+") else number[:digits]).lower()

    return {
        "account": lambda: call["extra"].get("account") or None,
        "extra.account": lambda: call["extra"].get("account") or None,
        "caller_prefix": lambda: prefix(call["caller"]),
        "callee_prefix": lambda: prefix(call["callee"]),
    }


def summed(calls: Iterable[Record]) -> Sums:
    """The sums of records, taken one by one."""
    found = list(calls)
    answered = [call for call in found if call["outcome"] == "answered"]

    def durations(kind: str) -> list[float]:
        return [call["duration"] for call in answered if call["duration_kind"] == kind]

    def total(kind: str) -> timedelta:
        return sum((timedelta(seconds=one) for one in durations(kind)), timedelta())

    delivered = {"answered", "busy", "no_answer", "cancelled", "declined"}
    return Sums(
        calls=len(found),
        seizures=len(found),
        answered=len(answered),
        delivered=sum(call["outcome"] in delivered for call in found),
        failed_attempts=sum(len(call["attempts"]) for call in found),
        measured=len(durations("measured")),
        length=total("measured"),
        at_least=len(durations("at_least")),
        least_length=total("at_least"),
        at_most=len(durations("at_most")),
        most_length=total("at_most"),
        no_stop=sum(call["state"] == "stop_missing" for call in found),
    )


class AnyFilter(TestCase):
    @settings(max_examples=60)
    @given(
        st.lists(st.tuples(stored_calls(), st.lists(st.sampled_from(["gw1", "gw2", None]), max_size=2)), max_size=12),
        st.sets(st.sampled_from(CONDITIONS), max_size=2),
        st.lists(st.sampled_from(GROUPS), max_size=2, unique=True),
        st.sampled_from([None, *Per]),
        st.sampled_from(ZONES),
        st.booleans(),
    )
    def test_groups_are_those_of_the_records_that_the_export_gives(
        self,
        stored: list[tuple[dict[str, Any], list[str | None]]],
        conditions: set[str],
        groups: list[str],
        per: Per | None,
        zone: ZoneInfo,
        joined: bool,
    ) -> None:
        make_proxy("kam1"), make_proxy("kam2")
        for fields, gateways in stored:
            call = make_call(**fields)
            for gateway in gateways:
                add_attempt(call, gateway)
        if joined:
            volumes.join()
        query = "&".join([*conditions, *(f"group={name}" for name in groups), f"per={per or ''}"])
        found = report(f"{query}&figures=calls,failed_attempts", zone)
        data = QueryDict("&".join(conditions), mutable=True)
        call_filter = CallFilter(data, Visibility(), now=NOW)
        exported = list(records(call_filter.qs))
        assert found.problem == ""
        assert found.total == summed(exported)
        assert found.total.calls == figures(call_filter).calls == call_filter.qs.count()
        assert found.total.length == figures(call_filter).length
        expected: dict[Any, list[Record]] = defaultdict(list)
        for call in exported:
            slot = (found.slots.slot_of(datetime.fromisoformat(call["started_at"])),) if found.slots else ()
            values = of_record(call)
            keys = [values[name]() if name in values else call.get(name) for name in groups if name != "proxy"]
            for proxy in call["proxies"] if "proxy" in groups else [None]:
                whole = list(keys)
                if proxy:
                    whole.insert(groups.index("proxy"), proxy)
                expected[(*whole, *slot)].append(call)
        shown = {(*row.keys, *([] if row.slot is None else [row.slot])): row.sums for row in found.rows}
        assert shown == {key: summed(calls) for key, calls in expected.items()}, query
        self._links_lead_to_the_groups(found, data)

    def _links_lead_to_the_groups(self, found: ReportTable, conditions: QueryDict) -> None:
        for row in found.rows:
            narrowed = conditions.copy()
            links = [
                one.condition_for(key, Visibility()) for one, key in zip(found.report.dimensions, row.keys, strict=True)
            ]
            if row.slot is not None or not all(links) or len(dict(filter(None, links))) < len(links):
                continue
            named = dict(filter(None, links))
            if any(name in conditions or f"not_{name}" in conditions for name in named):
                continue  # alternatives would widen the condition that is set
            narrowed.update(named)
            assert CallFilter(narrowed, Visibility(), now=NOW).qs.count() == row.sums.calls, narrowed


@pytest.mark.django_db
class TestGateways:
    def test_attempts_count_where_they_happened(self) -> None:
        rerouted = make_call(extra={"gateway": "gw2"}, duration=timedelta(seconds=60))
        add_attempt(rerouted, "gw1", 503)
        add_attempt(rerouted, "gw1", 486)
        refused = make_call(state="unanswered", outcome="busy", sip_code=486, extra={"gateway": "gw1"}, duration=None)
        add_attempt(refused, "gw1", 486)
        make_call(extra={"gateway": "gw1"}, duration=timedelta(seconds=30))
        found = report("group=gateway")
        gw1, gw2 = (next(row.sums for row in found.rows if row.keys == (name,)) for name in ("gw1", "gw2"))
        assert (gw1.calls, gw1.seizures, gw1.answered, gw1.failed_attempts, gw1.delivered) == (3, 4, 1, 3, 3)
        assert gw1.asr == 1 / 4
        assert (gw2.calls, gw2.answered, gw2.failed_attempts, gw2.minutes) == (1, 1, 0, 1.0)
        assert (found.total.calls, found.total.failed_attempts, found.total.minutes) == (3, 3, 1.5)
        assert found.overlapping

    def test_a_call_that_failed_and_was_answered_at_one_gateway_is_one_call_there(self) -> None:
        call = make_call(extra={"gateway": "gw1"})
        add_attempt(call, "gw1")
        (row,) = report("group=gateway").rows
        assert (row.sums.calls, row.sums.seizures) == (1, 2)

    @pytest.mark.parametrize("gateway", ["gw1", "gw2"])
    def test_the_list_by_gateway_has_as_many_calls_as_its_row(self, gateway: str) -> None:
        for label, attempts in (("gw1", ["gw2", "gw2"]), ("gw2", ["gw1"]), ("gw1", []), ("gw3", ["gw1", "gw2"])):
            call = make_call(extra={"gateway": label})
            for tried in attempts:
                add_attempt(call, tried)
        counted = {row.keys[0]: row.sums.calls for row in report("group=gateway").rows}
        assert CallFilter(QueryDict(f"gateway={gateway}"), Visibility()).qs.count() == counted[gateway]


@pytest.mark.django_db
class TestTime:
    @pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-05-31", 24)])
    def test_a_day_has_as_many_hours_as_the_zone_gives_it(self, day: str, hours: int) -> None:
        berlin = ZoneInfo("Europe/Berlin")
        begin = datetime.fromisoformat(day).replace(tzinfo=berlin).astimezone(UTC)
        for hour in range(-2, 28):
            make_call(started_at=begin + timedelta(hours=hour, minutes=59))
        found = report("per=day&since=2026-03-01T00:00:00Z&until=2026-11-01T00:00:00Z", berlin)
        assert found.slots
        counts = {found.slots.slots[row.slot or 0].since: row.sums.calls for row in found.rows}
        assert counts[begin] == hours

    def test_an_hour_of_the_day_sums_all_days(self) -> None:
        for day in range(3):
            make_call(started_at=NOON + timedelta(days=day))
        assert calls_by(report("per=hour_of_day", ZoneInfo("Asia/Kolkata"))) == {(17,): 3}

    def test_too_many_parts_are_a_problem_and_no_answer(self) -> None:
        make_call()
        assert report("per=hour&since=2000-01-01&until=2026-06-01").problem == "range"


@pytest.mark.django_db
def test_a_limited_user_sees_the_own_proxies_alone() -> None:
    make_call(proxies=["kam1"])
    make_call(proxies=["kam1", "kam2"])
    make_call(proxies=["kam2"])
    assert calls_by(report("group=proxy", visibility=Visibility(frozenset({"kam1"})))) == {("kam1",): 2}


@pytest.mark.django_db
def test_more_groups_than_may_be_shown_leave_the_total_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MOST_GROUPS", 2)
    for caller, calls in (("a", 3), ("b", 2), ("c", 1), ("d", 1)):
        for _ in range(calls):
            make_call(caller=caller)
    found = report("group=caller&sort=caller")
    assert found.cut
    assert calls_by(found) == {("a",): 3, ("b",): 2}
    assert found.total.calls == 7


@pytest.mark.django_db
def test_a_report_that_takes_too_long_says_so_and_leaves_the_connection_usable() -> None:
    for _ in range(400):
        make_call()
    shown, _errors = report_of(QueryDict("group=caller&group=callee"), masked=False)
    call_filter = CallFilter(QueryDict(""), Visibility(), now=NOW)
    with connection.cursor() as cursor:  # a statement that surely takes longer
        slow = {
            "postgresql": "SELECT pg_sleep(5)",
            "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
        }[connection.vendor]
        with pytest.raises(table.TookTooLong), table.time_limit(0.05):
            cursor.execute(slow)
    assert report_table(call_filter, shown, UTC_ZONE).total.calls == 400
