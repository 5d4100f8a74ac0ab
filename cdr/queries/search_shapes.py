"""Shapes of words in the search box: a SIP address, a Call-ID in angle brackets, a period in words."""

from __future__ import annotations

import re

_URI = re.compile(r"<?(?:sips?|tel):(?P<user>[^@;?>:]+)(?::[^@>]*)?(?P<host>@[^;?>]+)?[^>]*>?", re.IGNORECASE)
_ESCAPED = re.compile("%([2-7][0-9A-Fa-f])")
_IN_BRACKETS = re.compile(r"<(?P<inside>[^<>\s]+)>")
_UNITS = "(?P<unit>m|min|minutes?|h|hours?|d|days?|w|weeks?)"
_SPAN = re.compile(
    rf"(?:last\s+(?P<last>[1-9][0-9]{{0,3}})\s*|(?P<count>[1-9][0-9]{{0,3}})){_UNITS}(?!\S)", re.IGNORECASE
)
_NAMED = re.compile(r"(?:today|yesterday|(?:this|last)\s+month|last\s+hour)(?!\S)", re.IGNORECASE)
_PERIODS = {"last hour": "1h", "this month": "this_month", "last month": "last_month"}


def user_of_uri(word: str) -> str:
    """Return the user of a SIP, SIPS or tel URI (RFC 3261, 19.1.1; RFC 3966), without its escapes; empty for others."""
    uri = _URI.fullmatch(word)
    if not uri or (uri["host"] is None and not word.lower().lstrip("<").startswith("tel:")):
        return ""
    return _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), uri["user"])


def call_id_in_brackets(word: str) -> str:
    """Return the Call-ID of ``<Call-ID>``, as logs and mail programs write it; empty for other words."""
    bracketed = _IN_BRACKETS.fullmatch(word)
    return bracketed["inside"] if bracketed else ""


def period_at(text: str, position: int) -> tuple[str, int] | None:
    """Return the period that begins there (``5m``, ``last 2 hours``, ``today``) by its name, and where it ends."""
    if named := _NAMED.match(text, position):
        words = " ".join(named[0].lower().split())
        return _PERIODS.get(words, words), named.end()
    if span := _SPAN.match(text, position):
        return (span["last"] or span["count"]) + span["unit"][0].lower(), span.end()
    return None
