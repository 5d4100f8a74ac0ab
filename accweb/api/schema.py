"""Parts of the OpenAPI document that no view declares: authentication, and error responses."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema

_ERROR = {
    "type": "object",
    "description": "An error.",
    "properties": {
        "error": {"type": "string", "description": "The problem and its remedy, for people."},
        "code": {"type": "string", "description": "A constant for programs, such as invalid, not_found or throttled."},
        "fields": {
            "type": "object",
            "description": "Problems by name of the parameter or member, if any.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
    "required": ["error", "code"],
    "additionalProperties": False,
}
_ALWAYS = {
    "400": "A parameter or a member of the body is unknown or invalid; fields names it. Nothing was done.",
    "401": "No valid token, and no session.",
    "403": "The user or the token's scopes lack the permission.",
    "405": "The method is not allowed at this address.",
    "406": "This address does not have the media types in Accept.",
    "429": "Too many requests in this minute; Retry-After is the number of seconds to wait.",
    "500": "Internal error.",
}
_NOT_FOUND = "The resource does not exist, or you may not see it."
_OF_A_BODY = {"413": "The body is too large.", "415": "The body is not JSON (Content-Type: application/json)."}
_HEADERS = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}},
    "429": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}},
}


@cache
def schema() -> dict[str, Any]:
    """Return the OpenAPI 3 schema of the whole API, regardless of permissions."""
    result: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return result


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # subclassing registers it
    """``Authorization: Bearer TOKEN``."""

    target_class = "accweb.web.api.access.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of a user (created at /account/tokens/), limited to its scopes.",
        }


def with_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the error responses to each operation (a hook of drf-spectacular)."""
    result["components"].setdefault("schemas", {})["Error"] = _ERROR
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            errors = dict(_ALWAYS)
            if "{" in path:
                errors["404"] = _NOT_FOUND
            if method in ("post", "put", "patch"):
                errors |= _OF_A_BODY
            own = {status: about["description"] for status, about in operation["responses"].items() if status >= "400"}
            for status, description in (errors | own).items():
                operation["responses"][status] = _response(status, description)
            operation["responses"] = dict(sorted(operation["responses"].items()))
    return result


def _response(status: str, description: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    response: dict[str, Any] = {"description": description, "content": content}
    return response | ({"headers": _HEADERS[status]} if status in _HEADERS else {})
