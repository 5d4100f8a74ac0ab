"""Create proxies, sources and calls; a test names only the fields that it is about."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import User

from cdr.calls.volumes import Difference
from cdr.events import call_key
from cdr.models import Call, Event, Rejected, ReportSchedule, Source
from cdr.models.fields import WordsField
from cdr.storage.database import database_for_writes
from proxyconf.models import Proxy

NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)
_numbers = count(1)


def make_proxy(name: str = "kam1", **fields: Any) -> Proxy:
    proxy, _ = Proxy.objects.get_or_create(name=name, defaults={"addresses": "127.0.0.1, ::1"} | fields)
    return proxy


def make_source(**fields: Any) -> Source:
    fields = {"name": "import", "kind": Source.Kind.IMPORT} | fields
    return Source.objects.create(**{"proxy": make_proxy()} | fields)


def make_call(**fields: Any) -> Call:
    """Return a stored call, completed, of two seconds at noon, each with a Call-ID of its own.

    The hourly volumes count it, as if correlation had made it.
    """
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
    call = Call.objects.create(**defaults | fields)
    if not call.superseded:
        volumes = Difference()
        volumes.count(
            1,
            call.started_at.astimezone(UTC),
            WordsField.joined(call.proxies),
            f"{call.state}",
            call.outcome and f"{call.outcome}",
            call.sip_code,
            call.duration,
            f"{call.duration_kind}",
        )
        volumes.write(database_for_writes())
    return call


def make_event(**fields: Any) -> Event:
    """Return a stored START at noon, received a second later, each with a Call-ID of its own."""
    number = next(_numbers)
    source = fields.pop("source", None) or make_source(name=f"import-{number}")
    call_id = fields.get("call_id", f"{number}@example.net")
    defaults: dict[str, Any] = {
        "proxy": source.proxy,
        "source": source,
        "kind": "answered",
        "method": "INVITE",
        "from_tag": "a",
        "to_tag": "b",
        "call_id": call_id,
        "call_key": call_key(call_id),
        "code": 200,
        "reason": "OK",
        "time": NOON,
        "precision": 1_000_000,
        "backend": "syslog",
        "received_at": NOON + timedelta(seconds=1),
        "raw": b"ACC: transaction answered: timestamp=1780228800;method=INVITE\n",
        "fingerprint": number.to_bytes(16, "big"),
    }
    return Event.objects.create(**defaults | fields)


def make_schedule(owner: User, **fields: Any) -> ReportSchedule:
    """Return a schedule that sends the calls of each account of the day before to a mailbox, at seven in Berlin."""
    defaults: dict[str, Any] = {
        "name": "Accounts",
        "conditions": "group=account&figures=calls,minutes&sort=account",
        "format": "csv",
        "period": "yesterday",
        "interval": "daily",
        "at": time(7),
        "zone": "Europe/Berlin",
        "target": "email",
        "recipients": ["billing@example.net"],
        "next_at": datetime(2026, 6, 1, 5, tzinfo=UTC),
    }
    return ReportSchedule.objects.create(owner=owner, **defaults | fields)


def make_rejected(**fields: Any) -> Rejected:
    """Return rejected input: a log line with a time that is no number."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "format": "syslog",
        "raw": b"ACC: transaction answered: timestamp=soon\n",
        "fingerprint": number.to_bytes(16, "big"),
        "reason": "timestamp is no number",
        "received_at": NOON,
    }
    source = fields.pop("source", None) or make_source(name=f"import-{number}")
    return Rejected.objects.create(**defaults | fields, source=source)
