"""From stored events to published calls: each call once, whoever works and in whatever order events come."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdr.calls import correlate
from cdr.calls.correlate import correlate_pending, explain, mark_all, mark_overdue, policies
from cdr.correlation.record import Observed, Rule
from cdr.events import EventKind, call_key
from cdr.models import Attempt, Call, CallRevision, Event, Leg, Pending, Source
from cdr.storage.ingest import store
from tests.cdr.calls.correlating import BUSY, EVENING, LEGS, NOON, START, STOP, after, take
from tests.factories import make_proxy, make_source


def snapshot() -> list[Any]:
    """Every row of every table of calls, byte for byte."""
    return [list(model.objects.order_by("pk").values()) for model in (Call, Leg, Attempt, CallRevision)]


def test_events_become_a_call(source: Source) -> None:
    start = START._replace(extra=(("src_user", "1000"), ("dst_user", "2000"), ("ua", "Phone/1.0")), legs=LEGS)

    assert take(source, BUSY, start, STOP) == 1

    call = Call.objects.get()
    assert (call.state, call.outcome, call.released_by) == ("completed", "answered", "caller")
    assert (call.started_at, call.answered_at, call.ended_at) == (NOON, NOON, after(42))
    assert (call.duration, call.duration_kind) == (timedelta(seconds=42), "measured")
    assert (call.call_id, call.call_key) == ("call@example", call_key("call@example"))
    assert (call.from_tag, call.to_tag, call.sip_code, call.sip_reason) == ("alice", "bob", 200, "OK")
    assert (call.caller, call.callee, call.user_agent) == ("1000", "2000", "Phone/1.0")
    assert call.extra == {"src_user": "1000", "dst_user": "2000", "ua": "Phone/1.0"}
    assert (call.proxies, call.backends, call.events, call.revision) == (["kam1"], ["syslog"], 3, 1)
    assert [(leg.source, leg.destination, leg.values) for leg in call.legs.all()] == [
        ("alice", "bob", {"src": "alice", "dst": "bob"}),
        ("bob", "carol", {"src": "bob", "dst": "carol"}),
    ]
    assert [(one.code, one.reason, one.to_tag, one.time) for one in call.attempts.all()] == [
        (486, "Busy Here", "voicemail", NOON)
    ]


def test_nothing_stays_pending(source: Source) -> None:
    take(source, START)

    assert not Pending.objects.exists()
    assert correlate_pending() == 0


def test_correlating_again_from_the_first_event_changes_nothing(source: Source) -> None:
    many = [event._replace(call_id=f"{number}@x") for number in range(7) for event in (BUSY, START, STOP)]
    take(source, *many, START._replace(legs=LEGS), now=EVENING)
    before = snapshot()

    assert mark_all() == 8
    correlate_pending(now=EVENING, batch=3)

    assert snapshot() == before


def test_a_late_stop_completes_the_call_and_the_revision_tells(source: Source) -> None:
    take(source, START)
    call = Call.objects.get()

    take(source, STOP)

    later = Call.objects.get()
    assert (later.pk, later.state, later.revision) == (call.pk, "completed", 2)
    assert later.updated_at > call.updated_at
    revision = later.revisions.get()
    assert (revision.revision, revision.at) == (2, later.updated_at)
    assert revision.changes == {
        "state": ["ongoing", "completed"],
        "ended_at": [None, "2026-05-01T12:00:42+00:00"],
        "duration": [None, 42.0],
        "duration_kind": ["unknown", "measured"],
        "released_by": [None, "caller"],
        "events": [1, 2],
        "stop_due_at": ["2026-05-01T16:00:00+00:00", None],
    }


def test_a_call_that_does_not_change_is_not_written(source: Source) -> None:
    take(source, START, STOP)
    before = snapshot()
    Pending.objects.create(call_key=call_key("call@example"))

    with CaptureQueriesContext(connection) as queries:
        correlate_pending(now=EVENING)

    assert snapshot() == before
    assert not [query["sql"] for query in queries if "UPDATE" in query["sql"] and "cdr_call" in query["sql"]]


def test_new_legs_and_attempts_take_the_place_of_the_old_ones(source: Source) -> None:
    take(source, BUSY, START)
    take(source, START._replace(legs=LEGS, position=1), BUSY._replace(code=480, to_tag="mobile"))

    call = Call.objects.get()
    assert [leg.destination for leg in call.legs.all()] == ["bob", "carol"]
    assert [one.code for one in call.attempts.all()] == [480, 486]
    changes = call.revisions.get().changes
    assert [len(side) for side in changes["attempts"]] == [1, 2]
    assert changes["legs"] == [
        [],
        [
            {"source": "alice", "destination": "bob", "type": None, "values": {"src": "alice", "dst": "bob"}},
            {"source": "bob", "destination": "carol", "type": None, "values": {"src": "bob", "dst": "carol"}},
        ],
    ]


def test_an_attempt_that_is_answered_keeps_its_row(source: Source) -> None:
    take(source, BUSY)
    attempt = Call.objects.get()
    assert attempt.state == "unanswered"

    take(source, START)

    call = Call.objects.get()
    assert (call.pk, call.state, call.to_tag, call.revision) == (attempt.pk, "ongoing", "bob", 2)


def test_a_call_that_was_part_of_another_stays_and_says_so(source: Source) -> None:
    """Two unanswered attempts turn out to be the tries of one call when its START comes."""
    take(source, BUSY, BUSY._replace(from_tag="bob", to_tag="", time=after(1)))
    assert Call.objects.count() == 2

    take(source, START)

    call, gone = Call.objects.order_by("superseded")
    assert (call.state, call.superseded) == ("ongoing", False)
    assert (gone.superseded, gone.flags, gone.revision) == (True, ["superseded"], 2)
    assert gone.revisions.get().changes == {"flags": [[], ["superseded"]], "superseded": [False, True]}


def test_a_superseded_call_is_left_alone_from_then_on(source: Source) -> None:
    take(source, BUSY, BUSY._replace(from_tag="bob", to_tag="", time=after(1)))
    take(source, START)
    before = list(Call.objects.filter(superseded=True).values())

    take(source, STOP)

    assert list(Call.objects.filter(superseded=True).values()) == before


def test_a_superseded_call_comes_back_when_it_is_needed(source: Source) -> None:
    take(source, BUSY, BUSY._replace(from_tag="bob", to_tag="", time=after(1)))
    take(source, START)
    gone = Call.objects.get(superseded=True)

    take(source, START._replace(to_tag="other fork", time=after(2)))

    back = Call.objects.get(pk=gone.pk)
    assert Call.objects.count() == 2
    assert (back.superseded, back.state, back.revision) == (False, "ongoing", 3)
    assert "superseded" not in back.flags
    assert back.revisions.last().changes["superseded"] == [True, False]


def test_calls_that_share_an_index_number_stay_apart(source: Source) -> None:
    store(source, [START, STOP, START._replace(call_id="other@example", to_tag="carol")], format="syslog")
    Event.objects.update(call_key=7)
    Pending.objects.all().delete()
    Pending.objects.create(call_key=7)

    correlate_pending(now=NOON)
    mark_all()
    correlate_pending(now=NOON)

    assert sorted(Call.objects.values_list("call_id", "state", "call_key", "revision")) == [
        ("call@example", "completed", 7, 1),
        ("other@example", "ongoing", 7, 1),
    ]


def test_proxies_of_one_cluster_share_a_call_and_others_do_not(db: None) -> None:
    for name, cluster in (("a", "east"), ("b", "east"), ("c", "west")):
        source = make_source(proxy=make_proxy(name, cluster=cluster))
        store(source, [START if name != "b" else STOP], format="syslog")

    correlate_pending(now=NOON)

    assert sorted((call.cluster, call.state, call.proxies) for call in Call.objects.all()) == [
        ("east", "completed", ["a", "b"]),
        ("west", "ongoing", ["c"]),
    ]


def test_records_without_call_id_are_calls_of_their_own(source: Source) -> None:
    record = START._replace(
        kind=EventKind.CDR,
        method="",
        from_tag="",
        to_tag="",
        call_id="",
        code=0,
        duration_us=5_000_000,
        ended_at=after(5),
    )

    take(source, record, record._replace(time=after(60), ended_at=after(65)))
    mark_all()
    correlate_pending(now=NOON)

    assert sorted(Call.objects.values_list("started_at", "call_id", "revision")) == [(NOON, "", 1), (after(60), "", 1)]


def test_events_of_no_call_make_none(source: Source) -> None:
    options = START._replace(method="OPTIONS", to_tag="")
    on = START._replace(kind=EventKind.ON, call_id="", from_tag="", to_tag="")

    assert take(source, options, on) == 1
    assert not Call.objects.exists()


def test_an_open_call_is_ongoing_until_its_stop_is_overdue(source: Source) -> None:
    take(source, START)
    assert Call.objects.get().stop_due_at == NOON + timedelta(hours=4)

    assert mark_overdue(now=NOON + timedelta(hours=4)) == 0
    assert Call.objects.get().state == "ongoing"
    assert mark_overdue(now=NOON + timedelta(hours=4, seconds=1)) == 1

    call = Call.objects.get()
    assert (call.state, call.stop_due_at, call.ended_at, call.revision) == ("stop_missing", None, None, 2)
    assert mark_overdue(now=EVENING) == 0


def test_overdue_calls_are_found_beyond_one_batch(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlate, "BATCH", 2)
    take(source, *[START._replace(call_id=f"{number}@x") for number in range(5)])

    assert mark_overdue(now=EVENING) == 5
    assert set(Call.objects.values_list("state", flat=True)) == {"stop_missing"}


def test_a_stop_after_all_completes_a_call_without_stop(source: Source) -> None:
    take(source, START, now=EVENING)
    assert Call.objects.get().state == "stop_missing"

    take(source, STOP._replace(time=NOON + timedelta(hours=5)), now=EVENING)

    call = Call.objects.get()
    assert (call.state, call.flags, call.duration) == ("completed", ["late_stop"], timedelta(hours=5))


def test_a_limit_leaves_the_rest_for_later(source: Source) -> None:
    store(source, [START._replace(call_id=f"{number}@x") for number in range(10)], format="syslog")

    assert correlate_pending(now=NOON, batch=3, limit=7) == 7
    assert (Call.objects.count(), Pending.objects.count()) == (7, 3)
    assert correlate_pending(now=NOON) == 3


def test_marking_all_marks_each_call_once(source: Source) -> None:
    take(source, START, STOP, START._replace(call_id="other@example"))

    assert mark_all() == 2
    assert mark_all() == 0


def test_what_one_call_id_cannot_be_folded_for_leaves_the_others_alone(
    source: Source, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    take(source, START._replace(call_id="bad@x"))
    real = correlate.calls_of

    def broken(events: Iterable[Observed], *arguments: Any) -> Any:
        events = list(events)
        if any(one.event.call_id == "bad@x" for one in events):
            raise RuntimeError("a rule met what it did not think of")
        return real(events, *arguments)

    monkeypatch.setattr(correlate, "calls_of", broken)
    take(source, STOP._replace(call_id="bad@x"), *[START._replace(call_id=f"{number}@x") for number in range(3)])

    assert sorted(Call.objects.values_list("call_id", flat=True)) == ["0@x", "1@x", "2@x", "bad@x"]
    assert Call.objects.get(call_id="bad@x").state == "ongoing"
    assert not Call.objects.filter(superseded=True).exists()
    assert "the events of Call-ID 'bad@x' cannot be correlated" in caplog.text
    assert "a rule met what it did not think of" in caplog.text


def test_the_policies_are_those_of_the_proxies(db: None) -> None:
    make_proxy("old", product="opensips", version="3.1", cluster="c", max_call=timedelta(hours=1))
    make_proxy("new", product="opensips", version="3.2")
    make_proxy("kam", layout={"detect_direction": True})

    known = policies()

    assert (known["old"].cluster, known["old"].max_call) == ("c", timedelta(hours=1))
    assert [known[name].time_of_first_event for name in ("old", "new", "kam")] == [False, True, False]
    assert known["kam"].layout.detect_direction


def test_each_event_of_a_call_is_explained(source: Source) -> None:
    take(source, BUSY, START, STOP, START._replace(time=after(5)))
    call = Call.objects.get()

    told = explain(call)

    assert [(one.event.method, one.event.time, one.use.rule, one.call) for one in told] == [
        ("INVITE", NOON, Rule.ATTEMPT, call),
        ("INVITE", NOON, Rule.START, call),
        ("INVITE", after(5), Rule.REINVITE, call),
        ("BYE", after(42), Rule.STOP, call),
    ]


def test_events_of_the_other_calls_of_the_call_id_are_explained_too(source: Source) -> None:
    take(source, START, START._replace(to_tag="fork"), START._replace(method="OPTIONS", from_tag="x", to_tag=""))
    one, other = Call.objects.order_by("to_tag")

    told = {(entry.event.to_tag, entry.use.rule): entry.call for entry in explain(one)}

    assert told == {("bob", Rule.START): one, ("fork", Rule.START): other, ("", Rule.NO_CALL): None}


def test_events_of_other_clusters_are_not_explained(source: Source) -> None:
    elsewhere = make_source(proxy=make_proxy("far", cluster="far"))
    store(elsewhere, [STOP], format="syslog")
    take(source, START)

    assert [one.event.method for one in explain(Call.objects.get(cluster=""))] == ["INVITE"]
