"""Files of ``db_flatstore``: rows without a heading."""

from __future__ import annotations

import io

import pytest

from cdr.events import AccEvent
from cdr.formats import flatstore
from cdr.formats.delimited import TableLines
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.sql_row import AccTable
from proxyconf.vocabulary.layout import Backend, FieldLayout, TimeLayout
from proxyconf.vocabulary.products import Product

CORE = b"INVITE|a|b|c@x|200|OK|1777636800"
OPENSIPS = Reading(product=Product.OPENSIPS)
UA = Reading(layout=FieldLayout(extras={Backend.SQL: ("ua",)}))


def parsed(*lines: bytes, reading: Reading = UA, table: AccTable = AccTable.ACC) -> list[Parsed]:
    return list(flatstore.read(TableLines(io.BytesIO(b"\n".join(lines) + b"\n")), table, reading))


def event(line: bytes, reading: Reading = UA, table: AccTable = AccTable.ACC) -> AccEvent:
    (only,) = parsed(line, reading=reading, table=table)
    assert isinstance(only, AccEvent), only
    return only


@pytest.mark.parametrize(
    ("line", "table", "is_row"),
    [
        ("INVITE|a|b|c@x|200|OK|1777636800|x", AccTable.ACC, True),
        ("INVITE,a,b,c@x,200,OK,1777636800", AccTable.MISSED_CALLS, True),
        ("INVITE|a|b|c@x|200|OK|soon", AccTable.ACC, False),
        ("id,method,from_tag,to_tag,callid,sip_code,sip_reason,time", AccTable.ACC, False),
        ("1777636800|1777636842|42", AccTable.ACC_CDRS, True),
        ("1777636800|1777636842|42", AccTable.ACC, False),
    ],
)
def test_a_row_is_known_by_its_cells(line: str, table: AccTable, is_row: bool) -> None:
    assert flatstore.is_row(line, table) is is_row


def test_the_layout_names_what_follows_the_core() -> None:
    found = event(CORE + b"|Phone 1.0")
    assert (found.method, found.call_id, found.code, found.extra) == ("INVITE", "c@x", 200, (("ua", "Phone 1.0"),))


def test_without_a_layout_extras_are_named_by_their_place() -> None:
    assert event(CORE + b"|x|y", Reading()).extra == (("extra_1", "x"), ("extra_2", "y"))


def test_a_row_that_the_layout_does_not_explain_is_rejected_with_the_remedy_and_costs_no_other() -> None:
    wrong, right = parsed(CORE + b"|x|y", CORE + b"|x")
    assert isinstance(wrong, Rejection)
    assert wrong.reason.startswith("line 1: ")
    assert "in its layout" in wrong.reason
    assert isinstance(right, AccEvent)


def test_opensips_writes_the_core_alone_without_an_accounting_context() -> None:
    reading = Reading(product=Product.OPENSIPS, layout=UA.layout)
    assert event(CORE, reading).extra == ()


def test_opensips_ends_a_row_with_its_own_columns() -> None:
    found = event(CORE + b"|x|2|1777636798|43|42500", OPENSIPS)
    assert (found.extra, found.duration_us) == ((("extra_1", "x"),), 42_500_000)
    assert found.created_at is not None


def test_the_time_columns_of_the_layout_stand_after_the_core() -> None:
    layout = FieldLayout(extras={Backend.SQL: ("ua",)}, time=TimeLayout(mode=1))
    found = event(CORE + b"|1777636800|42|x", Reading(layout=layout))
    assert (found.time.microsecond, found.extra) == (42, (("ua", "x"),))


def test_the_separator_is_whatever_follows_the_first_word() -> None:
    assert event(CORE.replace(b"|", b"\t") + b"\tx").extra == (("ua", "x"),)


@pytest.mark.parametrize("value", [rb"a\|b", rb"a\x7Cb"])
def test_a_separator_in_a_value_is_escaped(value: bytes) -> None:
    assert event(CORE + b"|" + value).extra == (("ua", "a|b"),)


def test_a_dialog_has_start_end_and_duration() -> None:
    found = event(b"1777636800|1777636842|42|c@x", Reading(), AccTable.ACC_CDRS)
    assert (found.duration_us, found.extra) == (42_000_000, (("extra_1", "c@x"),))


def test_a_stored_row_is_read_with_the_layout_of_today() -> None:
    cells = flatstore.stored_cells(event(CORE + b"|x", Reading()).raw)
    assert cells is not None
    again = flatstore.replay(cells, AccTable.ACC, UA)
    assert isinstance(again, AccEvent)
    assert again.extra == (("ua", "x"),)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b"INVITE|a", b"[" * 5000])
def test_other_input_is_no_stored_row(raw: bytes) -> None:
    assert flatstore.stored_cells(raw) is None


def test_a_row_of_endless_cells_is_rejected() -> None:
    (only,) = parsed(CORE + b"|x" * 600, reading=Reading())
    assert isinstance(only, Rejection)
    assert "more than a proxy writes" in only.reason


def test_a_line_without_a_separator_is_rejected() -> None:
    (only,) = parsed(b"INVITE")
    assert isinstance(only, Rejection)
    assert "not a row" in only.reason
