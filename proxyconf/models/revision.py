"""Published profiles. A revision never changes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction

from proxyconf.models.profile import Profile, profile_of, release_of, sealed, unsealed
from proxyconf.models.proxy import Proxy
from proxyconf.profile import AccountingProfile
from proxyconf.profile_layout import layout_of


class Revision(models.Model):
    """A published profile of a proxy. ``author`` is the name of the publisher, also after the account is deleted."""

    proxy = models.ForeignKey(Proxy, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    author = models.CharField(max_length=150, blank=True, default="")
    why = models.TextField(blank=True, default="")
    profile = models.JSONField()

    class Meta:
        ordering = ["proxy", "-number"]
        default_permissions = ()  # viewed with the profile, created by publishing
        constraints = [models.UniqueConstraint(fields=["proxy", "number"], name="revision_number_unique")]

    def __str__(self) -> str:
        return f"{self.proxy} {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise ValueError(f"revision {self} is published: it cannot be changed")
        super().save(*args, **kwargs)

    @property
    def value(self) -> AccountingProfile:
        return AccountingProfile.from_json(unsealed(self.profile, f"{self.proxy}, revision {self.number}"))

    def before(self) -> Revision | None:
        """Return the previous revision, if any."""
        return Revision.objects.filter(proxy=self.proxy_id, number__lt=self.number).order_by("-number").first()


def latest_revision(proxy: Proxy) -> Revision | None:
    """Return the current revision of a proxy, if any."""
    return proxy.revisions.order_by("-number").first()


def publish(model: Profile, *, by: User | None, why: str = "") -> Revision:
    """Create a revision from the stored draft, and set the proxy's field layout to match it."""
    with transaction.atomic():
        proxy = Proxy.objects.select_for_update().get(pk=model.proxy_id)  # concurrent calls would take the same number
        value = profile_of(model)
        last = latest_revision(proxy)
        revision = Revision.objects.create(
            proxy=proxy,
            number=last.number + 1 if last else 1,
            created_by=by,
            author=by.get_username() if by else "",
            why=why,
            profile=sealed(value.to_json()),
        )
        proxy.layout = layout_of(value).to_json()
        proxy.save(update_fields=["layout"])
    return revision


def restored(revision: Revision) -> AccountingProfile:
    """Return the profile of a revision with the proxy's current product and version."""
    data = revision.value.to_json() | release_of(revision.proxy)
    return AccountingProfile.from_json(data)
