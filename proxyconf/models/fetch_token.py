"""The token with which a deployment tool fetches the published files of a proxy."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from proxyconf.models.proxy import Proxy


class FetchToken(models.Model):
    """The fetch token of a proxy. Only its hash is stored, so it can be displayed only when it is created."""

    proxy = models.OneToOneField(Proxy, on_delete=models.CASCADE, related_name="fetch_token")
    digest = models.CharField(max_length=64)
    author = models.CharField(max_length=150, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.proxy)

    def accepts(self, token: str) -> bool:
        return hmac.compare_digest(self.digest, _digest(token))


def new_token(proxy: Proxy, *, by: User | None) -> str:
    """Create a token for a proxy, replacing its previous one, and return it."""
    token = secrets.token_urlsafe(32)
    author = by.get_username() if by else ""
    fields = {"digest": _digest(token), "author": author, "created_at": timezone.now()}
    FetchToken.objects.update_or_create(proxy=proxy, defaults=fields)
    return token


def _digest(token: str) -> str:
    # a token of 256 random bits needs no slow hash
    return hashlib.sha256(token.encode()).hexdigest()
