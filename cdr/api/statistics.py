"""Figures and series for programs: those of the calls that the list gives for the same conditions."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accweb.web.api.frame import ApiView
from cdr.api.conditions import call_filter, parameters
from cdr.display.histogram import Bucket, Group, Step
from cdr.display.wording import GROUPS
from cdr.queries.filters import CallFilter
from cdr.queries.statistics import LIMIT, figures, series
from cdr.queries.visibility import Visibility

ZONE, STEP = "zone", "step"
_CAPPED = f"If hourly totals cannot answer the conditions, only the newest {LIMIT} calls are counted."


class CountByCode(serializers.Serializer[object]):
    """The number of calls that failed with a SIP code."""

    code = serializers.IntegerField(allow_null=True, help_text="Final SIP code. Null: unknown.")
    calls = serializers.IntegerField(help_text="Number of calls.")


class FiguresRecord(serializers.Serializer[object]):
    """Totals of the calls, and rates (ITU-T E.425)."""

    since = serializers.DateTimeField(
        allow_null=True, help_text="Start of the requested range, inclusive. ISO 8601 in UTC. Null: open."
    )
    until = serializers.DateTimeField(
        allow_null=True, help_text="End of the requested range, exclusive. ISO 8601 in UTC. Null: open."
    )
    calls = serializers.IntegerField(help_text="All calls.")
    answered = serializers.IntegerField(help_text="Answered calls.")
    delivered = serializers.IntegerField(
        help_text="Calls that reached the callee: answered, busy, not answered, cancelled, declined."
    )
    asr = serializers.FloatField(allow_null=True, help_text="answered / calls, 0 to 1. Null: there are no calls.")
    ner = serializers.FloatField(allow_null=True, help_text="delivered / calls, 0 to 1. Null: there are no calls.")
    acd = serializers.FloatField(
        allow_null=True, help_text="Mean of the measured durations of answered calls, in seconds. Null: there is none."
    )
    minutes = serializers.FloatField(help_text="Total of the measured durations of answered calls, in minutes.")
    measured = serializers.IntegerField(help_text="Answered calls with a measured duration.")
    without_stop = serializers.IntegerField(help_text="Calls with the state No STOP.")
    settled = serializers.IntegerField(help_text="Those of them whose end was set manually.")
    outcomes = serializers.DictField(
        child=serializers.IntegerField(), help_text="Calls by outcome; outcomes without calls are left out."
    )
    states = serializers.DictField(
        child=serializers.IntegerField(), help_text="Calls by state; states without calls are left out."
    )
    failures = CountByCode(many=True, help_text="Unanswered calls by final SIP code, most calls first.")
    capped = serializers.BooleanField(help_text=f"Whether all totals are lower bounds. {_CAPPED}")


class BucketRecord(serializers.Serializer[object]):
    """The calls that started in a part of the range."""

    since = serializers.DateTimeField(help_text="Start, inclusive. ISO 8601 in UTC.")
    until = serializers.DateTimeField(help_text="End, exclusive. ISO 8601 in UTC.")
    calls = serializers.IntegerField(help_text="All calls that started in it.")
    groups = serializers.DictField(
        child=serializers.IntegerField(),
        help_text=f"Calls by group of outcomes ({', '.join(group.value for group in GROUPS)}), without empty groups.",
    )


class SeriesRecord(serializers.Serializer[object]):
    """Calls over time: consecutive parts without gaps."""

    step = serializers.ChoiceField(choices=[step.value for step in Step], help_text="Length of a part.")
    zone = serializers.CharField(help_text="Time zone of the days, weeks, months and years.")
    later = serializers.IntegerField(
        help_text="Number of calls that start after the last part, because the clock of a proxy is ahead."
    )
    capped = serializers.BooleanField(help_text=f"Whether the oldest calls are left out. {_CAPPED}")
    results = BucketRecord(many=True)


ZONE_PARAMETER = OpenApiParameter(
    ZONE,
    {"type": "string", "enum": sorted(available_timezones())},
    description="IANA name of the time zone of days, and of times without a zone. Absent: UTC.",
)
_STEP = OpenApiParameter(
    STEP,
    {"type": "string", "enum": [step.value for step in Step]},
    description="Length of a part. Absent, or too short for the range: chosen according to the range.",
)


class StatisticsView(ApiView):
    permission_required = "cdr.view_call"


class Statistics(StatisticsView):
    """Totals and rates of the calls that meet all conditions."""

    @extend_schema(
        operation_id="statistics",
        tags=["statistics"],
        summary="Figures of calls",
        parameters=[*parameters(), ZONE_PARAMETER],
        responses=FiguresRecord,
    )
    def get(self, request: Request) -> Response:
        with timezone.override(zone_of(request)):
            return Response(_figures(call_filter(request, Visibility.of(request.user), ZONE)))


class StatisticsSeries(StatisticsView):
    """The number of calls that meet all conditions over time, by group of outcomes."""

    @extend_schema(
        operation_id="statistics_series",
        tags=["statistics"],
        summary="Calls over time",
        parameters=[*parameters(), ZONE_PARAMETER, _STEP],
        responses=SeriesRecord,
    )
    def get(self, request: Request) -> Response:
        zone, step = zone_of(request), _step(request)
        with timezone.override(zone):
            found = series(call_filter(request, Visibility.of(request.user), ZONE, STEP), zone, step)
        return Response(
            {
                "step": found.step.value,
                "zone": zone.key,
                "later": found.later,
                "capped": found.capped,
                "results": [_bucket(bucket) for bucket in found.buckets],
            }
        )


def zone_of(request: Request) -> ZoneInfo:
    """Return the zone that the client asks for; raise ``ValidationError``."""
    name = request.query_params.get(ZONE, "UTC")
    if name not in available_timezones():
        raise ValidationError(
            {ZONE: [f"{name[:80]!r} is not a valid time zone; use a name like Europe/Berlin or UTC."]}
        )
    return ZoneInfo(name)


def _step(request: Request) -> Step | None:
    text = request.query_params.get(STEP)
    if text is not None and text not in set(Step):
        raise ValidationError({STEP: [f"{text[:80]!r} is unknown; use {', '.join(Step)}."]})
    return None if text is None else Step(text)


def _figures(conditions: CallFilter) -> dict[str, Any]:
    totals, span = figures(conditions), conditions.time_range
    failures = sorted(totals.failures.items(), key=lambda item: (-item[1], item[0] or 0))
    return {
        "since": span.since,
        "until": span.until,
        "calls": totals.calls,
        "answered": totals.answered,
        "delivered": totals.delivered,
        "asr": totals.asr,
        "ner": totals.ner,
        "acd": None if totals.acd is None else totals.acd.total_seconds(),
        "minutes": totals.minutes,
        "measured": totals.measured,
        "without_stop": totals.without_stop,
        "settled": totals.settled,
        "outcomes": {outcome.value: calls for outcome, calls in totals.outcomes.items()},
        "states": {state.value: calls for state, calls in totals.states.items()},
        "failures": [{"code": code, "calls": calls} for code, calls in failures],
        "capped": totals.capped,
    }


def _bucket(bucket: Bucket) -> dict[str, Any]:
    groups: dict[Group, int] = {group: count for group, count in bucket.counts.items() if count}
    return {
        "since": bucket.since,
        "until": bucket.until,
        "calls": bucket.total,
        "groups": {group.value: count for group, count in groups.items()},
    }
