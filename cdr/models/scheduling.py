"""Reports and exports that are sent regularly, and each time that one was sent."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class ReportSchedule(models.Model):
    """A report, or an export of calls, that is sent regularly.

    ``conditions`` is the query string of the report or the list, without its time: each run is about the ``period``
    before it, in ``zone``. ``columns`` are those of an export. ``at`` is a time of the clock of ``zone``; ``weekday``
    (1: Monday) counts for weekly schedules, ``day`` of the month for monthly ones. What is sent holds what the owner
    may see then. ``next_at`` is null while the schedule is stopped; ``stopped_because`` says why where a person did not
    stop it.
    """

    class ContentKind(models.TextChoices):
        REPORT = "report", _("report")
        EXPORT = "export", _("export of calls")

    class Interval(models.TextChoices):
        DAILY = "daily", _("every day")
        WEEKLY = "weekly", _("every week")
        MONTHLY = "monthly", _("every month")

    class Target(models.TextChoices):
        EMAIL = "email", _("e-mail")
        WEBHOOK = "webhook", _("webhook")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="report_schedules"
    )
    name = models.CharField(_("name"), max_length=120)
    content = models.CharField(max_length=8, choices=ContentKind, default=ContentKind.REPORT)
    conditions = models.TextField(blank=True, default="")
    columns = models.JSONField(default=list)
    format = models.CharField(_("format"), max_length=16)
    period = models.CharField(_("period"), max_length=16)
    interval = models.CharField(max_length=8, choices=Interval)
    weekday = models.IntegerField(default=1)
    day = models.IntegerField(default=1)
    at = models.TimeField()
    zone = models.CharField(max_length=64)
    target = models.CharField(max_length=8, choices=Target)
    recipients = models.JSONField(default=list)
    url = models.TextField(blank=True, default="")
    next_at = models.DateTimeField(null=True)
    stopped_because = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "id"]
        default_permissions = ()
        indexes = [models.Index(fields=["next_at"], name="schedule_due")]

    def __str__(self) -> str:
        return self.name


class ScheduledRun(models.Model):
    """One time that a schedule was due: what became of it.

    ``key`` identifies it to who receives it: it is the Message-ID of the mail and the Idempotency-Key of the webhook,
    in every try. ``since`` and ``until`` are the range that it is about. ``receivers`` is who it was sent to.
    """

    class RunState(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("sending")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        UNCLEAR = "unclear", _("unclear")

    schedule = models.ForeignKey(ReportSchedule, on_delete=models.CASCADE, related_name="runs")
    due_at = models.DateTimeField()
    key = models.UUIDField(default=uuid.uuid4, unique=True)
    state = models.CharField(max_length=8, choices=RunState, default=RunState.WAITING)
    tries = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")
    receivers = models.TextField(blank=True, default="")
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    size = models.BigIntegerField(null=True)
    masked = models.BooleanField(default=False)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-due_at", "-id"]
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["schedule", "due_at"], name="scheduled_run_once")]
        indexes = [models.Index(fields=["next_try_at"], name="scheduled_run_next_try")]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.due_at:%Y-%m-%d %H:%M}"
