"""Single sign-on with OpenID Connect: which users may log in, and which groups they get.

The provider's claim of groups is applied at every login: the user is added to or removed from each group that
``ACCWEB_OIDC_ROLES`` maps to and keeps all others. Users who get no group are refused. An account of the provider
always becomes a user of its own, never an existing user of the same name or e-mail address.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from allauth.socialaccount.providers.openid_connect import views
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.generic import TemplateView
from requests import RequestException

from accweb.web.audit import Action, record_of
from accweb.web.client_address import client_address
from accweb.web.shell import frame

logger = logging.getLogger(__name__)
PROVIDER = "oidc"
"""The id of the only provider; part of the redirect URI."""


class SingleSignOnAdapter(DefaultSocialAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True  # users without a role have been refused before

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Refuse users without a role; assign the groups of their roles to others."""
        name = _name_of(sociallogin)
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            raise ImmediateHttpResponse(_refusal(request, name, "users are not connected to accounts"))
        groups = groups_of(claims_of(sociallogin))
        if not groups:
            raise ImmediateHttpResponse(_refusal(request, name, "no role in accweb"))
        if sociallogin.is_existing:
            give_groups(request, sociallogin.user, groups)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> User:
        sociallogin.user.is_staff = True  # required by the admin's frame, which every page has
        user: User = super().save_user(request, sociallogin, form)
        record_of(user, Action.ADDED, f"user {user.get_username()}", address=client_address(request), by="sign-on")
        give_groups(request, user, groups_of(claims_of(sociallogin)))
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Exception | None = None, **_: Any
    ) -> None:
        if error == AuthError.CANCELLED:
            return  # allauth redirects to the page that explains it
        problem = f"{error or ''} {type(exception).__name__ if exception else ''}".strip()
        raise ImmediateHttpResponse(_refusal(request, "", problem))


def claims_of(sociallogin: SocialLogin) -> dict[str, Any]:
    """Return the claims of the provider's ID token."""
    claims: dict[str, Any] = sociallogin.account.extra_data.get("id_token", {})
    return claims


def groups_of(claims: dict[str, Any]) -> set[str]:
    """Return the names of the existing groups to which the claim of groups maps."""
    listed = claims.get(settings.OIDC_GROUPS_CLAIM, [])
    names = [listed] if isinstance(listed, str) else listed if isinstance(listed, list) else []
    roles = {role for group, role in settings.OIDC_ROLES if group in names}
    return set(Group.objects.filter(name__in=roles).values_list("name", flat=True))


def give_groups(request: HttpRequest, user: User, names: set[str]) -> None:
    """Add the user to the groups, and remove them from the other groups that the provider can assign."""
    mapped = {role for _group, role in settings.OIDC_ROLES}
    held = set(user.groups.filter(name__in=mapped).values_list("name", flat=True))
    if held == names:
        return
    user.groups.remove(*Group.objects.filter(name__in=held - names))
    user.groups.add(*Group.objects.filter(name__in=names))
    record_of(
        user,
        Action.CHANGED,
        f"groups of {user.get_username()}",
        address=client_address(request),
        added=sorted(names - held),
        removed=sorted(held - names),
        by="sign-on",
    )


def _name_of(sociallogin: SocialLogin) -> str:
    claims = claims_of(sociallogin)
    return str(claims.get("preferred_username") or claims.get("email") or claims.get("sub") or "")


def _refusal(request: HttpRequest, name: str, problem: str) -> HttpResponse:
    address = client_address(request)
    record_of(AnonymousUser(), Action.REFUSED, "single sign-on", address=address, username=name, problem=problem)
    context = {**frame(request), "name": name, "problem": problem}
    return render(request, "accweb/sign_on_refused.html", context, status=403)


def _reachable(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view to show an error page if the provider does not respond."""

    def answer(request: HttpRequest, provider_id: str) -> HttpResponse:
        try:
            return view(request, provider_id)
        except (RequestException, KeyError, ValueError) as error:  # unreachable, or not an OpenID provider
            logger.warning("single sign-on: %s does not respond as an OpenID provider: %s", settings.OIDC_URL, error)
            context = {**frame(request), "unreachable": True}
            return render(request, "accweb/sign_on_refused.html", context, status=503)

    return answer


def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Redirect to the provider; only by POST from the login page, so that a foreign link cannot start a login."""
    return _reachable(views.login)(request, provider_id) if request.method == "POST" else redirect("account_login")


finish = _reachable(views.callback)


class Cancelled(TemplateView):
    template_name = "accweb/sign_on_refused.html"
    extra_context = {"cancelled": True}
