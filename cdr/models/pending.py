"""Call-IDs with events that are not correlated yet."""

from __future__ import annotations

from django.db import models


class Pending(models.Model):
    """A call whose events are to be correlated (again).

    ``ingest`` creates the mark in the transaction that stores the events. ``correlate`` deletes the mark before it
    reads the events, so that an event which arrives meanwhile marks the call again.
    """

    call_key = models.BigIntegerField(primary_key=True)

    class Meta:
        verbose_name_plural = "pending"
