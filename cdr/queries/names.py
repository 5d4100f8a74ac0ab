"""The name of each condition and column, and the old names that URLs and saved views may still use.

The names are those of the export record (``sip_code``, ``source_ip``, ``started_at``…).
"""

from __future__ import annotations

from collections.abc import Mapping

NOT, EXTRA = "not_", "extra."
OLD_PARAMETERS: Mapping[str, str] = {"code": "sip_code", "reason": "sip_reason", "source": "source_ip"}
OLD_COLUMNS: Mapping[str, str] = {
    **OLD_PARAMETERS,
    "started": "started_at",
    "answered": "answered_at",
    "ended": "ended_at",
    "length": "duration",
    "result": "outcome",
    "released": "released_by",
    "agent": "user_agent",
    "updated": "updated_at",
}
SEARCH_ALIASES: Mapping[str, str] = {
    **OLD_PARAMETERS,
    "gw": "gateway",
    "ip": "source_ip",
    "ua": "user_agent",
    "user-agent": "user_agent",
    "call-id": "call_id",
    "callid": "call_id",
    "hung-up": "released_by",
    "duration": "duration_kind",
    "longer": "min_duration",
    "shorter": "max_duration",
}
"""Prefixes of the search box for conditions of another name."""


def current_parameter(name: str) -> str:
    """Return the present name of a parameter; a prefix ``not_`` stays."""
    plain = name.removeprefix(NOT)
    sign = NOT if plain != name else ""
    return sign + OLD_PARAMETERS.get(plain, plain)


def old_parameters(name: str) -> list[str]:
    """Return the old names of a parameter."""
    plain = name.removeprefix(NOT)
    sign = NOT if plain != name else ""
    return [sign + old for old, current in OLD_PARAMETERS.items() if current == plain]


def current_column(name: str) -> str:
    """Return the present name of a column."""
    return OLD_COLUMNS.get(name, name)
