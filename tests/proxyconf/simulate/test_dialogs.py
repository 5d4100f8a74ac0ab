"""Records of whole dialogs: when they are written, and which times they have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.profile import AccountingProfile
from proxyconf.simulate.dialogs import dialog_events, with_dialog_times
from proxyconf.simulate.event import SimulatedKind
from proxyconf.simulate.flow import CALLEE, Branch, Flow, FlowReply, Forwarding, SipRequest
from proxyconf.simulate.flows import FLOWS
from proxyconf.simulate.script import Marks, Script
from proxyconf.simulate.transactions import accounted_events
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import profiles

LOG, SQL, JSON = Backend.SYSLOG, Backend.SQL, Backend.JSON
BOTH = frozenset({LOG, SQL})
OPENSIPS = AccountingProfile(Product.OPENSIPS, Version(3, 4), (LOG, SQL))
KAMAILIO = AccountingProfile(Product.KAMAILIO, Version(5, 6), (LOG, SQL), options={"cdr_enable": 1})
CDR = Script(invite=Marks(BOTH, cdr=True))


def replied(*replies: FlowReply) -> tuple[Forwarding, ...]:
    return (Forwarding((Branch(replies),)),)


ANSWER = FlowReply(5, 200, to_tag="b1")
INVITE = SipRequest("INVITE", 1.0, forwardings=replied(ANSWER))
BYE = SipRequest("BYE", 60.0, to_tag="b1", forwardings=replied(FlowReply(61, 200, to_tag="b1")))
CALL = Flow("call", "", (INVITE, BYE))
UNENDED = replace(CALL, requests=(INVITE,))
FAILED = replace(CALL, requests=(replace(INVITE, forwardings=replied(FlowReply(5, 486, to_tag="b1"))),))


def kamailio(**options: Any) -> AccountingProfile:
    return replace(KAMAILIO, options={"cdr_enable": 1, **options})


# --- OpenSIPS


def test_opensips_writes_one_record_when_the_bye_is_answered() -> None:
    (record,) = dialog_events(OPENSIPS, CALL, CDR)
    assert (record.kind, record.backends, record.code) == (SimulatedKind.CALL_ENDED, BOTH, 200)
    assert (record.created_at, record.started_at, record.ended_at, record.at) == (1.0, 5, 60.0, 61)
    assert (record.from_tag, record.to_tag) == ("a1", "b1")


def test_opensips_writes_none_without_cdr_or_without_a_backend() -> None:
    assert dialog_events(OPENSIPS, CALL, Script(invite=Marks(BOTH))) == []
    assert dialog_events(OPENSIPS, CALL, Script(invite=Marks(cdr=True))) == []
    assert dialog_events(OPENSIPS, CALL, Script(invite=Marks(frozenset({JSON}), cdr=True))) == []


def test_a_bye_of_the_callee_ends_the_dialog_too() -> None:
    bye = replace(BYE, sender=CALLEE, to_tag="a1")
    assert [record.ended_at for record in dialog_events(OPENSIPS, replace(CALL, requests=(INVITE, bye)), CDR)] == [60.0]


def test_a_bye_of_another_dialog_does_not_end_this_one() -> None:
    other = replace(CALL, requests=(INVITE, replace(BYE, to_tag="c1")))
    assert dialog_events(OPENSIPS, other, CDR) == []


def test_a_bye_that_bypasses_the_proxy_ends_no_dialog() -> None:
    assert dialog_events(OPENSIPS, CALL, replace(CDR, record_route=False)) == []
    lost = replace(CALL, requests=(INVITE, replace(BYE, reaches_proxy=False)))
    assert dialog_events(OPENSIPS, lost, CDR) == []


def test_opensips_records_an_expired_dialog_only_if_the_proxy_ends_it() -> None:
    expired = replace(UNENDED, dialog_expires_at=3600.0)
    assert dialog_events(OPENSIPS, expired, CDR) == []
    (record,) = dialog_events(OPENSIPS, expired, replace(CDR, bye_on_timeout=True))
    assert (record.ended_at, record.at) == (3600.0, 3600.0)


def test_early_media_begins_the_dialog_of_opensips_where_it_is_accounted() -> None:
    early = replace(INVITE, forwardings=replied(FlowReply(2, 183, has_body=True, to_tag="b1"), ANSWER))
    call = replace(CALL, requests=(early, BYE))
    with_media = replace(OPENSIPS, options={"early_media": 1})
    assert [dialog_events(one, call, CDR)[0].started_at for one in (OPENSIPS, with_media)] == [5, 2]


def test_each_answered_invite_of_opensips_has_its_record() -> None:
    second = replace(INVITE, at=2.0, forwardings=replied(FlowReply(7, 200, to_tag="c1")))
    bye = replace(BYE, at=70.0, to_tag="c1")
    records = dialog_events(OPENSIPS, replace(CALL, requests=(INVITE, second, BYE, bye)), CDR)
    assert [(record.to_tag, record.ended_at) for record in records] == [("b1", 60.0), ("c1", 70.0)]


# --- Kamailio


def test_kamailio_writes_a_record_of_the_bye_when_it_is_answered() -> None:
    (record,) = dialog_events(KAMAILIO, CALL, Script())
    assert (record.kind, record.method, record.backends) == (SimulatedKind.DIALOG, "BYE", frozenset({LOG}))
    assert (record.started_at, record.ended_at, record.at) == (1.0, 60.0, 61)


def test_without_cdr_enable_kamailio_writes_none() -> None:
    assert dialog_events(replace(KAMAILIO, options={}), CALL, Script()) == []


def test_the_start_can_be_the_answer() -> None:
    assert dialog_events(kamailio(cdr_start_on_confirmed=1), CALL, Script())[0].started_at == 5


@pytest.mark.parametrize(
    ("options", "backends"),
    [
        ({}, {LOG}),
        ({"cdr_log_enable": 0}, set()),
        ({"cdrs_table": "cdrs"}, {LOG, SQL}),
        ({"cdr_log_enable": 0, "cdrs_table": "cdrs"}, {SQL}),
    ],
)
def test_the_log_and_sql_get_records_by_their_own_options(options: dict[str, Any], backends: set[Backend]) -> None:
    (record,) = dialog_events(kamailio(**options), CALL, Script())
    assert record.backends == backends


def test_json_gets_records_by_its_own_switch() -> None:
    profile = replace(kamailio(**{"acc_json.cdr_enable": 1}), version=Version(5, 6), backends=(LOG, JSON))
    assert dialog_events(profile, CALL, Script())[0].backends == {LOG, JSON}
    assert dialog_events(replace(profile, backends=(LOG,)), CALL, Script())[0].backends == {LOG}


def test_an_expired_dialog_of_kamailio_is_recorded_where_it_is_switched_on() -> None:
    expired = replace(UNENDED, dialog_expires_at=3600.0)
    assert dialog_events(KAMAILIO, expired, Script()) == []
    (record,) = dialog_events(kamailio(cdr_expired_dlg_enable=1), expired, Script())
    assert (record.at, record.ended_at, record.is_of_timer, record.method) == (3600.0, 3600.0, True, "INVITE")


def test_a_failed_call_of_kamailio_is_recorded_unless_it_is_switched_off() -> None:
    (record,) = dialog_events(kamailio(cdr_on_failed=1), FAILED, Script())
    assert (record.code, record.started_at, record.ended_at, record.at) == (486, 1.0, 1.0, 5)
    assert dialog_events(kamailio(cdr_on_failed=0), FAILED, Script()) == []


def test_a_re_invite_and_a_challenged_invite_begin_no_dialog() -> None:
    again = replace(INVITE, to_tag="b1")
    challenged = replace(INVITE, reply_by_proxy=FlowReply(1, 407))
    assert dialog_events(KAMAILIO, replace(CALL, requests=(again, challenged)), Script()) == []


def test_openser_has_no_records_of_dialogs() -> None:
    assert dialog_events(AccountingProfile(Product.OPENSER, Version(1, 3), (LOG,)), CALL, CDR) == []


# --- times of transactions


def test_events_of_the_initial_invite_have_the_time_of_their_dialog_in_opensips() -> None:
    script = Script(invite=Marks(missed=BOTH, cdr=True))
    events = accounted_events(OPENSIPS, FAILED, script)
    assert [event.created_at for event in events] == [None]
    assert [event.created_at for event in with_dialog_times(OPENSIPS, FAILED, script, events)] == [1.0]


def test_an_answer_after_early_media_has_the_time_of_the_early_media_in_opensips() -> None:
    early = replace(INVITE, forwardings=replied(FlowReply(2, 183, has_body=True, to_tag="b1"), ANSWER))
    flow, script = replace(CALL, requests=(early,)), Script(invite=Marks(BOTH))
    profile = replace(OPENSIPS, options={"early_media": 1})
    events = list(with_dialog_times(profile, flow, script, accounted_events(profile, flow, script)))
    assert [(event.code, event.stamp) for event in events] == [(183, 2), (200, 2)]


@given(profiles(), st.sampled_from(sorted(FLOWS)))
def test_a_dialog_does_not_end_before_it_started(profile: AccountingProfile, name: str) -> None:
    for record in dialog_events(profile, FLOWS[name], Script.generated(profile)):
        assert record.started_at is not None
        assert record.ended_at is not None
        assert record.started_at <= record.ended_at <= record.at or record.code >= 300
        assert record.backends <= set(profile.backends) | {LOG}
