r"""Parse events of OpenSIPS 1.9 to 3.0, which are text instead of JSON.

An event consists of its name, a line ``parameter::value`` for each parameter, and an empty line. A value with a line
feed is quoted, with quotes inside escaped as ``\"`` (``event_datagram.c``, branch 2.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cdr.events import Unparsable, text_of

_NAME = re.compile(rb"\s*E_[A-Z0-9_]+\s*(?:\n|\Z)")
_PARAMETER = re.compile(rb'([^:\n"]+)::("(?:[^"\\]|\\.)*"(?=\n|\Z)|[^\n]*)(?:\n|\Z)', re.DOTALL)
_OPEN_VALUE = re.compile(rb'[^:"]+::"')
_CLOSED = re.compile(rb'(?:.*[^\\])?"')


def is_text_event(raw: bytes) -> bool:
    """Tell whether a datagram, or the start of a file, is an event as text."""
    return _NAME.match(raw) is not None


def parameters_of(raw: bytes) -> tuple[str, dict[str, str]]:
    """Return the name of an event and its parameters; the first value of each counts. Raise ``Unparsable``."""
    name, _, rest = raw.replace(b"\r\n", b"\n").strip(b"\n").partition(b"\n")
    parameters: dict[str, str] = {}
    place = 0
    while place < len(rest):
        match = _PARAMETER.match(rest, place)
        if match is None:
            raise Unparsable(f'no "parameter::value" at "{text_of(rest[place : place + 60])}"; was the datagram cut?')
        value = match[2]
        if value.startswith(b'"') and value.endswith(b'"') and b"\n" in value:
            value = value[1:-1].replace(b'\\"', b'"')
        parameters.setdefault(text_of(match[1]), text_of(value))
        place = match.end()
    return text_of(name.strip()), parameters


def records(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the events in the lines of a file (without line endings); each ends at an empty line or the next name."""
    record: list[bytes] = []
    is_open = False
    for line in lines:
        if not is_open and record and (not line.strip() or _NAME.match(line)):
            yield b"\n".join(record)
            record = []
        if is_open or line.strip():
            record.append(line)
        begins = _OPEN_VALUE.match(line) and not _CLOSED.fullmatch(line[line.index(b'"') + 1 :])
        is_open = bool(begins) if not is_open else not _CLOSED.fullmatch(line)
        if len(record) > 1000:  # no event has so many parameters: the closing quote is missing
            is_open = False
    if record:
        yield b"\n".join(record)
