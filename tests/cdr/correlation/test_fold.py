"""The rules by which events become calls."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from cdr.correlation.outcome import outcome_of
from cdr.correlation.record import CallState, DurationKind, Flag, Observed, Outcome, ReleasedBy, Rule
from cdr.events import MICROSECOND, MILLISECOND, EventKind
from proxyconf.vocabulary.layout import Backend
from tests.cdr.correlation.telling import (
    NOON,
    ack,
    after,
    bye,
    call,
    calls,
    cancel,
    cdr,
    early,
    folded,
    invite,
    missed,
    told,
)


def rules(*events: Observed) -> list[Rule]:
    return [use.rule for use in folded(*events).uses]


# 1. scope


def test_a_call_that_ends_on_another_proxy_of_the_cluster_is_one_call() -> None:
    only = call(invite("a", "b", 0, proxy="p"), bye("a", "b", 42, proxy="q"))
    assert only.state == CallState.COMPLETED
    assert only.proxies == ("p", "q")


def test_a_call_seen_by_two_proxies_on_its_path_is_one_call() -> None:
    only = call(*(event for p in ("p", "q") for event in (invite("a", "b", 0, proxy=p), bye("a", "b", 42, proxy=p))))
    assert only.duration == timedelta(seconds=42)
    assert only.events == 4
    assert not only.flags


def test_proxies_of_different_clusters_share_no_call() -> None:
    assert len(calls(invite("a", "b", 0, proxy="p"), bye("a", "b", 42, proxy="elsewhere"))) == 2


def test_call_ids_that_differ_in_case_are_different_calls() -> None:
    assert len(calls(invite("a", "b", 0, call_id="X"), bye("a", "b", 42, call_id="x"))) == 2


# 2. the dialog


@pytest.mark.parametrize(("ends", "released_by"), [(("a", "b"), ReleasedBy.CALLER), (("b", "a"), ReleasedBy.CALLEE)])
def test_the_bye_of_either_side_ends_the_call(ends: tuple[str, str], released_by: ReleasedBy) -> None:
    only = call(invite("a", "b", 0), bye(*ends, at=42))
    assert (only.from_tag, only.to_tag) == ("a", "b")
    assert (only.state, only.duration, only.released_by) == (CallState.COMPLETED, timedelta(seconds=42), released_by)


def test_detect_direction_hides_who_hung_up() -> None:
    only = call(invite("a", "b", 0, proxy="directed"), bye("a", "b", 42, proxy="directed"))
    assert only.released_by == ReleasedBy.UNKNOWN


# 3. START


@pytest.mark.parametrize("tags", [("a", "b"), ("b", "a")])
def test_a_later_invite_of_the_pair_is_a_reinvite_and_changes_nothing(tags: tuple[str, str]) -> None:
    events = [invite("a", "b", 0), invite(*tags, at=20), bye("b", "a", 42)]
    for order in permutations(events):
        only = call(*order)
        assert (only.answered_at, only.from_tag, only.duration) == (NOON, "a", timedelta(seconds=42))
    assert rules(*events) == [Rule.START, Rule.REINVITE, Rule.STOP]


def test_an_ack_is_a_start_only_if_the_invites_event_is_absent() -> None:
    assert call(invite("a", "b", 0), ack("a", "b", 1), bye("a", "b", 42)).duration == timedelta(seconds=42)
    only = call(ack("a", "b", 1), bye("a", "b", 42))
    assert (only.answered_at, only.flags) == (after(1), (Flag.ACK_START,))


def test_of_two_invites_in_the_first_second_the_one_of_the_known_caller_is_the_start() -> None:
    events = [invite("x", "b", 0), invite("b", "x", 0), early("x", "b", -3)]
    assert call(*events).from_tag == "x"


# 4. STOP


@pytest.mark.parametrize("code", [200, 408, 481, 500])
def test_a_bye_ends_the_call_whatever_its_reply(code: int) -> None:
    assert call(invite("a", "b", 0), bye("a", "b", 42, code)).ended_at == after(42)


def test_a_second_bye_changes_nothing_but_is_flagged() -> None:
    only = call(invite("a", "b", 0), bye("a", "b", 42), bye("b", "a", 60))
    assert (only.duration, only.released_by) == (timedelta(seconds=42), ReleasedBy.CALLER)
    assert only.flags == (Flag.DUPLICATE_STOP,)


def test_a_bye_with_a_tag_missing_ends_the_only_dialog_it_can_mean() -> None:
    assert call(invite("a", "b", 0), bye("a", "", 42)).state == CallState.COMPLETED


@pytest.mark.parametrize("code", [200, 408, 481, 0])
def test_a_bye_that_the_script_accounts_is_a_stop(code: int) -> None:
    stop = told(EventKind.MANUAL, "BYE", "b", "a", 7200, code)
    for order in permutations([invite("a", "b", 0), stop]):
        assert (call(*order).state, call(*order).duration) == (CallState.COMPLETED, timedelta(hours=2))


# 5. early media


def test_early_media_is_no_answer() -> None:
    only = call(early("a", "b", 0))
    assert (only.state, only.outcome, only.answered_at) == (CallState.SETUP, None, None)


def test_the_call_begins_with_its_early_media_and_is_answered_by_the_200() -> None:
    only = call(early("a", "x", 0), invite("a", "b", 5), bye("a", "b", 42))
    assert (only.started_at, only.answered_at, only.flags) == (NOON, after(5), (Flag.EARLY_MEDIA,))


def test_an_answer_written_with_the_time_of_its_early_media_may_hold_the_ringing() -> None:
    events = [early("a", "b", 0, proxy="opensips"), invite("a", "b", 0, proxy="opensips")]
    only = call(*events, bye("a", "b", 42, proxy="opensips"))
    assert only.duration_kind == DurationKind.AT_MOST
    assert Flag.RINGING_INCLUDED in only.flags


def ringing(at: float, **more: Any) -> Observed:
    """Return the 200 that an OpenSIPS event interface writes with the time of the 183 at 0."""
    return invite("a", "b", at, proxy="opensips", backend=Backend.EVENTS, **more)


def test_the_answer_that_has_its_own_time_is_believed_before_one_with_that_of_the_early_media() -> None:
    result = folded(
        early("a", "b", 0, proxy="opensips", backend=Backend.EVENTS),
        ringing(0),
        invite("a", "b", 4, proxy="opensips", backend=Backend.SQL),
        bye("a", "b", 6, proxy="opensips"),
    )
    (only,) = result.calls
    assert (only.answered_at, only.duration) == (after(4), timedelta(seconds=2))
    assert (only.duration_kind, only.flags) == (DurationKind.MEASURED, (Flag.EARLY_MEDIA,))
    assert [use.rule for use in result.uses] == [Rule.EARLY, Rule.SAME, Rule.START, Rule.STOP]


def test_a_re_invite_is_no_answer_with_a_better_time() -> None:
    opening = (early("a", "b", 0, proxy="opensips", backend=Backend.EVENTS), ringing(0), ringing(9))
    (only,) = folded(*opening, bye("a", "b", 42, proxy="opensips")).calls
    assert (only.answered_at, only.duration_kind) == (NOON, DurationKind.AT_MOST)


def test_a_dialog_record_written_with_the_time_of_its_early_media_may_hold_the_ringing() -> None:
    events = [early("a", "b", 0, proxy="opensips"), cdr(0, 3.511, "a", "b", 200, proxy="opensips")]
    only = call(*events)
    assert (only.duration, only.duration_kind) == (timedelta(seconds=3.511), DurationKind.AT_MOST)
    assert Flag.RINGING_INCLUDED in only.flags


def test_a_dialog_record_with_a_time_of_its_own_is_measured() -> None:
    only = call(early("a", "b", 0, proxy="opensips"), cdr(2, 3.511, "a", "b", 200, proxy="opensips"))
    assert (only.duration, only.duration_kind) == (timedelta(seconds=3.511), DurationKind.MEASURED)


def test_an_answer_seen_elsewhere_corrects_a_dialog_record_with_the_time_of_its_early_media() -> None:
    only = call(
        early("a", "b", 0, proxy="opensips"),
        cdr(0, 3.5, "a", "b", 200, proxy="opensips"),
        invite("a", "b", 1.5),
    )
    assert (only.answered_at, only.duration) == (after(1.5), timedelta(seconds=2))
    assert only.duration_kind == DurationKind.MEASURED


# 6. attempts


def test_failed_branches_of_an_answered_call_are_its_attempts() -> None:
    only = call(missed("a", "x", 0, 486), missed("a", "", 5, 408), invite("a", "b", 9), bye("a", "b", 42))
    assert [(attempt.code, attempt.to_tag) for attempt in only.attempts] == [(486, "x"), (408, "")]
    assert (only.started_at, only.answered_at, only.outcome) == (NOON, after(9), Outcome.ANSWERED)


def test_failed_branches_without_an_answer_are_one_call_with_the_code_that_went_upstream() -> None:
    only = call(missed("a", "x", 0, 486), missed("a", "y", 9, 503), invite("a", "", 9, 500))
    assert (only.state, only.outcome, only.sip_code) == (CallState.UNANSWERED, Outcome.FAILED, 500)
    assert [attempt.code for attempt in only.attempts] == [486, 503]


def test_without_the_failed_event_the_last_branch_tells_the_code() -> None:
    only = call(missed("a", "x", 0, 486), missed("a", "y", 9, 404))
    assert (only.sip_code, only.outcome, only.ended_at) == (404, Outcome.NOT_FOUND, after(9))


def test_a_failed_event_alone_is_an_attempt_too() -> None:
    only = call(invite("a", "x", 0, 486))
    assert (only.sip_code, only.sip_reason, only.outcome) == (486, "Busy Here", Outcome.BUSY)
    assert [(attempt.code, attempt.to_tag) for attempt in only.attempts] == [(486, "x")]


def test_a_challenge_and_the_next_invite_are_one_call() -> None:
    only = call(invite("a", "x", 0, 407), invite("a", "b", 1), bye("a", "b", 42))
    assert (only.outcome, only.answered_at) == (Outcome.ANSWERED, after(1))


def test_a_challenge_and_a_failure_of_the_same_second_end_in_the_failure() -> None:
    assert call(invite("a", "x", 0, 407), invite("a", "y", 0, 404)).sip_code == 404


def test_a_missed_flag_armed_again_without_a_branch_gives_no_second_attempt() -> None:
    only = call(missed("a", "x", 0, 486), missed("a", "x", 0, 486, position=2), invite("a", "x", 0, 486))
    assert len(only.attempts) == 1


def test_two_timeouts_without_to_tag_are_two_attempts() -> None:
    assert len(call(missed("a", "", 0, 408), missed("a", "", 10, 408)).attempts) == 2


def test_a_failed_reinvite_is_no_attempt() -> None:
    only = call(invite("a", "b", 0), invite("b", "a", 20, 488), bye("a", "b", 42))
    assert (only.attempts, only.duration) == ((), timedelta(seconds=42))


def test_a_cancelled_reinvite_of_the_callee_is_no_call() -> None:
    only = call(invite("a", "b", 0), cancel("b", 20), bye("a", "b", 42))
    assert only.state == CallState.COMPLETED


# 7. CANCEL


def test_cancel_without_an_answer_is_the_outcome() -> None:
    only = call(missed("a", "x", 5, 408), cancel("a", 5), invite("a", "x", 5, 487))
    assert (only.outcome, only.sip_code, only.released_by) == (Outcome.CANCELLED, 487, ReleasedBy.CALLER)


def test_cancel_that_crosses_the_200_ends_nothing() -> None:
    only = call(invite("a", "b", 0), cancel("a", 0), bye("a", "b", 42))
    assert (only.outcome, only.duration) == (Outcome.ANSWERED, timedelta(seconds=42))


# 8. forking


def test_several_answers_of_a_forked_invite_are_several_calls() -> None:
    first, second = calls(
        invite("a", "b", 0), invite("a", "c", 1), bye("a", "c", 2), bye("b", "a", 42), missed("a", "x", -1, 486)
    )
    assert (first.duration, second.duration) == (timedelta(seconds=42), timedelta(seconds=1))
    assert first.flags == second.flags == (Flag.FORKED,)
    assert (len(first.attempts), len(second.attempts)) == (1, 0)


def test_the_bye_of_a_losing_fork_whose_answer_was_not_accounted_is_a_call_without_start() -> None:
    won, lost = calls(invite("a", "b", 0), bye("a", "c", 1), bye("b", "a", 42))
    assert (won.state, lost.state) == (CallState.COMPLETED, CallState.START_MISSING)
    assert (lost.from_tag, lost.released_by, lost.flags) == ("a", ReleasedBy.CALLER, (Flag.FORKED,))


# 12. records of the proxy's own


def test_a_dialog_record_with_the_tags_is_evidence_for_the_same_call() -> None:
    record = cdr(0, 42.3, "a", "b", proxy="confirmed", precision=MILLISECOND, backend=Backend.SQL)
    only = call(invite("a", "b", 0, proxy="confirmed"), bye("a", "b", 42, proxy="confirmed"), record)
    assert (only.duration, only.released_by) == (timedelta(seconds=42.3), ReleasedBy.CALLER)


def test_a_dialog_record_with_the_call_id_alone_is_tied_by_its_times() -> None:
    records = [cdr(0.5, 42.3, proxy="confirmed", precision=MILLISECOND), cdr(0, 0, proxy="confirmed")]
    failed, answered = calls(
        invite("a", "b", 0, proxy="confirmed"), bye("b", "a", 42, proxy="confirmed"), invite("z", "", 1, 486), *records
    )
    assert (answered.duration, answered.events) == (timedelta(seconds=42.3), 3)
    assert (failed.outcome, failed.started_at, failed.events) == (Outcome.BUSY, NOON, 2)


def test_a_dialog_record_alone_is_a_complete_call() -> None:
    only = call(cdr(0, 42.3, proxy="confirmed", precision=MILLISECOND))
    assert (only.state, only.answered_at, only.duration) == (CallState.COMPLETED, NOON, timedelta(seconds=42.3))
    assert only.released_by == ReleasedBy.UNKNOWN


def test_a_dialog_record_that_begins_with_the_invite_bounds_the_duration() -> None:
    only = call(cdr(0, 42.3))
    assert (only.answered_at, only.duration_kind) == (None, DurationKind.AT_MOST)
    assert only.flags == (Flag.RINGING_INCLUDED,)


def test_a_failed_dialog_record_alone_is_an_unanswered_call() -> None:
    only = call(cdr(0, 0))
    assert (only.state, only.outcome, only.sip_code) == (CallState.UNANSWERED, Outcome.FAILED, None)


def test_a_dialog_record_of_two_backends_is_one_call() -> None:
    only = call(cdr(0.5, 42.3, precision=MILLISECOND), cdr(0, 42.3, backend=Backend.SQL))
    assert only.backends == ("sql", "syslog")


def test_opensips_record_is_a_whole_call_by_itself() -> None:
    only = call(cdr(0, 2.303, "a", "b", 200, proxy="opensips"))
    assert (only.state, only.answered_at, only.sip_code) == (CallState.COMPLETED, NOON, 200)
    assert only.duration == timedelta(seconds=2.303)


def test_a_record_without_call_id_shares_a_call_with_no_other() -> None:
    assert len(calls(cdr(0, 42, call_id=""), cdr(0, 43, call_id=""))) == 2


def test_a_record_that_ends_before_the_late_reply_to_its_bye_is_no_second_call() -> None:
    record = cdr(0.103, 60.098, proxy="confirmed", precision=MILLISECOND)
    events = [invite("a", "b", 0, proxy="confirmed"), bye("a", "b", 65, 408, proxy="confirmed"), record]
    for order in permutations(events):
        only = call(*order)
        assert (only.answered_at, only.ended_at) == (after(0.103), after(60.201))
        assert (only.duration, only.released_by) == (timedelta(seconds=60.098), ReleasedBy.CALLER)


def test_a_dialog_that_expired_after_its_bye_came_elsewhere_is_no_second_call() -> None:
    events = [invite("a", "b", 0), bye("b", "a", 300, proxy="q"), cdr(-9.9, 10810, precision=MILLISECOND)]
    for order in permutations(events):
        only = call(*order)
        assert (only.duration, only.duration_kind) == (timedelta(seconds=300), DurationKind.MEASURED)


def test_an_expired_record_without_start_is_bounded_by_the_bye() -> None:
    only = call(bye("b", "a", 300, proxy="q"), cdr(0, 10810))
    assert (only.duration, only.duration_kind) == (timedelta(seconds=300), DurationKind.AT_MOST)


def test_the_records_of_two_nodes_are_evidence_for_one_call() -> None:
    expired, ended = cdr(-9.9, 10810, precision=MILLISECOND), cdr(-9.9, 309.9, proxy="q", precision=MILLISECOND)
    assert call(invite("a", "b", 0), bye("b", "a", 300, proxy="q"), expired, ended).events == 4


def test_the_failed_record_of_a_challenged_try_is_evidence_for_the_answered_call() -> None:
    only = call(cdr(0, 0), invite("a", "x", 0, 407), invite("a", "b", 1), bye("a", "b", 42), cdr(0.5, 41.5))
    assert (only.events, only.duration) == (5, timedelta(seconds=41))


# 13. several backends


def test_one_event_through_several_backends_is_one_piece_of_evidence() -> None:
    start = [invite("a", "b", 0), invite("a", "b", 1, backend=Backend.SQL), invite("a", "b", 0, backend=Backend.RADIUS)]
    stop = [bye("b", "a", 42), bye("b", "a", 43, backend=Backend.SQL)]
    only = call(*start, *stop)
    assert (only.backends, only.duration, only.flags) == (("radius", "sql", "syslog"), timedelta(seconds=42), ())
    assert rules(*start, *stop).count(Rule.SAME) == 3


def test_a_failure_through_several_backends_is_told_once() -> None:
    sql = {"backend": Backend.SQL}
    events = [missed("a", "x", 0, 486), missed("a", "x", 0, 486, **sql)]
    events += [invite("a", "x", 0, 486), invite("a", "x", 1, 486, **sql)]
    assert sorted(rules(*events)) == [Rule.ATTEMPT, Rule.FINAL, Rule.SAME, Rule.SAME]


def test_the_backend_with_the_finest_clock_tells_the_times() -> None:
    fine = {"backend": Backend.SQL, "precision": MICROSECOND}
    only = call(invite("a", "b", 0), invite("a", "b", 0.25, **fine), bye("a", "b", 42), bye("a", "b", 42.75, **fine))
    assert (only.answered_at, only.duration) == (after(0.25), timedelta(seconds=42.5))


def test_extras_of_all_backends_are_kept() -> None:
    only = call(
        invite("a", "b", 0, extra=(("ua", "phone"), ("src_user", ""))),
        invite("a", "b", 0, extra=(("User-Name", "alice"), ("src_user", "alice")), backend=Backend.RADIUS),
    )
    assert dict(only.extra) == {"ua": "phone", "src_user": "alice", "User-Name": "alice"}
    assert (only.caller, only.user_agent) == ("alice", "phone")


# 14. everything else


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (told(EventKind.ANSWERED, "MESSAGE", "a", "", 0), Rule.NO_CALL),
        (told(EventKind.FAILED, "REGISTER", "a", "", 0, 403), Rule.NO_CALL),
        (told(EventKind.ANSWERED, "INFO", "a", "b", 0), Rule.NO_DIALOG),
        (told(EventKind.MANUAL, "INVITE", "a", "", 0, 0), Rule.MANUAL),
        (told(EventKind.ACK, "ACK", "a", "b", 0, 486), Rule.NO_DIALOG),
    ],
)
def test_an_event_of_no_call_has_a_stated_reason(event: Observed, rule: Rule) -> None:
    result = folded(event)
    assert result.calls == []
    assert [use.rule for use in result.uses] == [rule]


def test_requests_within_the_dialog_prove_it_alive() -> None:
    update = told(EventKind.ANSWERED, "UPDATE", "b", "a", 3600)
    assert call(invite("a", "b", 0), update, now=after(4 * 3600 + 1)).state == CallState.ONGOING


@pytest.mark.parametrize("kind", [EventKind.FAILED, EventKind.INTERIM])
def test_a_reinvite_that_found_nobody_proves_nothing(kind: EventKind) -> None:
    only = call(invite("a", "b", 0), told(kind, "INVITE", "a", "b", 3600, 408), now=after(4 * 3600 + 1))
    assert only.state == CallState.STOP_MISSING


def test_a_failure_accounted_by_hand_is_an_unanswered_call() -> None:
    only = call(told(EventKind.MANUAL, "INVITE", "a", "", 0, 404, reason="no such user"))
    assert (only.outcome, only.sip_reason) == (Outcome.NOT_FOUND, "no such user")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (200, Outcome.ANSWERED),
        (302, Outcome.REDIRECTED),
        (401, Outcome.UNAUTHORIZED),
        (404, Outcome.NOT_FOUND),
        (408, Outcome.NO_ANSWER),
        (480, Outcome.NO_ANSWER),
        (486, Outcome.BUSY),
        (487, Outcome.CANCELLED),
        (503, Outcome.FAILED),
        (600, Outcome.BUSY),
        (603, Outcome.DECLINED),
    ],
)
def test_the_final_code_tells_the_outcome(code: int, outcome: Outcome) -> None:
    assert outcome_of(code) == outcome
