"""Files that people showed in public become the calls that their cases (``tests/field``) expect."""

from __future__ import annotations

import pytest

from cdr.correlation.record import State
from tests.cdr.field_cases import FieldInput, seconds


@pytest.mark.parametrize("name", ["acc.csv", "missed-and-acc/acc.csv"])
def test_a_folders_name_says_nothing_about_the_rows_in_it(name: str) -> None:
    calls = FieldInput(f"17-path-says-missed/{name}").calls
    assert [(call.state, seconds(call)) for call in calls.values()] == [(State.COMPLETED, 60)]
