"""The timeline of a call's page: each event with its number, its rule and the time since the previous one."""

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
"""The shortest pause that the timeline shows in a line of its own."""


@dataclass(frozen=True, slots=True)
class Used:
    """An event of the Call-ID and its use: in this call (``here``), in another one, or in none.

    ``since`` is the time since the previous event (``None`` for the first); ``fields`` are its parsed fields in the
    order in which the proxies write them.
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
        """The pause before the event, if it is long."""
        return self.since if self.since is not None and self.since >= SILENCE else None


def timeline(call: Call, explained: Iterable[Explained]) -> list[Used]:
    """Return the events in logical order."""
    by_id: Mapping[int, Explained] = {explained_event.event.pk: explained_event for explained_event in explained}
    used_events: list[Used] = []
    for number, ladder_event in enumerate(in_order(ladder_events(by_id.values())), 1):
        event, use, used_in = by_id[ladder_event.id]
        here = used_in == call
        since = event.time - used_events[-1].event.time if used_events else None
        used_events.append(Used(number, event, use.rule, here, None if here else used_in, since, _fields(event)))
    return used_events


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
