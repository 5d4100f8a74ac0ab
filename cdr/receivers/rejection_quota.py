"""Limit the rejected input that is stored of one source, to which anybody may send."""

from __future__ import annotations

import time
from collections.abc import Callable

BURST = 16 << 20
"""Bytes that may be stored at once."""

PER_SECOND = BURST / 3600
"""Bytes per second that may be stored after that: 16 MiB an hour."""


class RejectionQuota:
    """A token bucket of bytes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: float = BURST
        self._counted_at = clock()

    def allows(self, size: int) -> bool:
        """Take ``size`` bytes from the quota; tell whether there were as many left."""
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._counted_at) * PER_SECOND)
        self._counted_at = now
        if size > self._left:
            return False
        self._left -= size
        return True
