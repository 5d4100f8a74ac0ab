"""Notes on calls."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from cdr.models.call import Call


class Note(models.Model):
    """A user's note on a call; never changed."""

    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.TextField()

    class Meta:
        ordering = ["call", "at", "id"]
        default_permissions = ("add", "view")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.author}"
