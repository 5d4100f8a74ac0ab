"""The proxies that a user may see."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from proxyconf.models.proxy import Proxy


class ProxyLimit(models.Model):
    """Limits a user to some proxies and their calls; a user without a limit sees all proxies.

    A user with a limit to no proxies sees nothing: removing the last proxy must not give access to all others.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="proxy_limit")
    proxies = models.ManyToManyField(
        Proxy, blank=True, related_name="+", help_text=_("The user sees these and no others; none chosen: nothing.")
    )

    class Meta:
        verbose_name = _("limit to proxies")
        verbose_name_plural = _("limits to proxies")

    def __str__(self) -> str:
        return str(self.user)


def within_reach(user: AbstractBaseUser | AnonymousUser) -> frozenset[str] | None:
    """Return the names of the proxies that ``user`` is limited to; ``None`` if the user is not limited."""
    limit = ProxyLimit.objects.filter(user_id=user.pk or 0).first()
    return None if limit is None else frozenset(limit.proxies.values_list("name", flat=True))


def proxies_named(names: frozenset[str] | None) -> models.QuerySet[Proxy]:
    """Return the proxies for a result of ``within_reach``."""
    return Proxy.objects.all() if names is None else Proxy.objects.filter(name__in=names)


def proxies_for(user: AbstractBaseUser | AnonymousUser) -> models.QuerySet[Proxy]:
    return proxies_named(within_reach(user))
