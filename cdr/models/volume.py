"""Hourly rollup of calls, from which figures over long ranges are summed."""

from __future__ import annotations

from django.db import models

from cdr.models.fields import WordsField


class Volume(models.Model):
    """Part of the sum of the calls that started in an ``hour`` (its beginning, UTC) and are alike in the other columns.

    The rows of one hour and kind are to be summed: whoever writes a call adds a row with the difference it makes, in
    the same transaction, so the sums always are those of the calls; rows are joined later. Superseded calls are in no
    sum. ``measured`` calls were answered and have a measured ``duration_us`` (microseconds, summed).
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
