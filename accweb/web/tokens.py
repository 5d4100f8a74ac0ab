"""API tokens: create, find, and limit users to the scopes of their token.

Only a token's hash is stored, so it can be displayed only when it is created.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accweb.web.models import ApiToken
from accweb.web.shell import Text

SCOPES: Mapping[str, Text] = {
    "cdr.view_call": _("View calls, numbers masked"),
    "cdr.view_numbers": _("View full numbers, extra fields and original records"),
    "cdr.export_call": _("Export calls"),
    "cdr.view_source": _("View sources and their health"),
    "proxyconf.view_proxy": _("View proxies"),
    "proxyconf.view_profile": _("View accounting profiles and generated files"),
}
"""The permissions that the API requires, with their labels."""

_PREFIX = "accweb_"
"""Identifies tokens of accweb to people and to scanners for leaked secrets."""

_SHOWN = 12
_LONGEST_NAME = 80
_USE_NOTED_EVERY = timedelta(minutes=1)


class TokenRefused(ValueError):
    """A token cannot be created; ``why`` is the reason for the user, ``field`` the form field at fault."""

    def __init__(self, field: str, why: Text) -> None:
        super().__init__(field, why)
        self.field, self.why = field, why

    def __str__(self) -> str:
        return str(self.why)


def scopes_of(user: User) -> list[str]:
    """Return the scopes that a token of ``user`` can have: the user's own permissions."""
    return [scope for scope in SCOPES if user.has_perm(scope)]


def new_token(
    user: User, name: str, scopes: Collection[str], *, expires_at: datetime | None, now: datetime
) -> tuple[ApiToken, str]:
    """Create a token; return it with its text, which cannot be retrieved later. Raise ``TokenRefused``."""
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME:
        raise TokenRefused("name", _("Enter a name of at most 80 characters."))
    if not scopes:
        raise TokenRefused("scopes", _("Choose at least one permission."))
    allowed = scopes_of(user)
    for scope in scopes:
        if scope not in allowed:
            raise TokenRefused(
                "scopes",
                _("The user cannot grant %(scope)s. Available permissions: %(allowed)s.")
                % {"scope": scope, "allowed": ", ".join(allowed) or "–"},
            )
    if expires_at is not None and expires_at <= now:
        raise TokenRefused("expires", _("The expiry date is in the past. Choose a later day."))
    text = _PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                user=user,
                name=name,
                prefix=text[:_SHOWN],
                digest=_digest(text),
                scopes=[scope for scope in SCOPES if scope in scopes],
                expires_at=expires_at,
            )
    except IntegrityError:
        raise TokenRefused("name", _("A token with this name exists. Revoke it or choose another name.")) from None
    return token, text


def token_of(text: str, now: datetime) -> ApiToken | None:
    """Return the token with this text, and its user; ``None`` if it is unknown or expired, or its user is inactive."""
    token = ApiToken.objects.select_related("user").filter(digest=_digest(text)).first()
    if token is None or not token.user.is_active or is_expired(token, now):
        return None
    return token


def is_expired(token: ApiToken, now: datetime) -> bool:
    return token.expires_at is not None and token.expires_at <= now


def note_use(token: ApiToken, now: datetime) -> None:
    """Record that the token was used, at most once a minute, to avoid a write for each request."""
    before = now - _USE_NOTED_EVERY
    if token.last_used_at is None or token.last_used_at < before:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lt=before)
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)


def narrowed(user: User, scopes: Iterable[str]) -> User:
    """Limit the permissions of this ``user`` object, also of a superuser, to ``scopes``, and return it.

    The object must not be saved.
    """
    allowed = frozenset(scopes)
    user_has_perm, user_permissions = user.has_perm, user.get_all_permissions

    def has_perm(perm: str, obj: object = None) -> bool:
        return perm in allowed and user_has_perm(perm, obj)  # type: ignore[arg-type]

    def get_all_permissions(obj: object = None) -> set[str]:
        return allowed & user_permissions(obj)  # type: ignore[arg-type,return-value]

    def has_module_perms(app_label: str) -> bool:
        return any(permission.startswith(f"{app_label}.") for permission in get_all_permissions())

    vars(user).update(has_perm=has_perm, get_all_permissions=get_all_permissions, has_module_perms=has_module_perms)
    return user


def _digest(text: str) -> str:
    # a token of 256 random bits needs no slow hash
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
