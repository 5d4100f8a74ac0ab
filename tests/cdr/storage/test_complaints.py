"""Log lines about repeated faults are few, and say how many were left out."""

from __future__ import annotations

import logging

import pytest

from cdr.storage import complaints


class Log:
    """The lines of a log with a clock that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(complaints.time, "monotonic", lambda: self.now)
        caplog.set_level(logging.WARNING)
        self._caplog = caplog
        self.say = complaints._Complaints().say

    @property
    def lines(self) -> list[str]:
        return self._caplog.messages


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Log:
    return Log(monkeypatch, caplog)


def test_the_first_fault_is_logged_with_its_detail(log: Log) -> None:
    log.say("bad frame", "192.0.2.1")
    assert log.lines == ["bad frame: 192.0.2.1"]


def test_a_fault_without_detail_is_its_message_alone(log: Log) -> None:
    log.say("bad frame")
    assert log.lines == ["bad frame"]


def test_the_same_fault_is_not_logged_again_within_the_interval(log: Log) -> None:
    log.say("bad frame", "192.0.2.1")
    log.now += 9.9
    log.say("bad frame", "192.0.2.2")
    assert log.lines == ["bad frame: 192.0.2.1"]


def test_the_next_line_says_how_many_were_left_out(log: Log) -> None:
    for _ in range(4):
        log.say("bad frame", "192.0.2.1")
    log.now += 10.0
    log.say("bad frame", "192.0.2.2")
    assert log.lines[1:] == ["bad frame: 192.0.2.2 (3 more since the last line)"]


def test_the_count_starts_again_with_each_line(log: Log) -> None:
    for pause in (0.0, 0.0, 10.0, 10.0):
        log.now += pause
        log.say("bad frame")
    assert log.lines == ["bad frame", "bad frame (1 more since the last line)", "bad frame"]


def test_different_faults_do_not_hide_each_other(log: Log) -> None:
    log.say("bad frame")
    log.say("bad secret")
    assert log.lines == ["bad frame", "bad secret"]
