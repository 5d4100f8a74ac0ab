"""Proxies, sources and calls for tests, with nothing said but what the test is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from cdr.events import call_key
from cdr.models import Call, Source
from proxyconf.models import Proxy

NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)
_numbers = count(1)


def make_proxy(name: str = "kam1", **fields: Any) -> Proxy:
    proxy, _ = Proxy.objects.get_or_create(name=name, defaults=fields)
    return proxy


def make_source(**fields: Any) -> Source:
    fields = {"name": "import", "kind": Source.Kind.IMPORT} | fields
    return Source.objects.create(**{"proxy": make_proxy()} | fields)


def make_call(**fields: Any) -> Call:
    """Return a stored call, completed, of two seconds at noon, each with a Call-ID of its own."""
    number = next(_numbers)
    call_id = fields.get("call_id", f"{number}@example.net")
    defaults: dict[str, Any] = {
        "call_id": call_id,
        "call_key": call_key(call_id),
        "identity": number.to_bytes(16, "big"),
        "from_tag": f"from{number}",
        "to_tag": f"to{number}",
        "caller": "alice",
        "callee": "bob",
        "state": Call.State.COMPLETED,
        "outcome": Call.Outcome.ANSWERED,
        "started_at": NOON,
        "answered_at": NOON,
        "ended_at": NOON + timedelta(seconds=2),
        "duration": timedelta(seconds=2),
        "duration_kind": Call.DurationKind.MEASURED,
        "released_by": Call.ReleasedBy.CALLER,
        "sip_code": 200,
        "sip_reason": "OK",
        "proxies": ["kam1"],
        "backends": ["syslog"],
        "events": 2,
        "updated_at": NOON,
    }
    return Call.objects.create(**defaults | fields)
