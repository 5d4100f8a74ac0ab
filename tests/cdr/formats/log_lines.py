"""Log lines for tests, written as the proxies write them: one text, nothing quoted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cdr.events import AccEvent
from cdr.formats.reading import Reading, Rejection
from cdr.formats.syslog import parse_line
from proxyconf.vocabulary.layout import Backend, FieldLayout

STDERR = b" 1(1326) NOTICE: acc [acc.c:287]: acc_log_request(): "
ANSWERED = b"transaction answered"
CORE = {
    b"method": b"INVITE",
    b"from_tag": b"5F74EABB",
    b"to_tag": b"1338SIPpTag011",
    b"call_id": b"1-1341-0@127.0.0.1",
    b"code": b"200",
    b"reason": b"OK",
}


def fields(*pairs: tuple[bytes, bytes]) -> bytes:
    return b"".join(b";" + label + b"=" + value for label, value in pairs)


def acc_text(
    *extras: tuple[bytes, bytes],
    prefix: bytes = ANSWERED,
    clock: bytes = b"timestamp=1795389790",
    **core: bytes,
) -> bytes:
    """Return what the module itself writes; ``core`` replaces core fields."""
    changed = {label: core.get(label.decode(), value) for label, value in CORE.items()}
    return b"ACC: " + prefix + b": " + clock + fields(*changed.items(), *extras)


def acc_line(*extras: tuple[bytes, bytes], head: bytes = STDERR, **parts: bytes) -> bytes:
    return head + acc_text(*extras, **parts)


def reading(extras: Sequence[str] | None = None, legs: Sequence[str] | None = None, /, **layout: Any) -> Reading:
    """Return a reading whose layout tells syslog's extras and legs, each unknown where None."""
    told = FieldLayout(
        extras={} if extras is None else {Backend.SYSLOG: tuple(extras)},
        legs={} if legs is None else {Backend.SYSLOG: tuple(legs)},
        **layout,
    )
    return Reading(layout=told)


def event(line: bytes, told: Reading | None = None) -> AccEvent:
    found = parse_line(line, told or reading((), ()))
    assert isinstance(found, AccEvent), found
    return found


def rejection(line: bytes, told: Reading | None = None) -> Rejection:
    found = parse_line(line, told or reading((), ()))
    assert isinstance(found, Rejection), found
    return found
