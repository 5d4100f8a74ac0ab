"""API resources of call flows and simulations."""

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
    """A call flow."""

    name = serializers.CharField(help_text="Its name.")
    title = serializers.CharField(allow_blank=True, help_text="Its title.")
    flow = serializers.DictField(help_text="Parties, requests and replies, with times in seconds after the start.")


class FlowsRecord(serializers.Serializer[object]):
    """The built-in call flows, and those saved with the proxy."""

    results = FlowRecord(many=True)


class SimulatedRecordRecord(serializers.Serializer[object]):
    """A log line, SQL row, RADIUS packet, Diameter message or JSON object."""

    backend = serializers.CharField(help_text="The accounting output: syslog, sql, radius, diameter, json or events.")
    table = serializers.CharField(allow_blank=True, help_text="Table of a row, or name of an OpenSIPS event.")
    at = serializers.FloatField(help_text="When it is written: seconds since 1970.")
    fields_ = serializers.ListField(child=serializers.ListField(), help_text="Names and values, in order.")
    text = serializers.CharField(help_text="The record as text.")

    def get_fields(self) -> dict[str, Any]:
        members = super().get_fields()
        return {name.rstrip("_"): field for name, field in members.items()}


class SimulationFindingRecord(serializers.Serializer[object]):
    """A finding about missing or wrong records."""

    severity = serializers.ChoiceField(choices=[one.value for one in Severity], help_text="Its severity.")
    text = serializers.CharField(help_text="What is missing or wrong, and why.")
    setting = serializers.CharField(allow_blank=True, help_text="The setting that causes it.")
    backends = serializers.ListField(child=serializers.CharField(), help_text="The accounting outputs concerned.")


class SimulationRecord(serializers.Serializer[object]):
    """The simulation of a call flow with a profile."""

    product = serializers.CharField(help_text="The proxy's product.")
    version = serializers.CharField(help_text="The proxy's version.")
    flow = serializers.CharField(help_text="Name of the call flow.")
    records = SimulatedRecordRecord(many=True, help_text="The written records, in the order of time.")
    calls = serializers.ListField(child=serializers.DictField(), help_text="The calls that accweb makes from them.")
    unreadable = serializers.ListField(child=serializers.CharField(), help_text="Why records cannot be read.")
    findings = SimulationFindingRecord(many=True, help_text="What is missing or wrong, the most severe first.")
    against = serializers.DictField(required=False, help_text="The simulation with the profile to compare with.")


class SimulationBody(serializers.Serializer[object]):
    """An edited call flow."""

    flow = serializers.DictField(help_text="A call flow, as in the list of flows.")
    script = serializers.DictField(
        required=False,
        help_text="The accounting that the script requests for each kind of request: invite, reinvite, bye, ack, "
        "cancel and next_attempt with account, missed, failed and cdr. Absent: that of the routes.",
    )


_PARAMETERS = [
    OpenApiParameter(PROFILE, OpenApiTypes.STR, description="draft (default), published, or a revision's number."),
    OpenApiParameter(
        AGAINST, OpenApiTypes.STR, description="A profile to compare with; PROXY:draft for another proxy."
    ),
    OpenApiParameter(LACKS, OpenApiTypes.STR, many=True, enum=WITHOUT, description="Parts of the script to omit."),
    OpenApiParameter(
        FROM,
        OpenApiTypes.STR,
        enum=[GENERATED],
        description="The generated routes, also where a script was imported.",
    ),
]
_NAMED = OpenApiParameter(FLOW, OpenApiTypes.STR, required=True, description="Name of a call flow.")


class FlowList(ApiView):
    """The built-in call flows, and those saved with the proxy."""

    permission_required = "proxyconf.view_profile"

    @extend_schema(operation_id="profiles_flows", tags=["profiles"], summary="Call flows", responses=FlowsRecord)
    def get(self, request: Request, name: str) -> Response:
        refuse_unknown(request)
        flows = flows_of(proxy_within_reach(request, name)).values()
        return Response({"results": [{"name": one.name, "title": one.title, "flow": one.to_json()} for one in flows]})


class SimulationView(ApiView):
    """Simulate a call flow with a profile: records, calls and findings. Nothing is stored."""

    permission_required = "proxyconf.view_profile"

    @extend_schema(
        operation_id="profiles_simulation",
        tags=["profiles"],
        summary="Simulate a call flow",
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
        summary="Simulate an edited call flow",
        parameters=_PARAMETERS,
        request=SimulationBody,
        responses=SimulationRecord,
    )
    def post(self, request: Request, name: str) -> Response:
        refuse_unknown(request, PROFILE, AGAINST, LACKS, FROM)
        proxy = proxy_within_reach(request, name)
        body = request.data if isinstance(request.data, dict) else {}
        script_json = body.get(SCRIPT)
        script = None if script_json is None else _read(SCRIPT, lambda: Script.from_json(script_json))
        return Response(_simulated(request, proxy, lambda: Flow.from_json(body.get(FLOW)), script))


def _simulated(
    request: Request, proxy: Proxy, read_flow: Callable[[], Flow], script: Script | None = None
) -> dict[str, Any]:
    parameters = request.query_params
    flow = _read(FLOW, read_flow)
    without = parameters.getlist(LACKS)
    profile = _read(PROFILE, lambda: profile_named(proxy, parameters.get(PROFILE, DRAFT)))
    routes = parameters.get(FROM, "")
    _read(FROM, lambda: script_of(proxy, profile, (), routes))
    result = simulation_json(_read(LACKS, lambda: tried(proxy, profile, flow, without, script, routes)))
    if parameters.get(AGAINST):
        name, colon, which = parameters[AGAINST].rpartition(":")
        other = proxy_within_reach(request, name) if colon else proxy
        compared = _read(AGAINST, lambda: profile_named(other, which))
        result["against"] = simulation_json(tried(other, compared, flow, without, script))
    return result


def _read(parameter: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise ValidationError({parameter: [str(error)[:500]]}) from error
