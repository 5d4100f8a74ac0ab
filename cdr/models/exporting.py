"""Exports written in the background, and their files."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ExportJob(models.Model):
    """Calls that a user requested as a file.

    ``conditions`` is the query string of the filter, with periods converted to times at the moment of the request.
    ``columns`` (empty: the record's fields) apply to all formats but JSON Lines, ``zone`` to CSV and XLSX,
    ``spreadsheet_safe`` to CSV. ``written`` is the number of calls in the file so far, ``matches`` the expected number,
    if known. ``size`` is in bytes. ``scope`` names the proxies whose calls may be in the file (null: all), and
    ``masked`` says whether numbers are masked in it, according to the user's permissions at the time of the request.
    ``heard_at`` is the time of the last heartbeat of the worker, or of queueing.
    """

    class ExportState(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        EXPIRED = "expired", _("expired")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exports")
    format = models.CharField(max_length=16)
    conditions = models.TextField(blank=True, default="")
    columns = models.JSONField(default=list)
    zone = models.CharField(max_length=64, default="UTC")
    spreadsheet_safe = models.BooleanField(default=True)
    scope = models.JSONField(null=True, default=None)
    masked = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=ExportState, default=ExportState.QUEUED)
    error = models.TextField(blank=True, default="")
    matches = models.BigIntegerField(null=True)
    written = models.BigIntegerField(default=0)
    size = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    heard_at = models.DateTimeField(null=True, help_text=_("last heartbeat of the worker, or time of queueing"))
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ("view", "delete")
        indexes = [models.Index(fields=["state", "id"], name="export_by_state")]

    def __str__(self) -> str:
        return f"{self.format} {self.created_at:%Y-%m-%d %H:%M}"


class ExportChunk(models.Model):
    """A piece of an export's file, in the database, so that any web server can send what any worker wrote."""

    job = models.ForeignKey(ExportJob, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    position = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["job", "position"], name="export_chunk_unique")]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.position}"
