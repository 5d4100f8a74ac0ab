"""Who asks, and whether that may be: a token's scopes narrow its user; a view that names no permission is closed."""

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
"""In place of a view's permission: whoever is known may ask."""


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer TOKEN``. Who shows none may have a session."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        now = timezone.now()
        token = token_of(text.strip(), now)
        if token is None:
            raise AuthenticationFailed(
                "This token is unknown, has expired or was revoked, or its user may not log in; make a new one."
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
    """Lets in who has the permission that the view names, for all methods or for each; without one it is closed."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed: str | Mapping[str, str] | None = getattr(view, "permission_required", None)
        if isinstance(needed, Mapping):
            needed = needed.get("GET" if request.method == "HEAD" else request.method or "")
        if not needed or not request.user.is_authenticated:
            return False
        if needed == LOGIN or request.user.has_perm(needed):
            return True
        self.message = f"The permission {needed} is missing: the user lacks it, or the token's scopes leave it out."
        return False
