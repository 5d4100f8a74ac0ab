"""Exports for programs: ask for a file, see how far it is, fetch it.

A worker writes it; it is the file that the page would give for the same filter, with what the asker may see.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, QueryDict
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accweb.web.api.frame import (
    AFTER,
    AFTER_NUMBER,
    LIMIT,
    LIMIT_PARAMETER,
    AnyAccept,
    ApiView,
    PageRecord,
    note,
    page_by,
    refuse_unknown,
)
from accweb.web.audit import Action
from accweb.web.zones import validate_zone
from cdr.export.columns import is_column
from cdr.export.formats import FORMATS
from cdr.export.jobs import (
    LONGEST_CONDITIONS,
    MOST_WAITING,
    file_response,
    filter_of,
    has_enough,
    may_download,
    queue_export,
    remove,
)
from cdr.export.selection import in_words
from cdr.models import ExportJob
from cdr.queries.filters import CallFilter, unknown_parameters
from cdr.queries.visibility import Visibility

_MOST_COLUMNS = 200


class Conflict(APIException):
    """The request is not possible in the present state."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class NewExportRecord(serializers.Serializer[Any]):
    """The requested form of a file."""

    format = serializers.ChoiceField(
        choices=[(one.name, one.use) for one in FORMATS.values()], help_text="The format of the file."
    )
    conditions = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=LONGEST_CONDITIONS,
        help_text="Conditions, as the query string of the list: state=completed&since=2026-05-01. Empty: all calls. "
        "A period such as today counts from now.",
    )
    columns = serializers.ListField(
        child=serializers.CharField(max_length=200),
        required=False,
        default=list,
        max_length=_MOST_COLUMNS,
        help_text="Columns in order, for formats with columns: fields of the record, settled_ended_at, "
        "settled_duration, settled_reason, settled_by, settled_at, and extra.LABEL for an extra field. Empty: the "
        "fields of the record.",
    )
    zone = serializers.CharField(
        required=False,
        default="UTC",
        max_length=64,
        validators=[validate_zone],
        help_text="IANA name of the time zone of all times, for formats with a time zone.",
    )

    spreadsheet_safe = serializers.BooleanField(
        required=False,
        default=True,
        help_text="CSV only: put an apostrophe before text that a spreadsheet would take for a formula, such as +4930.",
    )

    def validate_columns(self, columns: list[str]) -> list[str]:
        for name in columns:
            if not is_column(name):
                raise serializers.ValidationError(f"Unknown column {name!r}.")
        return list(dict.fromkeys(columns))


class ExportRecord(serializers.Serializer[object]):
    """An export."""

    id = serializers.IntegerField(help_text="Number of the export.")
    format = serializers.CharField(help_text="The format of the file.")
    conditions = serializers.CharField(
        allow_blank=True, help_text="Conditions, as the query string of the list, with times in place of a period."
    )
    columns = serializers.ListField(child=serializers.CharField(), help_text="The selected columns.")
    zone = serializers.CharField(help_text="Time zone of all times.")
    spreadsheet_safe = serializers.BooleanField(help_text="Whether a CSV has no formulas.")
    masked = serializers.BooleanField(help_text="Whether numbers are masked in the file.")
    state = serializers.ChoiceField(choices=ExportJob.ExportState.choices, help_text="State of the export.")
    error = serializers.CharField(allow_blank=True, help_text="Why it failed or was restarted. Empty: neither.")
    matches = serializers.IntegerField(
        allow_null=True, help_text="Number of matching calls. Null: not counted yet, or too many to count."
    )
    written = serializers.IntegerField(help_text="Number of calls written so far.")
    size = serializers.IntegerField(allow_null=True, help_text="Size of the file in bytes. Null: not finished.")
    created_at = serializers.DateTimeField(help_text="Time of the request. ISO 8601 in UTC.")
    finished_at = serializers.DateTimeField(
        allow_null=True, help_text="Time at which it finished or failed. ISO 8601 in UTC. Null: not yet."
    )
    expires_at = serializers.DateTimeField(
        allow_null=True,
        help_text="Time at which the file will be deleted. ISO 8601 in UTC. Null: the export has no file.",
    )
    file = serializers.URLField(allow_null=True, help_text="URL of the file. Null: there is no file yet, or no longer.")


class ExportPageRecord(PageRecord):
    """A page of exports."""

    results = ExportRecord(many=True)


class ExportView(ApiView):
    permission_required: str | Mapping[str, str] | None = "cdr.export_call"

    def jobs(self, request: Request) -> QuerySet[ExportJob]:
        """Return the exports of the client's user."""
        return ExportJob.objects.filter(user=cast(User, request.user))

    def job(self, request: Request, pk: int) -> ExportJob:
        job = self.jobs(request).filter(pk=pk).first()
        if job is None:
            raise Http404(f"Export {pk} does not exist, or is not yours.")
        return job


class ExportList(ExportView):
    """The exports of the client's user, oldest first."""

    @extend_schema(
        operation_id="exports_list",
        tags=["exports"],
        summary="Exports",
        parameters=[LIMIT_PARAMETER, AFTER_NUMBER],
        responses=ExportPageRecord,
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, LIMIT, AFTER)
        page, following = page_by(request, self.jobs(request), "id")
        return Response({"next": following, "results": [_record(request, job) for job in page]})

    @extend_schema(
        operation_id="exports_create",
        tags=["exports"],
        summary="Request a file of calls",
        description="The file is written in the background from a snapshot of the database, and kept for some days. "
        "Poll the export until its state is done, then fetch its file.",
        request=NewExportRecord,
        responses={
            201: ExportRecord,
            409: OpenApiResponse(description=f"{MOST_WAITING} of your exports are pending already."),
        },
    )
    def post(self, request: Request) -> Response:
        refuse_unknown(request)
        wanted = NewExportRecord(data=request.data)
        wanted.is_valid(raise_exception=True)
        requested = wanted.validated_data
        conditions = _conditions(request, requested["conditions"])
        if has_enough(cast(User, request.user)):
            raise Conflict(f"{MOST_WAITING} of your exports are pending; wait for one to finish, or delete one.")
        shaped = FORMATS[requested["format"]].shaped
        columns = requested["columns"] if shaped else []
        job = queue_export(
            cast(User, request.user),
            conditions,
            requested["format"],
            columns=columns,
            zone=requested["zone"],
            spreadsheet_safe=requested["spreadsheet_safe"],
        )
        location = {"Location": reverse("api:export", args=[job.pk], request=request)}
        return Response(_record(request, job), status=status.HTTP_201_CREATED, headers=location)


class ExportDetail(ExportView):
    """The state of an export."""

    @extend_schema(operation_id="exports_get", tags=["exports"], summary="One export", responses=ExportRecord)
    def get(self, request: Request, pk: int) -> Response:
        refuse_unknown(request)
        return Response(_record(request, self.job(request, pk)))

    @extend_schema(
        operation_id="exports_delete",
        tags=["exports"],
        summary="Delete an export and its file",
        description="An export that is queued or running is cancelled.",
        responses={204: OpenApiResponse(description="The export was deleted.")},
    )
    def delete(self, request: Request, pk: int) -> Response:
        refuse_unknown(request)
        remove(self.job(request, pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExportFile(ExportView):
    """The file of a finished export."""

    content_negotiation_class = AnyAccept

    @extend_schema(
        operation_id="exports_file",
        tags=["exports"],
        summary="The file of an export",
        responses={
            **{
                (200, one.media_type): OpenApiResponse(OpenApiTypes.BINARY, description="The file.")
                for one in FORMATS.values()
            },
            409: OpenApiResponse(description="The export is not done, or its file has expired."),
        },
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        refuse_unknown(request)
        job = self.job(request, pk)
        if job.state != ExportJob.ExportState.DONE:
            raise Conflict(f"The export has no file: its state is {job.get_state_display()}.")
        if not may_download(cast(User, request.user), job):
            raise PermissionDenied("The file contains more than you, or your token, may see now.")
        conditions = filter_of(job)
        if request.method == "GET":
            note(
                request,
                Action.EXPORTED,
                in_words(conditions),
                format=job.format,
                conditions=job.conditions,
                calls=job.written,
                masked=job.masked,
                export=job.pk,
            )
        return file_response(job)


def _conditions(request: Request, text: str) -> CallFilter:
    """Return the filter; raise ``ValidationError`` that names unknown and invalid conditions."""
    data = QueryDict(text)
    conditions = CallFilter(data, Visibility.of(request.user))
    errors = {name: list(map(str, messages)) for name, messages in conditions.form.errors.items()}
    errors |= {name: ["Unknown condition."] for name in unknown_parameters(data)}
    if errors:
        raise ValidationError({"conditions": errors})
    return conditions


def _record(request: Request, job: ExportJob) -> dict[str, Any]:
    done = job.state == ExportJob.ExportState.DONE
    return {
        "id": job.pk,
        "format": job.format,
        "conditions": job.conditions,
        "columns": job.columns,
        "zone": job.zone,
        "spreadsheet_safe": job.spreadsheet_safe,
        "masked": job.masked,
        "state": job.state,
        "error": job.error,
        "matches": job.matches,
        "written": job.written,
        "size": job.size,
        "created_at": job.created_at,
        "finished_at": job.finished_at,
        "expires_at": job.expires_at,
        "file": reverse("api:export-file", args=[job.pk], request=request) if done else None,
    }
