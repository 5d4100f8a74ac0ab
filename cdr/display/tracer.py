"""Link to a call in a SIP tracer (Homer, web front ends of sngrep…), with the URL template of the installation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

PLACEHOLDERS = ("call_id", "from", "to", "from_ms", "to_ms")
"""Placeholders of a template, in braces: the Call-ID, and the time around the call in ISO 8601 (UTC) or milliseconds
since 1970."""
AROUND = timedelta(minutes=1)
_PLACEHOLDER = re.compile("{(.*?)}")


def address(template: str, call_id: str, since: datetime, until: datetime) -> str:
    """Return the template with the percent-encoded values; a minute is added before and after the call."""
    first, last = since - AROUND, until + AROUND
    values: Mapping[str, str] = {
        "call_id": call_id,
        "from": _iso(first),
        "to": _iso(last),
        "from_ms": _milliseconds(first),
        "to_ms": _milliseconds(last),
    }
    return _PLACEHOLDER.sub(lambda match: quote(values[match[1]], safe="", errors="replace"), template)


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp()) * 1000)
