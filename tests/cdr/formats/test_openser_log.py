"""Lines of OpenSER up to 1.1: separated by commas, in the order of log_fmt, dated by their syslog header."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cdr.events import AccEvent, EventKind
from cdr.formats.reading import Reading, Rejection
from cdr.formats.syslog import parse_line

HEAD = b"Nov 22 23:53:30 sip openser[1]: ACC: "
FIELDS = b"method=INVITE, i-uri=sip:b@x, o-uri=sip:b@y, call_id=c@x, from=<sip:a@x>;tag=ft, code=200"
READING = Reading(received_at=datetime(2026, 11, 22, 23, 53, 31, tzinfo=UTC))


def event(line: bytes, reading: Reading = READING) -> AccEvent:
    found = parse_line(line, reading)
    assert isinstance(found, AccEvent), found
    return found


def reason(line: bytes) -> str:
    found = parse_line(line, READING)
    assert isinstance(found, Rejection), found
    return found.reason


@pytest.mark.parametrize(
    ("prefix", "code", "kind"),
    [
        (b"transaction answered: ", b"200", EventKind.ANSWERED),
        (b"transaction answered: ", b"486", EventKind.FAILED),
        (b"call missed: ", b"486", EventKind.MISSED),
        (b"request acknowledged: ", b"200", EventKind.ACK),
    ],
)
def test_prefix_and_code_tell_the_kind(prefix: bytes, code: bytes, kind: EventKind) -> None:
    assert event(HEAD + prefix + FIELDS.replace(b"code=200", b"code=" + code)).kind is kind


def test_fields_are_read_in_any_order() -> None:
    turned = b", ".join(reversed(FIELDS.split(b", ")))
    first, other = (event(HEAD + b"transaction answered: " + fields) for fields in (FIELDS, turned))
    assert (first.call_id, first.from_tag, first.to_tag, first.code) == ("c@x", "ft", "", 200)
    assert (first.call_id, first.from_tag, first.code) == (other.call_id, other.from_tag, other.code)


@pytest.mark.parametrize(
    ("header", "time", "flags"),
    [
        (b"Nov 22 23:53:30", datetime(2026, 11, 22, 22, 53, 30, tzinfo=UTC), ()),
        (b"Nov 24 10:00:00", datetime(2025, 11, 24, 9, tzinfo=UTC), ("assumed_year",)),
        (b"Feb 29 10:00:00", datetime(2024, 2, 29, 9, tzinfo=UTC), ("assumed_year",)),
        (b"Nov 24 2006 10:00:00", datetime(2006, 11, 24, 9, tzinfo=UTC), ()),
        (b"2006-11-24T10:00:00+02:00", datetime(2006, 11, 24, 8, tzinfo=UTC), ()),
    ],
)
def test_the_header_dates_the_event(header: bytes, time: datetime, flags: tuple[str, ...]) -> None:
    reading = Reading(zone=ZoneInfo("Europe/Berlin"), received_at=READING.received_at)
    found = event(header + b" sip openser[1]: ACC: transaction answered: " + FIELDS, reading)
    assert (found.time, found.flags) == (time, flags)


def test_without_a_header_there_is_no_time() -> None:
    assert "no time" in reason(b"ACC: transaction answered: " + FIELDS)


def test_a_core_field_that_stands_twice_is_rejected() -> None:
    forged = FIELDS.replace(b"from=<", b"from=X, code=486, Y <")
    assert "code occurs twice" in reason(HEAD + b"transaction answered: " + forged)


def test_what_looks_like_a_field_within_quotes_is_none() -> None:
    quoted = FIELDS.replace(b"from=<", b'from="X, code=486, Y" <')
    assert event(HEAD + b"transaction answered: " + quoted).code == 200
