"""Saved views and reports, and chosen columns of the list of calls."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SavedView(models.Model):
    """A named list of calls or report: ``conditions`` is the query string of its URL.

    ``shared``: every user sees it.
    """

    class ViewKind(models.TextChoices):
        LIST = "list", _("list of calls")
        REPORT = "report", _("report")

    kind = models.CharField(max_length=8, choices=ViewKind, default=ViewKind.LIST)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(_("name"), max_length=80)
    conditions = models.TextField(blank=True, default="")
    shared = models.BooleanField(_("shared with all users"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        default_permissions = ()
        permissions = [("share_savedview", "Can share saved views")]
        constraints = [
            models.UniqueConstraint(fields=["owner", "kind", "name"], name="saved_view_name_unique_per_owner")
        ]

    def __str__(self) -> str:
        return self.name


class ColumnChoice(models.Model):
    """The columns that a user chose for the list of calls, by name, in order."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="column_choice")
    columns = models.JSONField(default=list)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.user)
