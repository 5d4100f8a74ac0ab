"""No event holds more than the acc modules can write, whatever format it came in."""

from __future__ import annotations

import io
import json

import pytest

from cdr.events import AccEvent
from cdr.formats import acc_json, opensips_events, syslog, table_files
from cdr.formats.limits import LONGEST_LABEL, LONGEST_VALUE, MOST_EXTRAS, MOST_LEGS
from cdr.formats.radius_event import PacketShape, event_of
from cdr.formats.reading import Reading
from proxyconf.vocabulary.layout import Backend, FieldLayout

CORE = {"method": "INVITE", "from_tag": "f", "to_tag": "t", "callid": "c@x", "sip_code": "200", "sip_reason": "OK"}
LONG = "x" * 70_000


def of_json(extra: dict[str, str], reading: Reading) -> AccEvent:
    found = acc_json.parse_object(json.dumps({"time": 1777636800} | CORE | extra).encode(), reading)
    assert isinstance(found, AccEvent)
    return found


def of_events(extra: dict[str, str], reading: Reading) -> AccEvent:
    params = {"time": 1777636800} | CORE | extra
    raw = json.dumps({"jsonrpc": "2.0", "method": "E_ACC_EVENT", "params": params}).encode()
    found = opensips_events.parse_object(raw, reading)
    assert isinstance(found, AccEvent)
    return found


def of_text_events(extra: dict[str, str], reading: Reading) -> AccEvent:
    params = "".join(f"{label}::{value}\n" for label, value in ({"time": "1777636800"} | CORE | extra).items())
    found = opensips_events.parse_object(f"E_ACC_EVENT\n{params}\n".encode(), reading)
    assert isinstance(found, AccEvent)
    return found


def of_table(extra: dict[str, str], reading: Reading) -> AccEvent:
    row = CORE | {"time": "2026-05-01 12:00:00"} | extra
    table = "\t".join(row) + "\n" + "\t".join(row.values()) + "\n"
    (found,) = table_files.read_acc(io.BytesIO(table.encode()), reading)
    assert isinstance(found, AccEvent)
    return found


def of_dialog_line(extra: dict[str, str], reading: Reading) -> AccEvent:
    fields = "".join(f"; {label}={value}" for label, value in extra.items())
    line = (
        f"NOTICE: acc [acc_cdr.c:1]: log_write_cdr(): start_time=1777636800; end_time=1777636842; duration=42{fields}"
    )
    found = syslog.parse_line(line.encode(), reading)
    assert isinstance(found, AccEvent), found
    return found


FORMATS = [of_json, of_events, of_text_events, of_table, of_dialog_line]


@pytest.mark.parametrize("parsed", FORMATS)
def test_what_keeps_to_the_limits_is_left_alone(parsed: object) -> None:
    assert callable(parsed)
    event = parsed({f"label{number}": "x" for number in range(MOST_EXTRAS)}, Reading())
    assert (len(event.extra), event.flags) == (MOST_EXTRAS, ())


@pytest.mark.parametrize("parsed", FORMATS)
def test_extras_beyond_the_limit_are_left_out_and_flagged(parsed: object) -> None:
    assert callable(parsed)
    event = parsed({f"label{number}": "" for number in range(4_600 if parsed is of_json else 200)}, Reading())
    assert (len(event.extra), event.flags) == (MOST_EXTRAS, ("truncated",))


@pytest.mark.parametrize("parsed", FORMATS)
def test_a_long_value_is_cut_and_flagged(parsed: object) -> None:
    assert callable(parsed)
    event = parsed({"ua": LONG, "other": "y"}, Reading())
    assert event.extra == (("ua", LONG[:LONGEST_VALUE]), ("other", "y"))
    assert event.flags == ("truncated",)


@pytest.mark.parametrize("parsed", [of_json, of_events, of_text_events, of_table])
def test_a_long_label_is_cut_and_flagged(parsed: object) -> None:
    assert callable(parsed)
    event = parsed({LONG[:200]: "y"}, Reading())
    assert (event.extra, event.flags) == (((LONG[:LONGEST_LABEL], "y"),), ("truncated",))


def test_extras_that_the_layout_names_are_kept_however_many() -> None:
    labels = tuple(f"label{number}" for number in range(100))
    reading = Reading(FieldLayout(extras={Backend.JSON: labels}))
    event = of_json(dict.fromkeys(labels, "x"), reading)
    assert (len(event.extra), event.flags) == (100, ())


def test_a_log_line_has_so_many_legs_and_no_more() -> None:
    core = "timestamp=1777636800;method=INVITE;from_tag=f;to_tag=t;call_id=c;code=200;reason=OK"
    line = f"ACC: transaction answered: {core}{';src=a;dst=b' * 200}"
    event = syslog.parse_line(line.encode(), Reading())
    assert isinstance(event, AccEvent)
    assert (len(event.legs), event.flags) == (MOST_LEGS, ("truncated",))


def test_a_radius_packet_has_so_many_extras_and_no_more() -> None:
    names = [("Acct-Status-Type", 1), ("Sip-Method", 1), ("Sip-Response-Code", 200), ("Event-Timestamp", 1777636800)]
    tags = [("Sip-From-Tag", "f"), ("Sip-To-Tag", "t"), ("Acct-Session-Id", "c@x")]
    extras = [(f"Label-{number}", "x") for number in range(200)]
    event = event_of([*names, *tags, *extras], Reading(), backend=Backend.RADIUS, raw=b"")
    assert (len(event.extra), event.flags) == (MOST_EXTRAS, ("truncated",))
    many = [name for name, _ in [*names, *tags, *extras]]
    assert PacketShape.of(many, lambda index, value: "", Reading(), Backend.RADIUS) is None
