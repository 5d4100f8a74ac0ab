"""RADIUS packets made for tests."""

from __future__ import annotations

import hashlib

SECRET = b"testing123"

INVITE, CANCEL, ACK, BYE = 1, 2, 4, 8
START, STOP, ALIVE, ON, OFF, FAILED = 1, 2, 3, 7, 8, 15

Value = int | str | bytes


def wire(value: Value) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(4, "big")
    return value.encode() if isinstance(value, str) else value


def attributes(*pairs: tuple[int, Value]) -> bytes:
    return b"".join(bytes((number, len(wire(value)) + 2)) + wire(value) for number, value in pairs)


def packet(*pairs: tuple[int, Value], code: int = 4, identifier: int = 7, secret: bytes = SECRET) -> bytes:
    """Return an Accounting-Request with these attributes, signed as RFC 2866 section 3 has it."""
    body = attributes(*pairs)
    head = bytes((code, identifier)) + (20 + len(body)).to_bytes(2, "big")
    return head + hashlib.md5(head + bytes(16) + body + secret).digest() + body


def kamailio(
    status: int = START,
    method: int = INVITE,
    code: int = 200,
    *more: tuple[int, Value],
    call_id: str = "a84b4c76e66710",
    time: Value | None = 1795390766,
) -> bytes:
    """Return what ``acc_radius`` sends, in its order and with the numbers of dictionary.openser."""
    return packet(
        (40, status),
        (6, 15),
        (102, code),
        (101, method),
        *([(55, time)] if time is not None else []),
        (105, "1928301774"),
        (104, "314159"),
        (44, call_id),
        *more,
        (5, 5060),
        (41, 0),
        (4, bytes((127, 0, 0, 1))),
    )


def opensips(status: int, method: int, code: int, *more: tuple[int, Value]) -> bytes:
    """Return what ``aaa_radius`` sends, in its order and with OpenSIPS' own numbers."""
    return packet(
        (40, status),
        (6, 15),
        (205, code),
        (204, method),
        (55, 1795391966),
        (206, "1928301774"),
        (207, "314159"),
        (44, "a84b4c76e66710"),
        *more,
        (5, 5060),
        (41, 0),
        (4, bytes((127, 0, 0, 1))),
    )
