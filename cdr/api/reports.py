"""Reports for programs: the groups that the page shows for the same conditions."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accweb.web.api.frame import NO_NULL, ApiView, note_viewing
from cdr.api.conditions import call_filter, parameters
from cdr.api.statistics import ZONE, ZONE_PARAMETER, zone_of
from cdr.export.report_file import ReportFile, report_record
from cdr.queries.conditions import LONGEST_TEXT
from cdr.queries.reports.definition import (
    ALL_FIGURES,
    DIGITS_PARAMETER,
    FIGURES,
    GROUP,
    MOST_DIMENSIONS,
    PARAMETERS,
    PER,
    SORT,
    report_of,
)
from cdr.queries.reports.dimensions import DIGITS, MOST_DIGITS, PLAIN, PREFIXES
from cdr.queries.reports.labels import problem_text
from cdr.queries.reports.slots import Per
from cdr.queries.reports.table import MOST_GROUPS, SECONDS, report_table
from cdr.queries.visibility import Visibility

_GROUPS = ", ".join([*PLAIN, *PREFIXES, "extra.LABEL"])
_GROUP = rf"^({'|'.join([*PLAIN, *PREFIXES])}|extra\.[^\u0000]+)$"
_FIGURES = "|".join(figure.name for figure in ALL_FIGURES)


class UnanswerableReport(APIException):
    """The report takes too long, or has too many parts."""

    status_code = 422
    default_code = "unanswerable"


class TimeSlotRecord(serializers.Serializer[object]):
    """The time of a row: a range, or a weekday or hour of the day that recurs."""

    since = serializers.DateTimeField(allow_null=True, help_text="Its beginning, inclusive. ISO 8601 in UTC.")
    until = serializers.DateTimeField(allow_null=True, help_text="Its end, exclusive. ISO 8601 in UTC.")
    weekday = serializers.IntegerField(allow_null=True, help_text="1 (Monday) to 7. Null: no weekday.")
    hour_of_day = serializers.IntegerField(allow_null=True, help_text="0 to 23. Null: no hour of the day.")


class ReportRowRecord(serializers.Serializer[object]):
    """A group of calls."""

    group = serializers.DictField(help_text="What its calls have in common, by field. Null: they have none.")
    time = TimeSlotRecord(allow_null=True, help_text="When its calls started. Null: the report has no time.")
    figures = serializers.DictField(
        help_text="Numbers by name: counts, minutes, acd in seconds, rates and shares from 0 to 1. Null: undefined."
    )


class ReportRecord(serializers.Serializer[object]):
    """The groups of a report, and the figures of all its calls."""

    zone = serializers.CharField(help_text="Zone whose hours, days, weeks and months they are.")
    group = serializers.ListField(child=serializers.CharField(), help_text="The fields that calls are grouped by.")
    per = serializers.CharField(allow_null=True, help_text="The unit of time that calls are grouped by. Null: none.")
    cut = serializers.BooleanField(
        help_text=f"Whether there are more than {MOST_GROUPS} groups: only those with the most calls are listed."
    )
    overlapping = serializers.BooleanField(help_text="Whether a call may be in several groups.")
    total = serializers.DictField(help_text="The figures of all calls.")
    results = ReportRowRecord(many=True)


_OWN_PARAMETERS = [
    OpenApiParameter(
        GROUP,
        {"type": "array", "items": {"type": "string", "maxLength": LONGEST_TEXT, "pattern": _GROUP}, "maxItems": 2},
        description=f"What to group by, at most {MOST_DIMENSIONS}: {_GROUPS}. In a report by gateway, answers and "
        "failed attempts count at the gateway where they happened.",
        explode=True,
        style="form",
    ),
    OpenApiParameter(
        PER,
        {"type": "string", "enum": [per.value for per in Per]},
        description="Unit of time to group by as well. Absent: none, or day where group is absent, too.",
    ),
    OpenApiParameter(
        DIGITS_PARAMETER,
        {"type": "integer", "minimum": 1, "maximum": MOST_DIGITS, "default": DIGITS},
        description="Digits of a prefix; a + before them is not counted.",
    ),
    OpenApiParameter(
        FIGURES,
        {"type": "string", "pattern": f"^({_FIGURES})(,({_FIGURES}))*$"},
        description="Which figures, separated by commas.",
    ),
    OpenApiParameter(
        SORT,
        {"type": "string", "minLength": 1, "pattern": NO_NULL},
        description="A figure, a field of group, or time; after - in descending order.",
    ),
]


class ReportView(ApiView):
    """Calls that meet all conditions, grouped; each group with its figures."""

    permission_required = "cdr.view_call"

    @extend_schema(
        operation_id="reports",
        tags=["statistics"],
        summary="Report of calls",
        parameters=[*parameters(), ZONE_PARAMETER, *_OWN_PARAMETERS],
        responses={
            200: ReportRecord,
            422: OpenApiResponse(description=f"The report takes longer than {SECONDS:.0f} s, or has too many parts."),
        },
    )
    def get(self, request: Request) -> Response:
        visibility, zone = Visibility.of(request.user), zone_of(request)
        with timezone.override(zone):
            calls = call_filter(request, visibility, ZONE, *PARAMETERS)
            data: QueryDict = request.query_params
            empty = [name for name in PARAMETERS if "" in data.getlist(name)]
            if empty:
                raise ValidationError({name: ["Give a value, or leave the parameter out."] for name in empty})
            report, problems = report_of(data, masked=not visibility.numbers)
            if problems:
                raise ValidationError(problems)
            table = report_table(calls, report, zone)
            if problem := problem_text(table):
                raise UnanswerableReport(problem)
            record: dict[str, Any] = report_record(ReportFile(table, visibility, ""))
        if visibility.numbers and table.rows:
            note_viewing(request)
        return Response(record)
