"""What the schema says of addresses that are no view of the framework."""

from __future__ import annotations

from typing import Any

from cdr.api.events import OPERATION


def with_events(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Tell of the address that proxies post events to, which is no view of the framework (a hook, too)."""
    result["paths"]["/api/v1/events/"] = {"post": {**OPERATION, "responses": dict(OPERATION["responses"])}}
    schemes = result["components"].setdefault("securitySchemes", {})
    schemes["source"] = {"type": "http", "scheme": "bearer", "description": "The token of a source of kind http."}
    return result
