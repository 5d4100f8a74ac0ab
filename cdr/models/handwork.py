"""What people add to a call: notes, and an end settled by hand. No event and no call is changed by it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from cdr.models.call import Call


class Note(models.Model):
    """A remark on a call, by who was logged in; written once."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()

    class Meta:
        ordering = ["call", "at", "id"]
        default_permissions = ("add", "view")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.author}"


class Settlement(models.Model):
    """How the end of a call was settled whose STOP never came: at ``ended_at``, or unknown for good (null).

    It is in force while the call lacks its STOP and nobody revoked it (``Call.settlement``): a STOP that comes later
    takes its place without a word here.
    """

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="settlements")
    ended_at = models.DateTimeField(null=True)
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)

    class Meta:
        ordering = ["call", "at", "id"]
        default_permissions = ("add", "change", "view")  # change: revoke
        constraints = [
            models.UniqueConstraint(fields=["call"], condition=Q(revoked_at=None), name="settlement_one_per_call")
        ]

    def __str__(self) -> str:
        return f"{self.ended_at or 'unknown'} ({self.by})"
