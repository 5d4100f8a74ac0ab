"""How many calls match, in words."""

from __future__ import annotations

import pytest

from cdr.queries.paging import Matches
from cdr.views.calls.tally import tally


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Matches(0), "0 calls"),
        (Matches(1), "1 call"),
        (Matches(12_345), "12 345 calls"),
        (Matches(1_000, at_least=True), "more than 1 000 calls"),
        (Matches(1_234_567, estimated=True), "about 1 200 000 calls"),
    ],
)
def test_a_number_of_calls_is_said_as_well_as_it_is_known(found: Matches, said: str) -> None:
    assert tally(found).replace("\u202f", " ") == said
