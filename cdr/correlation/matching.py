"""Which call of yesterday is which call of today: calls keep their row while later events change what they are."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol, TypeVar

from cdr.correlation.record import CallRecord


class Placed(Protocol):
    """What a call is matched by. Only calls of one ``scope`` (the events of one Call-ID) can be the same."""

    @property
    def scope(self) -> tuple[object, ...]: ...
    @property
    def identity(self) -> bytes: ...
    @property
    def from_tag(self) -> str: ...


class Stored(Placed, Protocol):
    @property
    def id(self) -> int: ...
    @property
    def superseded(self) -> bool: ...


Old = TypeVar("Old", bound=Stored)
New = TypeVar("New", bound=Placed)


def identity_of(record: CallRecord) -> bytes:
    """Return 16 bytes that name the call within everything."""
    named = ascii((record.cluster, record.call_id, record.anchor))  # quoted: no two calls read alike
    return hashlib.blake2b(named.encode(), digest_size=16).digest()


def match(old: Sequence[Old], new: Sequence[New]) -> tuple[list[tuple[Old, New]], list[New], list[Old]]:
    """Return the stored calls with what each has become, the calls that are new, and those that are no more.

    First by identity. What is left goes together within its scope, the same caller's tag first: an attempt that turns
    out to be answered keeps its row. Calls superseded before are taken last. The order of the arguments plays no part.
    """
    by_identity = {(call.scope, call.identity): call for call in old}
    pairs: list[tuple[Old, New]] = []
    added: list[New] = []
    for call in new:
        same = by_identity.pop((call.scope, call.identity), None)
        if same is None:
            added.append(call)
        else:
            pairs.append((same, call))
    left = sorted(by_identity.values(), key=lambda call: (call.superseded, call.id))
    added.sort(key=lambda call: call.identity)
    for same_caller in (True, False):
        more, added, left = _pair_up(added, left, same_caller)
        pairs += more
    return pairs, added, left


def _pair_up(
    new: Sequence[New], old: Sequence[Old], same_caller: bool
) -> tuple[list[tuple[Old, New]], list[New], list[Old]]:
    """Pair calls of one scope (and one caller's tag, if asked for) in their order; return also what is left."""

    def place(call: Placed) -> tuple[object, ...]:
        return (*call.scope, call.from_tag) if same_caller else call.scope

    waiting: dict[tuple[object, ...], list[Old]] = defaultdict(list)
    for stored in reversed(old):
        waiting[place(stored)].append(stored)
    pairs: list[tuple[Old, New]] = []
    added: list[New] = []
    taken: set[int] = set()
    for call in new:
        candidates = waiting.get(place(call))
        if candidates:
            found = candidates.pop()
            taken.add(found.id)
            pairs.append((found, call))
        else:
            added.append(call)
    return pairs, added, [stored for stored in old if stored.id not in taken]
