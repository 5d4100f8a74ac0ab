"""Base classes and helpers of the API; the views of each app are in its own ``api`` package.

Responses do not depend on the user's preferences: times are in UTC and texts in English.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from accweb.web.api.access import LOGIN
from accweb.web.audit import Action, record
from accweb.web.models import ApiToken

__all__ = [
    "AFTER",
    "AFTER_NUMBER",
    "AFTER_PARAMETER",
    "LIMIT",
    "LIMIT_PARAMETER",
    "LOGIN",
    "NO_NULL",
    "AnyAccept",
    "ApiView",
    "PageRecord",
    "limit_of",
    "note",
    "note_viewing",
    "page_by",
    "refuse_unknown",
    "with_parameters",
]

PAGE_SIZE, LARGEST_PAGE = 100, 1000
LIMIT, AFTER = "limit", "after"
LIMIT_PARAMETER = OpenApiParameter(
    LIMIT,
    {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE_SIZE},
    description="Number of results per page.",
)
NO_NULL = r"^[^\u0000]*$"
"""Pattern of text without a null character."""

_AFTER = "Position in the list, taken from next: the results after it are listed."
AFTER_PARAMETER = OpenApiParameter(AFTER, {"type": "string", "pattern": NO_NULL}, description=_AFTER)
AFTER_NUMBER = OpenApiParameter(AFTER, {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, description=_AFTER)
_LARGEST_KEY = 2**63 - 1
Row = TypeVar("Row", bound=Model)


class PageRecord(serializers.Serializer[object]):
    """Members of every page of a list besides its ``results``."""

    next = serializers.URLField(allow_null=True, help_text="Address of the next page. Null: this is the last one.")


@method_decorator(never_cache, name="dispatch")  # calls are personal data: no proxy may cache them
class ApiView(APIView):
    """A view of the API. ``permission_required``: the permission it needs, for all methods or by method."""

    permission_required: str | Mapping[str, str] | None = None
    http_method_names = ["get", "post", "delete", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with timezone.override(UTC), translation.override("en"):
            return super().dispatch(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Authenticate the client, and count the request before any other work is done for it."""
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            super().check_throttles(request)  # the client is unknown from here on
            raise
        super().check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """Do nothing: ``perform_authentication`` counted the request."""


def note_viewing(request: Request) -> None:
    """Record in the audit log that the client saw unmasked numbers: one entry for each request."""
    note(request, Action.VIEWED, request.path, query=request.META.get("QUERY_STRING", ""))


def note(request: Request, action: Action, target: str, **detail: Any) -> None:
    """Record in the audit log what the client did, and with which token."""
    if isinstance(request.auth, ApiToken):
        detail["token"] = str(request.auth)
    record(request._request, action, target, **detail)


class AnyAccept(DefaultContentNegotiation):
    """Return the only media type of the view, whatever ``Accept`` requests."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type


def refuse_unknown(request: Request, *allowed_names: str) -> None:
    """Raise ``ValidationError`` for unknown parameters, which are most likely misspelt."""
    unknown = sorted(set(request.query_params) - set(allowed_names))
    if unknown:
        allowed = f"use one of: {', '.join(allowed_names)}" if allowed_names else "this address has none"
        raise ValidationError({name: [f"Unknown parameter; {allowed}."] for name in unknown})


def limit_of(request: Request) -> int:
    """Return the requested page size; raise ``ValidationError``."""
    text = request.query_params.get(LIMIT, str(PAGE_SIZE))
    if not (
        text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_PAGE)) and 1 <= int(text) <= LARGEST_PAGE
    ):
        raise ValidationError({LIMIT: [f"{text[:80]!r} is not a number from 1 to {LARGEST_PAGE}."]})
    return int(text)


def page_by(request: Request, rows: QuerySet[Row], key: str) -> tuple[Sequence[Row], str | None]:
    """Return a page of ``rows`` by ``key`` (``id``, or a unique text), and the address of the page that follows it."""
    size, after = limit_of(request), request.query_params.get(AFTER)
    if after is not None:
        rows = rows.filter(**{f"{key}__gt": _place(after, is_number=key == "id")})
    found = list(rows.order_by(key)[: size + 1])
    if len(found) <= size:
        return found, None
    return found[:size], with_parameters(request, **{AFTER: _value(found[size - 1], key)})


def with_parameters(request: Request, **changed: object) -> str:
    """Return the address that was asked for, with some parameters changed; ``None`` takes one away."""
    parameters = {name: request.query_params.getlist(name) for name in request.query_params}
    for name, value in changed.items():
        parameters.pop(name, None)
        if value is not None:
            parameters[name] = [str(value)]
    query = urlencode(parameters, doseq=True)
    return request.build_absolute_uri(f"{request.path}?{query}" if query else request.path)


def _place(text: str, *, is_number: bool) -> str | int:
    good = _is_key(text) if is_number else "\0" not in text
    if not good:
        problem = f"{text[:80]!r} is not a valid position in the list; use the address in next unchanged."
        raise ValidationError({AFTER: [problem]})
    return int(text) if is_number else text


def _is_key(text: str) -> bool:
    digits = len(str(_LARGEST_KEY))
    return text.isascii() and text.isdecimal() and len(text) <= digits and int(text) <= _LARGEST_KEY


def _value(row: Model, key: str) -> object:
    value: Any = row
    for name in key.split("__"):
        value = getattr(value, name)
    return value
