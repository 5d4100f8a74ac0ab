"""The call record of one case: its times, its tags, its failed branches and the response that it ended with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.assemble import Assembled, assemble, attempts_of, is_among
from cdr.correlation.case import Case
from cdr.correlation.record import CallState, DurationKind, Flag, Observed, Outcome, ReleasedBy
from cdr.events import MILLISECOND
from proxyconf.vocabulary.layout import Backend
from tests.cdr.correlation.telling import (
    EVENING,
    POLICIES,
    ack,
    after,
    bye,
    cancel,
    cdr,
    early,
    invite,
    missed,
)


def of(case: Case, *, forked: bool = False) -> Assembled:
    return assemble("east", case, POLICIES, EVENING, forked=forked)


def dialog(**events: list[Observed]) -> Case:
    """Return the case of a dialog that ``a`` opened to ``b``."""
    return Case(pair=("a", "b"), caller_tag="a", **events)


def attempt(**events: list[Observed]) -> Case:
    """Return the case of an attempt of ``a`` that nobody answered."""
    return Case(caller_tag="a", **events)


# dialogs


def test_a_call_has_the_cluster_that_it_is_assembled_for() -> None:
    assert of(dialog(starts=[invite("a", "b", 0)])).call.cluster == "east"


def test_a_dialog_with_both_ends_is_completed() -> None:
    call = of(dialog(starts=[invite("a", "b", 0)], stops=[bye("b", "a", 42)])).call
    assert (call.state, call.duration, call.released_by) == (
        CallState.COMPLETED,
        timedelta(seconds=42),
        ReleasedBy.CALLEE,
    )


def test_the_tags_of_a_dialog_are_those_of_its_caller_first() -> None:
    call = of(Case(pair=("a", "b"), caller_tag="b", starts=[invite("b", "a", 0)])).call
    assert (call.from_tag, call.to_tag) == ("b", "a")


def test_a_dialog_of_unknown_caller_has_the_tags_of_its_bye() -> None:
    call = of(Case(pair=("a", "b"), stops=[bye("b", "a", 42)])).call
    assert (call.from_tag, call.to_tag) == ("b", "a")
    assert Flag.DIRECTION_UNKNOWN in call.flags
    assert call.released_by is ReleasedBy.UNKNOWN


def test_the_anchor_of_a_dialog_does_not_depend_on_its_caller() -> None:
    known = of(dialog(stops=[bye("b", "a", 42)])).call.anchor
    assert of(Case(pair=("a", "b"), stops=[bye("b", "a", 42)])).call.anchor == known


def test_detect_direction_leaves_it_unknown_who_sent_the_bye() -> None:
    stop = bye("a", "b", 42, proxy="directed")
    assert of(dialog(starts=[invite("a", "b", 0)], stops=[stop])).call.released_by is ReleasedBy.UNKNOWN


def test_a_call_starts_with_its_first_sign_and_is_answered_with_its_start() -> None:
    call = of(
        dialog(starts=[invite("a", "b", 9)], early=[early("a", "b", 4)], failures=[missed("a", "x", 2, 486)])
    ).call
    assert (call.started_at, call.answered_at) == (after(2), after(9))


def test_a_call_starts_with_the_arrival_of_its_invite_where_the_proxy_reports_it() -> None:
    assert of(dialog(starts=[invite("a", "b", 9, created_at=after(1))])).call.started_at == after(1)


def test_a_bye_before_its_start_does_not_start_the_call() -> None:
    call = of(dialog(starts=[invite("a", "b", 60)], stops=[bye("a", "b", 10)])).call
    assert call.started_at == after(60)


def test_an_uncertain_time_does_not_start_the_call_where_another_is_certain() -> None:
    uncertain = early("a", "b", 0, flags=(Flag.AMBIGUOUS_TIME.value,))
    assert of(dialog(starts=[invite("a", "b", 9)], early=[uncertain])).call.started_at == after(9)


def test_the_reason_comes_from_a_report_that_carries_one() -> None:
    radius = invite("a", "b", 0, reason="", backend=Backend.RADIUS)
    assert of(dialog(starts=[radius, invite("a", "b", 1)])).call.sip_reason == "OK"


def test_proxies_backends_and_events_are_those_of_all_members() -> None:
    call = of(dialog(starts=[invite("a", "b", 0, proxy="q")], stops=[bye("a", "b", 42, backend=Backend.RADIUS)])).call
    assert (call.proxies, call.backends, call.events) == (("p", "q"), ("radius", "syslog"), 2)


def test_early_media_is_flagged() -> None:
    assert of(dialog(starts=[invite("a", "b", 5)], early=[early("a", "b", 0)])).call.flags == (Flag.EARLY_MEDIA,)


def test_a_fork_is_flagged() -> None:
    assert of(dialog(starts=[invite("a", "b", 5)]), forked=True).call.flags == (Flag.FORKED,)


def test_the_flags_of_the_events_that_fields_are_read_from_are_the_calls() -> None:
    start = invite("a", "b", 0, flags=(Flag.TRUNCATED.value,))
    assert Flag.TRUNCATED in of(dialog(starts=[start], stops=[bye("a", "b", 42)])).call.flags


def test_a_start_known_from_its_ack_alone_is_flagged() -> None:
    assembled = of(dialog(acks=[ack("a", "b", 1)], stops=[bye("a", "b", 42)]))
    assert Flag.ACK_START in assembled.call.flags
    assert assembled.start is assembled.case.acks[0]


# calls without an answer


def test_a_call_that_only_rang_is_in_setup() -> None:
    call = of(attempt(early=[early("a", "x", 0)])).call
    assert (call.state, call.outcome, call.duration, call.duration_kind) == (
        CallState.SETUP,
        None,
        None,
        DurationKind.UNKNOWN,
    )


@pytest.mark.parametrize(("code", "outcome"), [(486, Outcome.BUSY), (404, Outcome.NOT_FOUND), (603, Outcome.DECLINED)])
def test_the_final_response_gives_the_outcome(code: int, outcome: Outcome) -> None:
    call = of(attempt(failures=[invite("a", "x", 5, code)])).call
    assert (call.state, call.outcome, call.sip_code) == (CallState.UNANSWERED, outcome, code)


def test_a_call_that_nobody_answered_lasted_no_time() -> None:
    call = of(attempt(early=[early("a", "x", 0)], failures=[invite("a", "x", 5, 486)])).call
    assert (call.duration, call.started_at, call.ended_at) == (timedelta(0), after(0), after(5))


def test_a_cancelled_call_was_released_by_its_caller_whatever_the_response() -> None:
    call = of(attempt(cancels=[cancel("a", 4)], failures=[invite("a", "x", 5, 486)])).call
    assert (call.outcome, call.released_by, call.sip_code) == (Outcome.CANCELLED, ReleasedBy.CALLER, 486)


def test_a_cancelled_call_without_a_response_ended_with_the_cancel() -> None:
    call = of(attempt(cancels=[cancel("a", 4)])).call
    assert (call.ended_at, call.sip_code) == (after(4), None)


def test_a_failed_record_alone_makes_a_failed_call() -> None:
    call = of(attempt(cdrs=[cdr(3, 0, "a", "x")])).call
    assert (call.state, call.outcome, call.ended_at) == (CallState.UNANSWERED, Outcome.FAILED, after(3))


def test_the_response_sent_upstream_prevails_over_a_later_branch() -> None:
    assembled = of(attempt(failures=[invite("a", "x", 5, 480), missed("a", "y", 9, 486)]))
    assert assembled.call.sip_code == 480


def test_without_a_response_upstream_the_last_branch_prevails() -> None:
    assert of(attempt(failures=[missed("a", "x", 5, 480), missed("a", "y", 9, 486)])).call.sip_code == 486


def test_of_failures_in_one_second_the_challenge_is_not_the_last() -> None:
    assert of(attempt(failures=[invite("a", "x", 5, 407), invite("a", "z", 5, 404)])).call.sip_code == 404


def test_the_final_response_is_taken_from_its_most_precise_report() -> None:
    precise = invite("a", "x", 5.25, 486, precision=MILLISECOND)
    assert of(attempt(failures=[invite("a", "x", 5, 486, proxy="q"), precise])).call.ended_at == after(5.25)


def test_the_to_tag_of_a_failed_call_is_that_of_its_final_response() -> None:
    call = of(attempt(failures=[missed("a", "y", 2, 480), invite("a", "x", 5, 486)])).call
    assert call.to_tag == "x"


def test_records_without_tags_have_an_anchor_of_their_content() -> None:
    first, again, other = (of(Case(cdrs=[cdr(at, 42)])).call.anchor for at in (0, 0, 1))
    assert first == again != other


# failed branches


def test_each_missed_branch_is_an_attempt() -> None:
    failures = [missed("a", "x", 1, 486), missed("a", "y", 2, 480), invite("a", "y", 2, 480)]
    assert [(branch.code, branch.to_tag) for branch in attempts_of(failures, POLICIES)] == [(486, "x"), (480, "y")]


def test_without_missed_events_the_failed_ones_are_the_attempts() -> None:
    assert [branch.code for branch in attempts_of([invite("a", "x", 1, 404)], POLICIES)] == [404]


@pytest.mark.parametrize(
    ("other", "count"),
    [
        (missed("a", "x", 3, 486), 1),  # as late as the same failure may be reported
        (missed("a", "x", 3.5, 486), 2),
        (missed("a", "y", 1, 486), 2),
        (missed("a", "x", 1, 480), 2),
    ],
)
def test_a_failure_of_the_same_code_tag_and_moment_is_the_same_attempt(other: Observed, count: int) -> None:
    assert len(attempts_of([missed("a", "x", 1, 486), other], POLICIES)) == count


def test_an_attempt_takes_its_reason_from_another_report_of_its_code() -> None:
    failures = [missed("a", "x", 1, 486, reason=""), invite("a", "x", 9, 486)]
    assert attempts_of(failures, POLICIES)[0].reason == "Busy Here"


def test_an_attempt_without_any_reason_has_an_empty_one() -> None:
    assert attempts_of([missed("a", "x", 1, 480)], POLICIES)[0].reason == ""


branches = st.builds(
    missed, st.just("a"), st.sampled_from("xyz"), st.integers(0, 9), st.sampled_from([404, 480, 486, 503])
)


@given(st.lists(branches))
def test_every_failed_branch_is_part_of_an_attempt(failures: list[Observed]) -> None:
    failures.sort(key=lambda observed: observed.event.time)
    attempts = attempts_of(failures, POLICIES)
    assert {(branch.code, branch.to_tag) for branch in attempts} == {
        (failure.event.code, failure.event.to_tag) for failure in failures
    }
    assert [branch.time for branch in attempts] == sorted(branch.time for branch in attempts)


def test_an_equal_event_is_not_the_event_itself() -> None:
    first, second = invite("a", "b", 0), invite("a", "b", 0)
    assert first == second
    assert not is_among(first, [second])
    assert is_among(first, [second, first])
