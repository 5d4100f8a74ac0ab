"""Stored accounting events."""

from __future__ import annotations

from django.db import models

from cdr.display.safe_text import one_line
from cdr.events import EventKind
from cdr.models.fields import WordsField
from cdr.models.source import Source
from proxyconf.models import Proxy
from proxyconf.vocabulary.layout import BACKEND_NAMES


class Event(models.Model):
    """An accounting event in normal form (``cdr.events.AccEvent``).

    Events are written once; only ``cdr.storage.reread`` replaces them if their input was parsed with a wrong zone,
    layout or product. ``call_key`` is ``cdr.events.call_key(call_id)``, or null for an event of no call
    (Accounting-On). ``extra`` is a list of [label, text], ``legs`` a list of such lists.
    """

    proxy = models.ForeignKey(Proxy, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in EventKind])
    method = models.TextField()
    from_tag = models.TextField()
    to_tag = models.TextField()
    call_id = models.TextField()
    call_key = models.BigIntegerField(null=True)
    code = models.IntegerField()
    reason = models.TextField()
    time = models.DateTimeField()
    precision = models.IntegerField(help_text="resolution of the time in microseconds")
    backend = models.CharField(max_length=16, choices=[(output.value, name) for output, name in BACKEND_NAMES.items()])
    extra = models.JSONField(default=list)
    legs = models.JSONField(default=list)
    ended_at = models.DateTimeField(null=True)
    duration_us = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(null=True)
    position = models.BigIntegerField(default=0)
    flags = WordsField(default=list)
    received_at = models.DateTimeField()
    raw = models.BinaryField()
    fingerprint = models.BinaryField(max_length=16)

    class Meta:
        constraints = [
            # The time comes first: events arrive roughly in order of time, so the index grows at its end, and the key
            # allows partitions by month.
            models.UniqueConstraint(fields=["time", "fingerprint", "proxy"], name="event_unique")
        ]
        indexes = [models.Index(fields=["call_key"], name="event_call_key")]

    def __str__(self) -> str:
        return one_line(f"{self.method} {self.code} {self.call_id}")
