"""The events of one Call-ID, grouped into the cases that become calls."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.case import Case, GroupedEvents, group_events, is_failed_cdr, pair_of
from cdr.correlation.evidence import canonical
from cdr.correlation.record import Observed, Rule
from cdr.events import EventKind
from tests.cdr.correlation.telling import POLICIES, ack, bye, cancel, cdr, early, invite, missed, told


def grouped(*events: Observed) -> GroupedEvents:
    return group_events(sorted(events, key=canonical), POLICIES)


def only(*events: Observed) -> Case:
    (case,) = grouped(*events).cases
    return case


def test_a_dialog_is_named_by_its_tags_in_either_order() -> None:
    assert pair_of(bye("a", "b", 0).event) == pair_of(bye("b", "a", 0).event) == ("a", "b")


def test_start_and_stop_of_either_side_are_one_dialog() -> None:
    for sender, receiver in (("a", "b"), ("b", "a")):
        case = only(invite("a", "b", 0), bye(sender, receiver, 42))
        assert (case.pair, case.caller_tag, len(case.starts), len(case.stops)) == (("a", "b"), "a", 1, 1)


def test_two_phones_that_answer_make_two_dialogs() -> None:
    cases = grouped(invite("a", "b", 0), invite("a", "c", 1), bye("a", "b", 5)).cases
    assert sorted((case.pair, len(case.stops)) for case in cases) == [(("a", "b"), 1), (("a", "c"), 0)]


def test_failed_branches_belong_to_the_dialog_that_was_answered() -> None:
    case = only(missed("a", "x", 0, 486), early("a", "b", 1), invite("a", "b", 2))
    assert (len(case.failures), len(case.early), len(case.starts)) == (1, 1, 1)


def test_without_answer_the_tries_of_a_caller_are_one_attempt() -> None:
    case = only(invite("a", "x", 0, 407), invite("a", "y", 1, 486), cancel("a", 2))
    assert (case.pair, case.caller_tag, len(case.failures), len(case.cancels)) == (None, "a", 2, 1)


def test_tries_of_different_callers_are_different_attempts() -> None:
    cases = grouped(invite("a", "x", 0, 486), invite("z", "x", 1, 486)).cases
    assert sorted(case.caller_tag or "" for case in cases) == ["a", "z"]


def test_a_bye_with_a_missing_tag_ends_the_only_dialog_that_it_can_mean() -> None:
    assert len(only(invite("a", "b", 0), bye("a", "", 42)).stops) == 1


def test_a_bye_with_a_missing_tag_that_may_mean_two_dialogs_ends_neither() -> None:
    cases = grouped(invite("a", "b", 0), invite("a", "c", 0), bye("a", "", 42)).cases
    assert len(cases) == 3
    assert [len(case.stops) for case in cases if case.starts] == [0, 0]


def test_a_bye_that_the_script_accounts_is_a_stop() -> None:
    assert len(only(invite("a", "b", 0), told(EventKind.MANUAL, "BYE", "a", "b", 42)).stops) == 1


@pytest.mark.parametrize("code", [408, 481])
def test_a_request_that_found_nobody_does_not_show_that_the_dialog_exists(code: int) -> None:
    case = only(invite("a", "b", 0), told(EventKind.FAILED, "UPDATE", "a", "b", 42, code))
    assert (len(case.alive), len(case.inconclusive)) == (0, 1)


def test_a_refused_request_still_shows_that_the_dialog_exists() -> None:
    case = only(invite("a", "b", 0), told(EventKind.FAILED, "UPDATE", "a", "b", 42, 488))
    assert (len(case.alive), len(case.inconclusive)) == (1, 0)


def test_a_challenge_with_the_later_to_tag_stays_a_failed_try() -> None:
    case = only(invite("a", "b", 0, 407), invite("a", "b", 1))
    assert (len(case.failures), len(case.alive)) == (1, 0)


def test_the_caller_of_a_dialog_known_by_a_bye_is_unknown() -> None:
    assert only(bye("b", "a", 42)).caller_tag is None


def test_the_caller_is_known_where_the_proxy_writes_the_tags_in_order() -> None:
    assert only(bye("b", "a", 42, proxy="directed")).caller_tag == "b"


def test_the_caller_of_a_dialog_known_by_a_bye_is_who_tried_before() -> None:
    assert only(missed("a", "x", 0, 486), bye("b", "a", 42)).caller_tag == "a"


def test_an_ack_to_a_failure_makes_no_dialog() -> None:
    found = grouped(ack("a", "b", 0, code=486))
    assert (found.cases, [rule for _, rule in found.unused]) == ([], [Rule.NO_DIALOG])


def test_a_message_outside_of_calls_is_used_for_no_call() -> None:
    found = grouped(told(EventKind.ANSWERED, "MESSAGE", "a", "", 0))
    assert (found.cases, [rule for _, rule in found.unused]) == ([], [Rule.NO_CALL])


def test_a_record_of_the_script_alone_is_no_call() -> None:
    found = grouped(told(EventKind.MANUAL, "INVITE", "a", "", 0, 0))
    assert (found.cases, [rule for _, rule in found.unused]) == ([], [Rule.MANUAL])


def test_a_request_of_a_caller_with_an_attempt_is_its_side_event() -> None:
    case = only(invite("a", "x", 0, 486), told(EventKind.ANSWERED, "MESSAGE", "a", "", 1))
    assert len(case.side_events) == 1


# --- the proxies' own records


def test_a_record_of_no_length_without_a_2xx_is_of_a_failed_invite() -> None:
    assert is_failed_cdr(cdr(0, 0).event)
    assert not is_failed_cdr(cdr(0, 0, code=200).event)
    assert not is_failed_cdr(cdr(0, 1).event)


def test_a_record_without_tags_joins_the_dialog_that_it_fits() -> None:
    case = only(invite("a", "b", 5), bye("a", "b", 47), cdr(0, 47))
    assert len(case.cdrs) == 1


def test_a_record_that_begins_after_the_answer_is_a_call_of_its_own() -> None:
    cases = grouped(invite("a", "b", 0), bye("a", "b", 42), cdr(100, 10)).cases
    assert sorted((len(case.starts), len(case.cdrs)) for case in cases) == [(0, 1), (1, 0)]


def test_two_dialogs_take_the_record_that_ends_with_them() -> None:
    events = [invite("a", "b", 0), bye("a", "b", 10), invite("a", "c", 0), bye("a", "c", 60)]
    cases = grouped(*events, cdr(0, 60), cdr(0, 10)).cases
    assert len(cases) == 2
    for case in cases:
        (record,) = case.cdrs
        assert record.event.ended_at == case.stops[0].event.time


def test_records_of_two_backends_about_one_dialog_are_taken_together() -> None:
    case = only(invite("a", "b", 0), bye("a", "b", 42), cdr(0, 42), cdr(0, 42, proxy="q"))
    assert len(case.cdrs) == 2


def test_the_record_of_a_challenged_try_tells_nothing_of_the_dialog() -> None:
    case = only(invite("a", "b", 0, 407), invite("a", "b", 1), bye("a", "b", 42), cdr(0, 0))
    assert (len(case.cdrs), len(case.side_events)) == (0, 1)


# --- promises about all events

TAGS = st.sampled_from(["a", "b", "c", ""])
EVENTS = st.one_of(
    st.builds(invite, TAGS, TAGS, st.integers(0, 90), st.sampled_from([200, 407, 486])),
    st.builds(missed, TAGS, TAGS, st.integers(0, 90), st.sampled_from([408, 486])),
    st.builds(early, TAGS, TAGS, st.integers(0, 90)),
    st.builds(ack, TAGS, TAGS, st.integers(0, 90)),
    st.builds(bye, TAGS, TAGS, st.integers(0, 90), st.sampled_from([200, 481])),
    st.builds(cancel, TAGS, st.integers(0, 90)),
    st.builds(cdr, st.integers(0, 90), st.integers(0, 90), TAGS, TAGS),
)


@given(st.lists(EVENTS, max_size=8, unique_by=canonical))
def test_every_event_is_in_one_case_or_unused(events: list[Observed]) -> None:
    found = grouped(*events)
    placed = [observed for case in found.cases for observed in case.everything()]
    placed += [observed for observed, _ in found.unused]
    assert sorted(map(canonical, placed)) == sorted(map(canonical, events))


@given(st.lists(EVENTS, max_size=8, unique_by=canonical))
def test_no_two_cases_are_the_same_dialog(events: list[Observed]) -> None:
    pairs = [case.pair for case in grouped(*events).cases if case.is_dialog]
    assert len(pairs) == len(set(pairs))


def test_the_order_of_equal_times_does_not_matter() -> None:
    events = [invite("a", "b", 0), invite("a", "c", 0), bye("a", "b", 0), cancel("a", 0)]
    shapes = {
        tuple(sorted((case.pair or (), len(case.starts), len(case.stops)) for case in grouped(*order).cases))
        for order in permutations(events)
    }
    assert len(shapes) == 1
