"""The records of a simulation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from proxyconf.simulate.event import AccountedEvent
from proxyconf.vocabulary.layout import Backend

FieldContent = str | int | float | None
"""The content of a field; None is SQL NULL or JSON null."""


class SimulatedRecord(NamedTuple):
    """A log line, SQL row, RADIUS packet, Diameter message or JSON object.

    ``fields`` are in the order of writing; a name may be repeated (RADIUS attributes of legs). ``text`` is the written
    text of a log line or JSON object, or the bytes of a Diameter message in hex. ``table`` is the table of a row.
    """

    backend: Backend
    event: AccountedEvent
    fields: tuple[tuple[str, FieldContent], ...]
    text: str = ""
    table: str = ""


@dataclass(frozen=True, slots=True)
class FlowClock:
    """Converts seconds after the start of a flow to the times that a proxy writes, in its time zone ``zone``."""

    start: datetime
    zone: tzinfo = UTC

    def moment(self, seconds: float) -> float:
        """Return the seconds since 1970, rounded to microseconds."""
        return round(self.start.timestamp() + seconds, 6)

    def epoch(self, seconds: float) -> int:
        return int(self.moment(seconds))

    def microseconds(self, seconds: float) -> int:
        return round((self.moment(seconds) - self.epoch(seconds)) * 1_000_000)

    def local(self, seconds: float, layout: str = "%Y-%m-%d %H:%M:%S") -> str:
        return datetime.fromtimestamp(self.epoch(seconds), self.zone).strftime(layout)

    def utc(self, seconds: float, layout: str = "%Y-%m-%d %H:%M:%S") -> str:
        return datetime.fromtimestamp(self.epoch(seconds), UTC).strftime(layout)
