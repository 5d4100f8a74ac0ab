"""The record of a call: the fields that scripts rely on, in their order. Times are ISO 8601 in UTC, absent is null."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from django.db.models import QuerySet, prefetch_related_objects

from cdr.calls.settlement import attach_settlements
from cdr.models import Attempt, Call, Leg, Settlement
from cdr.queries.visibility import Visibility

Record: TypeAlias = dict[str, Any]
Part = TypeVar("Part", Leg, Attempt)

FIELDS = (
    "id",
    "call_id",
    "from_tag",
    "to_tag",
    "caller",
    "callee",
    "source_ip",
    "user_agent",
    "state",
    "outcome",
    "started_at",
    "answered_at",
    "ended_at",
    "duration",
    "duration_kind",
    "released_by",
    "sip_code",
    "sip_reason",
    "attempts",
    "legs",
    "extra",
    "flags",
    "proxies",
    "backends",
    "events",
    "revision",
    "updated_at",
)
_BATCH = 2000
_EVERYTHING = Visibility()


def record_of(call: Call, legs: Iterable[Leg] | None = None, attempts: Iterable[Attempt] | None = None) -> Record:
    """Return the record of a call. ``legs`` and ``attempts`` in their order save queries where the caller has them.

    A call whose end was set manually has the flag ``settled`` and one more member, ``settlement``.
    """
    record: Record = {
        "id": call.pk,
        "call_id": call.call_id,
        "from_tag": call.from_tag,
        "to_tag": call.to_tag,
        "caller": call.caller,
        "callee": call.callee,
        "source_ip": call.source_ip,
        "user_agent": call.user_agent,
        "state": call.state,
        "outcome": call.outcome,
        "started_at": _utc(call.started_at),
        "answered_at": _utc(call.answered_at),
        "ended_at": _utc(call.ended_at),
        "duration": None if call.duration is None else call.duration.total_seconds(),
        "duration_kind": call.duration_kind,
        "released_by": call.released_by,
        "sip_code": call.sip_code,
        "sip_reason": call.sip_reason,
        "attempts": [_attempt(one) for one in (call.attempts.all() if attempts is None else attempts)],
        "legs": [_leg(one) for one in (call.legs.all() if legs is None else legs)],
        "extra": call.extra,
        "flags": call.flags,
        "proxies": call.proxies,
        "backends": call.backends,
        "events": call.events,
        "revision": call.revision,
        "updated_at": _utc(call.updated_at),
    }
    if call.settlement is not None:
        record["flags"] = [*call.flags, "settled"]
        record["settlement"] = _settlement(call, call.settlement)
    return record


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _settlement(call: Call, settled: Settlement) -> Record:
    """Return how somebody set the end of a call without STOP; the members that come from events do not change."""
    length = settled.ended_at - call.answered_at if settled.ended_at and call.answered_at else None
    return {
        "ended_at": _utc(settled.ended_at),
        "duration": None if length is None else length.total_seconds(),
        "reason": settled.reason,
        "by": settled.by.get_username(),
        "at": _utc(settled.at),
    }


def _attempt(attempt: Attempt) -> Record:
    return {
        "code": attempt.code,
        "reason": attempt.reason,
        "to_tag": attempt.to_tag,
        "time": _utc(attempt.time),
        "extra": attempt.extra,
        "legs": attempt.legs,
    }


def _leg(leg: Leg) -> Record:
    return {"source": leg.source, "destination": leg.destination, "type": leg.type, "values": leg.values}


def records(calls: QuerySet[Call], visibility: Visibility = _EVERYTHING) -> Iterator[Record]:
    """Yield the records of ``calls`` in order. Memory is constant: legs and attempts are loaded in batches.

    ``visibility`` masks what its user may not see of a call; ``calls`` must contain visible calls only.
    """
    each = calls.iterator(chunk_size=_BATCH)
    while batch := list(islice(each, _BATCH)):
        attach_settlements(batch)
        if visibility.numbers:
            legs, attempts = _by_call(Leg.objects.all(), batch), _by_call(Attempt.objects.all(), batch)
            yield from (record_of(call, legs[call.pk], attempts[call.pk]) for call in visibility.shown(batch))
        else:
            prefetch_related_objects(batch, "legs", "attempts")
            yield from map(record_of, visibility.shown(batch))


def _by_call(parts: QuerySet[Part], calls: Iterable[Call]) -> dict[int, list[Part]]:
    """Return the parts of each of ``calls``, in their order. (Django's prefetching creates a queryset per call.)"""
    found: dict[int, list[Part]] = defaultdict(list)
    for part in parts.filter(call__in=calls).order_by("call", "position"):
        found[part.call_id].append(part)
    return found
