"""Rows of the tables of the acc modules, and the log lines of the same events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.flow import Flow, FlowLeg, SipRequest
from proxyconf.simulate.record import FlowClock, SimulatedRecord
from proxyconf.simulate.simulation import USUAL_START
from proxyconf.simulate.writers import sql, syslog
from proxyconf.simulate.writers.common import Writing
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

LOG, SQL = Backend.SYSLOG, Backend.SQL
INVITE = SipRequest("INVITE")
KAMAILIO = AccountingProfile(Product.KAMAILIO, Version(5, 6), (LOG, SQL))
FIRST_SECOND = int(USUAL_START.timestamp())


def event(kind: SimulatedKind = SimulatedKind.ANSWERED, request: SipRequest = INVITE) -> AccountedEvent:
    return AccountedEvent(kind, request, 5.25, "a1", "b1", 200, "OK", frozenset({LOG, SQL}), stamp=5.25)


def context(profile: AccountingProfile, request: SipRequest = INVITE) -> Writing:
    return Writing(profile, Flow("flow", "", (request,)), FlowClock(USUAL_START))


def rows(profile: AccountingProfile, other: AccountedEvent | None = None) -> list[SimulatedRecord]:
    shown = other or event()
    return list(sql.write(context(profile, shown.request), shown))


def row(profile: AccountingProfile, **options: Any) -> dict[str, Any]:
    (record,) = rows(replace(profile, options=options))
    return dict(record.fields)


def line(profile: AccountingProfile, shown: AccountedEvent | None = None, **options: Any) -> str:
    (record,) = syslog.write(context(replace(profile, options=options)), shown or event())
    return record.text


def test_a_row_has_the_six_values_and_the_time() -> None:
    assert row(KAMAILIO) == {
        "method": "INVITE",
        "from_tag": "a1",
        "to_tag": "b1",
        "callid": "call-1@192.0.2.10",
        "sip_code": "200",
        "sip_reason": "OK",
        "time": "2026-03-02 09:00:05",
    }


def test_a_line_has_the_same_values_after_its_prefix() -> None:
    assert line(KAMAILIO) == (
        f"ACC: transaction answered: timestamp={FIRST_SECOND + 5};method=INVITE;from_tag=a1;to_tag=b1;"
        "call_id=call-1@192.0.2.10;code=200;reason=OK"
    )


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [
        (SimulatedKind.ANSWERED, "ACC: transaction answered: "),
        (SimulatedKind.MISSED, "ACC: call missed: "),
        (SimulatedKind.ACKNOWLEDGED, "ACC: request acknowledged: "),
    ],
)
def test_the_prefix_of_a_line_tells_the_kind_of_event(kind: SimulatedKind, prefix: str) -> None:
    assert line(KAMAILIO, event(kind)).startswith(prefix)


def test_missed_calls_have_a_table_of_their_own() -> None:
    assert [record.table for record in rows(KAMAILIO)] == ["acc"]
    assert [record.table for record in rows(KAMAILIO, event(SimulatedKind.MISSED))] == ["missed_calls"]


def test_tables_and_columns_have_the_names_of_the_options() -> None:
    named = replace(KAMAILIO, options={"db_table_acc": "calls", "acc_method_column": "verb", "acc_time_column": "at"})
    (record,) = rows(named)
    assert record.table == "calls"
    assert {"verb", "at"} <= dict(record.fields).keys()
    assert not {"method", "time"} & dict(record.fields).keys()


@pytest.mark.parametrize(
    ("mode", "fields"),
    [
        (0, {}),
        (1, {"attr": FIRST_SECOND + 5, "exten": 250_000}),
        (2, {"attr": FIRST_SECOND + 5.25}),
        (3, {"attr": "09:00:05"}),
        (4, {"attr": "09:00:05"}),
        (9, {}),
    ],
)
def test_a_finer_time_is_written_as_time_mode_says(mode: int, fields: dict[str, Any]) -> None:
    found = row(KAMAILIO, time_mode=mode, time_attr="attr", time_exten="exten", time_format="%H:%M:%S")
    assert {name: found[name] for name in found if name in ("attr", "exten")} == fields


@pytest.mark.parametrize(
    ("mode", "text"),
    [(1, ";exten=250000;"), (2, f";attr={FIRST_SECOND + 5}.250;"), (3, ";attr=09:00:05;"), (4, ";attr=09:00:05;")],
)
def test_a_finer_time_of_a_line_stands_after_the_timestamp(mode: int, text: str) -> None:
    found = line(KAMAILIO, time_mode=mode, time_attr="attr", time_exten="exten", time_format="%H:%M:%S")
    assert f"timestamp={FIRST_SECOND + 5}{text}method=INVITE" in found


def test_other_products_have_no_finer_time() -> None:
    openser = AccountingProfile(Product.OPENSER, Version(1, 3), (LOG, SQL))
    assert "attr" not in row(openser, time_mode=2, time_attr="attr")


def test_a_missing_value_is_empty_or_null() -> None:
    profile = replace(KAMAILIO, extras=(ExtraDefinition("x", "$tt", {SQL: "x"}),))
    assert row(profile)["x"] == ""
    assert row(profile, acc_extra_nullable=1)["x"] is None
    assert row(profile, db_url="sqlite:///var/acc.db")["x"] is None


def test_each_leg_has_a_row_that_repeats_the_other_values() -> None:
    forwarded = replace(INVITE, legs=(FlowLeg("alice", "bob"), FlowLeg("bob", "carol")))
    profile = replace(KAMAILIO, legs=(LegDefinition("src", "$avp(src)", {SQL: "src"}),))
    found = [dict(record.fields) for record in rows(profile, event(request=forwarded))]
    assert [fields.pop("src") for fields in found] == ["bob", "alice"]
    assert found[0] == found[1]


def test_all_legs_stand_in_one_line() -> None:
    forwarded = replace(INVITE, legs=(FlowLeg("alice", "bob"), FlowLeg("bob", "carol")))
    profile = replace(KAMAILIO, legs=(LegDefinition("src", "$avp(src)"),))
    (record,) = syslog.write(context(profile, forwarded), event(request=forwarded))
    assert record.text.endswith(";src=bob;src=alice")
