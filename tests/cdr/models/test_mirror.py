"""The proxies' own tables: every product writes the columns it knows, and no more."""

from __future__ import annotations

import pytest
from django.db import connection

from cdr.models import Acc, MissedCall

KAMAILIO = "(method,from_tag,to_tag,callid,sip_code,sip_reason,time)"
KAMAILIO_ROW = "('INVITE','a','b','c@x','200','OK','2026-05-01 12:00:00')"
OPENSIPS = "(method,from_tag,to_tag,callid,sip_code,sip_reason,time,setuptime,created)"
OPENSIPS_ROW = "('INVITE','a','b','c@x','200','OK','2026-05-01 12:00:00',3,'2026-05-01 11:59:57')"


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["acc", "missed_calls"])
@pytest.mark.parametrize(("columns", "row"), [(KAMAILIO, KAMAILIO_ROW), (OPENSIPS, OPENSIPS_ROW)])
def test_a_proxy_can_insert_its_row(table: str, columns: str, row: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"insert into {table} {columns} values {row}")

    model = Acc if table == "acc" else MissedCall
    assert model.objects.get().callid == "c@x"


@pytest.mark.django_db
def test_a_dialog_record_of_opensips_can_be_inserted() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"insert into acc {OPENSIPS[:-1]},duration,ms_duration) values {OPENSIPS_ROW[:-1]},3,2345)")

    assert Acc.objects.get().ms_duration == 2345


@pytest.mark.django_db
def test_ids_are_not_used_again() -> None:
    """A reader goes by them: the id of a row that was moved away must not come back."""
    first = Acc.objects.create(method="INVITE", time="2026-05-01 12:00:00")
    Acc.objects.all().delete()

    assert Acc.objects.create(method="INVITE", time="2026-05-01 12:00:00").pk > first.pk
