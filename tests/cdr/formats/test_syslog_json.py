"""Log lines within JSON objects, and those of acc_json."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cdr.formats.reading import IGNORED, Reading
from cdr.formats.syslog import parse_line
from proxyconf.vocabulary.layout import Backend
from tests.cdr.formats.log_lines import acc_text, event, reading, rejection

# JSON


def structured(**members: Any) -> bytes:
    return json.dumps(members).encode()


TEXT = acc_text((b"ua", b'A "1"\r\n \xc3\xbc')).decode()


WRAPPINGS = {
    "Kamailio": structured(level="NOTICE", module="acc", function="acc_log_request", message=TEXT + "\n"),
    "Kamailio with log prefix": structured(
        module="acc", function="acc_log_request", logprefix="{1 1 x} ", message=TEXT
    ),
    "Kamailio with its name before the keys": json.dumps(
        {"kamailio.module": "acc", "kamailio.function": "acc_log_request", "kamailio.message": TEXT}
    ).encode(),
    "Kamailio with text in an object": structured(module="acc", function="acc_log_request", message={"text": TEXT}),
    "CEE": b"@cee: " + structured(subsys="acc", native={"function": "acc_log_request"}, msg=TEXT),
    "OpenSIPS": structured(time="Nov 22 23:57:58", pid=1, level="NOTICE", message=TEXT),
    "container": structured(log=" 1(1326) NOTICE: acc [acc.c:287]: acc_log_request(): " + TEXT + "\n", stream="stderr"),
    "container of Kamailio's own": structured(log=structured(module="acc", message=TEXT).decode() + "\n"),
    "journald": structured(MESSAGE="NOTICE:" + TEXT, _PID="1"),
    "journald, list of bytes": structured(MESSAGE=list(TEXT.encode())),
}


@pytest.mark.parametrize("header", [b"", b"Nov 22 23:23:10 h kamailio[1]: ", b"kamailio-1  | "])
@pytest.mark.parametrize("line", WRAPPINGS.values(), ids=WRAPPINGS)
def test_the_text_inside_a_json_object_is_read(line: bytes, header: bytes) -> None:
    line = (header + line).replace(b", 67", b",67").replace(b", ", b",") if b"[65" in line else header + line

    assert event(line, reading(("ua",), ())) == event(
        acc_text((b"ua", b'A "1"\r\n \xc3\xbc')), reading(("ua",), ())
    )._replace(raw=line)


def test_a_dialog_inside_a_json_object_is_known_by_the_function() -> None:
    line = structured(module="acc", function="log_write_cdr", message="a=1.500; b=2.500; c=1.000; caller=x\n")

    assert event(line).extra == (("caller", "x"),)


@pytest.mark.parametrize("module", ["xlog", "<script>", "core"])
def test_json_of_another_module_is_ignored(module: str) -> None:
    line = structured(level="INFO", module=module, function="xlog_1", message=TEXT)

    assert parse_line(line, Reading()) is IGNORED


def test_a_json_object_that_was_cut_is_rejected() -> None:
    assert "JSON" in rejection(structured(level="NOTICE", module="acc", message=TEXT)[:-20]).reason


def test_lines_of_acc_json_are_read_as_such() -> None:
    members = {
        "time": 1795391610,
        "method": "INVITE",
        "from_tag": "a",
        "to_tag": "b",
        "callid": "c@d",
        "sip_code": "200",
    }
    line = b"<25>Nov 22 23:53:30 json_acc[21364]: " + structured(**members)
    found = event(line)

    assert (found.backend, found.call_id, found.raw) == (Backend.JSON, "c@d", line)


def test_a_line_of_acc_json_that_is_cut_is_rejected_with_the_whole_line() -> None:
    line = b'<25>Nov 22 23:53:30 json_acc[21364]: {"time": 1795391610, "meth'

    assert rejection(line).raw == line
