"""What all views of the API have in common; the views of each app stand in its own ``api`` and touch nothing else here.

An answer depends on nothing but who asks for what: times are UTC and words are English, whatever the asker's pages use.
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
    description="How many to tell at once.",
)
NO_NULL = r"^[^\u0000]*$"
"""The pattern of text that may be anything but hold a null character."""

_AFTER = "A place in the list, as next names it: what comes after it is told."
AFTER_PARAMETER = OpenApiParameter(AFTER, {"type": "string", "pattern": NO_NULL}, description=_AFTER)
AFTER_NUMBER = OpenApiParameter(AFTER, {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, description=_AFTER)
_LARGEST_KEY = 2**63 - 1
Row = TypeVar("Row", bound=Model)


class PageRecord(serializers.Serializer[object]):
    """What every page of a list has; its ``results`` are the list's."""

    next = serializers.URLField(allow_null=True, help_text="Address of the next page. Null: this is the last one.")


@method_decorator(never_cache, name="dispatch")  # calls are personal data: no copy stays behind on the way
class ApiView(APIView):
    """A view of the API. ``permission_required`` names what one must be allowed, or does so by method."""

    permission_required: str | Mapping[str, str] | None = None
    http_method_names = ["get", "post", "delete", "head"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with timezone.override(UTC), translation.override("en"):
            return super().dispatch(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Learn who asks, and count the request before anything else is done for it."""
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            super().check_throttles(request)  # from here on nobody in particular asks
            raise
        super().check_throttles(request)

    def check_throttles(self, request: Request) -> None:
        """Nothing: it was counted already."""


def note_viewing(request: Request) -> None:
    """Record in the audit log that the client saw unmasked numbers: one entry for each request."""
    note(request, Action.VIEWED, request.path, query=request.META.get("QUERY_STRING", ""))


def note(request: Request, action: Action, target: str, **detail: Any) -> None:
    """Record in the audit log what the client did, and with which token."""
    if isinstance(request.auth, ApiToken):
        detail["token"] = str(request.auth)
    record(request._request, action, target, **detail)


class AnyAccept(DefaultContentNegotiation):
    """For what has one media type of its own: it is given whatever ``Accept`` asks for."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type


def refuse_unknown(request: Request, *known: str) -> None:
    """Raise ``ValidationError`` for parameters that there are not: most likely a slip of the pen."""
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        there_are = f"there are {', '.join(known)}" if known else "there are none here"
        raise ValidationError({name: [f"There is no such parameter; {there_are}."] for name in unknown})


def limit_of(request: Request) -> int:
    """Return how many rows a page shall have; raise ``ValidationError``."""
    text = request.query_params.get(LIMIT, str(PAGE_SIZE))
    if not (
        text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_PAGE)) and 1 <= int(text) <= LARGEST_PAGE
    ):
        raise ValidationError({LIMIT: [f"{text[:80]!r} is no number from 1 to {LARGEST_PAGE}."]})
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
        problem = f"{text[:80]!r} is no place in the list; take the address of the next page as it is given."
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
