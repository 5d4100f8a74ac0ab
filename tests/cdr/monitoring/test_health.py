"""Verdicts, and samples that are bounded whatever the tables hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import call_key
from cdr.models import Event, Receiver, Source
from cdr.monitoring import health
from cdr.monitoring.drift import Sign
from cdr.monitoring.health import Verdict, drift_of, health_of, loss_of, newest_events, reasons, silence_after
from cdr.monitoring.health_wording import VERDICT_ICONS, VERDICTS, advise
from cdr.monitoring.loss import Sort
from proxyconf.models import Proxy
from proxyconf.models.profile import save_profile, suggested
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_call, make_event, make_proxy, make_rejected, make_source

NOW = datetime(2026, 5, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def source(db: None) -> Source:
    source = make_source(name="log", kind=Source.Kind.SYSLOG, events=7, last_received_at=NOW, last_event_at=NOW)
    Receiver.objects.create(source=source, host="here", heard_at=NOW, started_at=NOW)
    return source


def verdict(now: datetime = NOW) -> Verdict:
    (found,) = health_of([Proxy.objects.get()], now)
    return found.verdict


def test_each_verdict_has_words_and_an_icon() -> None:
    assert set(VERDICTS) == set(VERDICT_ICONS) == set(Verdict)


def test_a_proxy_without_a_source_needs_one(db: None) -> None:
    make_proxy()
    assert verdict() == Verdict.NO_SOURCE


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Verdict.WELL),
        ({"enabled": False}, Verdict.SWITCHED_OFF),
        ({"events": 0, "last_received_at": None}, Verdict.WAITING),
        ({"events": 0, "ignored": 9}, Verdict.WAITING),
        ({"last_received_at": NOW - timedelta(days=2)}, Verdict.SILENT),
        ({"last_received_at": NOW - timedelta(days=2), "kind": "import"}, Verdict.WELL),
        ({"last_received_at": NOW - timedelta(minutes=10)}, Verdict.WELL),
    ],
)
def test_a_source_fares_as_its_counters_say(source: Source, change: dict[str, Any], expected: Verdict) -> None:
    Source.objects.update(**change)
    assert verdict() == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"heard_at": NOW - MINUTE}, Verdict.NOT_RUNNING),
        ({"state": "failed", "error": "address in use"}, Verdict.FAILING),
        ({"state": "retrying", "error": "the database is gone"}, Verdict.FAILING),
        ({"error": "the proxy may lose rows"}, Verdict.WELL),
        ({"lag": -260.0}, Verdict.CLOCK_AHEAD),
        ({"lag": -0.9}, Verdict.WELL),
    ],
)
def test_a_receiver_tells_of_itself(source: Source, change: dict[str, Any], expected: Verdict) -> None:
    Receiver.objects.update(**change)
    assert verdict() == expected


def test_input_that_waits_counts_while_it_is_news(source: Source) -> None:
    Source.objects.update(rejected=1)
    rejected = make_rejected(source=source, received_at=NOW - timedelta(hours=1))
    assert verdict() == Verdict.REJECTS
    rejected.replayed_at = NOW
    rejected.save()
    assert verdict() == Verdict.WELL
    make_rejected(source=source, received_at=NOW - timedelta(days=30))
    assert verdict() == Verdict.WELL


def test_a_way_that_was_never_used_does_not_hide_how_the_others_fare(source: Source) -> None:
    make_source(name="unused", kind=Source.Kind.HTTP)
    assert verdict() == Verdict.WELL


def test_a_source_that_speaks_seldom_may_be_silent_longer(source: Source) -> None:
    for hour in range(40):
        make_event(source=source, time=NOW - timedelta(hours=6 * hour))
    Source.objects.update(last_received_at=NOW - timedelta(hours=20))
    assert verdict() == Verdict.WELL
    Event.objects.all().delete()
    for minute in range(40):
        make_event(source=source, time=NOW - MINUTE * minute)
    assert verdict() == Verdict.SILENT


@given(st.lists(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), max_size=60))
def test_a_silence_is_never_said_of_minutes_nor_kept_back_for_days(times: list[datetime]) -> None:
    found = silence_after([time.replace(tzinfo=UTC) for time in times])
    assert timedelta(minutes=15) <= found <= timedelta(days=3)


def test_events_of_a_proxy_are_looked_for_among_the_newest_of_all(source: Source) -> None:
    other = make_source(proxy=make_proxy("busy"), name="log")
    mine = make_event(source=source, time=NOW)
    for minute in range(1, 4):
        make_event(source=other, time=NOW + MINUTE * minute)
    proxy = source.proxy
    assert list(newest_events(proxy, until=None, scan=4)) == [mine]
    assert list(newest_events(proxy, until=None, scan=3)) == []
    assert list(newest_events(proxy, until=NOW, scan=3)) == [mine]


def test_reasons_that_differ_in_numbers_and_quotes_are_one(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        make_rejected(source=source, reason=f"line {number}: code is '{number}x' of {number} bytes")
    newest = make_rejected(source=source, reason="line 3: code is 'abc' of 77 bytes")
    make_rejected(source=source, reason="no method")
    found, more = reasons([source])
    assert (found[0].count, found[0].sample) == (4, newest)
    assert (len(found), more) == (2, False)
    monkeypatch.setattr(health, "GROUPED", 2)
    assert reasons([source])[1]


def test_drift_is_found_in_a_sample_and_says_of_how_much(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    Proxy.objects.update(layout={"extras": {"syslog": ["ua"]}, "legs": {"syslog": []}})
    for number in range(8):
        make_event(source=source, time=NOW - MINUTE * number, extra=[["ua", ""]])
    monkeypatch.setattr(health, "SAMPLE", 6)
    found = drift_of(Proxy.objects.get(), NOW)
    assert (found.events, found.since) == (6, NOW - MINUTE * 5)
    assert [(one.sign, one.labels, one.total) for one in found.findings] == [(Sign.ALWAYS_EMPTY, ("ua",), 6)]


def test_calls_with_mixed_legs_are_counted(source: Source) -> None:
    for number, flags in enumerate([["legs_mixed"], [], ["early_media", "legs_mixed"]]):
        make_event(source=source, call_id=f"{number}@x", legs=[[["src", "a"]]])
        make_call(call_id=f"{number}@x", call_key=call_key(f"{number}@x"), flags=flags)
    (mixed,) = [one for one in drift_of(source.proxy, NOW).findings if one.sign is Sign.LEGS_MIXED]
    assert (mixed.often, mixed.total) == (2, 3)


def deliver(source: Source, backend: str, *minutes: int) -> None:
    for minute in minutes:
        make_event(source=source, backend=backend, call_id=f"{minute}@x", time=NOW - MINUTE * minute)


def test_what_one_backend_lost_within_a_day_is_metered(source: Source) -> None:
    deliver(source, "syslog", 30, 40, 50, 60 * 30)
    deliver(source, "sql", 30, 50)
    loss = loss_of(source.proxy, NOW, NOW)
    assert loss is not None
    (only,) = loss.meter.losses
    assert (only.sort, only.backend, only.lost) == (Sort.ANSWER, Backend.SQL, ("40@x",))
    assert (loss.since, loss.until) == (NOW - timedelta(hours=24) - MINUTE * 10, NOW - MINUTE * 10)


def test_what_is_too_fresh_to_be_settled_is_no_loss(source: Source) -> None:
    deliver(source, "syslog", 5, 30)
    deliver(source, "sql", 30)
    loss = loss_of(source.proxy, NOW, NOW)
    assert loss is not None
    assert loss.meter.losses == []


def test_a_proxy_that_fell_silent_is_metered_up_to_its_last_word(source: Source) -> None:
    deliver(source, "syslog", 100, 90, 80)
    deliver(source, "sql", 100, 80)
    loss = loss_of(source.proxy, NOW - MINUTE * 80, NOW + timedelta(days=9))
    assert loss is not None
    assert [one.lost for one in loss.meter.losses] == [("90@x",)]


def test_a_busy_day_is_cut_where_the_meter_ends_and_nothing_is_lost_by_that(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = range(20, 40)
    deliver(source, "syslog", *minutes)
    deliver(source, "sql", *minutes)
    monkeypatch.setattr(health, "METERED", 17)
    loss = loss_of(source.proxy, NOW, NOW)
    assert loss is not None
    assert (loss.capped, loss.meter.losses) == (True, [])
    assert loss.since == NOW - MINUTE * 28


def test_advice_gives_the_line_of_the_published_profile(source: Source) -> None:
    proxy = source.proxy
    profile = suggested(proxy, [Backend.SYSLOG, Backend.SQL])
    fields = [
        {"name": name, "variable": variable, "labels": {"syslog": name, "sql": name}}
        for name, variable in (("ua", "$ua"), ("account", "$au"))
    ]
    save_profile(proxy, type(profile).from_json(profile.to_json() | {"extras": fields}))
    layout = {"extras": {"syslog": ["ua", "account"]}, "legs": {"syslog": []}}
    Proxy.objects.update(layout=layout)
    for _ in range(5):
        make_event(source=source, extra=[["ua", ""]])
    proxy.refresh_from_db()
    never, empty = advise(drift_of(proxy, timezone.now()).findings, proxy)
    assert never.labels == ("account",)
    assert "".join(never.lines.split("\n    ")) == 'modparam("acc", "log_extra","ua=$ua;""account=$au")'
    assert empty.labels == ("ua",)
    assert empty.lines == 'modparam("acc", "log_extra", "account=$au")'


@pytest.mark.parametrize(("product", "version"), [("kamailio", "5.6"), ("opensips", "3.6"), ("openser", "1.3")])
def test_every_finding_has_words_for_every_backend(db: None, product: str, version: str) -> None:
    proxy = make_proxy(product=product, version=version)
    findings = [
        health.DriftFinding(sign, backend, ("a", "<b>"), 3, 9, of_legs, of_dialogs)
        for sign in Sign
        for backend in Backend
        for of_legs, of_dialogs in ((False, False), (True, False), (False, True))
    ]
    for told in advise(findings, proxy):
        assert told.what
        assert told.means
        assert told.remedy
        assert "{" not in told.what + told.means + told.remedy
        assert "<b>" not in told.lines
