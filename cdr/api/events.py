"""Events posted to us: one JSON object, an array of them, or one per line, as acc_json and OpenSIPS' events have them.

The answer comes after the commit and tells, item by item, what could not be understood; that is kept as rejected, so
nothing need be sent again. Sending something twice stores it once.
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
"""Objects that one post may hold: they are stored by one transaction."""

MOST_TOLD = 100
"""Errors that an answer lists."""

_SCHEMES = ("bearer", "token")
_COUNTS = {
    "read": "Objects that were read.",
    "events": "Events stored.",
    "duplicates": "Events that were known already.",
    "rejected": "Objects that could not be understood; they are kept.",
    "ignored": "Objects that are not accounting.",
    "dropped": "Objects that could not be understood and were not kept, being too many.",
}
OPERATION: dict[str, Any] = {
    "operationId": "events_post",
    "tags": ["events"],
    "summary": "Store events of a proxy",
    "description": "Takes objects as Kamailio's acc_json and OpenSIPS' event interface write them: one, an array of "
    "them, or one per line. The answer comes after the commit; sending something twice stores it once. The token is "
    "that of a source of kind http, not that of a user.",
    "security": [{"source": []}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"description": "An object, or an array of objects. What else it holds is kept as rejected."}
            }
        },
    },
    "responses": {
        "200": {
            "description": "What became of the objects.",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            **{name: {"type": "integer", "description": about} for name, about in _COUNTS.items()},
                            "errors": {
                                "type": "array",
                                "description": f"Why objects were rejected: the first {MOST_TOLD}.",
                                "items": {
                                    "type": "object",
                                    "properties": {
                                        "item": {"type": "integer", "description": "Which object, from 0."},
                                        "error": {"type": "string", "description": "What is wrong with it."},
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
        "429": {"description": "Too many posts in this minute: post it again after Retry-After seconds."},
        "503": {"description": "The database does not answer: post it again after Retry-After seconds."},
    },
}
"""What the schema says of it (OpenAPI 3)."""


@csrf_exempt  # whoever posts shows a token, no cookie
def post_events(request: HttpRequest) -> JsonResponse:
    """Store posted events; 200 after the commit, with what became of them; 503 while the database is away."""
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
    kept = [one for index, one in enumerate(parsed) if index not in dropped]
    counts = store(source, kept, format=_format(source), received_at=now, batch=len(kept) + 1)
    if counts.events:
        wake.correlation()
    told = {**counts.as_dict(), "read": len(parsed), "dropped": len(dropped)}
    return JsonResponse({**told, "errors": _errors(parsed)})


def _source(authorization: str) -> Source | None:
    """Return the source whose token this is. Every token is compared, in constant time."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() not in _SCHEMES:
        return None
    found = None
    for source in Source.objects.filter(kind=Source.Kind.HTTP, enabled=True).select_related("proxy"):
        try:
            settings: Any = source.parsed_settings()
            if hmac.compare_digest(reveal(settings.token), token.strip().encode()):
                found = source
        except (SettingsError, LookupError):
            continue
    return found


def _items(body: bytes) -> Sequence[bytes]:
    """Return the objects as bytes: as they came, or of an array as they would be written. Raise ``ValueError``."""
    text = body.strip()
    if not text:
        raise ValueError("it is empty")
    if text.startswith(b"["):
        return [json_bytes(json.dumps(one, ensure_ascii=False)) for one in _array(text)]
    try:
        json_object(text)
        return [text]
    except Unparsable:
        return [line.strip() for line in text.splitlines() if line.strip()]


def _array(text: bytes) -> list[Any]:
    try:
        found: list[Any] = json.loads(text.decode("utf-8", "surrogateescape"), strict=False)
        return found
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _format(source: Source) -> str:
    return "opensips-events" if source.proxy.product == Product.OPENSIPS else "acc-json"


def _parser(source: Source, reading: Reading) -> Callable[[bytes], Parsed]:
    """Return what reads an object.

    The parameters of OpenSIPS' events look like acc_json's objects: the product decides, unless the object says that
    it is an event.
    """
    is_opensips = source.proxy.product == Product.OPENSIPS

    def parse(item: bytes) -> Parsed:
        if is_opensips or b'"E_ACC_' in item:
            return opensips_events.parse_object(item, reading)
        return acc_json.parse_object(item, reading)

    return parse


def _errors(parsed: Sequence[Parsed]) -> list[dict[str, Any]]:
    wrong = [(index, one.reason) for index, one in enumerate(parsed) if isinstance(one, Rejection)]
    return [{"item": index, "error": reason} for index, reason in wrong[:MOST_TOLD]]


def _refusal(status: int, code: str, error: str) -> JsonResponse:
    """Return an error in the shape that the whole API has (``accweb.web.api.errors``)."""
    return JsonResponse({"error": error, "code": code}, status=status)
