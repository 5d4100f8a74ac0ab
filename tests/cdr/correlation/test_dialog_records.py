"""A proxy's own record of a dialog beside the events of the same call: one call, ended by the better evidence."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from cdr.correlation.record import CallState, DurationKind, ReleasedBy
from cdr.events import MILLISECOND
from proxyconf.vocabulary.layout import Backend
from tests.cdr.correlation.telling import after, bye, call, calls, cdr, invite

PRECISE = {"precision": MILLISECOND}


@pytest.mark.parametrize("reply_after", [0, 1, 4, 5, 30, 32])
@pytest.mark.parametrize("code", [200, 408])
def test_the_record_tells_when_the_bye_came_in_however_late_its_reply_was(reply_after: int, code: int) -> None:
    events = [
        invite("a", "b", 0, proxy="confirmed"),
        bye("a", "b", 60 + reply_after, code, proxy="confirmed"),
        cdr(0.103, 60.098, proxy="confirmed", **PRECISE),
    ]
    for order in permutations(events):
        ended = call(*order)
        assert (ended.answered_at, ended.ended_at) == (after(0.103), after(60.201))
        assert (ended.duration, ended.released_by) == (timedelta(seconds=60.098), ReleasedBy.CALLER)


@pytest.mark.parametrize("record_proxy", ["p", "confirmed"])
def test_a_dialog_that_expired_on_one_node_and_ended_on_another_is_one_call(record_proxy: str) -> None:
    record = cdr(0.1 if record_proxy == "confirmed" else -9.9, 10_810, proxy=record_proxy, **PRECISE)
    ended = call(invite("a", "b", 0, proxy=record_proxy), record, bye("b", "a", 300, proxy="q"))
    assert (ended.state, ended.ended_at, ended.released_by) == (CallState.COMPLETED, after(300), ReleasedBy.CALLEE)
    assert ended.duration_kind is DurationKind.MEASURED
    assert abs(ended.duration - timedelta(seconds=300)) < timedelta(seconds=1)
    assert ended.events == 3


def test_the_records_of_both_nodes_are_one_call_that_ends_with_the_bye() -> None:
    expired = cdr(-9.9, 10_810, proxy="p", **PRECISE)
    ended_by_bye = cdr(-9.9, 309.95, proxy="q", **PRECISE)
    ended = call(invite("a", "b", 0), bye("b", "a", 300, proxy="q"), expired, ended_by_bye)
    assert (ended.ended_at, ended.events) == (after(300.05), 4)


def test_the_records_of_two_nodes_alone_are_one_call_that_ends_with_the_earlier() -> None:
    ended = call(cdr(0, 10_800, proxy="confirmed", **PRECISE), cdr(0, 300.5, proxy="q", **PRECISE))
    assert ended.ended_at == after(300.5)


def test_an_expiry_without_any_bye_is_the_end() -> None:
    ended = call(invite("a", "b", 0), cdr(-1, 7_201, **PRECISE))
    assert (ended.ended_at, ended.released_by) == (after(7_200), ReleasedBy.UNKNOWN)


def test_a_bye_long_after_the_expiry_counts() -> None:
    ended = call(invite("a", "b", 0), cdr(-1, 3_601, **PRECISE), bye("a", "b", 5_000))
    assert (ended.ended_at, ended.duration) == (after(5_000), timedelta(seconds=5_000))


def test_each_answer_of_a_fork_has_its_own_record() -> None:
    events = [
        invite("a", "b", 2),
        invite("a", "c", 3),
        bye("a", "b", 12),
        bye("a", "c", 23),
        cdr(0.5, 11.6, **PRECISE),
        cdr(0.5, 22.6, **PRECISE),
    ]
    assert sorted(one.ended_at for one in calls(*events)) == [after(12.1), after(23.1)]


@pytest.mark.parametrize("backend", [Backend.SYSLOG, Backend.SQL, Backend.JSON])
def test_a_record_whose_call_has_no_start_event_is_no_second_call(backend: Backend) -> None:
    ended = call(bye("a", "b", 65, 408), cdr(0.2, 60, backend=backend, **PRECISE))
    assert ended.ended_at == after(60.2)
