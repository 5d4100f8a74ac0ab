"""Find proxies whose configured time zone is wrong, by events that several backends report.

Seconds since 1970 are independent of the zone, local times are not: if the times of the same event in the log and in
the table differ by whole, half or quarter hours, the table was not read in the zone of the proxy's clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from cdr.display.markup import trimmed_decimal
from cdr.display.wording import backend_name
from cdr.events import EventKind
from cdr.models import Event
from cdr.storage.reread import CannotReread, StoredInput
from proxyconf.models import Proxy
from proxyconf.vocabulary.layout import Backend

_WALL_CLOCKS = frozenset({Backend.SQL, Backend.JSON})
"""Backends that may write local time without its zone."""
_STEP = timedelta(minutes=15)  # all zones in use have such offsets
_SLACK, _MINUTE = timedelta(seconds=5), timedelta(minutes=1)
_MOST = timedelta(hours=26)  # from UTC-12:00 to UTC+14:00
_COMPARED = frozenset({EventKind.ANSWERED, EventKind.FAILED, EventKind.MISSED, EventKind.BYE, EventKind.CANCEL})
_LATER = _(
    "The time zone of proxy {proxy} is probably wrong: for the same events, times from {backend} are "
    "{hours} h later than times from {other}."
)
_EARLIER = _(
    "The time zone of proxy {proxy} is probably wrong: for the same events, times from {backend} are "
    "{hours} h earlier than times from {other}."
)
_TO_BE_SET = _(
    "The proxy's clock seems to run at {offset}, but the time zone set here is {zone}. Set the right "
    "time zone, then re-parse the proxy's events."
)
_CORRECTED = _(
    "The current time zone, {zone}, is right, but these events were stored before it was set. Re-parse "
    "the proxy's events."
)


@dataclass(frozen=True, slots=True)
class WrongZone:
    """Times of events from ``backend`` are ``ahead`` (negative: behind) of those of the same events from ``other``.

    ``events`` are pairs of primary keys. ``offset`` is the resulting UTC offset of the proxy's clock; ``None`` if the
    proxy's present zone is right, and only events stored before its correction are wrong.
    """

    proxy: Proxy
    backend: Backend
    other: Backend
    ahead: timedelta
    offset: timedelta | None
    events: tuple[tuple[int, int], ...]

    @property
    def finding(self) -> str:
        """The problem, in a sentence."""
        text = _LATER if self.ahead > timedelta(0) else _EARLIER
        hours = trimmed_decimal(abs(self.ahead) / timedelta(hours=1), 2)
        return str(text).format(
            proxy=self.proxy.name, backend=backend_name(self.backend), hours=hours, other=backend_name(self.other)
        )

    @property
    def remedy(self) -> str:
        """The remedy; ``command`` is the command for it."""
        if self.offset is None:
            return str(_CORRECTED).format(zone=self.proxy.timezone)
        return str(_TO_BE_SET).format(offset=offset_in_words(self.offset), zone=self.proxy.timezone)

    @property
    def command(self) -> str:
        """The command that re-parses the events of the proxy."""
        return f"manage.py source reread {self.proxy.name}"


def offset_in_words(offset: timedelta) -> str:
    """Write an offset as UTC+05:30.

    >>> offset_in_words(timedelta(hours=5, minutes=30))
    'UTC+05:30'
    """
    minutes = round(abs(offset) / timedelta(minutes=1))
    return f"UTC{'-' if offset < timedelta(0) else '+'}{minutes // 60:02}:{minutes % 60:02}"


def wrong_zones(events: Iterable[Event]) -> list[WrongZone]:
    """Return the wrong zones that ``events`` (with proxy and source) of a call or a proxy reveal.

    An event that a backend reports twice, once at the right time, is ignored: it may be a session refreshed every half
    hour.
    """
    recorded: dict[tuple[object, ...], dict[Backend, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        if event.kind in _COMPARED:
            same = (event.proxy_id, event.call_id, event.method, event.code, event.from_tag, event.to_tag)
            recorded[same][Backend(event.backend)].append(event)
    pairs_by_difference: dict[tuple[int, Backend, Backend, timedelta], list[tuple[Event, Event]]] = defaultdict(list)
    for by_backend in recorded.values():
        for backend in _WALL_CLOCKS & by_backend.keys():
            for other in sorted(by_backend.keys() - _WALL_CLOCKS):
                events_of_backend, reference = by_backend[backend], by_backend[other]
                if ahead := _difference(events_of_backend, reference):
                    pairs_by_difference[events_of_backend[0].proxy_id, backend, other, ahead].append(
                        (_first(events_of_backend), _first(reference))
                    )
    return [
        _wrong(*key[1:], pairs)
        for key, pairs in sorted(
            pairs_by_difference.items(),
            key=lambda events_of_backend: (events_of_backend[0][0], -len(events_of_backend[1])),
        )
    ]


def _first(events: Sequence[Event]) -> Event:
    return min(events, key=lambda event: (event.time, event.pk))


def _difference(events: Sequence[Event], reference: Sequence[Event]) -> timedelta | None:
    """Return by how much ``events`` are ahead of ``reference``; ``None`` if they are not, or if some coincide."""
    if any(abs(event.time - other.time) <= _SLACK for event in events for other in reference):
        return None
    return _by_zones(_first(events).time - _first(reference).time)


def _by_zones(difference: timedelta) -> timedelta | None:
    """Return a difference between two clocks rounded to a difference of zones; ``None`` if zones do not explain it."""
    whole = round(difference / _STEP) * _STEP
    return whole if whole and abs(difference - whole) <= _SLACK and abs(whole) <= _MOST else None


def _wrong(backend: Backend, other: Backend, ahead: timedelta, pairs: Sequence[tuple[Event, Event]]) -> WrongZone:
    event, reference = pairs[0]
    ids = tuple((event.pk, other.pk) for event, other in pairs)
    return WrongZone(event.proxy, backend, other, ahead, _offset(event, reference.time, ahead), ids)


def _offset(event: Event, recorded: datetime, ahead: timedelta) -> timedelta | None:
    """Return the UTC offset of the proxy's clock; ``None`` if it is that of the proxy's present zone."""
    now = event.time
    try:
        if read := StoredInput(event.source).read(event):
            now = read[0].time
    except CannotReread:
        pass  # assume that the zone was not corrected since
    still = now - recorded
    if abs(still) <= _SLACK:
        return None
    return (now.astimezone(event.proxy.zone).utcoffset() or timedelta(0)) + round(still / _MINUTE) * _MINUTE
