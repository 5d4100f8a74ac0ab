from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cdr.calls.correlate import correlate_pending, mark_all
from cdr.calls.settlement import NotSettled, attach_settlements, revoke, settle
from cdr.export import record_of, records
from cdr.models import Call, Event
from cdr.queries.filters import CallFilter
from cdr.queries.visibility import Visibility
from tests.factories import NOON, make_call, make_event

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)
END = NOON + timedelta(seconds=42)


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann")


def lacking(**fields: Any) -> Call:
    missing = {"state": "stop_missing", "ended_at": None, "duration": None, "duration_kind": "unknown"}
    return make_call(**missing | fields)


def accounted() -> Call:
    """A call of events, whose STOP never came."""
    make_event(call_id="c@h")
    mark_all()
    correlate_pending(now=LATER)
    return Call.objects.get()


def settled(call: Call, by: User, ended_at: datetime | None = END) -> Call:
    settle(call, ended_at=ended_at, reason="phone log", by=by, now=LATER)
    return Call.objects.get(pk=call.pk)


def test_a_settlement_lies_beside_what_the_events_tell(ann: User) -> None:
    before = record_of(call := accounted())
    after = record_of(settled(call, ann))
    assert after["settlement"] == {
        "ended_at": "2026-05-31T12:00:42Z",
        "duration": 42.0,
        "reason": "phone log",
        "by": "ann",
        "at": "2026-06-01T12:00:00Z",
    }
    assert {name for name in before if before[name] != after[name]} == {"revision", "updated_at", "flags"}
    assert after["flags"] == ["settled"]


def test_who_follows_changes_learns_of_it(ann: User) -> None:
    call = settled(accounted(), ann)
    assert call.revision == 2
    told = {"ended_at": "2026-05-31T12:00:42+00:00", "reason": "phone log", "by": "ann"}
    assert call.revisions.get().changes == {"settlement": [None, told]}


def test_changes_by_hand_count_from_within_their_transaction_whenever_they_were_asked_for(ann: User) -> None:
    call, begun = lacking(), timezone.now()
    given = settled(call, ann)
    revoke(given, by=ann, now=LATER)
    taken = Call.objects.get()
    assert begun < given.updated_at < taken.updated_at
    assert [one.at for one in taken.revisions.order_by("revision")] == [given.updated_at, taken.updated_at]


def test_correlating_again_changes_nothing_of_it(ann: User) -> None:
    call = settled(accounted(), ann)
    mark_all()
    correlate_pending(now=LATER)
    again = Call.objects.get()
    assert (again.revision, again.settlement) == (call.revision, call.settlement)


def test_a_stop_that_comes_later_takes_its_place(ann: User) -> None:
    call = settled(accounted(), ann)
    stop = {"kind": "bye", "method": "BYE", "time": NOON + timedelta(seconds=7)}
    make_event(source=Event.objects.get().source, call_id="c@h", **stop)
    mark_all()
    correlate_pending(now=LATER)
    call = Call.objects.get()
    assert (call.state, call.duration, call.settlement) == ("completed", timedelta(seconds=7), None)
    assert (call.revision, record_of(call).get("settlement")) == (3, None)
    assert call.settlements.count() == 1


def test_an_end_may_be_settled_as_unknown(ann: User) -> None:
    record = record_of(settled(lacking(), ann, ended_at=None))
    assert (record["settlement"]["ended_at"], record["settlement"]["duration"]) == (None, None)


def test_a_revoked_settlement_is_kept_and_no_longer_in_force(ann: User) -> None:
    call = settled(lacking(), ann)
    revoke(call, by=ann, now=LATER + timedelta(hours=1))
    call = Call.objects.get()
    assert (call.settlement, call.revision) == (None, 3)
    assert call.settlements.get().revoked_by == ann
    assert settled(call, ann).settlement is not None


@pytest.mark.parametrize(
    ("ended_at", "reason", "why"),
    [
        (NOON - timedelta(seconds=1), "x", "before the answer"),
        (LATER + timedelta(seconds=1), "x", "in the future"),
        (END, "  ", "Enter a reason"),
    ],
)
def test_what_makes_no_sense_is_refused(ended_at: datetime, reason: str, why: str, ann: User) -> None:
    with pytest.raises(NotSettled, match=why):
        settle(lacking(), ended_at=ended_at, reason=reason, by=ann, now=LATER)
    assert Call.objects.get().revision == 1


@pytest.mark.parametrize("fields", [{"state": "completed"}, {"state": "ongoing"}, {"superseded": True}])
def test_only_a_call_that_lacks_its_stop_can_be_settled(fields: dict[str, Any], ann: User) -> None:
    with pytest.raises(NotSettled, match="its end cannot be set"):
        settle(lacking(**fields), ended_at=END, reason="x", by=ann, now=LATER)


def test_a_call_is_settled_once(ann: User) -> None:
    call = settled(lacking(), ann)
    with pytest.raises(NotSettled, match="already set manually"):
        settle(call, ended_at=END, reason="x", by=ann, now=LATER)


def test_nothing_can_be_revoked_where_nothing_is_settled(ann: User) -> None:
    with pytest.raises(NotSettled, match="not set manually"):
        revoke(lacking(), by=ann, now=LATER)


def test_the_list_can_be_asked_for_what_is_settled_and_what_is_left_to_do(ann: User) -> None:
    done, open_, _ = settled(lacking(), ann), lacking(), make_call()
    revoked = settled(lacking(), ann)
    revoke(revoked, by=ann, now=LATER)
    assert set(CallFilter({"settled": "1"}, Visibility()).qs) == {done}
    assert set(CallFilter({"settled": "0"}, Visibility()).qs) == {open_, revoked}


def test_many_calls_cost_one_question_and_whole_ones_none(ann: User) -> None:
    for _ in range(3):
        settled(lacking(), ann)
    calls, whole = list(Call.objects.all()), make_call()
    with CaptureQueriesContext(connection) as asked:
        attach_settlements(calls)
        assert [call.settlement.by.get_username() for call in calls if call.settlement] == ["ann"] * 3
        attach_settlements([whole])
        assert whole.settlement is None
    assert len(asked) == 1


def test_the_export_looks_settlements_up_by_the_batch(ann: User) -> None:
    for _ in range(3):
        settled(lacking(), ann)
    with CaptureQueriesContext(connection) as asked:
        found = list(records(Call.objects.order_by("id")))
    assert [record["settlement"]["by"] for record in found] == ["ann"] * 3
    assert len(asked) == 4  # calls, legs, attempts, settlements
