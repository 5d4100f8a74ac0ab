"""Formatting and rate limiting of log records."""

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")


class OneLine(logging.Formatter):
    """Formats each record as one line, including tracebacks, so that text from a proxy cannot forge a record."""

    def format(self, record: logging.LogRecord) -> str:
        return _BREAKS.sub(lambda match: ascii(match[0])[1:-1], super().format(record))


MOST, WINDOW = 50, 10.0
"""Maximum number of records from one place in the code within a time in seconds; a packet can cause thousands."""


@dataclass(slots=True)
class _Site:
    began: float
    records: int = 0


class RateLimit(logging.Filter):
    """Drops records from a place in the code that writes too many; the next record states how many were dropped."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._sites: dict[tuple[str, int], _Site] = {}
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.INFO:
            return True
        with self._lock:
            left_out, number = self._counted((record.pathname, record.lineno))
        if left_out:
            _append(record, f"({left_out} more like this were left out)")
        if number == MOST:
            _append(record, f"(more like this are left out for up to {WINDOW:.0f} s)")
        return number <= MOST

    def _counted(self, place: tuple[str, int]) -> tuple[int, int]:
        """Return how many records of ``place`` were dropped in the last window, and this one's number in its own."""
        now, left_out = self._clock(), 0
        site = self._sites.setdefault(place, _Site(now))
        if now - site.began >= WINDOW:
            left_out, site.began, site.records = max(0, site.records - MOST), now, 0
        site.records += 1
        return left_out, site.records


def _append(record: logging.LogRecord, text: str) -> None:
    record.msg, record.args = f"{record.getMessage()} {text}", ()
