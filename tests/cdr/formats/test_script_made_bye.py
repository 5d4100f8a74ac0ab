"""A BYE that the proxy's script accounts is a STOP in every backend, whatever its code."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from cdr.events import AccEvent, EventKind
from cdr.formats.reading import Reading
from cdr.formats.registry import FORMATS
from proxyconf.vocabulary.layout import FieldLayout
from proxyconf.vocabulary.products import Product, Version

HEAD = "Mar  3 12:00:05 os /usr/sbin/opensips[7]: ACC: request accounted: "
CODES = ["200", "408", "481", ""]
READING = Reading(FieldLayout(), UTC, Product.OPENSIPS, Version.parse("3.2"), datetime(2024, 3, 4, tzinfo=UTC))


def line(code: str) -> str:
    tags = "from_tag=b1;to_tag=a1"
    return f"{HEAD}timestamp=1709467205;method=BYE;{tags};call_id=to1@192.0.2.1;code={code};reason=Timeout\n"


def table(code: str) -> str:
    heading = "id,method,from_tag,to_tag,callid,sip_code,sip_reason,time\n"
    return f"{heading}1,BYE,b1,a1,to1@192.0.2.1,{code},Timeout,2024-03-03 12:00:05\n"


def detail(code: str, status: str) -> str:
    members = {
        "Acct-Status-Type": status,
        "Sip-Method": "BYE",
        "Sip-Response-Code": code or "0",
        "Sip-From-Tag": '"b1"',
        "Sip-To-Tag": '"a1"',
        "Acct-Session-Id": '"to1@192.0.2.1"',
    }
    attributes = "".join(f"\t{name} = {value}\n" for name, value in members.items())
    return f"Sun Mar  3 12:00:05 2024\n{attributes}\n"


def event_object(code: str) -> str:
    params = {
        "method": "BYE",
        "from_tag": "b1",
        "to_tag": "a1",
        "callid": "to1@192.0.2.1",
        "sip_code": code,
        "sip_reason": "Timeout",
        "time": 1709467205,
    }
    return json.dumps({"jsonrpc": "2.0", "method": "E_ACC_EVENT", "params": params}) + "\n"


def only_event(form: str, text: str) -> AccEvent:
    (parsed,) = FORMATS[form](io.BytesIO(text.encode()), READING)
    assert isinstance(parsed, AccEvent), parsed
    return parsed


@pytest.mark.parametrize("code", CODES)
def test_in_the_log(code: str) -> None:
    assert only_event("syslog", line(code)).kind is EventKind.BYE


@pytest.mark.parametrize("code", CODES)
def test_in_the_table(code: str) -> None:
    assert only_event("acc-csv", table(code)).kind is EventKind.BYE


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("status", ["Stop", "Failed", "Alive"])
def test_in_radius(code: str, status: str) -> None:
    assert only_event("radius-detail", detail(code, status)).kind is EventKind.BYE


@pytest.mark.parametrize("code", CODES)
def test_in_opensips_events(code: str) -> None:
    assert only_event("opensips-events", event_object(code)).kind is EventKind.BYE
