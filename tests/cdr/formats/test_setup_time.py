"""OpenSIPS with early media: the 200 bears the time of the 183, and ``setuptime`` tells when it really came."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent
from cdr.formats.reading import Reading
from cdr.formats.registry import FORMATS
from cdr.formats.setup_time import delayed_time
from proxyconf.vocabulary.layout import FieldLayout
from proxyconf.vocabulary.products import Product, Version

EARLY = datetime(2026, 3, 3, 10, 0, 2, tzinfo=UTC)
CREATED = EARLY - timedelta(seconds=2)
READING = Reading(FieldLayout(), UTC, Product.OPENSIPS, Version.parse("3.6"), datetime(2026, 3, 4, tzinfo=UTC))


def only_event(form: str, text: str) -> AccEvent:
    (event,) = FORMATS[form](io.BytesIO(text.encode()), READING)
    assert isinstance(event, AccEvent), event
    return event


def row(method: str, setuptime: str, created: str = "1970-01-01 00:00:00") -> str:
    heading = "method,from_tag,to_tag,callid,sip_code,sip_reason,time,duration,ms_duration,setuptime,created\n"
    return f"{heading}{method},a,b,early@x,200,OK,2026-03-03 10:00:02,0,0,{setuptime},{created}\n"


def log_line(method: str, setuptime: str, created: str = "0") -> str:
    times = f"timestamp={int(EARLY.timestamp())};created={created};setuptime={setuptime}"
    return (
        f"Mar  3 10:00:04 os opensips[7]: ACC: transaction answered: {times};method={method};from_tag=a;to_tag=b;"
        "call_id=early@x;code=200;reason=OK\n"
    )


@pytest.mark.parametrize("seconds", [0, 1, 2, 30])
def test_an_answer_is_told_at_its_own_time(seconds: int) -> None:
    epoch = str(int(EARLY.timestamp()) + seconds)
    expected = EARLY + timedelta(seconds=seconds)
    assert only_event("acc-csv", row("INVITE", epoch)).time == expected
    assert only_event("syslog", log_line("INVITE", epoch)).time == expected
    since_created = str(2 + seconds)
    assert only_event("syslog", log_line("INVITE", since_created, str(int(CREATED.timestamp())))).time == expected


def test_a_bye_keeps_its_time() -> None:
    later = str(int(EARLY.timestamp()) + 5)
    assert only_event("acc-csv", row("BYE", later)).time == EARLY
    assert only_event("syslog", log_line("BYE", later)).time == EARLY


@given(st.text(max_size=14), st.one_of(st.none(), st.just(CREATED)))
def test_a_wrong_setup_time_never_moves_an_event_far(setuptime: str, created_at: datetime | None) -> None:
    assert timedelta(0) <= delayed_time(EARLY, created_at, setuptime) - EARLY < timedelta(minutes=15)
