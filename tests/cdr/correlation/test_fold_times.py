"""Folding a call's events: what is missing, and durations."""

from __future__ import annotations

from datetime import timedelta

from cdr.correlation.record import CallState, DurationKind, Flag, ReleasedBy, Rule
from cdr.events import MILLISECOND, EventKind
from proxyconf.vocabulary.layout import Backend
from tests.cdr.correlation.telling import (
    NOON,
    after,
    bye,
    call,
    folded,
    invite,
    missed,
    told,
)

# 9. what is missing


def test_a_bye_alone_is_a_call_whose_start_is_missing() -> None:
    only = call(bye("a", "b", 42))
    assert (only.state, only.answered_at, only.ended_at) == (CallState.START_MISSING, None, after(42))
    assert (only.duration, only.duration_kind) == (None, DurationKind.UNKNOWN)
    assert only.flags == (Flag.DIRECTION_UNKNOWN,)


def test_an_attempt_tells_the_caller_of_a_call_whose_start_is_missing() -> None:
    only = call(missed("a", "x", 0, 486), bye("b", "a", 42))
    assert (only.from_tag, only.released_by, only.flags) == ("a", ReleasedBy.CALLEE, ())
    assert (only.duration, only.duration_kind) == (timedelta(seconds=43), DurationKind.AT_MOST)


def test_an_answered_call_is_ongoing_until_the_longest_plausible_call_has_passed() -> None:
    start = invite("a", "b", 0)
    ongoing = call(start, now=after(4 * 3600))
    assert (ongoing.state, ongoing.stop_due_at) == (CallState.ONGOING, after(4 * 3600))
    overdue = call(start, now=after(4 * 3600 + 1))
    assert (overdue.state, overdue.ended_at, overdue.duration) == (CallState.STOP_MISSING, None, None)


def test_a_sign_of_life_puts_the_missing_stop_off_and_bounds_the_duration() -> None:
    only = call(invite("a", "b", 0), invite("b", "a", 3600), now=after(4 * 3600 + 1))
    assert (only.state, only.stop_due_at) == (CallState.ONGOING, after(5 * 3600))
    assert (only.duration, only.duration_kind) == (timedelta(seconds=3599), DurationKind.AT_LEAST)


def test_a_stop_past_the_longest_plausible_call_completes_it_with_a_flag() -> None:
    only = call(invite("a", "b", 0), bye("a", "b", 5 * 3600))
    assert (only.state, only.flags) == (CallState.COMPLETED, (Flag.LATE_STOP,))


def test_a_reinvite_on_the_way_makes_a_long_call_plausible() -> None:
    assert call(invite("a", "b", 0), invite("a", "b", 3 * 3600), bye("a", "b", 5 * 3600)).flags == ()


def test_the_proxys_restart_ends_no_call() -> None:
    on = told(EventKind.ON, "", "", "", 10, call_id="")
    result = folded(invite("a", "b", 0), on, now=after(20))
    assert [one.state for one in result.calls] == [CallState.ONGOING]
    assert result.uses[1].rule == Rule.PROXY_STATE


# 10. durations


def test_a_stop_before_its_start_is_clock_skew_and_not_zero() -> None:
    only = call(invite("a", "b", 10), bye("a", "b", 5))
    assert (only.duration, only.duration_kind, only.flags) == (None, DurationKind.UNKNOWN, (Flag.CLOCK_SKEW,))


def test_a_call_whose_stop_has_a_wrong_clock_begins_with_its_start() -> None:
    assert call(invite("a", "b", 10), bye("a", "b", 5)).started_at == after(10)


def test_a_step_back_within_the_clocks_resolution_is_no_skew() -> None:
    only = call(invite("a", "b", 10.7, precision=MILLISECOND), bye("a", "b", 10, backend=Backend.SQL))
    assert (only.duration, only.flags) == (timedelta(0), ())


def test_a_call_within_one_second_is_measured_as_zero() -> None:
    only = call(invite("a", "b", 10), bye("a", "b", 10))
    assert (only.duration, only.duration_kind) == (timedelta(0), DurationKind.MEASURED)


def test_an_ambiguous_local_time_does_not_count_beside_a_sure_one() -> None:
    unsure = {"backend": Backend.SQL, "flags": (Flag.AMBIGUOUS_TIME.value,)}
    only = call(
        invite("a", "b", 0), invite("a", "b", -3600, **unsure), bye("a", "b", 42), bye("a", "b", 42 - 3600, **unsure)
    )
    assert (only.answered_at, only.duration, only.started_at) == (NOON, timedelta(seconds=42), NOON)


def test_an_ambiguous_time_that_counts_is_flagged() -> None:
    only = call(invite("a", "b", 0, flags=("ambiguous_time",)), bye("a", "b", 42))
    assert only.flags == (Flag.AMBIGUOUS_TIME,)
