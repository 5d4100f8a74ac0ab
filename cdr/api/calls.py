"""The read-only API of calls: the conditions of the list page, and the record of the export."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Any

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accweb.web.api.frame import (
    AFTER,
    LIMIT,
    LIMIT_PARAMETER,
    ApiView,
    limit_of,
    note_viewing,
    refuse_unknown,
    with_parameters,
)
from cdr.api import records
from cdr.api.conditions import call_filter, parameters
from cdr.calls.correlate import Explained, explain
from cdr.calls.settlement import attach_settlements
from cdr.export import Record, record_of
from cdr.models import Call, Event
from cdr.queries.changes import Changes, changes, since
from cdr.queries.keyset import Cursor
from cdr.queries.moments import parse_moment
from cdr.queries.paging import call_page
from cdr.queries.visibility import Visibility

MOST_EVENTS = 1000
BEFORE, UPDATED_AFTER = "before", "updated_after"


class CallView(ApiView):
    """Base class of views of calls: those visible to the client, with full or masked numbers."""

    permission_required = "cdr.view_call"

    def visibility(self, request: Request) -> Visibility:
        return Visibility.of(request.user)

    def note(self, request: Request, visibility: Visibility, content: object) -> None:
        """Record in the audit log that ``content`` shows full numbers, unless it is empty or masked."""
        if visibility.numbers and content:
            note_viewing(request)

    def call(self, request: Request, pk: int) -> Call:
        call = self.visibility(request).calls().prefetch_related("legs", "attempts").filter(pk=pk).first()
        if call is None:
            raise Http404(f"Call {pk} does not exist, or you may not see it.")
        return call


_PLACE = {"type": "string", "pattern": r"^-?[0-9]{1,16}\.[0-9]{1,18}$"}
_PLACES = [
    LIMIT_PARAMETER,
    OpenApiParameter(AFTER, _PLACE, description="Position in the list, taken from next or resume."),
    OpenApiParameter(BEFORE, _PLACE, description="Position in the list, taken from previous."),
    OpenApiParameter(
        UPDATED_AFTER,
        OpenApiTypes.DATETIME,
        description="List changes: calls created or changed at or after this time (ISO 8601, also a date alone; UTC "
        "unless it has an offset), in the order of change, superseded ones included. A change is listed as soon as "
        "no earlier one can follow any more, that is when the transactions that began before it have ended.",
    ),
]


class CallList(CallView):
    """Calls that match all conditions, by start time, newest first.

    Values of one parameter are alternatives; parameters narrow each other. Superseded calls are excluded unless
    requested, or unless changes are listed.
    """

    @extend_schema(
        operation_id="calls_list",
        tags=["calls"],
        summary="Calls, newest first; with updated_after, changes",
        parameters=[*parameters(), *_PLACES],
        responses=records.CallPageRecord,
    )
    def get(self, request: Request) -> Response:
        found_changes = _changes(request, self.visibility(request)) if UPDATED_AFTER in request.query_params else None
        page = found_changes or _newest_first(request, self.visibility(request))
        self.note(request, self.visibility(request), page["results"])
        return Response(page)


class CallDetail(CallView):
    """The record of a call, the same as in the list and in exports."""

    @extend_schema(operation_id="calls_get", tags=["calls"], summary="One call", responses=records.CallRecordSerializer)
    def get(self, request: Request, pk: int) -> Response:
        refuse_unknown(request)
        visibility = self.visibility(request)
        (call_record,) = _records([self.call(request, pk)], visibility)
        self.note(request, visibility, call_record)
        return Response(call_record)


class CallEvents(CallView):
    """The events with the Call-ID of the call, by time, those of other calls with that Call-ID too.

    Only events of proxies that the client may see are listed.
    """

    @extend_schema(
        operation_id="calls_events",
        tags=["calls"],
        summary="The events of a call, and what each was used as",
        responses=records.EventsRecord,
    )
    def get(self, request: Request, pk: int) -> Response:
        refuse_unknown(request)
        visibility = self.visibility(request)
        call = self.call(request, pk)
        explained = [use for use in explain(call) if visibility.reaches(use.event.proxy.name)]
        listed = explained[:MOST_EVENTS]
        within = set(
            visibility.calls().filter(pk__in={use.call.pk for use in listed if use.call}).values_list("pk", flat=True)
        )
        visibility.events(call, [use.event for use in listed])
        self.note(request, visibility, listed)
        results = [_event(use, within, visibility) for use in listed]
        return Response({"left_out": len(explained) - len(listed), "results": results})


class CallRevisions(CallView):
    """Changes of a call by later events or by a manually set end, one revision per change."""

    @extend_schema(
        operation_id="calls_revisions",
        tags=["calls"],
        summary="What changed in a call since it was published",
        responses=records.RevisionsRecord,
    )
    def get(self, request: Request, pk: int) -> Response:
        refuse_unknown(request)
        visibility = self.visibility(request)
        call = self.call(request, pk)
        revisions = [
            {"revision": one.revision, "at": one.at, "changes": visibility.changes(call, one.changes)}
            for one in call.revisions.all()
        ]
        self.note(request, visibility, revisions)
        return Response({"results": revisions})


def _newest_first(request: Request, visibility: Visibility) -> dict[str, Any]:
    conditions = call_filter(request, visibility, LIMIT, AFTER, BEFORE, UPDATED_AFTER)
    page = call_page(
        conditions.qs.prefetch_related("legs", "attempts"),
        limit_of(request),
        after=_cursor(request, AFTER),
        before=_cursor(request, BEFORE),
    )
    return {
        "next": _address(request, AFTER, page.older),
        "previous": _address(request, BEFORE, page.newer),
        "resume": None,
        "results": _records(page.rows, visibility),
    }


def _changes(request: Request, visibility: Visibility) -> dict[str, Any]:
    conditions = call_filter(request, visibility, LIMIT, AFTER, BEFORE, UPDATED_AFTER, superseded="1")
    place = _cursor(request, AFTER) or since(_moment(request))
    if BEFORE in request.query_params:
        raise ValidationError({BEFORE: ["Changes are listed forward only; omit this parameter."]})
    page: Changes = changes(conditions.qs.prefetch_related("legs", "attempts"), place, limit_of(request))
    resume = _address(request, AFTER, page.place)
    return {
        "next": resume if page.more else None,
        "previous": None,
        "resume": resume,
        "results": _records(page.rows, visibility),
    }


def _records(calls: list[Call], visibility: Visibility) -> list[Record]:
    attach_settlements(calls)
    return [record_of(call) for call in visibility.shown(calls)]


def _moment(request: Request) -> datetime:
    text = request.query_params[UPDATED_AFTER]
    try:
        return parse_moment(text)
    except ValueError:
        raise ValidationError(
            {UPDATED_AFTER: [f"{text[:80]!r} is not a valid time; write it like 2026-05-31T14:30:00Z."]}
        ) from None


def _cursor(request: Request, name: str) -> Cursor | None:
    text = request.query_params.get(name)
    try:
        return None if text is None else Cursor.parse(text)
    except ValueError as error:
        raise ValidationError({name: [str(error)]}) from error


def _address(request: Request, name: str, cursor: Cursor | None) -> str | None:
    return None if cursor is None else with_parameters(request, **{AFTER: None, BEFORE: None, name: cursor})


def _event(explained: Explained, within: set[int], visibility: Visibility) -> dict[str, Any]:
    event: Event = explained.event
    call = explained.call
    return {
        "id": event.pk,
        "proxy": event.proxy.name,
        "source": f"{event.proxy.name}/{event.source.name}",
        "backend": event.backend,
        "kind": event.kind,
        "method": event.method,
        "from_tag": event.from_tag,
        "to_tag": event.to_tag,
        "code": event.code,
        "reason": event.reason,
        "time": event.time,
        "precision": event.precision,
        "received_at": event.received_at,
        "created_at": event.created_at,
        "ended_at": event.ended_at,
        "duration": None if event.duration_us is None else event.duration_us / 1_000_000,
        "extra": event.extra,
        "legs": event.legs,
        "flags": event.flags,
        "rule": explained.use.rule.value,
        "call": call.pk if call and call.pk in within else None,
        "raw": b64encode(bytes(event.raw)).decode("ascii") if visibility.numbers else None,
    }
