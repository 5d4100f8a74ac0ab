"""Match stored calls with recomputed ones, so that a call keeps its row when later events change it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol, TypeVar

from cdr.correlation.record import CallRecord


class MatchableCall(Protocol):
    """What a call is matched by. Only calls of one ``scope`` (the events of one Call-ID) can be the same."""

    @property
    def scope(self) -> tuple[object, ...]: ...
    @property
    def identity(self) -> bytes: ...
    @property
    def from_tag(self) -> str: ...


class StoredCall(MatchableCall, Protocol):
    @property
    def id(self) -> int: ...
    @property
    def superseded(self) -> bool: ...


Old = TypeVar("Old", bound=StoredCall)
New = TypeVar("New", bound=MatchableCall)


def identity_of(record: CallRecord) -> bytes:
    """Return 16 bytes that identify the call among all calls."""
    named = ascii(
        (record.cluster, record.call_id, record.anchor)
    )  # quoted, so that different calls never give the same text
    return hashlib.blake2b(named.encode(), digest_size=16).digest()


def match(old: Sequence[Old], new: Sequence[New]) -> tuple[list[tuple[Old, New]], list[New], list[Old]]:
    """Return pairs of stored and recomputed calls, the recomputed calls that are new, and the stored ones left over.

    Calls match by identity first. The others are paired within their scope, those with the same caller's tag first: an
    attempt that turns out to be answered keeps its row. Superseded calls are taken last. The order of the arguments
    does not matter.
    """
    by_identity = {(call.scope, call.identity): call for call in old}
    pairs: list[tuple[Old, New]] = []
    added: list[New] = []
    for call in new:
        stored_call = by_identity.pop((call.scope, call.identity), None)
        if stored_call is None:
            added.append(call)
        else:
            pairs.append((stored_call, call))
    unmatched = sorted(by_identity.values(), key=lambda call: (call.superseded, call.id))
    added.sort(key=lambda call: call.identity)
    for same_caller in (True, False):
        more, added, unmatched = _pair_up(added, unmatched, same_caller)
        pairs += more
    return pairs, added, unmatched


def _pair_up(
    new: Sequence[New], old: Sequence[Old], same_caller: bool
) -> tuple[list[tuple[Old, New]], list[New], list[Old]]:
    """Pair calls of one scope (with ``same_caller``: and one caller's tag) in order; return the others as well."""

    def place(call: MatchableCall) -> tuple[object, ...]:
        return (*call.scope, call.from_tag) if same_caller else call.scope

    by_place: dict[tuple[object, ...], list[Old]] = defaultdict(list)
    for stored in reversed(old):
        by_place[place(stored)].append(stored)
    pairs: list[tuple[Old, New]] = []
    added: list[New] = []
    paired: set[int] = set()
    for call in new:
        candidates = by_place.get(place(call))
        if candidates:
            stored_call = candidates.pop()
            paired.add(stored_call.id)
            pairs.append((stored_call, call))
        else:
            added.append(call)
    return pairs, added, [stored for stored in old if stored.id not in paired]
