"""Who must have a second factor, and who has one: a group may require it of its members."""

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
"""Beginnings of the names of addresses that are open to who has no second factor yet."""


def is_required(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether a group of the user requires one; what the administrators' group requires holds for superusers."""
    policies = GroupPolicy.objects.filter(second_factor=True)
    if getattr(user, "is_superuser", False):
        return policies.filter(group__name=ADMINISTRATOR).exists() or policies.filter(group__user=user.pk).exists()
    return policies.filter(group__user=user.pk).exists()


def has_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    return bool(Authenticator.objects.filter(user=user.pk, type__in=SECOND_FACTORS).exists())


def is_missing(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Tell whether the user must have a second factor and has none."""
    return is_required(user) and not has_second_factor(user)


class SecondFactorMiddleware:
    """Lead who must have a second factor and has none to where it is set up; nothing else is open to them."""

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
    """Tell whether this session comes from a single sign-on that checks a second factor itself."""
    records = get_authentication_records(request, request.user) if settings.OIDC_SECOND_FACTOR else []
    return any(record.get("method") == "socialaccount" for record in records)
