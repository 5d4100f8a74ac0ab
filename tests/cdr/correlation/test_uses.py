"""The rule by which a call used each of its events."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.assemble import Assembled, assemble
from cdr.correlation.case import group_events
from cdr.correlation.evidence import in_order
from cdr.correlation.record import Observed, Rule
from cdr.correlation.uses import uses_of
from cdr.events import MILLISECOND, EventKind
from proxyconf.vocabulary.layout import Backend
from tests.cdr.correlation.telling import (
    EVENING,
    POLICIES,
    ack,
    bye,
    cancel,
    cdr,
    early,
    invite,
    missed,
    told,
)


def assembled(*events: Observed) -> list[Assembled]:
    cases = group_events(in_order(events), POLICIES).cases
    return [assemble("", case, POLICIES, EVENING, forked=False) for case in cases]


def rules(*events: Observed) -> list[Rule]:
    """Return the rule of each event of the one call that ``events`` make, in their order."""
    (only,) = assembled(*events)
    rule_of = {id(observed): rule for observed, rule in uses_of(only)}
    return [rule_of[id(observed)] for observed in events]


def within(at: float, method: str, code: int = 200) -> Observed:
    """Return the event of a request of the caller within the dialog."""
    return told(EventKind.ANSWERED if code < 300 else EventKind.FAILED, method, "a", "b", at, code)


# dialogs


def test_the_answer_starts_a_call_and_the_bye_stops_it() -> None:
    assert rules(invite("a", "b", 0), bye("a", "b", 42)) == [Rule.START, Rule.STOP]


def test_a_later_answer_is_a_reinvite() -> None:
    assert rules(invite("a", "b", 0), invite("a", "b", 20), bye("a", "b", 42))[1] is Rule.REINVITE


def test_a_reinvite_of_the_callee_is_one_at_any_time() -> None:
    assert rules(invite("a", "b", 0), invite("b", "a", 1), bye("a", "b", 42))[1] is Rule.REINVITE


def test_the_answer_seen_by_another_proxy_is_the_same_event() -> None:
    assert rules(invite("a", "b", 0), invite("a", "b", 1, proxy="q")) == [Rule.START, Rule.SAME]


def test_the_most_precise_report_of_the_answer_is_the_start() -> None:
    precise = invite("a", "b", 0.5, precision=MILLISECOND, backend=Backend.EVENTS)
    assert rules(invite("a", "b", 0), precise) == [Rule.SAME, Rule.START]


def test_a_failed_reinvite_is_an_event_within_the_dialog() -> None:
    assert rules(invite("a", "b", 0), within(20, "INVITE", 488))[1] is Rule.REINVITE


def test_another_request_is_an_event_within_the_dialog() -> None:
    assert rules(invite("a", "b", 0), within(20, "UPDATE"), bye("a", "b", 42))[1] is Rule.IN_DIALOG


def test_a_request_that_found_no_dialog_is_an_event_within_it() -> None:
    assert rules(invite("a", "b", 0), within(20, "UPDATE", 481))[1] is Rule.IN_DIALOG


@pytest.mark.parametrize("at", [41, 43, 44])
def test_the_stop_seen_by_another_proxy_is_the_same_event(at: float) -> None:
    uses = rules(invite("a", "b", 0), bye("a", "b", 42), bye("a", "b", at, proxy="q"))
    assert sorted(uses[1:]) == [Rule.SAME, Rule.STOP]


def test_a_bye_of_the_other_side_is_an_extra_stop() -> None:
    assert rules(invite("a", "b", 0), bye("a", "b", 42), bye("b", "a", 42.5))[1:] == [Rule.STOP, Rule.EXTRA_STOP]


def test_a_bye_much_later_is_an_extra_stop() -> None:
    assert rules(invite("a", "b", 0), bye("a", "b", 42), bye("a", "b", 52))[1:] == [Rule.STOP, Rule.EXTRA_STOP]


def test_the_ack_starts_a_call_whose_answer_is_missing() -> None:
    assert rules(ack("a", "b", 0), bye("a", "b", 42)) == [Rule.START, Rule.STOP]


def test_the_ack_of_a_known_answer_is_an_ack() -> None:
    assert rules(invite("a", "b", 0), ack("a", "b", 1), bye("a", "b", 42))[1] is Rule.ACK


def test_the_record_of_the_dialog_is_a_record() -> None:
    assert rules(invite("a", "b", 0), bye("a", "b", 42), cdr(0, 42, "a", "b"))[2] is Rule.CDR


def test_ringing_before_the_answer_is_early_media() -> None:
    assert rules(early("a", "b", 0), invite("a", "b", 5)) == [Rule.EARLY, Rule.START]


def test_a_failed_branch_of_an_answered_call_is_an_attempt() -> None:
    assert rules(missed("a", "x", 0, 486), invite("a", "b", 5)) == [Rule.ATTEMPT, Rule.START]


def test_an_answered_call_has_no_final_failure() -> None:
    assert rules(invite("a", "", 0, 407), invite("a", "b", 5)) == [Rule.ATTEMPT, Rule.START]


# calls without an answer


def test_the_response_sent_upstream_is_the_final_one() -> None:
    assert rules(missed("a", "x", 4, 486), invite("a", "x", 5, 486)) == [Rule.ATTEMPT, Rule.FINAL]


def test_the_final_response_seen_by_another_proxy_is_the_same_event() -> None:
    assert sorted(rules(invite("a", "x", 5, 486), invite("a", "x", 6, 486, proxy="q"))) == [Rule.FINAL, Rule.SAME]


def test_the_final_response_through_another_backend_is_the_same_event() -> None:
    uses = rules(invite("a", "x", 5, 486), invite("a", "x", 5, 486, backend=Backend.SQL))
    assert sorted(uses) == [Rule.FINAL, Rule.SAME]


def test_a_failed_branch_seen_by_another_proxy_is_the_same_event() -> None:
    uses = rules(missed("a", "x", 0, 486), missed("a", "x", 1, 486, proxy="q"), invite("a", "y", 9, 480))
    assert uses == [Rule.ATTEMPT, Rule.SAME, Rule.FINAL]


def test_failures_of_one_proxy_are_attempts_of_their_own() -> None:
    uses = rules(missed("a", "x", 0, 486), missed("a", "x", 1, 486), invite("a", "y", 9, 480))
    assert uses == [Rule.ATTEMPT, Rule.ATTEMPT, Rule.FINAL]


def test_a_branch_that_failed_much_later_is_an_attempt_of_its_own() -> None:
    uses = rules(missed("a", "x", 0, 486), missed("a", "x", 5, 486, proxy="q"), invite("a", "y", 9, 480))
    assert uses == [Rule.ATTEMPT, Rule.ATTEMPT, Rule.FINAL]


def test_a_cancel_is_a_cancel() -> None:
    assert rules(cancel("a", 5), invite("a", "x", 5, 487)) == [Rule.CANCEL, Rule.FINAL]


def test_a_record_made_by_the_script_is_manual() -> None:
    assert rules(told(EventKind.MANUAL, "INVITE", "a", "", 0, 0), invite("a", "x", 5, 486))[0] is Rule.MANUAL


def test_the_record_of_a_failed_try_of_an_answered_call_is_a_record() -> None:
    assert rules(cdr(0, 0, "a", ""), invite("a", "b", 5))[0] is Rule.CDR


# every event


kinds_of_event = st.sampled_from(
    [
        invite("a", "b", 0),
        invite("a", "b", 1, proxy="q"),
        invite("b", "a", 9),
        invite("a", "", 0, 407),
        invite("a", "x", 3, 486),
        missed("a", "x", 2, 486),
        missed("a", "x", 2, 486, proxy="q"),
        early("a", "b", 0),
        ack("a", "b", 1),
        cancel("a", 2),
        bye("a", "b", 42),
        bye("a", "b", 43, proxy="q"),
        bye("b", "a", 44),
        cdr(0, 42, "a", "b"),
        cdr(0, 0, "a", ""),
        told(EventKind.MANUAL, "INVITE", "a", "", 0, 0),
        within(20, "UPDATE"),
        within(21, "UPDATE", 481),
    ]
)


@given(st.lists(kinds_of_event, unique_by=id, min_size=1))
def test_every_event_of_a_call_is_used_exactly_once(events: list[Observed]) -> None:
    for call in assembled(*events):
        used = sorted(id(observed) for observed, _ in uses_of(call))
        assert used == sorted(map(id, call.case.everything()))


@given(st.lists(kinds_of_event, unique_by=id, min_size=1))
def test_a_call_has_one_start_one_stop_and_one_final_response_at_most(events: list[Observed]) -> None:
    for call in assembled(*events):
        uses = [rule for _, rule in uses_of(call)]
        assert max(uses.count(rule) for rule in (Rule.START, Rule.STOP, Rule.FINAL)) <= 1


def test_the_order_of_arrival_does_not_change_the_rules() -> None:
    events = [invite("a", "b", 0), invite("a", "b", 1, proxy="q"), bye("a", "b", 42), bye("b", "a", 43)]
    expected = dict(zip(map(id, events), rules(*events), strict=True))
    for order in permutations(events):
        assert dict(zip(map(id, order), rules(*order), strict=True)) == expected
