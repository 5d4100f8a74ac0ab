"""API resources of proxies."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accweb.web.api.frame import (
    AFTER,
    AFTER_PARAMETER,
    LIMIT,
    LIMIT_PARAMETER,
    ApiView,
    PageRecord,
    page_by,
    refuse_unknown,
)
from proxyconf.models import Proxy
from proxyconf.models.reach import proxies_for
from proxyconf.vocabulary.products import Product


class ProxyRecord(serializers.Serializer[object]):
    """A SIP proxy whose accounting is collected."""

    name = serializers.CharField(help_text="Its unique name.")
    product = serializers.ChoiceField(choices=[(one.value, one.label) for one in Product], help_text="Its product.")
    version = serializers.CharField(help_text="Its version.")
    timezone = serializers.CharField(help_text="Time zone of its clock (IANA name), in which its SQL times are.")
    cluster = serializers.CharField(
        allow_blank=True, help_text="Proxies of a cluster report parts of the same calls; others never share a call."
    )
    max_call = serializers.FloatField(
        help_text="Longest plausible call duration in seconds; after it an answered call without STOP is stop_missing."
    )
    addresses = serializers.ListField(
        child=serializers.CharField(),
        help_text="IP addresses and networks from which it sends; listeners accept no others unless they list them.",
    )
    layout = serializers.DictField(
        help_text="Its field layout, as far as it is known: labels of extra fields and legs by backend in order, roles "
        "of labels, order of legs, column names, time formats."
    )
    created_at = serializers.DateTimeField(help_text="When it was added to accweb. ISO 8601 in UTC.")


class ProxyPageRecord(PageRecord):
    """A page of proxies."""

    results = ProxyRecord(many=True)


class ProxyView(ApiView):
    permission_required = "proxyconf.view_proxy"


class ProxyList(ProxyView):
    """The proxies that the user may see, by name."""

    @extend_schema(
        operation_id="proxies_list",
        tags=["proxies"],
        summary="Proxies",
        parameters=[LIMIT_PARAMETER, AFTER_PARAMETER],
        responses=ProxyPageRecord,
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, LIMIT, AFTER)
        page, following = page_by(request, proxies_for(request.user), "name")
        return Response({"next": following, "results": [_record(proxy) for proxy in page]})


class ProxyDetail(ProxyView):
    """A proxy."""

    @extend_schema(operation_id="proxies_get", tags=["proxies"], summary="One proxy", responses=ProxyRecord)
    def get(self, request: Request, name: str) -> Response:
        refuse_unknown(request)
        return Response(_record(proxy_within_reach(request, name)))


def proxy_within_reach(request: Request, name: str) -> Proxy:
    """Return the proxy called ``name``; raise ``Http404`` if there is none that the user may see."""
    proxy = None if "\0" in name else proxies_for(request.user).filter(name=name).first()
    if proxy is None:
        raise Http404(f"There is no proxy {name[:80]!r} that you may see.")
    return proxy


def _record(proxy: Proxy) -> dict[str, Any]:
    return {
        "name": proxy.name,
        "product": proxy.product,
        "version": proxy.version,
        "timezone": proxy.timezone,
        "cluster": proxy.cluster,
        "max_call": proxy.max_call.total_seconds(),
        "addresses": proxy.sender_addresses,
        "layout": proxy.layout,
        "created_at": proxy.created_at,
    }
