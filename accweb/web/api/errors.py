"""Error responses of the API, always JSON: ``{"error": …, "code": …, "fields": {…}}``.

``error`` is a sentence for people, ``code`` a constant for programs, ``fields`` the problems by parameter or member, if
there are any.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views import defaults
from rest_framework import exceptions, status

from accweb.web import shell

PREFIX = "/api/"

Fields = Mapping[str, Sequence[str]]


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "The body is too large for this address."


def refusal(
    status: int, code: str, error: str, *, fields: Fields | None = None, headers: Mapping[str, str] | None = None
) -> JsonResponse:
    body: dict[str, Any] = {"error": error, "code": code}
    return JsonResponse(body | ({"fields": fields} if fields else {}), status=status, headers=headers)


def answer(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Return the response to an exception of a view; None for unexpected ones, which are logged and become a 500."""
    match error:
        case Http404():
            error = exceptions.NotFound(str(error) or None)
        case PermissionDenied():
            error = exceptions.PermissionDenied(str(error) or None)
        case RequestDataTooBig():
            error = TooLarge()
        case OperationalError() | InterfaceError():
            return refusal(503, "unavailable", "The database does not answer; try again.", headers={"Retry-After": "5"})
    if not isinstance(error, exceptions.APIException):
        return None
    if isinstance(error, exceptions.ValidationError):
        fields = _fields(error.detail)
        text = " ".join(
            f"{name}: {' '.join(problems)}" if name else " ".join(problems) for name, problems in fields.items()
        )
        return refusal(error.status_code, "invalid", text, fields={name: p for name, p in fields.items() if name})
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(math.ceil(wait))
    return refusal(error.status_code, str(error.get_codes()), str(error.detail), headers=headers)


def _fields(detail: Any, name: str = "") -> dict[str, list[str]]:
    """Return the problems by parameter or member: ``a.b`` for a member of a member, empty for the whole request."""
    if isinstance(detail, Mapping):
        problems: dict[str, list[str]] = {}
        for key, inner in detail.items():
            member = "" if key == "non_field_errors" else str(key)
            problems |= _fields(inner, ".".join(filter(None, (name, member))))
        return problems
    return {name: list(map(str, detail if isinstance(detail, list) else [detail]))}


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Respond to an unknown address: with an API error or a page."""
    if request.path.startswith(PREFIX):
        return refusal(
            404, "not_found", f"There is nothing at {request.path[:200]}; see {PREFIX}v1/ for the addresses."
        )
    return shell.not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponseBase:
    """Respond to an internal error; the log has the reason."""
    if request.path.startswith(PREFIX):
        return refusal(500, "error", "Internal error; see the log of accweb.")
    return defaults.server_error(request)
