"""Receive events by HTTP POST: one JSON object, an array, or one object per line, in the form of acc_json and OpenSIPS.

The response comes after the commit and lists the objects that could not be parsed. These are stored as rejected input,
so nothing needs to be sent again. Sending an event twice stores it once.
"""

from __future__ import annotations

import hmac
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from accweb.web.api.limits import take_events, take_unknown
from cdr.api.posted_rejections import dropped_items
from cdr.events import Unparsable
from cdr.formats import acc_json, opensips_events
from cdr.formats.json_values import json_bytes, json_object
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.models import Source
from cdr.models.source import reveal
from cdr.sources.setting import SettingsError
from cdr.storage import wake
from cdr.storage.ingest import reading_of, store
from cdr.storage.safe_parsing import parsed_safely
from proxyconf.vocabulary.products import Product

MOST_ITEMS = 10_000
"""Maximum number of objects per post, which one transaction stores."""

MOST_ERRORS = 100
"""Maximum number of errors in a response."""

_SCHEMES = ("bearer", "token")
_COUNTS = {
    "read": "Objects read.",
    "events": "Events stored.",
    "duplicates": "Events that were stored before.",
    "rejected": "Objects that could not be parsed; they are stored as rejected input.",
    "ignored": "Objects that are not accounting.",
    "dropped": "Objects that could not be parsed and were not stored, because there were too many.",
}
OPERATION: dict[str, Any] = {
    "operationId": "events_post",
    "tags": ["events"],
    "summary": "Store events of a proxy",
    "description": "Takes objects of Kamailio's acc_json and OpenSIPS' event interface: one object, an array, or one "
    "object per line. The response comes after the commit; sending an event twice stores it once. The token is that of "
    "a source of kind http, not that of a user.",
    "security": [{"source": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "description": "An object, or an array of objects. Anything else in it is stored as rejected input."
                }
            }
        },
    },
    "responses": {
        "200": {
            "description": "The number of objects by result.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            **{name: {"type": "integer", "description": about} for name, about in _COUNTS.items()},
                            "errors": {
                                "type": "array",
                                "description": f"Why objects were rejected: the first {MOST_ERRORS}.",
                                "items": {
                                    "type": "object",
                                    "properties": {
                                        "item": {"type": "integer", "description": "Index of the object, from 0."},
                                        "error": {"type": "string", "description": "Why it was rejected."},
                                    },
                                    "required": ["item", "error"],
                                },
                            },
                        },
                        "required": [*_COUNTS, "errors"],
                    }
                }
            },
        },
        "429": {"description": "Too many posts in this minute; try again after Retry-After seconds."},
        "503": {"description": "The database does not answer; try again after Retry-After seconds."},
    },
}
"""The operation in the schema (OpenAPI 3)."""


@csrf_exempt  # authenticated by a token, not by a cookie
def post_events(request: HttpRequest) -> JsonResponse:
    """Store posted events; respond 200 with the counts after the commit, or 503 while the database is down."""
    try:
        return _stored(request)
    except (DatabaseError, InterfaceError):
        answer = _refusal(503, "unavailable", "the database does not answer; post it again")
        answer["Retry-After"] = "5"
        return answer


def _stored(request: HttpRequest) -> JsonResponse:
    if request.method != "POST":
        answer = _refusal(405, "method_not_allowed", "events are posted here, nothing else")
        answer["Allow"] = "POST"
        return answer
    source = _source(request.headers.get("Authorization", ""))
    if wait := take_unknown(request) if source is None else take_events(source.pk):
        answer = _refusal(429, "throttled", f"that is too often; post it again in {math.ceil(wait)} seconds")
        answer["Retry-After"] = str(math.ceil(wait))
        return answer
    if source is None:
        answer = _refusal(401, "authentication_failed", "no source has this token; send Authorization: Bearer TOKEN")
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    try:
        items = _items(request.body)
    except RequestDataTooBig:
        return _refusal(413, "too_large", "that is too much at once; post it in parts of at most 2 MB")
    except ValueError as error:
        return _refusal(
            400, "parse_error", f"the body is not valid JSON: {error}; post an object, an array, or one object per line"
        )
    if len(items) > MOST_ITEMS:
        return _refusal(413, "too_large", f"{len(items)} objects at once; post at most {MOST_ITEMS} each time")
    now = timezone.now()
    reading = reading_of(source.proxy, now)
    parsed = [parsed_safely(_parser(source, reading), item) for item in items]
    dropped = dropped_items(source, parsed)
    records = [record for index, record in enumerate(parsed) if index not in dropped]
    counts = store(source, records, format=_format(source), received_at=now, batch=len(records) + 1)
    if counts.events:
        wake.correlation()
    content = {**counts.as_dict(), "read": len(parsed), "dropped": len(dropped)}
    return JsonResponse({**content, "errors": _errors(parsed)})


def _source(authorization: str) -> Source | None:
    """Return the source with this token. All tokens are compared, in constant time."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() not in _SCHEMES:
        return None
    matching = None
    for source in Source.objects.filter(kind=Source.Kind.HTTP, enabled=True).select_related("proxy"):
        try:
            settings: Any = source.parsed_settings()
            if hmac.compare_digest(reveal(settings.token), token.strip().encode()):
                matching = source
        except (SettingsError, LookupError):
            continue
    return matching


def _items(body: bytes) -> Sequence[bytes]:
    """Return the objects as bytes, those of an array serialized again. Raise ``ValueError``."""
    text = body.strip()
    if not text:
        raise ValueError("it is empty")
    if text.startswith(b"["):
        return [json_bytes(json.dumps(element, ensure_ascii=False)) for element in _array(text)]
    try:
        json_object(text)
        return [text]
    except Unparsable:
        return [line.strip() for line in text.splitlines() if line.strip()]


def _array(text: bytes) -> list[Any]:
    try:
        elements: list[Any] = json.loads(text.decode("utf-8", "surrogateescape"), strict=False)
        return elements
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _format(source: Source) -> str:
    return "opensips-events" if source.proxy.product == Product.OPENSIPS else "acc-json"


def _parser(source: Source, reading: Reading) -> Callable[[bytes], Parsed]:
    """Return the parser of an object.

    The parameters of OpenSIPS' events look like objects of acc_json, so the product decides, unless the object has the
    name of an event.
    """
    is_opensips = source.proxy.product == Product.OPENSIPS

    def parse(item: bytes) -> Parsed:
        if is_opensips or b'"E_ACC_' in item:
            return opensips_events.parse_object(item, reading)
        return acc_json.parse_object(item, reading)

    return parse


def _errors(parsed: Sequence[Parsed]) -> list[dict[str, Any]]:
    rejected = [(index, record.reason) for index, record in enumerate(parsed) if isinstance(record, Rejection)]
    return [{"item": index, "error": reason} for index, reason in rejected[:MOST_ERRORS]]


def _refusal(status: int, code: str, error: str) -> JsonResponse:
    """Return an error in the form of the whole API (``accweb.web.api.errors``)."""
    return JsonResponse({"error": error, "code": code}, status=status)
