"""The API's own resources: root, version, schema, documentation, and the authenticated user."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accweb.api.schema import schema
from accweb.web.api.frame import LOGIN, ApiView, refuse_unknown
from accweb.web.models import ApiToken
from accweb.web.shell import ShellMixin
from accweb.web.tokens import SCOPES
from proxyconf.models.reach import within_reach

ADDRESSES = ("calls", "statistics", "exports", "proxies", "sources", "profiles", "me", "version", "schema", "docs")
_ADDRESSES_RECORD = {
    "type": "object",
    "description": "Address by name.",
    "properties": {name: {"type": "string", "format": "uri"} for name in ADDRESSES},
    "required": list(ADDRESSES),
}


class Root(ApiView):
    """The addresses of the API's resources."""

    permission_required = LOGIN

    @extend_schema(
        operation_id="root",
        tags=["about"],
        summary="The addresses of the API",
        responses={(200, "application/json"): _ADDRESSES_RECORD},
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request)
        return Response({name: reverse(f"api:{name}", request=request) for name in ADDRESSES})


class TokenRecord(serializers.Serializer[object]):
    """The token of the request."""

    name = serializers.CharField(help_text="Its name.")
    prefix = serializers.CharField(help_text="Its first characters.")
    expires_at = serializers.DateTimeField(allow_null=True, help_text="When it expires. ISO 8601 in UTC. Null: never.")


class MeRecord(serializers.Serializer[object]):
    """The authenticated user and their permissions."""

    user = serializers.CharField(help_text="Name of the user.")
    permissions = serializers.ListField(
        child=serializers.ChoiceField(choices=list(SCOPES)),
        help_text="The user's permissions in the API, limited to the token's scopes.",
    )
    proxies = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Names of the proxies that the user is limited to. Null: all.",
    )
    token = TokenRecord(allow_null=True, help_text="The token of the request. Null: a session.")


class Me(ApiView):
    """The authenticated user and their permissions, so that programs can check their token."""

    permission_required = LOGIN

    @extend_schema(operation_id="me", tags=["about"], summary="The authenticated user", responses=MeRecord)
    def get(self, request: Request) -> Response:
        refuse_unknown(request)
        proxies = within_reach(request.user)
        return Response(
            {
                "user": request.user.get_username(),
                "permissions": [scope for scope in SCOPES if request.user.has_perm(scope)],
                "proxies": None if proxies is None else sorted(proxies),
                "token": _token(request.auth) if isinstance(request.auth, ApiToken) else None,
            }
        )


def _token(token: ApiToken) -> dict[str, Any]:
    return {"name": token.name, "prefix": token.prefix, "expires_at": token.expires_at}


class VersionRecord(serializers.Serializer[object]):
    """The version of accweb."""

    version = serializers.CharField(help_text="Version of accweb, such as 1.2.0.")


class ServedVersion(ApiView):
    """The version of accweb, for programs that depend on members that a version added."""

    permission_required = LOGIN

    @extend_schema(operation_id="version", tags=["about"], summary="The version of accweb", responses=VersionRecord)
    def get(self, request: Request) -> Response:
        refuse_unknown(request)
        return Response({"version": settings.VERSION})


class Schema(ApiView):
    """The OpenAPI 3 schema as JSON, the same for all users."""

    permission_required = LOGIN

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        refuse_unknown(request)
        return Response(schema())


class Documentation(ShellMixin, TemplateView):
    """The schema as an interactive page; its requests are made in the user's session."""

    title = _("API")
    template_name = "accweb/api_docs.html"
    permission_required = ()
