"""Accounting of a busy proxy as it really comes: three outputs in parallel, extras, legs, failures, loss, repetition.

``transactions`` says what the proxy accounts; ``line``, ``rows`` and ``packet`` are the forms in which its syslog, SQL
and RADIUS outputs tell it; ``LAYOUT`` is what the proxy is configured to log.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

BEGIN = datetime(2026, 5, 1, 12, tzinfo=UTC)
CALLS_PER_SECOND = 50
FIRST_CALL = 60
"""Seconds from ``BEGIN``; a branch that failed comes before."""

LONGEST = 600
SECRET = b"testing123"
EXTRAS = ("src_user", "dst_user", "src_ip")
LEGS = ("src", "dst", "type")
LAYOUT: dict[str, Any] = {
    "extras": {name: list(EXTRAS) for name in ("syslog", "sql", "radius")},
    "legs": {name: list(LEGS) for name in ("syslog", "sql", "radius")},
}
ACC_COLUMNS = ("id", "method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time", *EXTRAS, *LEGS)
_ATTRIBUTES = {"src_user": 231, "dst_user": 232, "src_ip": 233, "src": 234, "dst": 235, "type": 236}
DICTIONARY = (
    "ATTRIBUTE Sip-Method 101 integer\nATTRIBUTE Sip-Response-Code 102 integer\n"
    "ATTRIBUTE Sip-From-Tag 105 string\nATTRIBUTE Sip-To-Tag 104 string\n"
) + "".join(f"ATTRIBUTE {name} {number} string\n" for name, number in _ATTRIBUTES.items())
_METHODS = {"INVITE": 1, "CANCEL": 2, "BYE": 8}
_REASONS = {
    200: "OK",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    487: "Request Terminated",
}


class Transaction(NamedTuple):
    """What the proxy accounts. ``time`` counts seconds from ``BEGIN``."""

    time: int
    method: str
    code: int
    from_tag: str
    to_tag: str
    call_id: str
    extra: tuple[str, ...]
    legs: tuple[tuple[str, ...], ...] = ()
    missed: bool = False
    within: bool = False  # in a dialog: the request has a To tag


def clean(calls: int, seed: int = 1) -> Iterator[Transaction]:
    """Yield START and STOP of calls that were all answered by the first who was asked."""
    dice = random.Random(seed)
    for number in range(calls):
        start = _call(number, dice)
        yield start
        yield _stop(start, dice)


def transactions(
    calls: int, seed: int = 1, *, per_second: int = CALLS_PER_SECOND, longest: int = LONGEST
) -> Iterator[Transaction]:
    """Yield what becomes of calls: 70 % answered, a quarter of them after a branch that failed; 8 % with two legs;
    re-INVITEs in 5 %; 2 % without STOP, 2 % with a STOP hours late, 2 % with two. ``longest`` is in seconds.
    """
    dice = random.Random(seed)
    for number in range(calls):
        start = _call(number, dice, per_second)
        if dice.random() < 0.08:
            caller, callee, _ = start.extra
            start = start._replace(legs=((callee, f"3{callee[1:]}", "1"), (caller, callee, "0")))
        fate = dice.random()
        if fate < 0.70:
            yield from _answered(start, dice, longest)
        elif fate < 0.80:
            yield start._replace(method="CANCEL", to_tag="", legs=())
            yield start._replace(code=487)
        else:
            code = dice.choice((486, 480, 408))
            if dice.random() < 0.3:
                yield start._replace(code=486, to_tag=f"branch{number}", missed=True, time=start.time - 3)
            yield start._replace(code=code, missed=True)
            yield start._replace(code=code)


def _call(number: int, dice: random.Random, per_second: int = CALLS_PER_SECOND) -> Transaction:
    caller, callee = f"+4930{dice.randrange(100_000):07}", f"+4420{dice.randrange(100_000):07}"
    return Transaction(
        FIRST_CALL + number // per_second,
        "INVITE",
        200,
        dice.randbytes(4).hex(),
        dice.randbytes(5).hex(),
        f"{dice.randbytes(12).hex()}@192.0.2.{number % 200}",
        (caller, callee, f"192.0.2.{number % 200}"),
    )


def _answered(start: Transaction, dice: random.Random, longest: int) -> Iterator[Transaction]:
    if dice.random() < 0.25:
        yield start._replace(code=408, to_tag="", missed=True, time=start.time - 20)
    yield start
    stop = _stop(start, dice, longest)
    if dice.random() < 0.05:
        yield start._replace(time=(start.time + stop.time) // 2, legs=(), within=True)
    fate = dice.random()
    if fate < 0.02:
        return
    if fate < 0.04:
        stop = stop._replace(time=start.time + 5 * 3600)
    yield stop
    if fate > 0.98:
        yield stop._replace(time=stop.time + 4, code=481)


def _stop(start: Transaction, dice: random.Random, longest: int = LONGEST) -> Transaction:
    stop = start._replace(method="BYE", time=start.time + dice.randint(5, longest), legs=(), within=True)
    return stop._replace(from_tag=stop.to_tag, to_tag=stop.from_tag) if dice.random() < 0.3 else stop


def arriving(made: Iterator[Transaction], seed: int = 1) -> list[Transaction]:
    """Return transactions in the order in which they arrive: within seconds that of time, some STOPs hours late."""
    dice = random.Random(seed)
    return sorted(made, key=lambda one: one.time + dice.random() * 3)


def stream(calls: int, per_second: int, longest: int) -> Iterator[Transaction]:
    """Yield what ``arriving`` returns of ``transactions``, holding only what is to come later."""
    dice = random.Random(1)
    later: list[tuple[float, int, Transaction]] = []
    for number, one in enumerate(transactions(calls, per_second=per_second, longest=longest)):
        heapq.heappush(later, (one.time + dice.random() * 3, number, one))
        begun = one.time - 30 if one.method == "INVITE" and not one.within else 0  # no later call says anything sooner
        while later[0][0] < begun:
            yield heapq.heappop(later)[2]
    while later:
        yield heapq.heappop(later)[2]


def line(transaction: Transaction) -> bytes:
    """Return the line that Kamailio logs, as a syslog daemon hands it on."""
    what = "call missed" if transaction.missed else "transaction answered"
    reason = _REASONS.get(transaction.code, "Call/Transaction Does Not Exist")
    fields = [*zip(EXTRAS, transaction.extra, strict=True)]
    for leg in transaction.legs or [("", "", "")]:
        fields += zip(LEGS, leg, strict=True)
    return (
        f"May  1 12:00:00 proxy kamailio[4711]: NOTICE: acc [acc.c:287]: acc_log_request(): ACC: {what}: "
        f"timestamp={int(BEGIN.timestamp()) + transaction.time};method={transaction.method};"
        f"from_tag={transaction.from_tag};to_tag={transaction.to_tag};call_id={transaction.call_id};"
        f"code={transaction.code};reason={reason}{''.join(f';{label}={text}' for label, text in fields)}"
    ).encode()


def rows(transaction: Transaction, number: int) -> list[tuple[Any, ...]]:
    """Return the rows of ``acc`` or ``missed_calls`` (``ACC_COLUMNS``), one per leg, the first with this ``id``."""
    reason = _REASONS.get(transaction.code, "Call/Transaction Does Not Exist")
    core = (
        transaction.method,
        transaction.from_tag,
        transaction.to_tag,
        transaction.call_id,
        str(transaction.code),
        reason,
        (BEGIN + timedelta(seconds=transaction.time)).replace(tzinfo=None),
        *transaction.extra,
    )
    return [(number + at, *core, *leg) for at, leg in enumerate(transaction.legs or [("", "", "")])]


def packet(transaction: Transaction, identifier: int = 0) -> bytes:
    """Return the Accounting-Request that ``acc_radius`` sends."""
    if transaction.method == "INVITE" and not transaction.within and transaction.code == 200:
        status = 1
    elif transaction.method in ("BYE", "CANCEL"):
        status = 2
    else:
        status = 3 if transaction.within else 15
    pairs: list[tuple[int, bytes]] = [
        (40, status.to_bytes(4, "big")),
        (6, (15).to_bytes(4, "big")),
        (102, transaction.code.to_bytes(4, "big")),
        (101, _METHODS[transaction.method].to_bytes(4, "big")),
        (55, (int(BEGIN.timestamp()) + transaction.time).to_bytes(4, "big")),
        (105, transaction.from_tag.encode()),
        (104, transaction.to_tag.encode()),
        (44, transaction.call_id.encode()),
        *((_ATTRIBUTES[label], text.encode()) for label, text in zip(EXTRAS, transaction.extra, strict=True)),
    ]
    for leg in transaction.legs:
        pairs += [(_ATTRIBUTES[label], text.encode()) for label, text in zip(LEGS, leg, strict=True)]
    pairs += [(5, (5060).to_bytes(4, "big")), (41, bytes(4)), (4, bytes((127, 0, 0, 1)))]
    body = b"".join(bytes((attribute, len(value) + 2)) + value for attribute, value in pairs if value)
    head = bytes((4, identifier)) + (20 + len(body)).to_bytes(2, "big")
    return head + hashlib.md5(head + bytes(16) + body + SECRET).digest() + body
