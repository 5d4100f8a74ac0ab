"""How many messages a second are accepted of one sender, so that none takes the share of the others."""

from __future__ import annotations

import time
from collections.abc import Callable

from cdr.receivers.service import Served
from cdr.storage.complaints import complain

BURST = 10.0
"""Seconds' worth of messages that may come at once."""

_MOST_SENDERS = 10_000


class SenderRates:
    """Counts the messages of each address against its source's setting ``rate``; 0 there is no limit."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # messages that may come, and when that was so

    def accepts(self, served: Served, host: str) -> bool:
        """Count a message; tell whether it is within the limit, else count it as dropped and warn."""
        rate: int = served.settings.rate
        if not rate:
            return True
        left = self._available(rate, host)
        if left < 1.0:
            served.refused["messages dropped beyond the rate of their sender"] += 1
            _warn(served, host, "the rest is dropped")
            return False
        self._take(host, left, 1)
        return True

    def pause_after(self, served: Served, host: str, count: int) -> float:
        """Count the messages of a stream; return for how many seconds nothing more is to be read of this sender."""
        rate: int = served.settings.rate
        if not rate:
            return 0.0
        left = self._available(rate, host) - count
        self._take(host, left, 0)
        if left >= 0.0:
            return 0.0
        served.refused["times that a sender was slowed down to its rate"] += 1
        _warn(served, host, "its connections wait")
        return -left / rate

    def _available(self, rate: int, host: str) -> float:
        now = self._clock()
        left, counted_at = self._left.get(host, (rate * BURST, now))
        return min(rate * BURST, left + (now - counted_at) * rate)

    def _take(self, host: str, left: float, count: int) -> None:
        if len(self._left) >= _MOST_SENDERS and host not in self._left:  # a network may hold any number of addresses
            self._left.clear()
        self._left[host] = left - count, self._clock()


def _warn(served: Served, host: str, consequence: str) -> None:
    complain("a sender exceeds its rate", f"{host} ({served.source}); {consequence}")
    served.timed.add("rate", f"{host} sends more than {served.settings.rate} messages a second; {consequence}")
