"""Input that could not be parsed."""

from __future__ import annotations

from django.db import models

from cdr.models.source import Source


class Rejected(models.Model):
    """Input that looks like accounting but could not be parsed: stored unchanged, to be re-parsed after a fix."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="+")
    format = models.CharField(max_length=32)
    raw = models.BinaryField()
    fingerprint = models.BinaryField(max_length=16, help_text="hash of the input, so that the same is kept once")
    reason = models.TextField()
    received_at = models.DateTimeField()
    replayed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-received_at", "-id"]
        verbose_name_plural = "rejected"
        constraints = [models.UniqueConstraint(fields=["source", "fingerprint"], name="rejected_unique")]

    def __str__(self) -> str:
        return f"{self.format} {self.received_at:%Y-%m-%d %H:%M:%S}"  # without the reason, which may contain numbers
