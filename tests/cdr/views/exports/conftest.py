"""Users who export."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.cdr.views.exports.exporting import log_in


@pytest.fixture
def ann(db: None) -> Client:
    """Logged in as staff who may export calls with full numbers."""
    return log_in("ann", "view_call", "export_call", "view_numbers")


@pytest.fixture
def bob(db: None) -> Client:
    """Logged in as staff who may export calls, but sees numbers masked."""
    return log_in("bob", "view_call", "export_call")
