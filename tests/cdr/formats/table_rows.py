"""Rows of acc and acc_cdrs, and how tests read them."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cdr.events import AccEvent
from cdr.formats import table_files
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.sql_row import AccTable, RowReader
from proxyconf.vocabulary.layout import FieldLayout
from proxyconf.vocabulary.products import Product

BERLIN = ZoneInfo("Europe/Berlin")


NEW_YORK = ZoneInfo("America/New_York")


CORE = ("id", "method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time")


INVITE = ("7", "INVITE", "ft", "tt", "a@x", "200", "OK", "2026-05-01 12:00:00")


BYE = ("8", "BYE", "tt", "ft", "a@x", "200", "OK", "2026-05-01 12:00:42")


NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


UTC_PROXY = Reading()


OPENSIPS = ("duration", "ms_duration", "setuptime", "created")


CDRS = ("id", "start_time", "end_time", "duration")


def event(
    columns: tuple[str, ...], row: tuple[object, ...], reading: Reading = UTC_PROXY, table: AccTable = AccTable.ACC
) -> AccEvent:
    found = RowReader(columns, table, reading).event(row)
    assert isinstance(found, AccEvent), found
    return found


def rejection(
    columns: tuple[str, ...], row: tuple[object, ...], reading: Reading = UTC_PROXY, table: AccTable = AccTable.ACC
) -> str:
    found = RowReader(columns, table, reading).event(row)
    assert isinstance(found, Rejection), found
    return found.reason


def reading(zone: ZoneInfo | None = None, product: Product = Product.KAMAILIO, **layout: object) -> Reading:
    return Reading(FieldLayout(**layout), zone or UTC, product)  # type: ignore[arg-type]


def with_cell(column: str, value: object) -> tuple[object, ...]:
    return tuple(value if name == column else cell for name, cell in zip(CORE, INVITE, strict=True))


def read(data: bytes) -> list[Parsed]:
    return list(table_files.read_acc(io.BytesIO(data), Reading()))
