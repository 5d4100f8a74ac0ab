"""What a report says of a group of calls: sums, and the rates made of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over calls, and rates made of them (ITU-T E.425), which are ``None`` where there is nothing to divide by.

    ``seizures`` are what the rates divide by: the calls; in a report by gateway the failed attempts and answers at it.
    ``failed_attempts`` are those of the calls, or at the gateway. ``measured`` answered calls have a measured duration,
    ``length`` in all; ``at_least`` and ``at_most`` have a bound, in all ``least_length`` and ``most_length``; of those
    with ``no_stop`` no end is known.
    """

    calls: int = 0
    seizures: int = 0
    answered: int = 0
    delivered: int = 0
    failed_attempts: int = 0
    measured: int = 0
    length: timedelta = timedelta()
    at_least: int = 0
    least_length: timedelta = timedelta()
    at_most: int = 0
    most_length: timedelta = timedelta()
    no_stop: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, name) + getattr(other, name) for name in _NAMES))

    @property
    def asr(self) -> float | None:
        """Answer seizure ratio, 0 to 1."""
        return self.answered / self.seizures if self.seizures else None

    @property
    def ner(self) -> float | None:
        """Network effectiveness ratio, 0 to 1."""
        return self.delivered / self.seizures if self.seizures else None

    @property
    def acd(self) -> timedelta | None:
        """Average call duration: the mean of the measured durations of answered calls."""
        return self.length / self.measured if self.measured else None

    @property
    def minutes(self) -> float:
        """The measured durations of answered calls in all, in minutes."""
        return self.length / _MINUTE

    @property
    def minutes_at_least(self) -> float:
        return self.least_length / _MINUTE

    @property
    def minutes_at_most(self) -> float:
        return self.most_length / _MINUTE


_NAMES = tuple(field.name for field in fields(Sums))
