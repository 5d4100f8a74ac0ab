"""Calls for scripts: read only, with the conditions of the page and the record of the export."""

from __future__ import annotations

from django.http import Http404
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cdr.export import record_of
from cdr.filters import CallFilter, unknown_parameters
from cdr.keyset import Cursor
from cdr.models import Call
from cdr.paging import call_page
from cdr.settling import look_up

PAGE_SIZE = 100
_AFTER, _BEFORE = "after", "before"


class MayViewCalls(BasePermission):
    """The permission that the pages of calls need as well."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user and request.user.has_perm("cdr.view_call"))


class CallView(APIView):
    authentication_classes = [SessionAuthentication]
    permission_classes = [MayViewCalls]
    renderer_classes = [JSONRenderer]


class CallList(CallView):
    """Calls, newest first, with the addresses of the ``next`` (older) and ``previous`` (newer) page."""

    def get(self, request: Request) -> Response:
        asked = _conditions(request)
        page = call_page(
            asked.qs.prefetch_related("legs", "attempts"),
            PAGE_SIZE,
            after=_cursor(request, _AFTER),
            before=_cursor(request, _BEFORE),
        )
        look_up(page.rows)
        return Response(
            {
                "next": _address(request, _AFTER, page.older),
                "previous": _address(request, _BEFORE, page.newer),
                "results": [record_of(call) for call in page.rows],
            }
        )


class CallDetail(CallView):
    """One call."""

    def get(self, request: Request, pk: int) -> Response:
        call = Call.objects.prefetch_related("legs", "attempts").filter(pk=pk).first()
        if call is None:
            raise Http404
        return Response(record_of(call))


def _conditions(request: Request) -> CallFilter:
    """Return the filter; a condition that is unknown or makes no sense is an error: all calls are no answer to it."""
    asked = CallFilter(request.query_params)
    errors: dict[str, list[str]] = {name: list(map(str, said)) for name, said in asked.form.errors.items()}
    for name in unknown_parameters(request.query_params, _AFTER, _BEFORE):
        errors[name] = [f"there is no such parameter; there are {', '.join(CallFilter.base_filters)}"]
    if errors:
        raise ValidationError(errors)
    return asked


def _cursor(request: Request, name: str) -> Cursor | None:
    text = request.query_params.get(name)
    try:
        return Cursor.parse(text) if text else None
    except ValueError as error:
        raise ValidationError({name: [str(error)]}) from error


def _address(request: Request, name: str, cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    parameters = request.query_params.copy()
    for one in (_AFTER, _BEFORE):
        parameters.pop(one, None)
    parameters[name] = str(cursor)
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")
