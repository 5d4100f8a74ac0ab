"""API resources of profiles: drafts with their findings, revisions, and the generated files.

Database passwords are always masked here. Deployment tools get the files with passwords from ``/fetch/``, with the
proxy's own token.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accweb.web.api.frame import (
    AFTER,
    AFTER_NUMBER,
    AFTER_PARAMETER,
    LIMIT,
    LIMIT_PARAMETER,
    AnyAccept,
    ApiView,
    PageRecord,
    page_by,
    refuse_unknown,
)
from accweb.web.server_host import server_host
from proxyconf.api.proxies import proxy_within_reach
from proxyconf.artefacts import Artefact, artefacts_of, etag_of, find_artefact
from proxyconf.lint import Finding, Severity, check
from proxyconf.models import Profile, Revision
from proxyconf.models.imported import script_facts
from proxyconf.models.profile import profile_of
from proxyconf.models.reach import proxies_for
from proxyconf.models.revision import latest_revision
from proxyconf.profile import AccountingProfile

REVISION = "revision"
_TEXT = "text/plain"


class FindingRecord(serializers.Serializer[object]):
    """A finding of the check."""

    severity = serializers.ChoiceField(
        choices=[one.value for one in Severity],
        help_text="error: the proxy does not start, or records are lost or wrong; warning: they may be; note: worth "
        "knowing.",
    )
    rule = serializers.CharField(help_text="Name of the rule; it never changes.")
    where = serializers.CharField(allow_blank=True, help_text="Path in the profile; empty: the whole profile.")
    place = serializers.CharField(allow_blank=True, help_text="The same place in words.")
    what = serializers.CharField(help_text="The problem.")
    why = serializers.CharField(allow_blank=True, help_text="Its consequence.")
    remedy = serializers.CharField(allow_blank=True, help_text="How to fix it.")


class ProfileSummaryRecord(serializers.Serializer[object]):
    """Summary of the profile of a proxy."""

    proxy = serializers.CharField(help_text="Name of the proxy.")
    backends = serializers.ListField(child=serializers.CharField(), help_text="The accounting outputs of the draft.")
    updated_at = serializers.DateTimeField(help_text="When the draft was last changed. ISO 8601 in UTC.")
    revision = serializers.IntegerField(allow_null=True, help_text="Number of the latest revision. Null: none.")
    is_published = serializers.BooleanField(help_text="Whether the draft equals the latest revision.")


class ProfileRecord(ProfileSummaryRecord):
    """The draft profile of a proxy."""

    profile = serializers.DictField(help_text="The draft, with passwords masked.")
    findings = FindingRecord(many=True, help_text="The findings of the check, the most severe first.")


class ProfilePageRecord(PageRecord):
    """A page of profiles."""

    results = ProfileSummaryRecord(many=True)


class PublishedRecord(serializers.Serializer[object]):
    """A revision: a published profile, which never changes."""

    number = serializers.IntegerField(help_text="Number of the revision; the first one of a proxy is 1.")
    created_at = serializers.DateTimeField(help_text="When it was published. ISO 8601 in UTC.")
    author = serializers.CharField(allow_blank=True, help_text="Who published it.")
    why = serializers.CharField(allow_blank=True, help_text="The reason that the author gave.")
    profile = serializers.DictField(help_text="The published profile, with passwords masked.")


class PublishedPageRecord(PageRecord):
    """A page of revisions."""

    results = PublishedRecord(many=True)


class ArtefactRecord(serializers.Serializer[object]):
    """A generated file."""

    name = serializers.CharField(help_text="Its name; it may contain a folder.")
    title = serializers.CharField(help_text="Its title.")
    etag = serializers.CharField(help_text="Entity tag of its content.")
    text = serializers.CharField(allow_blank=True, help_text="Its content.")


class ArtefactsRecord(serializers.Serializer[object]):
    """All files for the proxy, its database, its RADIUS server and its syslog daemon, the most important first."""

    results = ArtefactRecord(many=True)


class ProfileView(ApiView):
    permission_required = "proxyconf.view_profile"

    def draft(self, request: Request, name: str) -> Profile:
        proxy = proxy_within_reach(request, name)
        draft = Profile.objects.filter(proxy=proxy).select_related("proxy").first()
        if draft is None:
            raise Http404(f"{proxy} has no profile.")
        return draft


class ProfileList(ProfileView):
    """The profiles of the proxies that the user may see, by the proxy's name."""

    @extend_schema(
        operation_id="profiles_list",
        tags=["profiles"],
        summary="Profiles",
        parameters=[LIMIT_PARAMETER, AFTER_PARAMETER],
        responses=ProfilePageRecord,
    )
    def get(self, request: Request) -> Response:
        refuse_unknown(request, LIMIT, AFTER)
        within = Profile.objects.filter(proxy__in=proxies_for(request.user)).select_related("proxy")
        page, following = page_by(request, within, "proxy__name")
        return Response({"next": following, "results": [_summary(draft, profile_of(draft)) for draft in page]})


class ProfileDetail(ProfileView):
    """The draft profile of a proxy, with its findings."""

    @extend_schema(
        operation_id="profiles_get", tags=["profiles"], summary="The profile of a proxy", responses=ProfileRecord
    )
    def get(self, request: Request, name: str) -> Response:
        refuse_unknown(request)
        draft = self.draft(request, name)
        value = profile_of(draft)
        masked = value.masked()
        findings = [_finding(finding) for finding in check(masked, script_facts(draft.proxy))]
        return Response({**_summary(draft, value), "profile": masked.to_json(), "findings": findings})


class RevisionList(ProfileView):
    """The revisions of a proxy, the oldest first."""

    @extend_schema(
        operation_id="profiles_revisions",
        tags=["profiles"],
        summary="The revisions of a proxy",
        parameters=[LIMIT_PARAMETER, AFTER_NUMBER],
        responses=PublishedPageRecord,
    )
    def get(self, request: Request, name: str) -> Response:
        refuse_unknown(request, LIMIT, AFTER)
        page, following = page_by(request, Revision.objects.filter(proxy=proxy_within_reach(request, name)), "id")
        return Response({"next": following, "results": [_revision(revision) for revision in page]})


_OF_REVISION = OpenApiParameter(
    REVISION,
    {"type": "string", "pattern": "^([1-9][0-9]{0,8}|latest)$"},
    description="Number of the revision, or latest. Absent: the draft.",
)


class ArtefactList(ProfileView):
    """The files generated from the draft or a revision.

    Passwords are masked; /fetch/ returns the files with passwords to a client with the proxy's own token.
    """

    @extend_schema(
        operation_id="profiles_artefacts",
        tags=["profiles"],
        summary="The generated files",
        parameters=[_OF_REVISION],
        responses=ArtefactsRecord,
    )
    def get(self, request: Request, name: str) -> Response:
        refuse_unknown(request, REVISION)
        files = artefacts_of(_chosen(self, request, name), server_host(request._request))
        return Response({"results": [_artefact(file) for file in files]})


class ArtefactText(ProfileView):
    """A generated file as text, with an ETag.

    Passwords are masked; /fetch/ returns the files with passwords to a client with the proxy's own token.
    """

    content_negotiation_class = AnyAccept

    @extend_schema(
        operation_id="profiles_artefact",
        tags=["profiles"],
        summary="One generated file, as text",
        parameters=[_OF_REVISION],
        responses={(200, _TEXT): OpenApiResponse(OpenApiTypes.STR, description="The file.")},
    )
    def get(self, request: Request, name: str, file: str) -> HttpResponse:
        refuse_unknown(request, REVISION)
        artefact = find_artefact(_chosen(self, request, name), file, server_host(request._request))
        if artefact is None:
            raise Http404(f"The profile of {name[:80]!r} has no file {file[:80]!r}.")
        content = artefact.text.encode()
        return HttpResponse(content, content_type=f"{_TEXT}; charset=utf-8", headers={"ETag": etag_of(content)})


def _chosen(view: ProfileView, request: Request, name: str) -> AccountingProfile:
    """Return the draft or the requested revision, with passwords masked."""
    text = request.query_params.get(REVISION)
    if text is None:
        return profile_of(view.draft(request, name)).masked()
    proxy = proxy_within_reach(request, name)
    revision = latest_revision(proxy) if text == "latest" else proxy.revisions.filter(number=_number(text)).first()
    if revision is None:
        raise Http404(f"There is no such revision of {proxy}.")
    return revision.value.masked()


def _number(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise ValidationError({REVISION: [f"{text[:80]!r} is neither a revision number nor latest."]})
    return int(text)


def _summary(draft: Profile, value: AccountingProfile) -> dict[str, Any]:
    latest = latest_revision(draft.proxy)
    return {
        "proxy": draft.proxy.name,
        "backends": [one.value for one in value.backends],
        "updated_at": draft.updated_at,
        "revision": latest.number if latest else None,
        "is_published": latest is not None and latest.value == value,
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {field.name: str(getattr(finding, field.name)) for field in fields(finding)}


def _revision(revision: Revision) -> dict[str, Any]:
    return {
        "number": revision.number,
        "created_at": revision.created_at,
        "author": revision.author,
        "why": revision.why,
        "profile": revision.value.masked().to_json(),
    }


def _artefact(file: Artefact) -> dict[str, Any]:
    return {"name": file.name, "title": file.title, "etag": etag_of(file.text.encode()), "text": file.text}
