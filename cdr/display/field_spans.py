"""Locate the fields of an event in its original record.

Parsing does not store positions; the values are searched again with their labels. A field that is written differently
in the record (a time, a number in another form) is not marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

_CORE_LABELS = {"call_id": ("call_id", "callid"), "code": ("code", "sip_code"), "reason": ("reason", "sip_reason")}
_MOST_TRIES = 64
"""How many places are tried for one field, to limit the work on a hostile line."""
_SHORTEST_BARE = 2
_BOUNDS = " \t\r\n,;:=\"'|<>(){}[]"


class Span(NamedTuple):
    """The position of the value of a field, from ``start`` to ``end`` (exclusive), in characters or bytes."""

    start: int
    end: int
    label: str


def locate_fields(text: str, fields: Iterable[tuple[str, str]]) -> list[Span]:
    """Return the positions of the values of ``fields`` (label and value, in the order logged) in ``text``, sorted.

    As in parsing, the first place after the previous field counts, so that text inside a value that looks like a later
    field is not marked. A value next to its label (``label=value``, ``"label": "value"``) is preferred to a bare one.
    """
    spans: list[Span] = []
    end = 0
    for label, value in fields:
        if not value:
            continue
        span = _next_to_label(text, label, value, end, spans) or _next_to_label(text, label, value, 0, spans)
        span = span or _bare(text, label, value, end, spans)
        if span is not None:
            spans.append(span)
            end = span.end
    return sorted(spans)


def locate_in_packet(packet: bytes, fields: Iterable[tuple[str, str]]) -> list[Span]:
    """Return the positions of the values of ``fields`` in a RADIUS or Diameter packet in bytes, sorted.

    A value is recognised by the length before it: that of an attribute (RFC 2865 section 5) or of an AVP (RFC 6733
    section 4.1). A number may be text or four bytes.
    """
    spans: list[Span] = []
    for label, value in fields:
        for encoded in filter(None, (value.encode("utf-8", "surrogateescape"), _four_bytes(value))):
            span = _attribute(packet, label, encoded, spans)
            if span is not None:
                spans.append(span)
                break
    return sorted(spans)


def _four_bytes(value: str) -> bytes:
    number = int(value) if value.isascii() and value.isdecimal() and len(value) <= 10 else 2**32
    return number.to_bytes(4, "big") if number < 2**32 else b""


def _attribute(packet: bytes, label: str, encoded: bytes, taken: Sequence[Span]) -> Span | None:
    position = packet.find(encoded)
    for _ in range(_MOST_TRIES):
        if position < 0:
            return None
        span = Span(position, position + len(encoded), label)
        free = all(span.end <= other.start or other.end <= span.start for other in taken)
        if free and _has_length_before(packet, position, len(encoded)):
            return span
        position = packet.find(encoded, position + 1)
    return None


def _has_length_before(packet: bytes, position: int, size: int) -> bool:
    return (
        (position >= 2 and packet[position - 1] == size + 2)
        or (position >= 8 and int.from_bytes(packet[position - 3 : position]) == size + 8)
        or (position >= 12 and int.from_bytes(packet[position - 7 : position - 4]) == size + 12)  # AVP with a vendor id
    )


def _next_to_label(text: str, label: str, value: str, start: int, taken: Sequence[Span]) -> Span | None:
    """Return the earliest occurrence in any notation of label and value, because a forged one can only come later."""
    spans = (
        _first(text, label, value, before, start, taken)
        for name in _CORE_LABELS.get(label, (label,))
        for before in (f"{name}=", f'"{name}": "', f'"{name}":"', f'"{name}": ', f'"{name}":')
    )
    return min(filter(None, spans), default=None)


def _bare(text: str, label: str, value: str, start: int, taken: Sequence[Span]) -> Span | None:
    return _first(text, label, value, "", start, taken) if len(value) >= _SHORTEST_BARE else None


def _first(text: str, label: str, value: str, before: str, start: int, taken: Sequence[Span]) -> Span | None:
    """Return the first free place of ``before`` and ``value`` with a boundary on both sides."""
    position = start
    for _ in range(_MOST_TRIES):
        position = text.find(before + value, position)
        if position < 0:
            return None
        span = Span(position + len(before), position + len(before) + len(value), label)
        free = all(span.end <= other.start or other.end <= span.start for other in taken)
        if free and _is_boundary(text, position - 1) and _is_boundary(text, span.end):
            return span
        position += 1
    return None


def _is_boundary(text: str, position: int) -> bool:
    return not 0 <= position < len(text) or text[position] in _BOUNDS
