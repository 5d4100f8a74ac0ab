"""Calls become rows: written only when they say something else, every change a revision, the volumes in step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum

from cdr.calls.publish import publish, publish_revision
from cdr.correlation.record import (
    AttemptRecord,
    CallRecord,
    CallState,
    DurationKind,
    Flag,
    LegRecord,
    Outcome,
    ReleasedBy,
)
from cdr.events import call_key
from cdr.models import Attempt, Call, CallRevision, Leg, Volume
from cdr.storage.database import database_for_writes
from tests.cdr.calls.correlating import NOON, after

pytestmark = pytest.mark.django_db

COMPLETED = CallRecord(
    cluster="east",
    call_id="call@example",
    anchor="dialog",
    from_tag="alice",
    to_tag="bob",
    state=CallState.COMPLETED,
    outcome=Outcome.ANSWERED,
    started_at=NOON,
    answered_at=after(5),
    ended_at=after(47.25),
    duration=timedelta(seconds=42.25),
    duration_kind=DurationKind.MEASURED,
    released_by=ReleasedBy.CALLEE,
    sip_code=200,
    sip_reason="OK",
    caller="100",
    callee="Grüße ☎",
    source_ip="192.0.2.1",
    user_agent='phone "x"\\y',
    extra=(("account", "acme"), ("empty", "")),
    flags=("early_media", "forked"),
    proxies=("kam1", "kam2"),
    backends=("radius", "syslog"),
    events=3,
)
ONGOING = replace(
    COMPLETED,
    state=CallState.ONGOING,
    ended_at=None,
    duration=None,
    duration_kind=DurationKind.UNKNOWN,
    released_by=None,
    stop_due_at=after(14_400),
)
LEGS = (
    LegRecord("alice", "bob", "forward", (("src", "alice"), ("dst", "bob"))),
    LegRecord(None, "carol", None, (("dst", "carol"),)),
)
BUSY = AttemptRecord(486, "Busy Here", "x", after(1), "gw1", (("gw", "gw1"),), LEGS[:1])
DECLINED = AttemptRecord(603, "Decline", "y", after(2))


def published(*records: CallRecord, call_id: str = "call@example") -> None:
    """Publish ``records`` as all calls of a Call-ID."""
    with transaction.atomic():
        publish(database_for_writes(), {call_key(call_id): records})


def changes() -> dict[str, Any]:
    """Return the changes of the one revision."""
    return CallRevision.objects.get().changes


def volume(**conditions: Any) -> tuple[int, int, int]:
    """Return the number of calls, of those with a measured duration, and the sum of these in microseconds."""
    sums = Volume.objects.filter(**conditions).aggregate(
        calls_sum=Sum("calls", default=0), measured_sum=Sum("measured", default=0), length=Sum("duration_us", default=0)
    )
    return sums["calls_sum"], sums["measured_sum"], sums["length"]


# new calls


@pytest.mark.parametrize("record", [COMPLETED, ONGOING], ids=["completed", "ongoing"])
def test_a_new_call_is_stored_with_all_its_fields(record: CallRecord) -> None:
    published(record)
    call = Call.objects.get()
    for name in ("cluster", "call_id", "from_tag", "to_tag", "caller", "callee", "source_ip", "user_agent"):
        assert getattr(call, name) == getattr(record, name)
    for name in ("state", "outcome", "duration_kind", "released_by", "sip_code", "sip_reason", "events"):
        assert getattr(call, name) == getattr(record, name)
    for name in ("started_at", "answered_at", "ended_at", "duration", "stop_due_at"):
        assert getattr(call, name) == getattr(record, name)
    for name in ("flags", "proxies", "backends"):
        assert getattr(call, name) == list(getattr(record, name))
    assert call.extra == dict(record.extra)
    assert (call.revision, call.superseded) == (1, False)
    assert not CallRevision.objects.exists()


def test_of_a_repeated_label_the_first_text_is_stored() -> None:
    published(replace(COMPLETED, extra=(("ua", "first"), ("ua", "second"))))
    assert Call.objects.get().extra == {"ua": "first"}


def test_legs_are_stored_in_their_order() -> None:
    published(replace(COMPLETED, legs=LEGS))
    assert list(Leg.objects.values_list("position", "source", "destination", "type", "values")) == [
        (0, "alice", "bob", "forward", {"src": "alice", "dst": "bob"}),
        (1, None, "carol", None, {"dst": "carol"}),
    ]


def test_attempts_are_stored_with_their_own_extras_and_legs() -> None:
    published(replace(COMPLETED, attempts=(BUSY, DECLINED)))
    busy, declined = Attempt.objects.all()
    assert (busy.code, busy.reason, busy.to_tag, busy.time, busy.gateway, busy.extra) == (
        486,
        "Busy Here",
        "x",
        after(1),
        "gw1",
        {"gw": "gw1"},
    )
    assert [leg["destination"] for leg in busy.legs] == ["bob"]
    assert (declined.code, declined.gateway, declined.extra, declined.legs) == (603, None, {}, [])


def test_calls_with_and_without_parts_are_stored_together() -> None:
    published(COMPLETED, replace(COMPLETED, anchor="other", to_tag="carol", legs=LEGS))
    assert set(Leg.objects.values_list("call__to_tag", flat=True)) == {"carol"}
    assert Call.objects.count() == 2


# the same call again


@pytest.mark.parametrize("record", [COMPLETED, ONGOING, replace(COMPLETED, legs=LEGS, attempts=(BUSY, DECLINED))])
def test_a_call_that_says_the_same_is_not_written(record: CallRecord) -> None:
    published(record)
    before = Call.objects.values().get()
    published(record)
    assert Call.objects.values().get() == before
    assert not CallRevision.objects.exists()
    assert volume()[0] == 1


def test_a_changed_call_keeps_its_row_and_gets_a_revision() -> None:
    published(ONGOING)
    before = Call.objects.get()
    published(COMPLETED)
    call = Call.objects.get()
    assert (call.pk, call.revision, call.state) == (before.pk, 2, "completed")
    assert call.updated_at > before.updated_at
    assert CallRevision.objects.get().revision == 2


def test_a_revision_has_each_changed_field_before_and_after() -> None:
    published(ONGOING)
    published(replace(COMPLETED, flags=("forked",)))
    assert changes() == {
        "state": ["ongoing", "completed"],
        "ended_at": [None, after(47.25).isoformat()],
        "duration": [None, 42.25],
        "duration_kind": ["unknown", "measured"],
        "released_by": [None, "callee"],
        "flags": [["early_media", "forked"], ["forked"]],
        "stop_due_at": [after(14_400).isoformat(), None],
    }


def test_changed_legs_replace_the_stored_ones() -> None:
    published(replace(COMPLETED, legs=LEGS, attempts=(BUSY,)))
    published(replace(COMPLETED, legs=LEGS[1:], attempts=(BUSY,)))
    assert list(Leg.objects.values_list("position", "destination")) == [(0, "carol")]
    assert Attempt.objects.count() == 1
    assert set(changes()) == {"legs"}
    assert [len(legs) for legs in changes()["legs"]] == [2, 1]


def test_a_further_attempt_is_a_change_of_the_call() -> None:
    published(replace(COMPLETED, attempts=(BUSY,)))
    published(replace(COMPLETED, attempts=(BUSY, DECLINED)))
    assert [attempt.code for attempt in Attempt.objects.all()] == [486, 603]
    assert [[attempt["code"] for attempt in side] for side in changes()["attempts"]] == [[486], [486, 603]]


def test_a_call_known_by_another_anchor_changes_its_identity_alone() -> None:
    published(COMPLETED)
    before = Call.objects.get()
    published(replace(COMPLETED, anchor="attempt"))
    call = Call.objects.get()
    assert call.identity != before.identity
    assert (call.pk, call.revision, call.updated_at) == (before.pk, 1, before.updated_at)
    assert not CallRevision.objects.exists()


# calls that turn out to be part of others


def test_a_call_that_is_gone_is_superseded_not_deleted() -> None:
    published(COMPLETED, replace(COMPLETED, anchor="other", to_tag="carol"))
    published(COMPLETED)
    gone = Call.objects.get(superseded=True)
    assert (gone.to_tag, gone.revision) == ("carol", 2)
    assert gone.flags == ["early_media", "forked", Flag.SUPERSEDED]
    assert changes() == {
        "flags": [["early_media", "forked"], ["early_media", "forked", "superseded"]],
        "superseded": [False, True],
    }


def test_a_superseded_call_is_superseded_once() -> None:
    published(COMPLETED)
    published()
    published()
    assert Call.objects.get().revision == 2


def test_a_superseded_call_that_is_there_again_is_a_call_again() -> None:
    published(COMPLETED)
    published()
    published(COMPLETED)
    call = Call.objects.get()
    assert (call.superseded, call.revision, call.flags) == (False, 3, ["early_media", "forked"])
    assert CallRevision.objects.get(revision=3).changes["superseded"] == [True, False]


def test_calls_of_other_call_ids_stay_as_they_are() -> None:
    published(COMPLETED)
    published(replace(COMPLETED, call_id="other@example"), call_id="other@example")
    published(call_id="other@example")
    assert list(Call.objects.filter(superseded=False).values_list("call_id", flat=True)) == ["call@example"]


# the volumes


def test_a_new_call_is_counted_in_the_hour_that_it_started() -> None:
    published(COMPLETED)
    assert volume(hour=NOON, state="completed") == (1, 1, 42_250_000)


def test_a_changed_call_is_counted_as_it_is_now() -> None:
    published(ONGOING)
    published(COMPLETED)
    assert volume(state="ongoing") == (0, 0, 0)
    assert volume(state="completed") == (1, 1, 42_250_000)


def test_a_superseded_call_is_not_counted() -> None:
    published(COMPLETED)
    published()
    assert volume() == (0, 0, 0)


def test_a_call_that_is_there_again_is_counted_once() -> None:
    published(COMPLETED)
    published()
    published(COMPLETED)
    assert volume() == (1, 1, 42_250_000)


# a change by a person


def test_a_persons_change_is_the_next_revision() -> None:
    published(COMPLETED)
    before = Call.objects.get()
    publish_revision(before, {"settlement": [None, "unknown"]})
    call = Call.objects.get()
    assert (call.revision, changes()) == (2, {"settlement": [None, "unknown"]})
    assert call.updated_at > before.updated_at


def test_a_change_is_later_than_every_change_before_it_though_the_clock_was_set_back() -> None:
    published(ONGOING)
    ahead = Call.objects.get().updated_at + timedelta(days=1)
    Call.objects.update(updated_at=ahead)
    published(COMPLETED)
    assert Call.objects.get().updated_at > ahead
    assert CallRevision.objects.get().at < ahead
