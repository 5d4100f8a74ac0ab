"""Thirty days of calls up to now: of accounts, gateways and countries, busy by day and quiet at night."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Any

from cdr.models import Attempt, Call
from tests.factories import make_call, make_proxy

PROXIES = ("edge-1", "edge-2")
LAYOUT = {"extras": {"syslog": ["account", "gateway"]}, "roles": {"account": "account", "gateway": "gateway"}}
_OUTCOMES = (
    ("answered", 200, 60),
    ("busy", 486, 12),
    ("no_answer", 480, 14),
    ("cancelled", 487, 8),
    ("failed", 503, 6),
)
_ACCOUNTS = ("acme", "bakery", "clinic", "depot", "embassy")
_GATEWAYS = ("carrier-a", "carrier-b", "carrier-c")
_COUNTRIES = ("+4930", "+4989", "+3491", "+44207")


def make_thirty_days(now: datetime, *, calls_per_day: int = 24, days: int = 30) -> None:
    """Store the calls of the days before ``now``; the same in each run."""
    for name in PROXIES:
        make_proxy(name, layout=LAYOUT, timezone="Europe/Berlin")
    random = Random(5)
    for day in range(days):
        for _ in range(calls_per_day + 6 * (day % 7)):
            hour = min(max(random.gauss(13, 4), 0), 23.9)
            at = (now - timedelta(days=day)).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=hour)
            if at < now:
                _make_one(random, at)


def _make_one(random: Random, at: datetime) -> None:
    outcome, code, _ = random.choices(_OUTCOMES, weights=[one[2] for one in _OUTCOMES])[0]
    answered = outcome == "answered"
    gateway = random.choices(_GATEWAYS, weights=(6, 3, 1))[0]
    fields: dict[str, Any] = {
        "started_at": at,
        "answered_at": at if answered else None,
        "ended_at": at,
        "outcome": outcome,
        "sip_code": code,
        "state": "completed" if answered else "unanswered",
        "duration": timedelta(seconds=round(random.expovariate(1 / 180)) + 1) if answered else None,
        "duration_kind": "measured" if answered else "unknown",
        "caller": f"+4930{random.randrange(200_000, 200_040)}",
        "callee": f"{random.choice(_COUNTRIES)}{random.randrange(500_000, 500_060)}",
        "source_ip": f"192.0.2.{random.randrange(1, 6)}",
        "proxies": [random.choice(PROXIES)],
        "extra": {"account": random.choices(_ACCOUNTS, weights=(8, 5, 4, 2, 1))[0], "gateway": gateway},
    }
    if answered and random.random() < 0.03:
        fields |= {"state": "stop_missing", "duration": None, "duration_kind": "unknown", "ended_at": None}
    call = make_call(**fields)
    if not answered or random.random() < 0.1:
        _add_attempt(call, code if not answered else 503, gateway if not answered else _GATEWAYS[0])


def _add_attempt(call: Call, code: int, gateway: str) -> None:
    Attempt.objects.create(
        call=call, position=0, code=code, reason="", to_tag="t", time=call.started_at, gateway=gateway
    )
