"""The proxies' own tables in our database, to which their ``db_url`` may point."""

from __future__ import annotations

from django.db import models

from cdr.models.fields import WallClockField


class AccRow(models.Model):
    """The columns that ``acc`` and ``missed_calls`` share.

    Widths are those of Kamailio 5.3 and newer (``acc-create.sql``), plus OpenSIPS' additional columns. All defaults are
    in the database, because the proxy names only the columns it knows. An administrator may add columns for
    ``db_extra`` and ``multi_leg_info``; they are read automatically. NULL is allowed, unlike in the proxies' own
    schemas: Kamailio's ``db_sqlite`` writes an empty To tag as NULL, and the row would be lost.
    """

    method = models.CharField(max_length=16, null=True, db_default="")
    from_tag = models.CharField(max_length=128, null=True, db_default="")
    to_tag = models.CharField(max_length=128, null=True, db_default="")
    callid = models.CharField(max_length=255, null=True, db_default="", db_index=True)
    sip_code = models.CharField(max_length=3, null=True, db_default="")
    sip_reason = models.CharField(max_length=128, null=True, db_default="")
    time = WallClockField()
    setuptime = models.BigIntegerField(db_default=0)
    created = WallClockField(null=True)

    class Meta:
        abstract = True


class Acc(AccRow):
    """The table ``acc``: transactions accounted on the server side."""

    duration = models.BigIntegerField(db_default=0)
    ms_duration = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "acc"
        verbose_name = "acc row"


class MissedCall(AccRow):
    """The table ``missed_calls``: forwarding attempts of an INVITE that failed."""

    class Meta:
        db_table = "missed_calls"
        verbose_name = "missed_calls row"
