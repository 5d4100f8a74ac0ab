"""The outcome of a call by its final response code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.outcome import CHALLENGES, outcome_of
from cdr.correlation.record import Outcome


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
        (604, Outcome.NOT_FOUND),
    ],
)
def test_a_code_has_its_outcome(code: int, outcome: Outcome) -> None:
    assert outcome_of(code) is outcome


@given(st.integers(200, 699))
def test_only_a_2xx_is_an_answer_and_only_a_3xx_a_redirection(code: int) -> None:
    assert (outcome_of(code) is Outcome.ANSWERED) == (code < 300)
    assert (outcome_of(code) is Outcome.REDIRECTED) == (300 <= code < 400)


def test_a_challenge_is_unauthorized_when_nothing_follows() -> None:
    assert {outcome_of(code) for code in CHALLENGES} == {Outcome.UNAUTHORIZED}
