"""Which users must have a second factor, since a group requires it of its members, and which have one."""

from __future__ import annotations

from collections.abc import Callable

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accweb.web.models import GroupPolicy
from accweb.web.roles import ADMINISTRATOR

SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
ENROL = "mfa_index"
_OPEN = ("mfa_", "account_", "admin:login", "admin:logout", "admin:jsi18n", "healthz", "metrics")
"""Prefixes of the names of URLs that are open to users who have yet to set up a second factor."""


def is_required(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Return whether a group of the user requires one; superusers count as members of the administrators' group."""
    policies = GroupPolicy.objects.filter(second_factor=True)
    if getattr(user, "is_superuser", False):
        return policies.filter(group__name=ADMINISTRATOR).exists() or policies.filter(group__user=user.pk).exists()
    return policies.filter(group__user=user.pk).exists()


def has_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    return bool(Authenticator.objects.filter(user=user.pk, type__in=SECOND_FACTORS).exists())


def is_missing(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Return whether the user must have a second factor and has none."""
    return is_required(user) and not has_second_factor(user)


class SecondFactorMiddleware:
    """Redirects users who lack a required second factor to the page that sets it up, from all other pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name.startswith(_OPEN) or not request.user.is_authenticated:
            return None
        if _provider_checked(request) or not is_missing(request.user):
            return None
        return _lead(request)


def _lead(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        told = {"error": "Set up a second factor first: log in to the pages.", "code": "second_factor_required"}
        return JsonResponse(told, status=403)
    if HtmxDetails(request):
        return HttpResponseClientRedirect(redirect(ENROL).url)
    messages.warning(request, _("Your role requires a second factor. Set one up to go on."))
    return redirect(ENROL)


def _provider_checked(request: HttpRequest) -> bool:
    """Return whether the session comes from a single sign-on that checks a second factor itself."""
    records = get_authentication_records(request, request.user) if settings.OIDC_SECOND_FACTOR else []
    return any(record.get("method") == "socialaccount" for record in records)
