"""One way events of a proxy arrive."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from proxyconf.models import Proxy


class Source(models.Model):
    """A way events of a proxy arrive, with its settings, its cursor and its health counters.

    ``cursor`` says what was read so far; it moves in the transaction that stores the events.
    """

    class Kind(models.TextChoices):
        IMPORT = "import", _("files given to the ingest command")
        MIRROR = "mirror", _("the acc and missed_calls tables in our own database")

    proxy = models.ForeignKey(Proxy, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind)
    enabled = models.BooleanField(default=True)
    settings = models.JSONField(default=dict, blank=True)
    cursor = models.JSONField(default=dict, blank=True, editable=False)
    events = models.BigIntegerField(default=0, editable=False)
    duplicates = models.BigIntegerField(default=0, editable=False)
    rejected = models.BigIntegerField(default=0, editable=False)
    ignored = models.BigIntegerField(default=0, editable=False)
    last_event_at = models.DateTimeField(null=True, blank=True, editable=False, help_text=_("time of the newest event"))
    last_received_at = models.DateTimeField(null=True, blank=True, editable=False)
    error = models.TextField(blank=True, default="", editable=False)

    class Meta:
        ordering = ["proxy__name", "name"]
        constraints = [models.UniqueConstraint(fields=["proxy", "name"], name="source_name_unique_per_proxy")]

    def __str__(self) -> str:
        return f"{self.proxy.name}/{self.name}"

    def clean(self) -> None:
        """Refuse settings that the kind of source does not have."""
        try:
            _check_settings(Source.Kind(self.kind), self.settings)
        except ValueError as error:
            raise ValidationError({"settings": str(error)}) from error


def _check_settings(kind: Source.Kind, settings: object) -> None:
    """Raise ``ValueError`` unless ``settings`` are an object with the members that ``kind`` of source has."""
    if not isinstance(settings, dict):
        raise ValueError('write a JSON object, such as {} or {"move": true}')
    known = {"move", "late_seconds"} if kind is Source.Kind.MIRROR else set()
    unknown = sorted(settings.keys() - known)
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}; there are: {', '.join(sorted(known)) or 'none'}")
    if not isinstance(settings.get("move", False), bool):
        raise ValueError("move is true or false")
    late = settings.get("late_seconds", 0)
    if not isinstance(late, int) or isinstance(late, bool) or late < 0:
        raise ValueError("late_seconds is a number of seconds, such as 3600")
