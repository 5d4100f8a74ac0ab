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
_CAPPED = f"Where the conditions cannot be answered from hourly sums, the newest {LIMIT} calls are counted."


class CountByCode(serializers.Serializer[object]):
    """How many calls failed with a SIP code."""

    code = serializers.IntegerField(allow_null=True, help_text="Final SIP code. Null: not known.")
    calls = serializers.IntegerField(help_text="How many calls.")


class FiguresRecord(serializers.Serializer[object]):
    """Sums over the calls, and rates made of them (ITU-T E.425)."""

    since = serializers.DateTimeField(
        allow_null=True, help_text="Beginning of the range asked for, inclusive. ISO 8601 in UTC. Null: open."
    )
    until = serializers.DateTimeField(
        allow_null=True, help_text="End of the range asked for, exclusive. ISO 8601 in UTC. Null: open."
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
    minutes = serializers.FloatField(help_text="Measured durations of answered calls in all, in minutes.")
    measured = serializers.IntegerField(help_text="Answered calls with a measured duration.")
    without_stop = serializers.IntegerField(help_text="Calls whose STOP never came.")
    settled = serializers.IntegerField(help_text="Those of them whose end was settled by hand.")
    outcomes = serializers.DictField(child=serializers.IntegerField(), help_text="Calls by outcome; none: left out.")
    states = serializers.DictField(child=serializers.IntegerField(), help_text="Calls by state; none: left out.")
    failures = CountByCode(many=True, help_text="Calls that were not answered by final SIP code, the most first.")
    capped = serializers.BooleanField(help_text=f"Whether each sum is a lower bound. {_CAPPED}")


class BucketRecord(serializers.Serializer[object]):
    """The calls that started in a part of the range."""

    since = serializers.DateTimeField(help_text="Its beginning, inclusive. ISO 8601 in UTC.")
    until = serializers.DateTimeField(help_text="Its end, exclusive. ISO 8601 in UTC.")
    calls = serializers.IntegerField(help_text="All calls that started in it.")
    groups = serializers.DictField(
        child=serializers.IntegerField(),
        help_text=f"The same by group of outcomes ({', '.join(group.value for group in GROUPS)}); none: left out.",
    )


class SeriesRecord(serializers.Serializer[object]):
    """Calls over time: parts of equal length, one after the other, without gaps."""

    step = serializers.ChoiceField(choices=[step.value for step in Step], help_text="How long a part is.")
    zone = serializers.CharField(help_text="Zone whose days, weeks, months and years they are.")
    later = serializers.IntegerField(help_text="Calls that start after the last part: a proxy's clock is ahead.")
    capped = serializers.BooleanField(help_text=f"Whether the oldest calls are left out. {_CAPPED}")
    results = BucketRecord(many=True)


ZONE_PARAMETER = OpenApiParameter(
    ZONE,
    {"type": "string", "enum": sorted(available_timezones())},
    description="IANA name of the zone that days and times without a zone are taken in. Absent: UTC.",
)
_STEP = OpenApiParameter(
    STEP,
    {"type": "string", "enum": [step.value for step in Step]},
    description="How long a part is. Absent, or too short for the range: what suits the range.",
)


class StatisticsView(ApiView):
    permission_required = "cdr.view_call"


class Statistics(StatisticsView):
    """Sums and rates over the calls that meet all conditions, of which the list tells one by one."""

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
    """How many of the calls that meet all conditions started when, by group of outcomes."""

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
    found, span = figures(conditions), conditions.time_range
    failures = sorted(found.failures.items(), key=lambda item: (-item[1], item[0] or 0))
    return {
        "since": span.since,
        "until": span.until,
        "calls": found.calls,
        "answered": found.answered,
        "delivered": found.delivered,
        "asr": found.asr,
        "ner": found.ner,
        "acd": None if found.acd is None else found.acd.total_seconds(),
        "minutes": found.minutes,
        "measured": found.measured,
        "without_stop": found.without_stop,
        "settled": found.settled,
        "outcomes": {outcome.value: calls for outcome, calls in found.outcomes.items()},
        "states": {state.value: calls for state, calls in found.states.items()},
        "failures": [{"code": code, "calls": calls} for code, calls in failures],
        "capped": found.capped,
    }


def _bucket(bucket: Bucket) -> dict[str, Any]:
    groups: dict[Group, int] = {group: count for group, count in bucket.counts.items() if count}
    return {
        "since": bucket.since,
        "until": bucket.until,
        "calls": bucket.total,
        "groups": {group.value: count for group, count in groups.items()},
    }
