"""Recognise requests that a proxy repeats because it did not get the answer: they are one event."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime, timedelta

MOST = 16_384
"""Minimum number of requests that are remembered; at most twice as many."""


class Resends:
    """Remembers the time of the first receipt of each request for ``window``."""

    def __init__(self, window: timedelta) -> None:
        self._window = window
        self._newer: dict[Hashable, datetime] = {}
        self._older: dict[Hashable, datetime] = {}

    def first_received(self, request: Hashable, received_at: datetime) -> datetime:
        """Return the time of the first receipt: ``received_at``, or an earlier one if this is a resend."""
        first = self._newer.get(request) or self._older.get(request)
        if first is None or not timedelta(0) <= received_at - first <= self._window:
            first = received_at
        self._newer[request] = first
        if len(self._newer) >= MOST:
            self._newer, self._older = {}, self._newer
        return first
