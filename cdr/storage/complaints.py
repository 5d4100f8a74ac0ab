"""Log lines about hostile or repeated faults: each once in a while, with how often it was left out."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

logger = logging.getLogger(__name__)


class _Complaints:
    """Says the same thing in the log once in a while, and how often it was left out."""

    INTERVAL = 10.0

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._silenced: Counter[str] = Counter()

    def say(self, what: str, detail: str = "", *, exc_info: bool = False) -> None:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            self._silenced[what] += 1
            return
        if len(self._due) > 1000:
            self._due.clear()
        self._due[what] = now + self.INTERVAL
        silenced = self._silenced.pop(what, 0)
        more = f" ({silenced} more of these since the last line)" if silenced else ""
        logger.warning("%s%s%s", what, f": {detail}" if detail else "", more, exc_info=exc_info)


complain: Callable[..., None] = _Complaints().say
"""``complain(what, detail)`` writes a line to the log, at most one each ten seconds for the same ``what``."""
