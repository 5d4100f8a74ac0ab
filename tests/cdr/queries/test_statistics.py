"""Figures and series equal what the list, the export and the API give for the same filter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from cdr.calls import volumes
from cdr.calls.correlate import correlate_pending
from cdr.calls.settlement import settle
from cdr.correlation.record import CallState, Outcome
from cdr.display.histogram import GROUP_OF, Group, Step
from cdr.export import records
from cdr.models import Call, Settlement
from cdr.queries import statistics
from cdr.queries.filters import CallFilter
from cdr.queries.statistics import Figures, figures, series
from cdr.queries.visibility import Visibility
from cdr.storage.ingest import store
from tests.factories import NOON, make_call, make_proxy, make_source
from tests.recorded_scenarios import SCENARIOS, SQL, SYSLOG

ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Africa/Cairo")]
LATER = datetime(2026, 11, 24, tzinfo=UTC)


def call_filter(query: str = "", visibility: Visibility | None = None, now: datetime = LATER) -> CallFilter:
    return CallFilter(QueryDict(query), visibility or Visibility(), now=now)


def told_of(found: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The sums of records as an export writes them or the API answers, taken one by one."""
    calls = list(found)
    answered = [call for call in calls if call["outcome"] == "answered"]
    lengths = [call["duration"] for call in answered if call["duration_kind"] == "measured"]
    return {
        "calls": len(calls),
        "outcomes": Counter(Outcome(call["outcome"]) for call in calls if call["outcome"]),
        "states": Counter(CallState(call["state"]) for call in calls),
        "failures": Counter(call["sip_code"] for call in calls if call["outcome"] not in ("answered", None)),
        "measured": len(lengths),
        "length": pytest.approx(sum(lengths), abs=1e-6),
        "settled": sum("settlement" in call for call in calls),
    }


def summed(given: Figures) -> dict[str, Any]:
    return {
        "calls": given.calls,
        "outcomes": Counter(given.outcomes),
        "states": Counter(given.states),
        "failures": Counter(given.failures),
        "measured": given.measured,
        "length": given.length.total_seconds(),
        "settled": given.settled,
    }


def check(query: str, visibility: Visibility | None = None, now: datetime = LATER) -> Figures:
    """Compare the figures, and the series in some zones, with the calls of the export."""
    filtered = call_filter(query, visibility, now)
    assert not filtered.form.errors
    found = list(records(filtered.qs))
    given = figures(filtered)
    assert summed(given) == told_of(found), query
    assert not given.capped
    for zone in ZONES:
        drawn = series(filtered, zone)
        assert drawn.total + drawn.later == given.calls, (query, zone)
        for bucket in drawn.buckets:
            inside = [c for c in found if bucket.since <= datetime.fromisoformat(c["started_at"]) < bucket.until]
            groups = Counter(GROUP_OF[call["outcome"]] for call in inside)
            assert groups == +Counter(bucket.counts), (query, zone, bucket)
    return given


@pytest.fixture
def recorded_calls(db: None) -> None:
    """The calls of every recorded scenario, each with a proxy of its own."""
    for scenario in SCENARIOS:
        reading = scenario.reading
        proxy = make_proxy(
            scenario.name[:64],
            cluster=scenario.name[:64],
            product=reading.product.value,
            version=str(reading.version),
            layout=reading.layout.to_json(),
        )
        store(make_source(proxy=proxy, name=scenario.name[:64]), scenario.events(SYSLOG | SQL), format="syslog")
    correlate_pending(now=LATER)


@pytest.mark.usefixtures("recorded_calls")
@pytest.mark.thorough
def test_the_figures_of_the_recorded_calls_are_those_of_list_export_and_api(admin_client: Client) -> None:
    volumes.join()
    whole = check("")
    assert whole.calls == Call.objects.filter(superseded=False).count() > 300
    middle = Call.objects.order_by("started_at")[whole.calls // 2].started_at
    for query in (
        "state=stop_missing",
        "state=completed&state=unanswered",
        "outcome=busy&outcome=no_answer",
        "not_outcome=answered",
        "code=4xx",
        "not_code=200",
        "proxy=19s-small-soak",
        "not_proxy=19s-small-soak&outcome=answered",
        f"since={middle:%Y-%m-%dT%H:%M:%S.%fZ}",
        f"until={middle:%Y-%m-%dT%H:%M:%S.%fZ}",
        f"since={middle:%Y-%m-%dT%H:%MZ}&until={middle + timedelta(days=1):%Y-%m-%dT%H:%MZ}",
        f"since={middle:%Y-%m-%d}",
        "caller=1",
        "flag=early_media",
        "min_duration=2&outcome=answered",
        "superseded=1",
    ):
        given = check(query)
        assert summed(given) == told_of(api(admin_client, query)), query


def api(client: Client, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = client.get(f"/api/v1/calls/?{query}&limit=500").json()
    while True:
        found += page["results"]
        if not page["next"]:
            return found
        page = client.get(page["next"]).json()


HOURS = st.integers(-60, 60)
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "started_at": st.builds(
                lambda hours, seconds: NOON + timedelta(hours=hours, seconds=seconds),
                HOURS,
                st.sampled_from([0, 0.000001, 1799.5, 1800, 3599.999999]),
            ),
            "state": st.sampled_from(["completed", "stop_missing", "ongoing", "unanswered", "start_missing"]),
            "outcome": st.sampled_from(["answered", "busy", "failed", "declined", None]),
            "sip_code": st.sampled_from([200, 486, 503, None]),
            "duration": st.timedeltas(timedelta(0), timedelta(hours=3)),
            "duration_kind": st.sampled_from(["measured", "at_least"]),
            "proxies": st.sampled_from([["a"], ["b"], ["a", "b"], ["ab"]]),
            "superseded": st.sampled_from([False, False, False, True]),
            "caller": st.sampled_from(["alice", "bob"]),
        }
    ),
    max_size=12,
)
MOMENTS = st.builds(
    lambda hours, minutes: NOON + timedelta(hours=hours, minutes=minutes), HOURS, st.sampled_from([0, 0, 30, 59.999])
)
SIGHTS = st.sampled_from(
    [Visibility(), Visibility(frozenset({"a"})), Visibility(frozenset({"b", "ab"})), Visibility(frozenset())]
)
CONDITIONS = st.sampled_from(
    [
        "",
        "state=completed",
        "outcome=answered&outcome=busy",
        "not_outcome=busy",
        "code=4xx&code=503",
        "not_code=486",
        "caller=ali",
        "proxy=a",
        "not_proxy=a",
        "state=stop_missing&settled=0",
        "superseded=1",
        "period=24h",
        "period=yesterday",
        "period=this_month",
    ]
)


class AnyCalls(TestCase):
    @settings(max_examples=60)
    @given(CALLS, st.none() | MOMENTS, st.none() | MOMENTS, CONDITIONS, SIGHTS, MOMENTS)
    def test_figures_and_series_are_those_of_the_calls(
        self,
        calls: list[dict[str, Any]],
        since: datetime | None,
        until: datetime | None,
        conditions: str,
        visibility: Visibility,
        now: datetime,
    ) -> None:
        for name in ("a", "b", "ab"):
            make_proxy(name)
        if "proxy=a" in conditions and visibility.proxies is not None:
            visibility = Visibility(frozenset({"a"}))  # who does not see a proxy cannot ask for it
        for fields in calls:
            make_call(**fields)
        range_ = "".join(f"&{n}={m:%Y-%m-%dT%H:%M:%S.%fZ}" for n, m in (("since", since), ("until", until)) if m)
        check(conditions + range_, visibility, now)


@pytest.mark.django_db
def test_rates_are_shares_of_all_calls_and_the_mean_of_measured_durations() -> None:
    for seconds in (30, 90):
        make_call(duration=timedelta(seconds=seconds))
    make_call(state="stop_missing", duration=timedelta(hours=1), duration_kind="at_least")
    for outcome in ("busy", "no_answer", "cancelled", "declined", "not_found", "failed", "unauthorized"):
        make_call(state="unanswered", outcome=outcome, duration=timedelta(0))
    given = figures(call_filter())
    assert (given.calls, given.answered, given.delivered, given.without_stop) == (10, 3, 7, 1)
    assert (given.asr, given.ner) == (0.3, 0.7)
    assert (given.acd, given.minutes) == (timedelta(seconds=60), 2)


@pytest.mark.django_db
def test_without_calls_there_are_no_rates() -> None:
    given = figures(call_filter())
    assert (given.calls, given.asr, given.ner, given.acd, given.minutes) == (0, None, None, None, 0)
    assert series(call_filter(), UTC).buckets == ()


@pytest.mark.django_db
def test_a_filter_with_errors_gives_no_figures() -> None:
    make_call()
    assert figures(call_filter("state=nonsense")) == Figures()
    assert series(call_filter("since=never"), UTC).total == 0


@pytest.mark.django_db
def test_calls_settled_by_hand_are_told_among_those_without_stop(admin_user: User) -> None:
    make_call(state="stop_missing")
    call = make_call(state="stop_missing")
    settle(call, ended_at=None, reason="phone vanished", by=admin_user, now=timezone.now())
    assert Settlement.objects.count() == 1
    given = figures(call_filter())
    assert (given.without_stop, given.settled) == (2, 1)


@pytest.mark.django_db
def test_whole_hours_are_taken_from_the_volumes_alone() -> None:
    for hours in range(5):
        make_call(started_at=NOON + timedelta(hours=hours))
    Call.objects.all().delete()
    assert (
        figures(call_filter(f"since={NOON:%Y-%m-%dT%H:%MZ}&until={NOON + 3 * statistics.HOUR:%Y-%m-%dT%H:%MZ}")).calls
        == 3
    )


@pytest.mark.django_db
def test_counting_calls_stops_at_a_limit_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "LIMIT", 2)
    for minutes in range(3):
        make_call(started_at=NOON + timedelta(minutes=minutes))
    given = figures(call_filter("caller=alice"))
    assert (given.calls, given.capped) == (2, True)
    drawn = series(call_filter("caller=alice"), UTC)
    assert (drawn.total, drawn.capped) == (2, True)
    assert not figures(call_filter()).capped


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["", "period=7d", "caller=alice", "since=2026-05-31T11:30&until=2026-05-31T13:30"])
def test_calls_are_never_counted_without_a_limit(query: str) -> None:
    make_call()
    with CaptureQueriesContext(connection) as queries:
        figures(call_filter(query, now=NOON))
        series(call_filter(query, now=NOON), ZoneInfo("Asia/Kolkata"))
    of_calls = [one["sql"] for one in queries if '"cdr_call"' in one["sql"]]
    assert of_calls
    assert all(" LIMIT " in sql for sql in of_calls)
    assert not [sql for sql in of_calls if "OFFSET" in sql]


@pytest.mark.django_db
def test_a_day_is_a_day_of_the_readers_zone() -> None:
    """In Berlin 29 March 2026 has 23 hours, from 23:00 UTC to 22:00 UTC."""
    berlin = ZoneInfo("Europe/Berlin")
    for moment in ("2026-03-28T22:59:59", "2026-03-28T23:00:00", "2026-03-29T21:59:59", "2026-03-29T22:00:00"):
        make_call(started_at=datetime.fromisoformat(f"{moment}+00:00"))
    with timezone.override(berlin):
        drawn = series(call_filter("since=2026-03-28&until=2026-03-30"), berlin, Step.DAY)
    assert [bucket.counts[Group.ANSWERED] for bucket in drawn.buckets] == [1, 2, 1]
    assert [bucket.until - bucket.since for bucket in drawn.buckets] == [timedelta(hours=h) for h in (24, 23, 24)]


@pytest.mark.django_db
def test_calls_of_clocks_that_are_ahead_are_told_apart() -> None:
    make_call()
    make_call(started_at=NOON + timedelta(days=2))
    drawn = series(call_filter("period=7d", now=NOON + timedelta(minutes=5)), UTC)
    assert (drawn.total, drawn.later) == (1, 1)
