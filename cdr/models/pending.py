"""Call-IDs with events that are not correlated yet."""

from __future__ import annotations

from django.db import models


class Pending(models.Model):
    """A call whose events are to be correlated (again).

    ``ingest`` marks in the transaction that stores the events; ``correlate`` deletes the mark first and reads the
    events afterwards, so an event that arrives meanwhile waits for it and marks the call anew: no mark is lost.
    """

    call_key = models.BigIntegerField(primary_key=True)

    class Meta:
        verbose_name_plural = "pending"
