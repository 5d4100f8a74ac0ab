"""Where in the input, as received, the fields that an event was made of stand.

Parsing keeps no positions, and need not: what it took is known, with its label, and is looked for again. A field that
is not found as it was taken (a number written another way, a time) is simply not marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

_CORE_LABELS = {"call_id": ("call_id", "callid"), "code": ("code", "sip_code"), "reason": ("reason", "sip_reason")}
_MOST_TRIES = 64
"""So many places are tried for one field: a line made of one letter is no reason to look for long."""
_SHORTEST_BARE = 2
_BOUNDS = " \t\r\n,;:=\"'|<>(){}[]"


class Span(NamedTuple):
    """The value of the field ``label`` stands from ``start`` to ``end`` (exclusive), in characters."""

    start: int
    end: int
    label: str


def locate_fields(text: str, fields: Iterable[tuple[str, str]]) -> list[Span]:
    """Return where the values of ``fields`` (label and value, in the order logged) stand in ``text``, by position.

    The first place after the field before it wins, as in parsing: a value that holds what looks like later fields
    does not have them marked. A value beside its label (``label=value``, ``"label": "value"``) goes before a bare one.
    """
    found: list[Span] = []
    end = 0
    for label, value in fields:
        if not value:
            continue
        span = _beside_label(text, label, value, end, found) or _beside_label(text, label, value, 0, found)
        span = span or _bare(text, label, value, end, found)
        if span is not None:
            found.append(span)
            end = span.end
    return sorted(found)


def locate_in_packet(packet: bytes, fields: Iterable[tuple[str, str]]) -> list[Span]:
    """Return where the values of ``fields`` stand in a RADIUS or Diameter packet, by position, in bytes.

    A value is known by the length that stands before it: that of an attribute (RFC 2865 section 5) or of an AVP
    (RFC 6733 section 4.1). A number may stand there as text or as four bytes.
    """
    found: list[Span] = []
    for label, value in fields:
        for written in filter(None, (value.encode("utf-8", "surrogateescape"), _four_bytes(value))):
            span = _attribute(packet, label, written, found)
            if span is not None:
                found.append(span)
                break
    return sorted(found)


def _four_bytes(value: str) -> bytes:
    number = int(value) if value.isascii() and value.isdecimal() and len(value) <= 10 else 2**32
    return number.to_bytes(4, "big") if number < 2**32 else b""


def _attribute(packet: bytes, label: str, written: bytes, taken: Sequence[Span]) -> Span | None:
    at = packet.find(written)
    for _ in range(_MOST_TRIES):
        if at < 0:
            return None
        span = Span(at, at + len(written), label)
        free = all(span.end <= other.start or other.end <= span.start for other in taken)
        if free and _has_length_before(packet, at, len(written)):
            return span
        at = packet.find(written, at + 1)
    return None


def _has_length_before(packet: bytes, at: int, size: int) -> bool:
    return (
        (at >= 2 and packet[at - 1] == size + 2)
        or (at >= 8 and int.from_bytes(packet[at - 3 : at]) == size + 8)
        or (at >= 12 and int.from_bytes(packet[at - 7 : at - 4]) == size + 12)  # with the number of a vendor
    )


def _beside_label(text: str, label: str, value: str, start: int, taken: Sequence[Span]) -> Span | None:
    """Return the first of all ways to write a label with its value: who forges another way can only come later."""
    spans = (
        _first(text, label, value, before, start, taken)
        for name in _CORE_LABELS.get(label, (label,))
        for before in (f"{name}=", f'"{name}": "', f'"{name}":"', f'"{name}": ', f'"{name}":')
    )
    return min(filter(None, spans), default=None)


def _bare(text: str, label: str, value: str, start: int, taken: Sequence[Span]) -> Span | None:
    return _first(text, label, value, "", start, taken) if len(value) >= _SHORTEST_BARE else None


def _first(text: str, label: str, value: str, before: str, start: int, taken: Sequence[Span]) -> Span | None:
    """Return the first place of ``before`` and ``value`` that is bounded on both sides and not taken."""
    at = start
    for _ in range(_MOST_TRIES):
        at = text.find(before + value, at)
        if at < 0:
            return None
        span = Span(at + len(before), at + len(before) + len(value), label)
        free = all(span.end <= other.start or other.end <= span.start for other in taken)
        if free and _is_bound(text, at - 1) and _is_bound(text, span.end):
            return span
        at += 1
    return None


def _is_bound(text: str, at: int) -> bool:
    return not 0 <= at < len(text) or text[at] in _BOUNDS
