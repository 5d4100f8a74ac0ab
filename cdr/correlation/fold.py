"""The correlation of events into calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from cdr.correlation.record import Folded, Observed, Policy


def fold(events: Iterable[Observed], policies: Mapping[str, Policy], now: datetime) -> Folded:
    """Return the calls of ``events``, which all have one Call-ID (or share an index number with it)."""
    raise NotImplementedError
