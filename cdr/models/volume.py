"""Hourly totals of calls, for figures over long time ranges."""

from __future__ import annotations

from django.db import models

from cdr.models.fields import WordsField


class Volume(models.Model):
    """A part of the totals of the calls that started in an ``hour`` (its start, UTC) with these values.

    The rows with the same hour and values must be summed: each transaction that writes calls inserts the difference, so
    that the sums are always up to date; rows are merged later. Superseded calls are not included. ``measured`` calls
    were answered and have a measured duration, ``duration_us`` in total (microseconds).
    """

    hour = models.DateTimeField()
    proxies = WordsField(default=list)
    state = models.CharField(max_length=16)
    outcome = models.CharField(max_length=16, null=True)
    sip_code = models.IntegerField(null=True)
    calls = models.BigIntegerField()
    measured = models.BigIntegerField()
    duration_us = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["hour"], name="volume_by_hour")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H} {self.state} {self.calls}"
