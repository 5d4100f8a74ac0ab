"""Warnings about what senders did, which stand for a while and then go by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable

WARNED = 300.0
"""Seconds for which a warning stands after its cause was last seen."""


class TimedWarnings:
    """The warnings of one source, one for each subject."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, tuple[float, str]] = {}

    def add(self, subject: str, text: str, seconds: float = WARNED) -> None:
        self._until[subject] = self._clock() + seconds, text

    def current(self) -> list[str]:
        now = self._clock()
        self._until = {subject: one for subject, one in self._until.items() if one[0] > now}
        return [text for _, text in self._until.values()]
