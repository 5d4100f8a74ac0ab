"""Stored input is parsed again by the format under which it was stored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent
from cdr.formats.raw_reader import reader_of
from cdr.formats.reading import IGNORED, Reading, Rejection
from cdr.formats.registry import FORMATS
from cdr.formats.sql_row import AccTable

CALL = b'"method":"INVITE","from_tag":"a","to_tag":"b","callid":"c@x","sip_code":"200","sip_reason":"OK"'
ROW = b"{" + CALL + b',"time":"2026-05-01 12:00:00"}'
LINE = (
    b"ACC: transaction answered: timestamp=1777636800;method=INVITE;from_tag=a;to_tag=b;call_id=c@x;code=200;reason=OK"
)
OBJECT = b'{"time":1777636800,' + CALL + b"}"
NOTIFICATION = b'{"jsonrpc":"2.0","method":"E_ACC_EVENT","params":' + OBJECT + b"}"
CELLS = b'["INVITE","a","b","c@x","200","OK","1777636800"]'
INSERT = (
    b"INSERT INTO `acc` (`method`, `from_tag`, `to_tag`, `callid`, `sip_code`, `sip_reason`, `time`)"
    b" VALUES ('INVITE','a','b','c@x','200','OK','2026-05-01 12:00:00');\n"
)
INPUTS = {
    "syslog": LINE,
    "acc-csv": ROW,
    "missed-csv": ROW,
    "sql:acc": ROW,
    "sql-dump": INSERT,
    "acc-json": OBJECT,
    "opensips-events": NOTIFICATION,
}
STORED = [*FORMATS, "radius", "diameter", *(f"sql:{table}" for table in AccTable)]


@pytest.mark.parametrize(("stored_format", "raw"), INPUTS.items(), ids=INPUTS)
def test_input_gives_its_event_again(stored_format: str, raw: bytes) -> None:
    (event,) = reader_of(stored_format, Reading())(raw)
    assert isinstance(event, AccEvent)
    assert (event.method, event.call_id, event.code) == ("INVITE", "c@x", 200)


def test_the_cells_of_a_row_without_a_heading_give_its_event() -> None:
    (event,) = reader_of("acc-csv", Reading())(CELLS)
    assert isinstance(event, AccEvent)
    assert event.call_id == "c@x"


def test_a_posted_object_may_be_a_notification_of_opensips() -> None:
    (event,) = reader_of("acc-json", Reading())(NOTIFICATION)
    assert isinstance(event, AccEvent)


@pytest.mark.parametrize("stored_format", STORED)
def test_every_format_that_input_is_stored_under_has_a_parser(stored_format: str) -> None:
    found = reader_of(stored_format, Reading())(b"nothing of the kind")
    assert all(isinstance(one, Rejection) or one == IGNORED for one in found)
    assert found


def test_another_format_is_refused_by_name() -> None:
    with pytest.raises(LookupError, match="no parser for input stored as 'clay-tablet'"):
        reader_of("clay-tablet", Reading())


@given(st.sampled_from(STORED), st.binary(max_size=60))
def test_no_input_raises(stored_format: str, raw: bytes) -> None:
    assert reader_of(stored_format, Reading())(raw) or not raw.strip()
