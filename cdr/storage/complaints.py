"""Rate-limited log lines about hostile or repeated faults."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

logger = logging.getLogger(__name__)


class _Complaints:
    """Writes each message at most once per interval, with the number of those left out."""

    INTERVAL = 10.0

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._skipped: Counter[str] = Counter()

    def say(self, message: str, detail: str = "", *, exc_info: bool = False) -> None:
        now = time.monotonic()
        if now < self._due.get(message, 0.0):
            self._skipped[message] += 1
            return
        if len(self._due) > 1000:
            self._due.clear()
        self._due[message] = now + self.INTERVAL
        skipped = self._skipped.pop(message, 0)
        suffix = f" ({skipped} more since the last line)" if skipped else ""
        logger.warning("%s%s%s", message, f": {detail}" if detail else "", suffix, exc_info=exc_info)


complain: Callable[..., None] = _Complaints().say
"""``complain(what, detail)`` writes a line to the log, at most one each ten seconds for the same ``what``."""
