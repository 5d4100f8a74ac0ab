"""Warnings that end by themselves."""

from __future__ import annotations

from cdr.receivers.timed_warnings import WARNED, TimedWarnings


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_there_are_no_warnings_at_first() -> None:
    assert TimedWarnings(Clock()).current() == []


def test_a_warning_stands_until_its_time_is_over() -> None:
    clock = Clock()
    warnings = TimedWarnings(clock)
    warnings.add("192.0.2.1", "too fast")
    clock.now = WARNED - 1
    assert warnings.current() == ["too fast"]
    clock.now = WARNED
    assert warnings.current() == []


def test_the_same_cause_seen_again_extends_its_warning() -> None:
    clock = Clock()
    warnings = TimedWarnings(clock)
    warnings.add("192.0.2.1", "too fast")
    clock.now = WARNED - 1
    warnings.add("192.0.2.1", "too fast")
    clock.now = WARNED + 1
    assert warnings.current() == ["too fast"]


def test_a_subject_has_only_its_newest_warning() -> None:
    warnings = TimedWarnings(Clock())
    warnings.add("192.0.2.1", "too fast")
    warnings.add("192.0.2.1", "too long")
    assert warnings.current() == ["too long"]


def test_subjects_have_warnings_of_their_own() -> None:
    clock = Clock()
    warnings = TimedWarnings(clock)
    warnings.add("192.0.2.1", "too fast")
    clock.now = 10.0
    warnings.add("192.0.2.2", "too long")
    assert warnings.current() == ["too fast", "too long"]
    clock.now = WARNED
    assert warnings.current() == ["too long"]
