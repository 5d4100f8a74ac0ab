"""The extra fields and leg fields of a profile, one row each, in the order in which the proxy writes them."""

from __future__ import annotations

from typing import Any

from django.db import models

from proxyconf.profile import RadiusType, SqlType
from proxyconf.vocabulary.layout import Role

_JSON = ("name", "variable", "labels", "sql_type", "sql_width", "radius_number")


class FieldRow(models.Model):
    """A value that a proxy logs in addition to the core fields; a draft may contain mistakes.

    ``labels`` maps a backend to the label of the value. ``of_dialog``: the value is part of dialog CDRs, not of events.
    """

    of_dialog = models.BooleanField(default=False)
    position = models.PositiveIntegerField(default=0)
    name = models.TextField(blank=True, default="")
    variable = models.TextField(blank=True, default="")
    labels = models.JSONField(default=dict, blank=True)
    role = models.CharField(
        max_length=32, blank=True, default="", choices=[(role.value, role.value.replace("_", " ")) for role in Role]
    )
    sql_type = models.CharField(max_length=16, default=SqlType.VARCHAR, choices=[(t.value, t.value) for t in SqlType])
    sql_width = models.PositiveIntegerField(default=128)
    radius_number = models.PositiveIntegerField(null=True, blank=True)
    radius_type = models.CharField(
        max_length=16, blank=True, default="", choices=[(t.value, t.value) for t in RadiusType]
    )

    class Meta:
        abstract = True
        ordering = ["of_dialog", "position", "pk"]
        default_permissions = ()  # whoever may change the profile may change its rows

    def __str__(self) -> str:
        return self.name or self.variable

    def to_json(self) -> dict[str, Any]:
        """Return the row as a field of ``AccountingProfile.to_json``."""
        named = {key: getattr(self, key) for key in _JSON}
        return named | {"role": self.role or None, "radius_type": self.radius_type or None}


class ExtraField(FieldRow):
    """A row of ``AccountingProfile.extras`` or of ``AccountingProfile.cdr_extras``."""

    profile = models.ForeignKey("proxyconf.Profile", on_delete=models.CASCADE, related_name="extra_fields")

    class Meta(FieldRow.Meta):
        pass


class LegField(FieldRow):
    """A row of ``AccountingProfile.legs`` or of ``AccountingProfile.cdr_legs``."""

    profile = models.ForeignKey("proxyconf.Profile", on_delete=models.CASCADE, related_name="leg_fields")

    class Meta(FieldRow.Meta):
        pass
