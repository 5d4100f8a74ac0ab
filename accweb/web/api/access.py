"""Authentication and permissions of the API. A view without a permission is closed to everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accweb.web import second_factor
from accweb.web.models import ApiToken
from accweb.web.tokens import narrowed, note_use, token_of

if TYPE_CHECKING:
    from rest_framework.views import APIView

LOGIN = "login"
"""Instead of a view's permission: every authenticated user may use it."""


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer TOKEN``. Other requests may have a session."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        now = timezone.now()
        token = token_of(text.strip(), now)
        if token is None:
            raise AuthenticationFailed(
                "This token is unknown, expired or revoked, or its user may not log in; create a new one."
            )
        if second_factor.is_missing(token.user):
            raise AuthenticationFailed(
                "The user's role requires a second factor; the user sets one up at the next login."
            )
        note_use(token, now)
        return narrowed(token.user, token.scopes), token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class Granted(BasePermission):
    """Requires the view's permission, for all methods or by method; a view without one is closed."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed: str | Mapping[str, str] | None = getattr(view, "permission_required", None)
        if isinstance(needed, Mapping):
            needed = needed.get("GET" if request.method == "HEAD" else request.method or "")
        if not needed or not request.user.is_authenticated:
            return False
        if needed == LOGIN or request.user.has_perm(needed):
            return True
        self.message = f"The user or the token's scopes lack the permission {needed}."
        return False
