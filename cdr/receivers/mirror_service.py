"""Serve our own ``acc`` and ``missed_calls`` tables: check for new rows every second."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from cdr.events import Unparsable
from cdr.receivers.mirror import collect_mirror
from cdr.receivers.service import Service

_INTERVAL = 1.0


class MirrorService(Service):
    """Reads the mirror tables for one source."""

    def __init__(self) -> None:
        super().__init__()
        self._due = 0.0

    def step(self, wait: float) -> int:
        now = time.monotonic()
        if now < self._due:
            time.sleep(min(wait, self._due - now))
            return 0
        self._due = now + _INTERVAL
        return sum(self._collect(number) for number in range(len(self.sources)))

    def _collect(self, number: int) -> int:
        served = self.sources[number]
        served.source.refresh_from_db(fields=["cursor"])
        try:
            counts = collect_mirror(served.source)
        except Unparsable as error:
            served.error = str(error)
            return 0
        served.error = ""
        served.counts += counts
        if counts.read:
            served.stored_at, served.newest = datetime.now(UTC), served.source.last_event_at
        return counts.read
