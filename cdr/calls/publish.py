"""Write the calls of correlation into the rows that pages, exports and billing read.

A call is written only when it says something else than before; each change is a new ``revision``. ``updated_at`` orders
changes (``cdr.storage.change_order``): where a clock was set back it is later than the clock, which ``CallRevision.at``
shows. The hourly volumes follow in the same transaction.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from django.utils import timezone

from cdr.calls.volumes import Difference
from cdr.correlation.matching import identity_of, match
from cdr.correlation.record import CallRecord, Flag, LegRecord
from cdr.events import Pairs
from cdr.models import Attempt, Call, CallRevision, Leg
from cdr.models.fields import WordsField
from cdr.storage.change_order import next_change_time
from cdr.storage.database import EventDatabase
from cdr.storage.tables import Row, Table, Wire


class Content(NamedTuple):
    """The columns of a call that depend on its events, as read from the database."""

    cluster: str
    call_id: str
    from_tag: str
    to_tag: str
    caller: str | None
    callee: str | None
    source_ip: str | None
    user_agent: str | None
    state: str
    outcome: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration: timedelta | None
    duration_kind: str
    released_by: str | None
    sip_code: int | None
    sip_reason: str | None
    extra: dict[str, str]
    flags: str
    proxies: str
    backends: str
    events: int
    stop_due_at: datetime | None


class UnpublishedCall(NamedTuple):
    """A call to be published. ``key`` is its events' ``call_key``."""

    key: int
    identity: bytes
    record: CallRecord

    @property
    def scope(self) -> tuple[object, ...]:
        return (self.key, self.record.cluster, self.record.call_id)

    @property
    def from_tag(self) -> str:
        return self.record.from_tag


class PublishedRow(NamedTuple):
    """A call as it is stored."""

    id: int
    key: int
    identity: bytes
    superseded: bool
    revision: int
    updated_at: datetime
    content: Content

    @property
    def scope(self) -> tuple[object, ...]:
        return (self.key, self.content.cluster, self.content.call_id)

    @property
    def from_tag(self) -> str:
        return self.content.from_tag


_CALLS = Table(Call, "id", "call_key", "identity", "superseded", "revision", "updated_at", *Content._fields)
_NEW_CALLS = Table(Call, "call_key", "identity", "superseded", "revision", "updated_at", *Content._fields)
_FLAGS = Table(Call, "id", "superseded", "flags", "revision", "updated_at")
_LEGS = Table(Leg, "call", "position", "source", "destination", "type", "values")
_ATTEMPTS = Table(Attempt, "call", "position", "code", "reason", "to_tag", "time", "gateway", "extra", "legs")
_REVISIONS = Table(CallRevision, "call", "revision", "at", "changes")
_EXTRA = Content._fields.index("extra")
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


_words = lru_cache(WordsField.joined)
"""The column's text of a tuple of words; there are few."""


def publish(database: EventDatabase, records: Mapping[int, Iterable[CallRecord]]) -> None:
    """Make the stored calls be ``records``: of each ``call_key`` in there, all its calls."""
    calls = [UnpublishedCall(key, identity_of(record), record) for key, found in records.items() for record in found]
    stored = [_published(row) for row in database.rows(_CALLS, "call_key", records)]
    volumes = Difference()
    now = timezone.now()
    updated_at = next_change_time(now)
    if stored:
        pairs, calls, left = match(stored, calls)
        _change(database, pairs, volumes, now, updated_at)
        _supersede(database, [call for call in left if not call.superseded], volumes, now, updated_at)
    if calls:
        _add(database, calls, volumes, updated_at)
    volumes.write(database)


def publish_revision(call: Call, changes: Mapping[str, Any]) -> None:
    """Publish a change that a person made as of this moment; the caller's transaction holds the mark of the call."""
    now = timezone.now()
    CallRevision.objects.create(call=call, revision=call.revision + 1, at=now, changes=changes)
    Call.objects.filter(pk=call.pk).update(revision=call.revision + 1, updated_at=next_change_time(now))


def _add(database: EventDatabase, calls: Sequence[UnpublishedCall], volumes: Difference, updated_at: datetime) -> None:
    """Store new calls. Those with parts need to know their ids; the database numbers the others, which is cheaper."""
    changed = database.wire.time(updated_at)
    whole = [call for call in calls if not (call.record.legs or call.record.attempts)]
    database.insert(_NEW_CALLS, (_row(database.wire, 0, call, 1, changed)[1:] for call in whole))
    parted = [call for call in calls if call.record.legs or call.record.attempts]
    if parted:
        numbered = list(zip(database.new_ids(_CALLS, len(parted)), parted, strict=True))
        database.insert(_CALLS, (_row(database.wire, pk, call, 1, changed) for pk, call in numbered))
        _add_parts(database, [(pk, call.record) for pk, call in numbered])
    for call in calls:
        _count(volumes, call.record)


def _change(
    database: EventDatabase,
    pairs: Sequence[tuple[PublishedRow, UnpublishedCall]],
    volumes: Difference,
    now: datetime,
    updated_at: datetime,
) -> None:
    """Write the calls that are different now, and what is different."""
    wire = database.wire
    parts = _parts(database, [old.id for old, _ in pairs])
    rows: list[Row] = []
    revisions: list[Row] = []
    rewritten: list[tuple[int, CallRecord]] = []
    for old, new in pairs:
        changes = _differences(old.content, _content(new.record))
        if old.superseded:
            changes["superseded"] = [True, False]
        for name, before, after in zip(("legs", "attempts"), parts[old.id], _parts_of(new.record), strict=True):
            if before != after:
                changes[name] = [before, after]
        if "legs" in changes or "attempts" in changes:
            rewritten.append((old.id, new.record))
        if changes:
            rows.append(_row(wire, old.id, new, old.revision + 1, wire.time(updated_at)))
            revisions.append(_revision(wire, old, now, changes))
            if not old.superseded:
                _uncount(volumes, old.content)
            _count(volumes, new.record)
        elif old.identity != new.identity:  # known by another name, and otherwise the same
            rows.append(_row(wire, old.id, new, old.revision, wire.time(old.updated_at)))
    if rows:
        database.update(_CALLS, rows)
    if revisions:
        database.insert(_REVISIONS, revisions)
    if rewritten:
        for table in (_LEGS, _ATTEMPTS):
            database.delete(table, "call_id", [pk for pk, _ in rewritten])
        _add_parts(database, rewritten)


def _supersede(
    database: EventDatabase, calls: Sequence[PublishedRow], volumes: Difference, now: datetime, updated_at: datetime
) -> None:
    """Flag calls that turned out to be part of others."""
    if not calls:
        return
    wire = database.wire
    rows: list[Row] = []
    revisions: list[Row] = []
    for old in calls:
        flags = [*old.content.flags.split(), Flag.SUPERSEDED.value]
        rows.append((old.id, True, WordsField.joined(flags), wire.int4(old.revision + 1), wire.time(updated_at)))
        changes = {"flags": [flags[:-1], flags], "superseded": [False, True]}
        revisions.append(_revision(wire, old, now, changes))
        _uncount(volumes, old.content)
    database.update(_FLAGS, rows)
    database.insert(_REVISIONS, revisions)


def _count(volumes: Difference, record: CallRecord) -> None:
    volumes.count(
        1,
        record.started_at,
        _words(record.proxies),
        f"{record.state}",
        record.outcome and f"{record.outcome}",
        record.sip_code,
        record.duration,
        f"{record.duration_kind}",
    )


def _uncount(volumes: Difference, said: Content) -> None:
    volumes.count(
        -1,
        said.started_at,
        said.proxies,
        said.state,
        said.outcome,
        said.sip_code,
        said.duration,
        said.duration_kind,
    )


def _row(wire: Wire, pk: int, call: UnpublishedCall, revision: int, updated_at: int | str) -> Row:
    """Return the row of a call, in the order of ``_CALLS``."""
    key, identity, record = call
    time, int4 = wire.time, wire.int4
    return (
        pk,
        key,
        identity,
        False,
        int4(revision),
        updated_at,
        record.cluster,
        record.call_id,
        record.from_tag,
        record.to_tag,
        record.caller,
        record.callee,
        record.source_ip,
        record.user_agent,
        f"{record.state}",  # its plain text
        record.outcome and f"{record.outcome}",
        time(record.started_at),
        record.answered_at and time(record.answered_at),
        record.ended_at and time(record.ended_at),
        None if record.duration is None else wire.length(record.duration),
        f"{record.duration_kind}",
        record.released_by and f"{record.released_by}",
        None if record.sip_code is None else int4(record.sip_code),
        record.sip_reason,
        wire.json(_json(_values(record.extra)) if record.extra else "{}"),
        _words(record.flags),
        _words(record.proxies),
        _words(record.backends),
        int4(record.events),
        record.stop_due_at and time(record.stop_due_at),
    )


def _content(record: CallRecord) -> Content:
    """Return the columns that ``_row`` writes, as they will be read."""
    return Content(
        record.cluster,
        record.call_id,
        record.from_tag,
        record.to_tag,
        record.caller,
        record.callee,
        record.source_ip,
        record.user_agent,
        f"{record.state}",
        record.outcome and f"{record.outcome}",
        record.started_at,
        record.answered_at,
        record.ended_at,
        record.duration,
        f"{record.duration_kind}",
        record.released_by and f"{record.released_by}",
        record.sip_code,
        record.sip_reason,
        _values(record.extra),
        _words(record.flags),
        _words(record.proxies),
        _words(record.backends),
        record.events,
        record.stop_due_at,
    )


def _published(row: Row) -> PublishedRow:
    pk, key, identity, superseded, revision, updated_at, *content = row
    content[_EXTRA] = {} if content[_EXTRA] == "{}" else json.loads(content[_EXTRA])
    return PublishedRow(pk, key, identity, superseded, revision, updated_at, Content(*content))


def _revision(wire: Wire, old: PublishedRow, now: datetime, changes: Mapping[str, Any]) -> Row:
    return (old.id, wire.int4(old.revision + 1), wire.time(now), wire.json(_json(changes)))


def _add_parts(database: EventDatabase, calls: Sequence[tuple[int, CallRecord]]) -> None:
    """Store the legs and attempts of calls that have none stored."""
    wire = database.wire
    legs = [
        (pk, wire.int4(at), leg.source, leg.destination, leg.type, wire.json(_json(_values(leg.values))))
        for pk, call in calls
        for at, leg in enumerate(call.legs)
    ]
    attempts = [
        (
            pk,
            wire.int4(position),
            wire.int4(attempt.code),
            attempt.reason,
            attempt.to_tag,
            wire.time(attempt.time),
            attempt.gateway,
            wire.json(_json(_values(attempt.extra))),
            wire.json(_json(_legs(attempt.legs))),
        )
        for pk, call in calls
        for position, attempt in enumerate(call.attempts)
    ]
    if legs:
        database.insert(_LEGS, legs)
    if attempts:
        database.insert(_ATTEMPTS, attempts)


Parts = tuple[list[dict[str, Any]], list[dict[str, Any]]]
"""Legs and attempts in the form of a revision."""


def _parts(database: EventDatabase, ids: Sequence[int]) -> dict[int, Parts]:
    """Return the stored legs and attempts of each call."""
    parts: dict[int, Parts] = defaultdict(lambda: ([], []))
    for call, _, source, destination, kind, values in sorted(database.rows(_LEGS, "call_id", ids), key=_place):
        parts[call][0].append(_leg(source, destination, kind, json.loads(values)))
    for call, _, code, reason, to_tag, time, _, extra, legs in sorted(
        database.rows(_ATTEMPTS, "call_id", ids), key=_place
    ):
        parts[call][1].append(_attempt(code, reason, to_tag, time, json.loads(extra), json.loads(legs)))
    return parts


def _place(row: Row) -> tuple[int, int]:
    return row[0], row[1]


def _parts_of(call: CallRecord) -> Parts:
    return (
        _legs(call.legs),
        [
            _attempt(branch.code, branch.reason, branch.to_tag, branch.time, _values(branch.extra), _legs(branch.legs))
            for branch in call.attempts
        ],
    )


def _legs(legs: Iterable[LegRecord]) -> list[dict[str, Any]]:
    return [_leg(leg.source, leg.destination, leg.type, _values(leg.values)) for leg in legs]


def _values(pairs: Pairs) -> dict[str, str]:
    """Return the text of each label in the order logged; for a repeated label the first text."""
    values: dict[str, str] = {}
    for label, text in pairs:
        values.setdefault(label, text)
    return values


def _leg(source: str | None, destination: str | None, kind: str | None, values: dict[str, str]) -> dict[str, Any]:
    return {"source": source, "destination": destination, "type": kind, "values": values}


def _attempt(
    code: int, reason: str, to_tag: str, time: datetime, extra: dict[str, str], legs: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "code": code,
        "reason": reason,
        "to_tag": to_tag,
        "time": time.isoformat(),
        "extra": extra,
        "legs": legs,
    }


def _differences(before: Content, after: Content) -> dict[str, list[Any]]:
    """Return the changed fields with [before, after] as JSON (times in ISO 8601, durations in seconds)."""
    if before == after:
        return {}
    return {
        name: [_as_json_value(name, was), _as_json_value(name, now)]
        for name, was, now in zip(Content._fields, before, after, strict=True)
        if was != now
    }


def _as_json_value(name: str, value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case str() if name in ("flags", "proxies", "backends"):
            return value.split()
    return value
