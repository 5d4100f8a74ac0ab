"""What a proxy will write of a call flow, for programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accweb.web.api.frame import ApiView, refuse_unknown
from proxyconf.api.proxies import proxy_within_reach
from proxyconf.lint import Severity
from proxyconf.models import Proxy
from proxyconf.models.saved_flow import flows_of
from proxyconf.simulate.flow import Flow
from proxyconf.simulate.script import Script
from proxyconf.trying import DRAFT, GENERATED, WITHOUT, flow_named, profile_named, script_of, simulation_json, tried

T = TypeVar("T")

FLOW, PROFILE, AGAINST, LACKS, SCRIPT, FROM = "flow", "profile", "against", "without", "script", "routes"


class FlowRecord(serializers.Serializer[object]):
    """A call flow that can be tried."""

    name = serializers.CharField(help_text="Its name.")
    title = serializers.CharField(allow_blank=True, help_text="What happens in it.")
    flow = serializers.DictField(help_text="Parties, requests and replies, with times in seconds after the start.")


class FlowsRecord(serializers.Serializer[object]):
    """The built-in call flows, and those saved with the proxy."""

    results = FlowRecord(many=True)


class SimulatedRecordRecord(serializers.Serializer[object]):
    """One log line, row, packet, message or object."""

    backend = serializers.CharField(help_text="The accounting output: syslog, sql, radius, diameter, json or events.")
    table = serializers.CharField(allow_blank=True, help_text="Table of a row, or name of an OpenSIPS event.")
    at = serializers.FloatField(help_text="When it is written: seconds since 1970.")
    fields_ = serializers.ListField(child=serializers.ListField(), help_text="Names and values, in order.")
    text = serializers.CharField(help_text="The record as text.")

    def get_fields(self) -> dict[str, Any]:
        members = super().get_fields()
        return {name.rstrip("_"): field for name, field in members.items()}


class SimulationFindingRecord(serializers.Serializer[object]):
    """What is missing or wrong."""

    severity = serializers.ChoiceField(choices=[one.value for one in Severity], help_text="How grave it is.")
    text = serializers.CharField(help_text="What is missing or wrong, and why.")
    setting = serializers.CharField(allow_blank=True, help_text="The setting that causes it.")
    backends = serializers.ListField(child=serializers.CharField(), help_text="The accounting outputs concerned.")


class SimulationRecord(serializers.Serializer[object]):
    """What a profile writes of a call flow."""

    product = serializers.CharField(help_text="The proxy's product.")
    version = serializers.CharField(help_text="Its release.")
    flow = serializers.CharField(help_text="Name of the call flow.")
    records = SimulatedRecordRecord(many=True, help_text="What is written, in the order of time.")
    calls = serializers.ListField(child=serializers.DictField(), help_text="The calls that accweb makes of it.")
    unreadable = serializers.ListField(child=serializers.CharField(), help_text="Why records cannot be read.")
    findings = SimulationFindingRecord(many=True, help_text="What is missing or wrong, the gravest first.")
    against = serializers.DictField(required=False, help_text="The same of the profile that it is compared with.")


class SimulationAsked(serializers.Serializer[object]):
    """A call flow of one's own."""

    flow = serializers.DictField(help_text="As the list of flows gives it.")
    script = serializers.DictField(
        required=False,
        help_text="What the script asks for on each kind of request: invite, reinvite, bye, ack, cancel and "
        "next_attempt with account, missed, failed and cdr. Absent: that of the routes.",
    )


_PARAMETERS = [
    OpenApiParameter(PROFILE, OpenApiTypes.STR, description="draft (default), published, or a revision's number."),
    OpenApiParameter(
        AGAINST, OpenApiTypes.STR, description="A profile to compare with; PROXY:draft for another proxy."
    ),
    OpenApiParameter(LACKS, OpenApiTypes.STR, many=True, enum=WITHOUT, description="What the script lacks."),
    OpenApiParameter(
        FROM,
        OpenApiTypes.STR,
        enum=[GENERATED],
        description="The generated routes, also where a script was imported.",
    ),
]
_NAMED = OpenApiParameter(FLOW, OpenApiTypes.STR, required=True, description="Name of a call flow.")


class FlowList(ApiView):
    """The call flows that can be tried on a proxy's profile."""

    permission_required = "proxyconf.view_profile"

    @extend_schema(operation_id="profiles_flows", tags=["profiles"], summary="Call flows", responses=FlowsRecord)
    def get(self, request: Request, name: str) -> Response:
        refuse_unknown(request)
        flows = flows_of(proxy_within_reach(request, name)).values()
        return Response({"results": [{"name": one.name, "title": one.title, "flow": one.to_json()} for one in flows]})


class SimulationView(ApiView):
    """What a profile writes of a call flow, the call made of it, and what is missing. Nothing is stored."""

    permission_required = "proxyconf.view_profile"

    @extend_schema(
        operation_id="profiles_simulation",
        tags=["profiles"],
        summary="What the proxy will write of a call",
        parameters=[_NAMED, *_PARAMETERS],
        responses=SimulationRecord,
    )
    def get(self, request: Request, name: str) -> Response:
        refuse_unknown(request, FLOW, PROFILE, AGAINST, LACKS, FROM)
        proxy = proxy_within_reach(request, name)
        return Response(_simulated(request, proxy, lambda: flow_named(proxy, request.query_params.get(FLOW, ""))))

    @extend_schema(
        operation_id="profiles_simulation_of_own_flow",
        tags=["profiles"],
        summary="What the proxy will write of a call flow of one's own",
        parameters=_PARAMETERS,
        request=SimulationAsked,
        responses=SimulationRecord,
    )
    def post(self, request: Request, name: str) -> Response:
        refuse_unknown(request, PROFILE, AGAINST, LACKS, FROM)
        proxy = proxy_within_reach(request, name)
        body = request.data if isinstance(request.data, dict) else {}
        given = body.get(SCRIPT)
        script = None if given is None else _read(SCRIPT, lambda: Script.from_json(given))
        return Response(_simulated(request, proxy, lambda: Flow.from_json(body.get(FLOW)), script))


def _simulated(
    request: Request, proxy: Proxy, read_flow: Callable[[], Flow], script: Script | None = None
) -> dict[str, Any]:
    asked = request.query_params
    flow = _read(FLOW, read_flow)
    without = asked.getlist(LACKS)
    profile = _read(PROFILE, lambda: profile_named(proxy, asked.get(PROFILE, DRAFT)))
    routes = asked.get(FROM, "")
    _read(FROM, lambda: script_of(proxy, profile, (), routes))
    result = simulation_json(_read(LACKS, lambda: tried(proxy, profile, flow, without, script, routes)))
    if asked.get(AGAINST):
        name, colon, which = asked[AGAINST].rpartition(":")
        other = proxy_within_reach(request, name) if colon else proxy
        compared = _read(AGAINST, lambda: profile_named(other, which))
        result["against"] = simulation_json(tried(other, compared, flow, without, script))
    return result


def _read(parameter: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise ValidationError({parameter: [str(error)[:500]]}) from error
