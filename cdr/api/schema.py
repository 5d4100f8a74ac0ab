"""Add the addresses to the schema that are not views of the REST framework."""

from __future__ import annotations

from typing import Any

from cdr.api.events import OPERATION


def with_events(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the address to which events are posted (a postprocessing hook)."""
    result["paths"]["/api/v1/events/"] = {"post": {**OPERATION, "responses": dict(OPERATION["responses"])}}
    schemes = result["components"].setdefault("securitySchemes", {})
    schemes["source"] = {"type": "http", "scheme": "bearer", "description": "The token of a source of kind http."}
    return result
