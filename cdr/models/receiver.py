"""The processes that serve the sources, and their health."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from cdr.models.source import Source

STALE = timedelta(seconds=20)
"""A receiver counts as dead after this time without a report; it reports every few seconds."""

FORGOTTEN = timedelta(hours=1)
"""A dead receiver is forgotten after this time if another one serves the source."""


class Receiver(models.Model):
    """The last report of the process that serves a source on one host.

    ``rate`` is in events per second since the previous report, ``lag`` the delay of the newest event in seconds from
    its own time until it was stored, ``backlog`` the number of bytes to read (files), ``spool_bytes`` the size of the
    spool and ``spool_since`` the time of its oldest record. ``refused`` counts by reason the input dropped since the
    start of the process (unknown senders, wrong secrets). ``error`` is the error, or the warning of a running process.
    """

    class ReceiverState(models.TextChoices):
        RUNNING = "running", _("running")
        RETRYING = "retrying", _("retrying")
        FAILED = "failed", _("failed")

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="receivers")
    host = models.CharField(max_length=255)
    process = models.IntegerField(default=0)
    state = models.CharField(max_length=16, choices=ReceiverState, default=ReceiverState.RUNNING)
    error = models.TextField(blank=True, default="")
    heard_at = models.DateTimeField()
    started_at = models.DateTimeField()
    rate = models.FloatField(default=0.0)
    lag = models.FloatField(null=True)
    backlog = models.BigIntegerField(default=0)
    spool_bytes = models.BigIntegerField(default=0)
    spool_since = models.DateTimeField(null=True)
    refused = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "host"], name="receiver_one_per_host")]

    def __str__(self) -> str:
        return f"{self.source} on {self.host}"

    def is_healthy(self, now: datetime) -> bool:
        return self.state == self.ReceiverState.RUNNING and now - self.heard_at < STALE

    def summary(self, now: datetime) -> str:
        """Return the health of the receiver in one line."""
        parts = (
            self.get_state_display()
            if self.state != self.ReceiverState.RUNNING or self.is_healthy(now)
            else "not heard of",
            f"since {self.started_at:%Y-%m-%dT%H:%M:%SZ}",
            f"heard {self.heard_at:%Y-%m-%dT%H:%M:%SZ}",
            f"{self.rate:.1f} events/s",
            f"lag {self.lag:.1f} s" if self.lag is not None else "",
            f"{self.backlog} bytes to read" if self.backlog else "",
            f"{self.spool_bytes} bytes in the spool since {self.spool_since:%Y-%m-%dT%H:%M:%SZ}"
            if self.spool_since
            else "",
            *(f"{count} {reason}" for reason, count in sorted(self.refused.items())),
            f"{'warning' if self.state == self.ReceiverState.RUNNING else 'error'}: {self.error}" if self.error else "",
        )
        return "  ".join(filter(None, map(str, parts)))
