"""Parts of the OpenAPI document that no view declares: authentication, and error responses."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema

_ERROR = {
    "type": "object",
    "description": "What went wrong.",
    "properties": {
        "error": {"type": "string", "description": "A sentence for people: what is wrong, and what helps."},
        "code": {"type": "string", "description": "A word for programs, such as invalid, not_found or throttled."},
        "fields": {
            "type": "object",
            "description": "What is wrong with which parameter or member, by its name; only where there is such.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": ["error", "code"],
    "additionalProperties": False,
}
_ALWAYS = {
    "400": "A parameter or a member of the body is unknown or makes no sense; fields names it. Nothing was done.",
    "401": "No valid token, and no session.",
    "403": "The user lacks the permission, or the token's scopes leave it out.",
    "405": "This method is not for this address.",
    "406": "Only other media types can be had here than Accept asks for.",
    "429": "Too many requests in this minute; Retry-After says how many seconds to wait.",
    "500": "Something went wrong on our side.",
}
_NOT_FOUND = "It does not exist, or you may not see it."
_OF_A_BODY = {"413": "The body is too large.", "415": "The body is not JSON (Content-Type: application/json)."}
_HEADERS = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}},
    "429": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}},
}


@cache
def schema() -> dict[str, Any]:
    """Return the schema of the whole API, whoever asks: OpenAPI 3."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # spectacular registers it so
    """``Authorization: Bearer TOKEN``."""

    target_class = "accweb.web.api.access.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of a user (made under /account/tokens/), which may do what its scopes name.",
        }


def with_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Tell of each operation what it answers when something is wrong (a hook of drf-spectacular)."""
    result["components"].setdefault("schemas", {})["Error"] = _ERROR
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            errors = dict(_ALWAYS)
            if "{" in path:
                errors["404"] = _NOT_FOUND
            if method in ("post", "put", "patch"):
                errors |= _OF_A_BODY
            told = {status: about["description"] for status, about in operation["responses"].items() if status >= "400"}
            for status, description in (errors | told).items():
                operation["responses"][status] = _answer(status, description)
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return result


def _answer(status: str, description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    found: dict[str, Any] = {"description": description, "content": content}
    return found | ({"headers": _HEADERS[status]} if status in _HEADERS else {})
