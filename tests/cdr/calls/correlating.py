"""A call's events and how tests correlate them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cdr.calls.correlate import correlate_pending
from cdr.events import SECOND, AccEvent, EventKind
from cdr.models import Source
from cdr.storage.ingest import store
from proxyconf.vocabulary.layout import Backend

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


EVENING = NOON + timedelta(hours=8)


START = AccEvent(
    EventKind.ANSWERED,
    "INVITE",
    "alice",
    "bob",
    "call@example",
    200,
    "OK",
    NOON,
    SECOND,
    Backend.SYSLOG,
    raw=b"the line",
)


STOP = START._replace(kind=EventKind.BYE, method="BYE", time=NOON + timedelta(seconds=42))


BUSY = START._replace(kind=EventKind.MISSED, to_tag="voicemail", code=486, reason="Busy Here")


LEGS = (
    (("src", "bob"), ("dst", "carol")),
    (("src", "alice"), ("dst", "bob")),
)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def take(source: Source, *events: AccEvent, now: datetime = NOON) -> int:
    """Store ``events`` and correlate."""
    store(source, events, format="syslog")
    return correlate_pending(now=now)
