"""Limit the size of an event to what the ``acc`` modules can write.

The modules take 64 extras (Kamailio 5.6 and newer: as many as ``acc_extra_size``, which the layout then names).
Anything beyond a limit is left out of the event, which gets the flag ``truncated``; ``raw`` has the complete input.
"""

from __future__ import annotations

from cdr.events import AccEvent, Pairs
from proxyconf.vocabulary.layout import FieldLayout

MOST_EXTRAS = 64
MOST_LEGS = 64
LONGEST_LABEL = 128
LONGEST_VALUE = 8192
"""Characters; a SIP message over UDP has at most 64 KiB, and so has a log line of the proxies."""


def limited(event: AccEvent, layout: FieldLayout) -> AccEvent:
    """Return the event cut to the limits; unchanged if it is within them."""
    most = max([MOST_EXTRAS, *map(len, layout.extras.values())])
    is_short = len(event.extra) <= most and len(event.legs) <= MOST_LEGS
    if is_short and not _is_long(event.extra) and not any(map(_is_long, event.legs)):
        return event
    return event._replace(
        extra=_cut(event.extra[:most]),
        legs=tuple(map(_cut, event.legs[:MOST_LEGS])),
        flags=event.flags if "truncated" in event.flags else (*event.flags, "truncated"),
    )


def _is_long(pairs: Pairs) -> bool:
    return any(len(label) > LONGEST_LABEL or len(value) > LONGEST_VALUE for label, value in pairs)


def _cut(pairs: Pairs) -> Pairs:
    return tuple((label[:LONGEST_LABEL], value[:LONGEST_VALUE]) for label, value in pairs)
