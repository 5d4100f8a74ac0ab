"""Requests that a proxy sends again because it did not see the answer: one event, with the time of the first."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta

MOST = 16_384
"""Requests that are remembered, at least; at most twice as many."""


class Resends:
    """Remembers when each request first came, for ``window``."""

    def __init__(self, window: timedelta) -> None:
        self._window = window
        self._newer: dict[Hashable, datetime] = {}
        self._older: dict[Hashable, datetime] = {}

    def first_received(self, request: Hashable, received_at: datetime) -> datetime:
        """Return when ``request`` first came: ``received_at``, or earlier where this is a resend."""
        first = self._newer.get(request) or self._older.get(request)
        if first is None or not timedelta(0) <= received_at - first <= self._window:
            first = received_at
        self._newer[request] = first
        if len(self._newer) >= MOST:
            self._newer, self._older = {}, self._newer
        return first
