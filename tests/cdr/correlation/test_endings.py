"""When a dialog was answered and ended: from START and STOP, from the proxy's own record, or from what is left."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.case import Case
from cdr.correlation.endings import Ending, ending_of
from cdr.correlation.evidence import pick_start
from cdr.correlation.record import CallState, DurationKind, Flag, Observed
from cdr.events import MICROSECOND, EventKind
from tests.cdr.correlation.telling import EVENING, NOON, POLICIES, ack, after, bye, cdr, early, invite, missed, told

FOUR_HOURS = 4 * 3600
"""The longest plausible call of the policies."""


def dialog(
    starts: tuple[Observed, ...] = (),
    stops: tuple[Observed, ...] = (),
    cdrs: tuple[Observed, ...] = (),
    **others: list[Observed],
) -> Case:
    return Case(pair=("a", "b"), caller_tag="a", starts=[*starts], stops=[*stops], cdrs=[*cdrs], **others)


def ending(case: Case, now: float = 8 * 3600) -> Ending:
    start = pick_start(case.starts or case.acks, case.early, POLICIES)
    return ending_of(case, start, POLICIES, after(now))


def lasted(case: Case, now: float = 8 * 3600) -> tuple[float | None, DurationKind]:
    found = ending(case, now)
    return found.duration and found.duration.total_seconds(), found.duration_kind


def test_a_call_lasts_from_start_to_stop() -> None:
    found = ending(dialog(starts=(invite("a", "b", 0),), stops=(bye("a", "b", 42),)))
    assert (found.state, found.answered_at, found.ended_at) == (CallState.COMPLETED, NOON, after(42))
    assert (found.duration, found.duration_kind) == (timedelta(seconds=42), DurationKind.MEASURED)


@given(st.integers(0, FOUR_HOURS - 1))
def test_every_plausible_duration_is_measured_without_a_flag(seconds: int) -> None:
    found = ending(dialog(starts=(invite("a", "b", 0),), stops=(bye("a", "b", seconds),)))
    assert (found.duration, found.flags) == (timedelta(seconds=seconds), ())


def test_a_stop_a_fraction_before_its_start_is_a_call_of_no_length() -> None:
    start, stop = invite("a", "b", 1), bye("a", "b", 0.5, precision=MICROSECOND)
    found = ending(dialog(starts=(start,), stops=(stop,)))
    assert (found.duration, found.duration_kind, found.flags) == (timedelta(0), DurationKind.MEASURED, ())


@given(st.integers(1, 10_000))
def test_a_stop_before_its_start_is_skew_and_gives_no_duration(seconds: int) -> None:
    found = ending(dialog(starts=(invite("a", "b", 0),), stops=(bye("a", "b", -seconds),)))
    assert (found.duration, found.duration_kind, found.flags) == (None, DurationKind.UNKNOWN, (Flag.CLOCK_SKEW,))


def test_the_first_of_several_byes_ends_the_call_and_is_flagged() -> None:
    found = ending(dialog(starts=(invite("a", "b", 0),), stops=(bye("a", "b", 42), bye("b", "a", 43))))
    assert (found.ended_at, found.flags) == (after(42), (Flag.DUPLICATE_STOP,))


def test_one_bye_reported_by_two_proxies_is_no_repetition() -> None:
    found = ending(dialog(starts=(invite("a", "b", 0),), stops=(bye("a", "b", 42), bye("a", "b", 42, proxy="q"))))
    assert found.flags == ()


def test_rows_of_one_bye_that_differ_in_their_leg_are_no_repetition() -> None:
    rows = tuple(bye("a", "b", 42, legs=((("src", name),),)) for name in ("x", "y"))
    assert ending(dialog(starts=(invite("a", "b", 0),), stops=rows)).flags == ()


def test_a_stop_after_the_longest_plausible_call_is_late() -> None:
    found = ending(dialog(starts=(invite("a", "b", 0),), stops=(bye("a", "b", FOUR_HOURS + 1),)))
    assert (found.state, found.flags) == (CallState.COMPLETED, (Flag.LATE_STOP,))


def test_a_sign_of_life_in_between_keeps_a_stop_from_being_late() -> None:
    update = told(EventKind.ANSWERED, "UPDATE", "a", "b", FOUR_HOURS - 10)
    case = dialog(starts=(invite("a", "b", 0),), stops=(bye("a", "b", FOUR_HOURS + 1),), alive=[update])
    assert ending(case).flags == ()


# --- without STOP


def test_a_call_without_stop_is_ongoing_and_says_when_its_stop_is_due() -> None:
    found = ending(dialog(starts=(invite("a", "b", 0),)), now=60)
    assert (found.state, found.stop_due_at, found.ended_at) == (CallState.ONGOING, after(FOUR_HOURS), None)


def test_at_the_moment_when_the_stop_is_due_the_call_is_still_ongoing() -> None:
    assert ending(dialog(starts=(invite("a", "b", 0),)), now=FOUR_HOURS).state is CallState.ONGOING


def test_a_call_whose_stop_is_overdue_has_no_stop_and_no_end() -> None:
    found = ending(dialog(starts=(invite("a", "b", 0),)), now=FOUR_HOURS + 1)
    assert (found.state, found.stop_due_at, found.ended_at, found.duration) == (
        CallState.STOP_MISSING,
        None,
        None,
        None,
    )


@given(st.integers(2, FOUR_HOURS))
def test_a_sign_of_life_gives_a_least_duration_and_puts_the_stop_off(seconds: int) -> None:
    update = told(EventKind.ANSWERED, "UPDATE", "a", "b", seconds)
    case = dialog(starts=(invite("a", "b", 0),), alive=[update])
    assert lasted(case) == (seconds - 1, DurationKind.AT_LEAST)  # the START is known to the second
    assert ending(case, now=seconds).stop_due_at == after(seconds + FOUR_HOURS)


def test_a_sign_of_life_with_an_ambiguous_time_proves_no_duration() -> None:
    update = told(EventKind.ANSWERED, "UPDATE", "a", "b", 3600, flags=(Flag.AMBIGUOUS_TIME,))
    assert lasted(dialog(starts=(invite("a", "b", 0),), alive=[update])) == (None, DurationKind.UNKNOWN)


def test_requests_that_got_no_answer_are_no_sign_of_life() -> None:
    gone = told(EventKind.FAILED, "UPDATE", "a", "b", 3600, 481)
    assert lasted(dialog(starts=(invite("a", "b", 0),), inconclusive=[gone])) == (None, DurationKind.UNKNOWN)


# --- without START


def test_a_bye_alone_gives_an_end_and_nothing_else() -> None:
    found = ending(dialog(stops=(bye("a", "b", 42),)))
    assert (found.state, found.ended_at, found.answered_at) == (CallState.START_MISSING, after(42), None)
    assert (found.duration, found.duration_kind) == (None, DurationKind.UNKNOWN)


@pytest.mark.parametrize("sign", [early("a", "b", 10), missed("a", "x", 10, 486)])
def test_what_came_before_the_answer_bounds_the_duration(sign: Observed) -> None:
    parts = {"early" if sign.event.kind is EventKind.EARLY else "failures": [sign]}
    assert lasted(dialog(stops=(bye("a", "b", 42),), **parts)) == (33, DurationKind.AT_MOST)


def test_what_came_after_the_answer_bounds_the_duration_from_below() -> None:
    update = told(EventKind.ANSWERED, "UPDATE", "a", "b", 10)
    assert lasted(dialog(stops=(bye("a", "b", 42),), alive=[update])) == (31, DurationKind.AT_LEAST)


def test_a_dialog_without_start_and_stop_has_no_times() -> None:
    found = ending(dialog(alive=[told(EventKind.ANSWERED, "UPDATE", "a", "b", 10)]))
    assert (found.state, found.ended_at, found.duration) == (CallState.START_MISSING, None, None)


def test_an_ack_stands_for_the_start() -> None:
    found = ending(dialog(acks=[ack("a", "b", 1)], stops=(bye("a", "b", 42),)))
    assert (found.state, found.answered_at, found.duration) == (
        CallState.COMPLETED,
        after(1),
        timedelta(seconds=41),
    )


# --- the proxy's own record


def test_a_record_that_counts_from_the_answer_gives_its_finer_times() -> None:
    record = cdr(0.25, 42.5, "a", "b", 200, proxy="opensips", precision=MICROSECOND)
    found = ending(dialog(starts=(invite("a", "b", 0, proxy="opensips"),), cdrs=(record,)))
    assert (found.answered_at, found.ended_at) == (after(0.25), after(42.75))
    assert (found.duration, found.duration_kind) == (timedelta(seconds=42.5), DurationKind.MEASURED)


def test_a_record_that_counts_from_the_invite_gives_only_the_end() -> None:
    record = cdr(-5, 47.5, "a", "b", precision=MICROSECOND)
    found = ending(dialog(starts=(invite("a", "b", 0),), cdrs=(record,)))
    assert (found.answered_at, found.ended_at) == (NOON, after(42.5))
    assert found.duration == timedelta(seconds=42.5)


def test_without_start_a_record_from_the_invite_includes_the_ringing() -> None:
    found = ending(dialog(cdrs=(cdr(0, 50, "a", "b"),)))
    assert (found.answered_at, found.duration, found.duration_kind) == (
        None,
        timedelta(seconds=50),
        DurationKind.AT_MOST,
    )
    assert found.flags == (Flag.RINGING_INCLUDED,)


def test_without_start_a_record_from_the_answer_is_measured() -> None:
    found = ending(dialog(cdrs=(cdr(3, 50, "a", "b", proxy="confirmed"),)))
    assert (found.answered_at, found.duration, found.duration_kind) == (
        after(3),
        timedelta(seconds=50),
        DurationKind.MEASURED,
    )


def test_the_bye_ends_a_dialog_whose_record_expired_later() -> None:
    record = cdr(0, 3600, "a", "b", 200, proxy="opensips")
    found = ending(dialog(starts=(invite("a", "b", 0, proxy="opensips"),), stops=(bye("a", "b", 42),), cdrs=(record,)))
    assert (found.ended_at, found.duration) == (after(42), timedelta(seconds=42))


def test_the_record_ends_a_dialog_whose_bye_was_answered_seconds_later() -> None:
    record = cdr(0, 42, "a", "b", 200, proxy="opensips", precision=MICROSECOND)
    found = ending(dialog(starts=(invite("a", "b", 0, proxy="opensips"),), stops=(bye("a", "b", 60),), cdrs=(record,)))
    assert found.ended_at == after(42)


def test_of_several_nodes_the_one_that_got_the_bye_counts() -> None:
    expired, right = cdr(0, 7200, "a", "b", proxy="q"), cdr(0, 42, "a", "b", proxy="p")
    found = ending(dialog(starts=(invite("a", "b", 0),), stops=(bye("a", "b", 42),), cdrs=(expired, right)))
    assert found.record is right


# --- early media


def test_an_answer_with_the_time_of_early_media_includes_the_ringing() -> None:
    start = invite("a", "b", 10, proxy="opensips")
    found = ending(dialog(starts=(start,), stops=(bye("a", "b", 42),), early=[early("a", "b", 10, proxy="opensips")]))
    assert (found.duration_kind, found.flags) == (DurationKind.AT_MOST, (Flag.RINGING_INCLUDED,))


def test_a_proxy_that_reads_the_clock_for_each_event_includes_no_ringing() -> None:
    found = ending(dialog(starts=(invite("a", "b", 10),), stops=(bye("a", "b", 42),), early=[early("a", "b", 10)]))
    assert (found.duration_kind, found.flags) == (DurationKind.MEASURED, ())


@given(
    st.lists(st.integers(-100, 50_000), max_size=2),
    st.lists(st.integers(-100, 50_000), max_size=3),
    st.lists(st.integers(-100, 50_000), max_size=2),
)
def test_no_ending_is_invented(starts: list[int], stops: list[int], signs: list[int]) -> None:
    case = dialog(
        starts=tuple(invite("a", "b", at) for at in sorted(starts)),
        stops=tuple(bye("a", "b", at) for at in sorted(stops)),
        alive=[told(EventKind.ANSWERED, "UPDATE", "a", "b", at) for at in sorted(signs)],
    )
    found = ending_of(case, pick_start(case.starts, [], POLICIES), POLICIES, EVENING)
    assert (found.ended_at is None) == (not stops)
    assert (found.answered_at is None) == (not starts)
    assert (found.duration is None) == (found.duration_kind is DurationKind.UNKNOWN)
    assert found.duration is None or found.duration >= timedelta(0)
    assert (found.stop_due_at is not None) == (found.state is CallState.ONGOING)
    if found.duration_kind is DurationKind.MEASURED:
        assert starts
        assert stops
