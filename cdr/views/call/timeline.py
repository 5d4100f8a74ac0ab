"""The events of a call's page: each with its number, the rule that used it, and the time since the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from cdr.calls.correlate import Explained
from cdr.correlation.record import Rule
from cdr.display import wording
from cdr.display.ladder_drawing import in_order
from cdr.models import Call, Event
from cdr.views.call.ladder import ladder_events

SILENCE = timedelta(seconds=30)
"""Time without an event that the timeline tells in a line of its own."""


@dataclass(frozen=True, slots=True)
class Used:
    """An event of the Call-ID, and what it was used as: in this call (``here``), in another one, or in none.

    ``since`` is the time from the event before it (none: it is the first); ``fields`` are what was taken from its
    input, in the order in which the proxies write it.
    """

    number: int
    event: Event
    rule: Rule
    here: bool
    other: Call | None
    since: timedelta | None
    fields: tuple[tuple[str, str], ...]

    @property
    def word(self) -> wording.Word:
        return wording.RULES[self.rule]

    @property
    def silence(self) -> timedelta | None:
        """The time without an event before it, where that is long."""
        return self.since if self.since is not None and self.since >= SILENCE else None


def timeline(call: Call, explained: Iterable[Explained]) -> list[Used]:
    """Return the events in the order in which they must have come about."""
    by_id: Mapping[int, Explained] = {one.event.pk: one for one in explained}
    found: list[Used] = []
    for number, told in enumerate(in_order(ladder_events(by_id.values())), 1):
        event, use, used_in = by_id[told.id]
        here = used_in == call
        since = event.time - found[-1].event.time if found else None
        found.append(Used(number, event, use.rule, here, None if here else used_in, since, _fields(event)))
    return found


def _fields(event: Event) -> tuple[tuple[str, str], ...]:
    return (
        ("timestamp", str(int(event.time.timestamp()))),
        ("time", f"{event.time.astimezone(event.proxy.zone):%Y-%m-%d %H:%M:%S}"),
        ("method", event.method),
        ("from_tag", event.from_tag),
        ("to_tag", event.to_tag),
        ("call_id", event.call_id),
        ("code", str(event.code or "")),
        ("reason", event.reason),
        *((label, text) for label, text in event.extra),
        *((label, text) for leg in event.legs for label, text in leg),
    )
