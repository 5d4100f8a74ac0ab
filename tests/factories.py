"""Rows for tests, with what the test does not speak of filled in plausibly."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from cdr.events import call_key
from cdr.models import Call, Event, Rejected, Source
from proxyconf.models import Proxy

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
_numbers = count(1)


def make_proxy(**fields: Any) -> Proxy:
    return Proxy.objects.create(**{"name": f"edge-{next(_numbers)}"} | fields)


def make_source(**fields: Any) -> Source:
    fields.setdefault("proxy", None)
    fields["proxy"] = fields["proxy"] or make_proxy()
    return Source.objects.create(**{"name": "import", "kind": Source.Kind.IMPORT} | fields)


def make_call(**fields: Any) -> Call:
    """Store a completed call of 42 seconds at ``NOON``; a call that is answered later or never just says so."""
    number = next(_numbers)
    started_at = fields.get("started_at", NOON)
    defaults: dict[str, Any] = {
        "call_id": f"call-{number}@10.0.0.1",
        "from_tag": f"from-{number}",
        "to_tag": f"to-{number}",
        "caller": "alice",
        "callee": "bob",
        "state": Call.State.COMPLETED,
        "outcome": Call.Outcome.ANSWERED,
        "started_at": started_at,
        "answered_at": started_at,
        "ended_at": started_at + timedelta(seconds=42),
        "duration": timedelta(seconds=42),
        "duration_kind": Call.DurationKind.MEASURED,
        "released_by": Call.ReleasedBy.CALLER,
        "sip_code": 200,
        "sip_reason": "OK",
        "proxies": ["edge-1"],
        "backends": ["syslog"],
        "events": 2,
        "updated_at": started_at,
        "identity": hashlib.blake2b(str(number).encode(), digest_size=16).digest(),
    }
    if fields.get("state") == Call.State.STOP_MISSING:
        defaults |= {"ended_at": None, "duration": None, "duration_kind": "unknown", "released_by": None, "events": 1}
    if fields.get("state") == Call.State.UNANSWERED:
        defaults |= {
            "outcome": Call.Outcome.BUSY,
            "answered_at": None,
            "ended_at": started_at,
            "duration": timedelta(0),
            "released_by": None,
            "sip_code": 486,
            "sip_reason": "Busy Here",
        }
    values = defaults | fields
    values.setdefault("call_key", call_key(values["call_id"]))
    return Call.objects.create(**values)


def make_event(**fields: Any) -> Event:
    """Store a START at ``NOON``."""
    number = next(_numbers)
    source = fields.pop("source", None) or make_source()
    values = {
        "proxy": source.proxy,
        "source": source,
        "kind": "answered",
        "method": "INVITE",
        "from_tag": "a",
        "to_tag": "b",
        "call_id": f"call-{number}@10.0.0.1",
        "code": 200,
        "reason": "OK",
        "time": NOON,
        "precision": 1_000_000,
        "backend": "syslog",
        "received_at": NOON + timedelta(seconds=1),
        "raw": b"ACC: transaction answered: timestamp=1777896000;method=INVITE\n",
        "fingerprint": hashlib.blake2b(str(number).encode(), digest_size=16).digest(),
    } | fields
    values.setdefault("call_key", call_key(values["call_id"]))
    return Event.objects.create(**values)


def make_rejected(**fields: Any) -> Rejected:
    number = next(_numbers)
    values = {
        "format": "syslog",
        "raw": b"ACC: transaction answered: timestamp=soon\n",
        "fingerprint": hashlib.blake2b(str(number).encode(), digest_size=16).digest(),
        "reason": "timestamp is no number",
        "received_at": NOON,
    } | fields
    values["source"] = values.get("source") or make_source()
    return Rejected.objects.create(**values)
