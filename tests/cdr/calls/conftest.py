"""The source of the events to correlate."""

from __future__ import annotations

import pytest

from cdr.models import Source
from tests.factories import make_source


@pytest.fixture
def source(db: None) -> Source:
    return make_source()
