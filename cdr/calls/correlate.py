"""Correlate pending calls: fold all events of their Call-IDs and publish the calls that result.

One worker at a time works on a Call-ID, however many run: in its transaction it deletes the mark of the Call-ID
(``Pending``) before it reads the events, and the lock on that row keeps other workers away until the commit
(``cdr.storage.database``).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from cdr.calls.publish import publish
from cdr.calls.stored_events import EVENTS, KEY, EventReader
from cdr.correlation.fold import calls_of, fold
from cdr.correlation.matching import identity_of
from cdr.correlation.record import CallRecord, CallState, Observed, Policy, Use
from cdr.models import Call, Event, Pending
from cdr.storage.database import EventDatabase, database_for_writes
from cdr.storage.garbage_collection import gc_paused
from cdr.storage.tables import Table
from proxyconf.models import Proxy
from proxyconf.vocabulary.products import Product, Version

logger = logging.getLogger(__name__)

BATCH = 2_000
"""Call-IDs per transaction."""

_FIRST = -(2**63)  # the least call_key
_PENDING = Table(Pending, "call_key")


def correlate_pending(*, now: datetime | None = None, batch: int = BATCH, limit: int | None = None) -> int:
    """Correlate pending Call-IDs until none is left or ``limit`` are done; return how many were correlated.

    ``now`` (default: the clock) decides whether a call without STOP is still ongoing. Any number of workers may run
    this at once. Each batch is a transaction: after an error the earlier batches are published, the failed one stays
    pending.
    """
    done, start = 0, _FIRST
    while limit is None or done < limit:
        size = batch if limit is None else min(batch, limit - done)
        with transaction.atomic():
            database = database_for_writes()
            keys = database.claim(size, start)
            if keys:
                _correlate(database, keys, now or timezone.now())
        if not keys and start == _FIRST:
            break
        # Continue after this batch: scanning the dead rows that it left in the table again costs time.
        start = keys[-1] + 1 if keys and keys[-1] < -_FIRST - 1 else _FIRST
        done += len(keys)
    return done


def mark_all() -> int:
    """Mark every call that has events as pending; return how many Call-IDs were not marked before."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cdr_pending (call_key) SELECT DISTINCT call_key FROM cdr_event WHERE call_key IS NOT NULL"
            " ORDER BY call_key ON CONFLICT DO NOTHING"
        )
        return int(cursor.rowcount)


def mark_overdue(*, now: datetime) -> int:
    """Give ongoing calls whose STOP was due before ``now`` the state No STOP; return the number of Call-IDs."""
    done, last_key = 0, None
    overdue = Call.objects.filter(state=CallState.ONGOING, stop_due_at__lt=now, superseded=False).order_by("call_key")
    while True:
        with transaction.atomic():
            further = overdue if last_key is None else overdue.filter(call_key__gt=last_key)
            keys = list(further.values_list("call_key", flat=True).distinct()[:BATCH])
            if not keys:
                return done
            database = database_for_writes()
            database.mark(keys)  # waits for other workers on these Call-IDs, then keeps them away
            database.delete(_PENDING, "call_key", keys)
            _correlate(database, keys, now)
        last_key = keys[-1]
        done += len(keys)


class Explained(NamedTuple):
    """An event, the rule that used it, and its call (``None``: part of no call, or its call is still pending)."""

    event: Event
    use: Use
    call: Call | None


def explain(call: Call) -> list[Explained]:
    """Return all events with the Call-ID of ``call`` in its cluster, by time, each with the rule that used it."""
    policy_of = policies()
    events = [
        one
        for one in observed([call.call_key])
        if one.event.call_id == call.call_id and policy_of[one.proxy].cluster == call.cluster
    ]
    folded = fold(events, policy_of, timezone.now())
    stored = Event.objects.select_related("proxy", "source").in_bulk([one.id for one in events])
    calls = {stored.identity: stored for stored in Call.objects.filter(call_key=call.call_key, superseded=False)}
    published = [calls.get(identity_of(record)) for record in folded.calls]
    explained = [
        Explained(stored[one.id], use, None if use.call is None else published[use.call])
        for one, use in zip(events, folded.uses, strict=True)
        if one.id in stored  # re-reading may have replaced it meanwhile
    ]
    return sorted(explained, key=lambda one: (one.event.time, one.event.pk))


def observed(keys: Iterable[int]) -> list[Observed]:
    """Return the stored events with these ``call_key``s as input of ``fold``, in no order."""
    rows = database_for_writes().rows(EVENTS, "call_key", keys)
    names = dict(Proxy.objects.values_list("pk", "name"))  # after the events: none of their proxies is missing
    return list(map(EventReader(names).observed, rows))


def policies() -> dict[str, Policy]:
    """Return the correlation policy of each proxy, by name."""
    return {proxy.name: _policy(proxy) for proxy in Proxy.objects.all()}


def _policy(proxy: Proxy) -> Policy:
    return Policy(
        layout=proxy.field_layout,
        max_call=proxy.max_call,
        cluster=proxy.cluster,
        time_of_first_event=proxy.product == Product.OPENSIPS and Version.parse(proxy.version) >= (3, 2),
    )


def _correlate(database: EventDatabase, keys: Sequence[int], now: datetime) -> None:
    """Publish the calls of the events with ``keys``, whose marks this transaction deletes."""
    rows = database.rows(EVENTS, "call_key", keys)
    proxies = {proxy.pk: proxy for proxy in Proxy.objects.all()}  # after the events: none of their proxies is missing
    policy_of = {proxy.name: _policy(proxy) for proxy in proxies.values()}
    names = {pk: proxy.name for pk, proxy in proxies.items()}
    with gc_paused():
        groups: dict[int, list[Observed]] = defaultdict(list)
        read = EventReader(names).observed
        for row in rows:
            groups[row[KEY]].append(read(row))
        publish(database, _folded(groups, policy_of, now))


def _folded(
    groups: Mapping[int, Sequence[Observed]], policy_of: Mapping[str, Policy], now: datetime
) -> dict[int, list[CallRecord]]:
    """Return the calls of each group of events.

    A group that makes ``calls_of`` fail is logged and left as it is published; the other groups are not affected.
    """
    folded: dict[int, list[CallRecord]] = {}
    for key, events in groups.items():
        try:
            folded[key] = calls_of(events, policy_of, now)
        except Exception:
            logger.exception("the events of Call-ID %r cannot be correlated", events[0].event.call_id)
    return folded
