"""Parse Kamailio's own record of a dialog in the log (``acc`` parameter ``cdr_enable``, from 3.2).

``start_time=1795389825.675; end_time=1795389827.978; duration=2.303; caller=alice; callid=…``: no prefix, no code, and
Call-ID and tags only if the proxy's ``cdr_extra`` has them. A failed INVITE has the literal ``duration=0``.
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
    """Return the record at the start of ``body``, or None if it lacks the three times. Raise ``Unparsable``.

    Start, end and duration are recognised by position, whatever their names. The extras are those of the layout; if it
    does not define them, or if others come first, everything after ``; `` that looks like ``name=`` starts an extra.
    """
    times = _times.match(body)
    if times is None:
        return None
    split = _extras(body[times.end() :], layout)
    values = split.values[:-1] if split.cut else split.values
    names = {name.encode() for name in layout.cdr.extras or ()}.union(name for name, _ in values)
    forged = labelled.holds_separator((value for _, value in values), names)
    pairs = labelled.pairs(values)
    part = times.groupdict(b"")
    length = microseconds_of(part["length"], part["length_fraction"])
    return AccEvent(
        EventKind.CDR,
        "INVITE",
        _value_with_role(Role.FROM_TAG, pairs, layout),
        _value_with_role(Role.TO_TAG, pairs, layout),
        _value_with_role(Role.CALL_ID, pairs, layout),
        0,
        "",
        moment(part["start"], part["start_fraction"]),
        precision_of(part["start_fraction"]),
        Backend.SYSLOG,
        pairs,
        ended_at=moment(part["end"], part["end_fraction"]),
        duration_us=-length if part["sign"] else length,
        flags=line_flags(cut=split.cut, forged=forged),
        raw=raw,
    )


def line_flags(*, cut: bool, forged: bool) -> tuple[str, ...]:
    """Return the flags of a log line that was cut, or that has a value which contains a field separator."""
    return (("truncated",) if cut else ()) + (("forged_separator",) if forged else ())


def _extras(text: bytes, layout: FieldLayout) -> labelled.Split:
    if layout.cdr.extras is not None:
        split = labelled.split(text, [label.encode() for label in layout.cdr.extras], _SEPARATOR)
        if not split.before:
            return split
    return labelled.split(text, list(dict.fromkeys(_name.findall(text))), _SEPARATOR)


def _value_with_role(role: Role, pairs: Pairs, layout: FieldLayout) -> str:
    return next((text for label, text in pairs if layout.role_of(label) == role), "")
