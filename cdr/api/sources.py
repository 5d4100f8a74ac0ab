"""Sources for programs: how events arrive, and how that goes. Secrets are never told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accweb.web.api.frame import (
    AFTER,
    AFTER_NUMBER,
    LIMIT,
    LIMIT_PARAMETER,
    NO_NULL,
    ApiView,
    PageRecord,
    page_by,
    refuse_unknown,
)
from cdr.models import Receiver, Source
from cdr.sources import KINDS
from proxyconf.models.reach import proxies_for

PROXY = "proxy"


class ReceiverRecord(serializers.Serializer[object]):
    """The last report of a process that serves the source (every few seconds)."""

    host = serializers.CharField(help_text="The host on which it runs.")
    state = serializers.ChoiceField(
        choices=Receiver.ReceiverState.choices,
        help_text="running; retrying: it retries after an error; failed: see error.",
    )
    well = serializers.BooleanField(help_text="Whether it is running and has reported in the last 20 seconds.")
    error = serializers.CharField(allow_blank=True, help_text="The error or warning. Empty: none.")
    started_at = serializers.DateTimeField(help_text="Time of its start. ISO 8601 in UTC.")
    heard_at = serializers.DateTimeField(help_text="Time of its last report. ISO 8601 in UTC.")
    rate = serializers.FloatField(help_text="Events per second since the previous report.")
    lag = serializers.FloatField(
        allow_null=True,
        help_text="Delay of the newest event in seconds, from its time until it was stored. Null: no event yet.",
    )
    backlog = serializers.IntegerField(help_text="Bytes of a file that are not read yet.")
    refused = serializers.DictField(
        child=serializers.IntegerField(), help_text="Input dropped before parsing since its start, by reason."
    )


class SourceRecord(serializers.Serializer[object]):
    """A way in which events of a proxy arrive."""

    id = serializers.IntegerField(help_text="Id of the source.")
    proxy = serializers.CharField(help_text="Name of the proxy whose events arrive.")
    name = serializers.CharField(help_text="Name of the source, unique for the proxy.")
    kind = serializers.ChoiceField(choices=Source.Kind.choices, help_text="How events arrive.")
    enabled = serializers.BooleanField(help_text="Whether the source is enabled.")
    settings = serializers.DictField(help_text="Its settings, which depend on the kind, without secrets.")
    secrets = serializers.ListField(child=serializers.CharField(), help_text="Names of the secrets that are set.")
    events = serializers.IntegerField(help_text="Events stored.")
    duplicates = serializers.IntegerField(help_text="Events that were stored before.")
    rejected = serializers.IntegerField(
        help_text="Records that could not be parsed; they are stored as rejected input."
    )
    ignored = serializers.IntegerField(help_text="Records that are not accounting.")
    last_event_at = serializers.DateTimeField(
        allow_null=True, help_text="Time of the newest event. ISO 8601 in UTC. Null: none yet."
    )
    last_received_at = serializers.DateTimeField(
        allow_null=True, help_text="Time of the last input. ISO 8601 in UTC. Null: never."
    )
    error = serializers.CharField(allow_blank=True, help_text="The last error. Empty: none.")
    receivers = ReceiverRecord(many=True, help_text="The processes that serve it.")


class SourcePageRecord(PageRecord):
    """A page of sources."""

    results = SourceRecord(many=True)


class SourceView(ApiView):
    permission_required = "cdr.view_source"


class SourceList(SourceView):
    """The sources of the proxies that the client may see, in order of creation."""

    @extend_schema(
        operation_id="sources_list",
        tags=["sources"],
        summary="Sources",
        parameters=[
            OpenApiParameter(
                PROXY, {"type": "string", "pattern": NO_NULL}, description="Only sources of the proxy with this name."
            ),
            LIMIT_PARAMETER,
            AFTER_NUMBER,
        ],
        responses=SourcePageRecord,
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, PROXY, LIMIT, AFTER)
        proxies = proxies_for(request.user)
        if PROXY in request.query_params:
            name = request.query_params[PROXY]
            proxies = proxies.filter(name=name) if "\0" not in name else proxies.none()
            if not proxies.exists():
                raise ValidationError({PROXY: [f"Proxy {name[:80]!r} does not exist, or you may not see it."]})
        sources = Source.objects.filter(proxy__in=proxies).select_related("proxy").prefetch_related("receivers")
        page, following = page_by(request, sources, "id")
        now = timezone.now()
        return Response({"next": following, "results": [_record(source, now) for source in page]})


class SourceDetail(SourceView):
    """A source with its counters and receivers."""

    @extend_schema(operation_id="sources_get", tags=["sources"], summary="One source", responses=SourceRecord)
    def get(self, request: Request, pk: int) -> Response:
        refuse_unknown(request)
        within = Source.objects.filter(proxy__in=proxies_for(request.user))
        source = within.select_related("proxy").prefetch_related("receivers").filter(pk=pk).first()
        if source is None:
            raise Http404(f"Source {pk} does not exist, or you may not see it.")
        return Response(_record(source, timezone.now()))


def _record(source: Source, now: datetime) -> dict[str, Any]:
    declared = KINDS[source.kind].declared() if source.kind in KINDS else {}
    plain = {name for name, setting in declared.items() if not setting.secret}
    return {
        "id": source.pk,
        "proxy": source.proxy.name,
        "name": source.name,
        "kind": source.kind,
        "enabled": source.enabled,
        "settings": {name: value for name, value in source.settings.items() if name in plain},
        "secrets": [name for name, setting in declared.items() if setting.secret and source.settings.get(name)],
        "events": source.events,
        "duplicates": source.duplicates,
        "rejected": source.rejected,
        "ignored": source.ignored,
        "last_event_at": source.last_event_at,
        "last_received_at": source.last_received_at,
        "error": source.error,
        "receivers": [_receiver(receiver, now) for receiver in source.receivers.all()],
    }


def _receiver(receiver: Receiver, now: datetime) -> dict[str, Any]:
    return {
        "host": receiver.host,
        "state": receiver.state,
        "well": receiver.is_healthy(now),
        "error": receiver.error,
        "started_at": receiver.started_at,
        "heard_at": receiver.heard_at,
        "rate": receiver.rate,
        "lag": receiver.lag,
        "backlog": receiver.backlog,
        "refused": receiver.refused,
    }
