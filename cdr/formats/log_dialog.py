"""Kamailio's own record of a dialog in the log (``acc`` parameter ``cdr_enable``, from 3.2).

``start_time=1795389825.675; end_time=1795389827.978; duration=2.303; caller=alice; callid=…``: no prefix, no code, and
Call-ID and tags only where the proxy's ``cdr_extra`` has them. An INVITE that failed has the literal ``duration=0``.
"""

from __future__ import annotations

import re

from cdr.events import AccEvent, EventKind, Pairs
from cdr.formats import labelled
from cdr.formats.log_time import microseconds_of, moment, precision_of
from proxyconf.vocabulary.layout import Backend, FieldLayout, Role

_SEPARATOR = b"; "
_times = re.compile(
    rb"[^=;\s]+=(?P<start>\d{1,12})(?:\.(?P<start_fraction>\d{1,6}))?; "
    rb"[^=;\s]+=(?P<end>\d{1,12})(?:\.(?P<end_fraction>\d{1,6}))?; "
    rb"[^=;\s]+=(?P<sign>-?)(?P<length>\d{1,12})(?:\.(?P<length_fraction>\d{1,6}))?(?=; |\Z)"
)
_name = re.compile(rb"; ([A-Za-z_][A-Za-z0-9_.-]{0,63})=")


def dialog_event(body: bytes, layout: FieldLayout, raw: bytes) -> AccEvent | None:
    """Return the record that begins ``body``, or None where its three times are not there. Raise ``Unparsable``.

    Start, end and duration are known by their places, whatever their names. The extras are those of the layout; where
    it does not tell them, or others stand first, whatever follows ``; `` and looks like ``name=`` begins an extra.
    """
    times = _times.match(body)
    if times is None:
        return None
    found = _extras(body[times.end() :], layout)
    values = found.values[:-1] if found.cut else found.values
    names = {name.encode() for name in layout.cdr.extras or ()}.union(name for name, _ in values)
    forged = labelled.holds_separator((value for _, value in values), names)
    pairs = labelled.pairs(values)
    part = times.groupdict(b"")
    length = microseconds_of(part["length"], part["length_fraction"])
    return AccEvent(
        EventKind.CDR,
        "INVITE",
        _told(Role.FROM_TAG, pairs, layout),
        _told(Role.TO_TAG, pairs, layout),
        _told(Role.CALL_ID, pairs, layout),
        0,
        "",
        moment(part["start"], part["start_fraction"]),
        precision_of(part["start_fraction"]),
        Backend.SYSLOG,
        pairs,
        ended_at=moment(part["end"], part["end_fraction"]),
        duration_us=-length if part["sign"] else length,
        flags=line_flags(cut=found.cut, forged=forged),
        raw=raw,
    )


def line_flags(*, cut: bool, forged: bool) -> tuple[str, ...]:
    """Return the flags of a log line that was cut, or that has a value with a field's beginning inside."""
    return (("truncated",) if cut else ()) + (("forged_separator",) if forged else ())


def _extras(text: bytes, layout: FieldLayout) -> labelled.Split:
    if layout.cdr.extras is not None:
        found = labelled.split(text, [label.encode() for label in layout.cdr.extras], _SEPARATOR)
        if not found.before:
            return found
    return labelled.split(text, list(dict.fromkeys(_name.findall(text))), _SEPARATOR)


def _told(role: Role, pairs: Pairs, layout: FieldLayout) -> str:
    return next((text for label, text in pairs if layout.role_of(label) == role), "")
