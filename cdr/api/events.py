"""Events posted to us: one JSON object, an array of them, or one per line, as acc_json and OpenSIPS' events have them.

The answer comes after the commit and tells, item by item, what could not be understood; that is kept as rejected, so
nothing need be sent again. Sending something twice stores it once.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Sequence
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from cdr.events import Unparsable
from cdr.formats import acc_json, opensips_events
from cdr.formats.json_values import json_bytes, json_object
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.ingest import reading_of, store
from cdr.kinds.setting import SettingsError
from cdr.models import Source
from cdr.models.source import reveal
from cdr.receivers import wake
from cdr.receivers.service import parsed_safely
from proxyconf.vocabulary.products import Product

MOST_TOLD = 100
"""Errors that an answer lists."""

_SCHEMES = ("bearer", "token")


@csrf_exempt  # whoever posts shows a token, no cookie
@require_POST
def post_events(request: HttpRequest) -> JsonResponse:
    """Store posted events; 200 after the commit, with what became of them."""
    source = _source(request.headers.get("Authorization", ""))
    if source is None:
        answer = _refusal(401, "no source has this token; send Authorization: Bearer TOKEN")
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    try:
        items = _items(request.body)
    except RequestDataTooBig:
        return _refusal(413, "that is too much at once; post it in parts of at most 2 MB")
    except ValueError as error:
        return _refusal(400, f"the body is no JSON: {error}; post an object, an array, or one object per line")
    now = timezone.now()
    reading = reading_of(source.proxy, now)
    parsed = [parsed_safely(_parser(source, reading), item) for item in items]
    try:
        counts = store(source, parsed, format=_format(source), received_at=now, batch=len(parsed) + 1)
    except DatabaseError:
        answer = _refusal(503, "the database does not answer; post it again")
        answer["Retry-After"] = "5"
        return answer
    if counts.events:
        wake.correlation()
    return JsonResponse({**counts.as_dict(), "errors": _errors(parsed)})


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


def _refusal(status: int, error: str) -> JsonResponse:
    return JsonResponse({"error": error}, status=status)
