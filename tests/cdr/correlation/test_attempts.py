"""A failed branch keeps the extras and legs of its own events: its gateway is not that of the answer."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from cdr.correlation.record import LegRecord
from proxyconf.vocabulary.layout import Backend
from tests.cdr.correlation.telling import bye, call, invite, missed


def through(gateway: str) -> tuple[tuple[str, str], ...]:
    return (("src_user", "alice"), ("gateway", gateway))


def test_a_failed_branch_is_found_under_its_own_gateway() -> None:
    events = [
        missed("a", "x", 0, 503, extra=through("gw1")),
        invite("a", "b", 4, extra=through("gw2")),
        bye("a", "b", 30, extra=through("gw2")),
    ]
    for order in permutations(events):
        answered = call(*order)
        (attempt,) = answered.attempts
        assert (attempt.code, attempt.gateway, attempt.extra) == (503, "gw1", through("gw1"))
        assert dict(answered.extra)["gateway"] == "gw2"
        assert answered.duration == timedelta(seconds=26)


def test_each_branch_of_an_unanswered_call_has_its_gateway() -> None:
    failed = call(
        missed("a", "x", 0, 503, extra=through("gw1")),
        missed("a", "y", 3, 500, extra=through("gw2")),
        invite("a", "y", 3, 500, extra=through("gw2")),
    )
    assert [(attempt.code, attempt.gateway) for attempt in failed.attempts] == [(503, "gw1"), (500, "gw2")]


@pytest.mark.parametrize("first", [Backend.SYSLOG, Backend.SQL])
def test_backends_that_log_different_labels_complete_one_attempt(first: Backend) -> None:
    second = Backend.SQL if first is Backend.SYSLOG else Backend.SYSLOG
    failed = call(
        missed("a", "x", 0, 503, backend=first, extra=(("gateway", "gw1"),)),
        missed("a", "x", 0, 503, backend=second, extra=(("ua", "phone"), ("gateway", ""))),
    )
    (attempt,) = failed.attempts
    assert (dict(attempt.extra), attempt.gateway) == ({"gateway": "gw1", "ua": "phone"}, "gw1")


def test_an_attempt_keeps_the_legs_it_was_logged_with() -> None:
    early_legs = ((("src", "bob"), ("dst", "carol")), (("src", "alice"), ("dst", "bob")))
    (attempt,) = call(
        missed("a", "x", 0, 486, legs=early_legs[1:]),
        invite("a", "b", 4, legs=early_legs),
        bye("a", "b", 9),
    ).attempts
    assert attempt.legs == (LegRecord("alice", "bob", None, early_legs[1]),)
