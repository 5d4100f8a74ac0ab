"""Calls to show, and their page."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.test import Client

from cdr.calls.correlate import correlate_pending, mark_all
from cdr.models import Call
from tests.factories import NOON, make_event, make_proxy, make_source

CALL_ID = "4b1f@10.0.0.1"


def text_of(html: str) -> str:
    """The page as one reads it."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html[html.find('id="content"') :]))


def accounted(*events: dict[str, Any], **proxy: Any) -> Call:
    """Store the events of one Call-ID, correlate them, and return the newest call they make."""
    source = make_source(proxy=make_proxy(name="edge-1", **proxy))
    for fields in events:
        make_event(source=source, call_id=CALL_ID, **fields)
    mark_all()
    correlate_pending(now=NOON + timedelta(days=1))
    return Call.objects.filter(superseded=False)[0]


START: dict[str, Any] = {}


STOP: dict[str, Any] = {
    "kind": "bye",
    "method": "BYE",
    "from_tag": "b",
    "to_tag": "a",
    "time": NOON + timedelta(seconds=42),
}


def shown(client: Client, call: Call) -> str:
    response = client.get(f"/calls/{call.pk}/")
    assert response.status_code == 200
    return response.text


# --- how it is known --------------------------------------------------------------------------------------------------


def told(html: str, label: str) -> str:
    """How the page says that something is known."""
    found = re.search(rf"<dt>{label}</dt>\s*<dd>(.*?)</dd>", html, re.DOTALL)
    assert found
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", found[1])).strip()
