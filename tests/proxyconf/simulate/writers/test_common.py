"""The values that all backends write: extras, and the legs of a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.flow import Flow, FlowLeg, SipRequest
from proxyconf.simulate.record import FlowClock
from proxyconf.simulate.simulation import USUAL_START
from proxyconf.simulate.writers.common import Writing
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

LOG, SQL = Backend.SYSLOG, Backend.SQL
EXTRAS = (
    ExtraDefinition("caller", "$fU", {LOG: "src", SQL: "src_user"}),
    ExtraDefinition("agent", "$ua", {LOG: "ua"}),
)
LEGS = (
    LegDefinition("src", "$avp(leg_src)", {LOG: "leg_src", SQL: "leg_src"}),
    LegDefinition("dst", "$avp(leg_dst)", {LOG: "leg_dst", SQL: "leg_dst"}),
)
KAMAILIO = AccountingProfile(Product.KAMAILIO, Version(5, 6), (LOG, SQL), extras=EXTRAS, legs=LEGS)
OPENSIPS = AccountingProfile(Product.OPENSIPS, Version(3, 4), (LOG, SQL), extras=EXTRAS, legs=LEGS)
INVITE = SipRequest("INVITE", legs=(FlowLeg("alice", "bob"), FlowLeg("bob", "carol")))


def writing(profile: AccountingProfile, request: SipRequest = INVITE) -> Writing:
    return Writing(profile, Flow("flow", "", (request,)), FlowClock(USUAL_START))


def event(
    kind: SimulatedKind = SimulatedKind.ANSWERED, request: SipRequest = INVITE, code: int = 200
) -> AccountedEvent:
    return AccountedEvent(kind, request, 5.0, "a1", "b1", code, "OK", frozenset({LOG, SQL}), stamp=5.0)


def extras(profile: AccountingProfile, kind: SimulatedKind, backend: Backend = LOG) -> list[tuple[str, str]]:
    return [(one.label, one.value.shown) for one in writing(profile).extras(event(kind), backend)]


def legs(profile: AccountingProfile, request: SipRequest = INVITE) -> list[list[str | None]]:
    return [[one.value.text for one in leg] for leg in writing(profile, request).legs(event(request=request), LOG)]


def test_the_core_values_have_the_names_of_the_columns() -> None:
    assert writing(KAMAILIO).core(event()) == (
        ("method", "INVITE"),
        ("from_tag", "a1"),
        ("to_tag", "b1"),
        ("callid", "call-1@192.0.2.10"),
        ("sip_code", "200"),
        ("sip_reason", "OK"),
    )


def test_an_event_without_a_code_has_an_empty_one() -> None:
    assert dict(writing(KAMAILIO).core(event(code=0)))["sip_code"] == ""


def test_extras_have_the_labels_of_their_backend_in_order() -> None:
    assert extras(KAMAILIO, SimulatedKind.ANSWERED) == [("src", "alice"), ("ua", "Example Phone 1.0")]
    assert extras(KAMAILIO, SimulatedKind.ANSWERED, SQL) == [("src_user", "alice")]


def test_records_of_kamailio_dialogs_have_their_own_fields_only() -> None:
    who = ExtraDefinition("who", "$dlg_var(who)", {LOG: "who"})
    profile = replace(KAMAILIO, cdr_extras=(who,), options={"cdr_enable": 1})
    context = replace(writing(profile), flow=replace(writing(profile).flow, dialog_variables={"who": "42"}))
    assert [(one.label, one.value.text) for one in context.extras(event(SimulatedKind.DIALOG), LOG)] == [("who", "42")]


def test_a_record_of_an_expired_dialog_has_no_values_of_a_message() -> None:
    who = ExtraDefinition("who", "$fU", {LOG: "who"})
    profile = replace(KAMAILIO, cdr_extras=(who,), options={"cdr_enable": 1})
    expired = replace(event(SimulatedKind.DIALOG), is_of_timer=True)
    assert [one.value.text for one in writing(profile).extras(expired, LOG)] == [None]


@pytest.mark.parametrize(("variable", "is_known"), [("$ci", True), ("$fU", True), ("$ua", False), ("$rU", False)])
def test_a_record_of_a_failed_dialog_has_the_values_that_the_reply_knows(variable: str, is_known: bool) -> None:
    profile = replace(KAMAILIO, cdr_extras=(ExtraDefinition("x", variable, {LOG: "x"}),), options={"cdr_enable": 1})
    (value,) = writing(profile).extras(event(SimulatedKind.DIALOG), LOG)
    assert value.value.is_known is is_known


def test_kamailio_writes_the_newest_leg_first_and_opensips_the_oldest() -> None:
    assert legs(KAMAILIO) == [["bob", "carol"], ["alice", "bob"]]
    assert legs(OPENSIPS) == [["alice", "bob"], ["bob", "carol"]]


@pytest.mark.parametrize("profile", [KAMAILIO, OPENSIPS])
def test_without_legs_there_is_one_leg_of_nothing(profile: AccountingProfile) -> None:
    assert legs(profile, replace(INVITE, legs=())) == [[None, None]]


def test_without_leg_fields_there_are_no_legs() -> None:
    assert legs(replace(KAMAILIO, legs=())) == []


def test_a_record_of_a_dialog_has_no_legs() -> None:
    assert writing(KAMAILIO).legs(event(SimulatedKind.DIALOG), LOG) == []
