"""Which events of a transaction the acc modules account, by the flags of its request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyconf.profile import AccountingProfile, Flags, MessageFlag
from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.flow import CALLEE, Branch, Flow, FlowReply, Forwarding, SipRequest
from proxyconf.simulate.flows import FLOWS
from proxyconf.simulate.script import Marks, Script
from proxyconf.simulate.transactions import accounted_events, marks_of, passes_proxy
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import profiles

LOG, SQL, RADIUS = Backend.SYSLOG, Backend.SQL, Backend.RADIUS
BOTH = frozenset({LOG, SQL})
FLAGS = Flags(
    account={LOG: MessageFlag(1), SQL: MessageFlag(2)},
    missed={LOG: MessageFlag(3), SQL: MessageFlag(4)},
    failed=MessageFlag(5),
)
KAMAILIO = AccountingProfile(Product.KAMAILIO, Version(5, 6), (LOG, SQL), flags=FLAGS)
OPENSER = AccountingProfile(Product.OPENSER, Version(1, 3), (LOG, SQL), flags=FLAGS)
OPENSIPS = AccountingProfile(Product.OPENSIPS, Version(3, 4), (LOG, SQL))
ACCOUNT = Script(invite=Marks(BOTH), bye=Marks(BOTH))
MISSED = Script(invite=Marks(missed=BOTH), next_attempt=Marks(missed=BOTH))


def attempt(*replies: tuple[float, int], **values: Any) -> Forwarding:
    """Return a forwarding to one destination with its replies, the final one with the callee's tag."""
    return Forwarding((Branch(tuple(FlowReply(at, code, to_tag="b1", **values) for at, code in replies)),))


def invite(*forwardings: Forwarding, **values: Any) -> SipRequest:
    return SipRequest("INVITE", forwardings=forwardings, **values)


def events(profile: AccountingProfile, script: Script, *requests: SipRequest) -> list[AccountedEvent]:
    return accounted_events(profile, Flow("flow", "", requests), script)


def summary(profile: AccountingProfile, script: Script, *requests: SipRequest) -> list[tuple[str, str, int]]:
    """Return kind, method and code of the events."""
    return [(event.kind.value, event.method, event.code) for event in events(profile, script, *requests)]


# --- answered requests


def test_an_answered_invite_is_accounted_to_the_flagged_backends() -> None:
    (event,) = events(KAMAILIO, Script(invite=Marks(frozenset({SQL}))), invite(attempt((1, 180), (5, 200))))
    assert (event.kind, event.code, event.at, event.stamp) == (SimulatedKind.ANSWERED, 200, 5, 5)
    assert (event.from_tag, event.to_tag, event.backends) == ("a1", "b1", frozenset({SQL}))


def test_a_backend_that_the_profile_does_not_use_gets_nothing() -> None:
    script = Script(invite=Marks(frozenset({RADIUS})))
    assert events(KAMAILIO, script, invite(attempt((5, 200)))) == []


def test_without_a_flag_nothing_is_accounted() -> None:
    assert events(KAMAILIO, Script(), invite(attempt((5, 200)))) == []


def test_the_reason_is_the_phrase_of_the_reply_or_the_standard_one() -> None:
    calls = [invite(attempt((5, 200), reason=reason)) for reason in ("Accepted here", "")]
    assert [event.reason for event in events(KAMAILIO, ACCOUNT, *calls)] == ["Accepted here", "OK"]


def test_the_reason_header_replaces_the_phrase_where_the_profile_says_so() -> None:
    call = invite(attempt((5, 200), headers={"reason": "Q.850;cause=16"}))
    with_header = replace(KAMAILIO, options={"reason_from_hf": 1})
    assert [events(profile, ACCOUNT, call)[0].reason for profile in (KAMAILIO, with_header)] == ["OK", "Q.850;cause=16"]


@pytest.mark.parametrize(("version", "tags"), [(Version(5, 3), ["b1", "c1"]), (Version(5, 4), ["b1"])])
def test_a_second_answer_of_another_phone_is_accounted_until_kamailio_5_4(version: Version, tags: list[str]) -> None:
    branches = (Branch((FlowReply(5, 200, to_tag="b1"),)), Branch((FlowReply(6, 200, to_tag="c1"),)))
    found = events(replace(KAMAILIO, version=version), ACCOUNT, invite(Forwarding(branches)))
    assert [event.to_tag for event in found] == tags


def test_the_same_answer_twice_is_one_event() -> None:
    branches = (Branch((FlowReply(5, 200, to_tag="b1"),)), Branch((FlowReply(6, 200, to_tag="b1"),)))
    assert len(events(OPENSER, ACCOUNT, invite(Forwarding(branches)))) == 1


def test_events_are_in_the_order_of_time() -> None:
    bye = SipRequest("BYE", 1.0, to_tag="b1", forwardings=(attempt((2, 200)),))
    assert [event.method for event in events(KAMAILIO, ACCOUNT, invite(attempt((5, 200))), bye)] == ["BYE", "INVITE"]


def test_a_request_that_the_proxy_answers_itself_is_not_accounted() -> None:
    challenged = invite(attempt((5, 200)), reply_by_proxy=FlowReply(0.1, 407))
    assert events(KAMAILIO, ACCOUNT, challenged) == []


# --- requests that do not pass the proxy


def test_requests_of_a_dialog_pass_the_proxy_only_with_record_route() -> None:
    bye = SipRequest("BYE", 60.0, to_tag="b1", forwardings=(attempt((61, 200)),))
    assert len(events(KAMAILIO, ACCOUNT, bye)) == 1
    assert events(KAMAILIO, replace(ACCOUNT, record_route=False), bye) == []
    assert passes_proxy(invite(), replace(ACCOUNT, record_route=False))


def test_a_request_that_is_lost_before_the_proxy_is_not_accounted() -> None:
    assert events(KAMAILIO, ACCOUNT, invite(attempt((5, 200)), reaches_proxy=False)) == []


def test_each_method_has_its_marks_and_an_invite_in_a_dialog_its_own() -> None:
    marks: dict[str, Any] = {
        name: Marks(failed=True, cdr=index % 2 == 0) for index, name in enumerate(["invite", "reinvite", "bye"])
    }
    script = Script(**marks)
    assert marks_of(script, invite()) is marks["invite"]
    assert marks_of(script, invite(to_tag="b1")) is marks["reinvite"]
    assert marks_of(script, SipRequest("BYE", to_tag="b1")) is marks["bye"]
    assert marks_of(script, SipRequest("INFO", to_tag="b1")) == Marks()


# --- failed attempts


def test_each_missed_attempt_is_accounted_if_the_flag_is_set_again() -> None:
    call = invite(attempt((5, 486)), attempt((9, 480)))
    assert summary(KAMAILIO, MISSED, call) == [("missed", "INVITE", 486), ("missed", "INVITE", 480)]


def test_only_the_first_missed_attempt_is_accounted_if_the_flag_is_not_set_again() -> None:
    call = invite(attempt((5, 486)), attempt((9, 480)))
    assert summary(KAMAILIO, replace(MISSED, next_attempt=Marks()), call) == [("missed", "INVITE", 486)]


def test_a_call_that_the_second_gateway_answers_is_missed_once_and_answered_once() -> None:
    script = Script(invite=Marks(BOTH, BOTH))
    call = invite(attempt((5, 486)), attempt((9, 200)))
    assert summary(KAMAILIO, script, call) == [("missed", "INVITE", 486), ("answered", "INVITE", 200)]


def test_a_failure_is_accounted_where_the_script_asks_for_failed_transactions() -> None:
    call = invite(attempt((5, 486)))
    assert summary(KAMAILIO, Script(invite=Marks(BOTH)), call) == []
    assert summary(KAMAILIO, Script(invite=Marks(BOTH, failed=True)), call) == [("answered", "INVITE", 486)]


def test_failed_transactions_need_the_flag_of_a_backend_too() -> None:
    assert events(KAMAILIO, Script(invite=Marks(failed=True, missed=frozenset())), invite(attempt((5, 486)))) == []


def test_the_filter_of_failures_takes_codes_out() -> None:
    script = Script(invite=Marks(BOTH, failed=True))
    filtered = replace(KAMAILIO, options={"failed_filter": "404,486"})
    assert summary(filtered, script, invite(attempt((5, 486)))) == []
    assert summary(filtered, script, invite(attempt((5, 480)))) == [("answered", "INVITE", 480)]


def test_a_missed_event_clears_other_flags_of_the_same_number() -> None:
    shared = replace(KAMAILIO, flags=replace(FLAGS, missed={LOG: MessageFlag(1), SQL: MessageFlag(2)}))
    script = Script(invite=Marks(BOTH, BOTH))
    call = invite(attempt((5, 486)), attempt((9, 200)))
    assert summary(shared, script, call) == [("missed", "INVITE", 486)]


def test_a_503_reaches_the_caller_of_kamailio_as_a_500() -> None:
    script = Script(invite=Marks(BOTH, failed=True))
    assert summary(KAMAILIO, script, invite(attempt((5, 503)))) == [("answered", "INVITE", 500)]
    assert summary(OPENSER, script, invite(attempt((5, 503)))) == [("answered", "INVITE", 503)]


def test_a_timeout_is_a_408_of_the_proxy_with_a_tag_of_its_own_since_kamailio_5_5() -> None:
    call = invite(Forwarding((Branch(),), timeout_at=30))
    (new,) = events(KAMAILIO, MISSED, call)
    (old,) = events(replace(KAMAILIO, version=Version(5, 4)), MISSED, call)
    assert (new.code, new.at, new.to_tag, new.is_tag_made) == (408, 30, "proxy-tag-1", True)
    assert (old.code, old.to_tag, old.is_tag_made) == (408, "", False)


# --- early media, ACK, CANCEL, direction


def test_early_media_is_accounted_where_the_profile_says_so() -> None:
    call = invite(
        Forwarding((Branch((FlowReply(1, 183, has_body=True, to_tag="b1"), FlowReply(5, 200, to_tag="b1"))),))
    )
    with_media = replace(KAMAILIO, options={"early_media": 1})
    assert [code for _kind, _method, code in summary(KAMAILIO, ACCOUNT, call)] == [200]
    assert [code for _kind, _method, code in summary(with_media, ACCOUNT, call)] == [183, 200]


@pytest.mark.parametrize(("profile", "count"), [(KAMAILIO, 0), (OPENSER, 1)])
def test_openser_takes_any_183_for_early_media(profile: AccountingProfile, count: int) -> None:
    call = invite(attempt((1, 183), (5, 486)))
    assert len(events(replace(profile, options={"early_media": 1}), ACCOUNT, call)) == count


def test_an_ack_is_accounted_by_the_flags_of_its_invite_where_the_profile_says_so() -> None:
    ack = SipRequest("ACK", 6.0, to_tag="b1")
    call = invite(attempt((5, 202)))
    reporting = replace(KAMAILIO, options={"report_ack": 1})
    script = replace(ACCOUNT, ack=Marks(BOTH))
    assert len(events(KAMAILIO, script, call, ack)) == 1
    _answer, acknowledged = events(reporting, script, call, ack)
    assert (acknowledged.kind, acknowledged.code, acknowledged.at) == (SimulatedKind.ACKNOWLEDGED, 202, 6.0)


def test_an_ack_of_another_dialog_is_not_accounted() -> None:
    reporting = replace(KAMAILIO, options={"report_ack": 1})
    ack = SipRequest("ACK", 6.0, to_tag="other")
    assert len(events(reporting, replace(ACCOUNT, ack=Marks(BOTH)), invite(attempt((5, 200))), ack)) == 1


def test_a_cancel_is_accounted_where_the_profile_says_so() -> None:
    cancel = SipRequest("CANCEL", 3.0)
    script = Script(cancel=Marks(BOTH))
    assert summary(KAMAILIO, script, cancel) == []
    reporting = replace(KAMAILIO, options={"report_cancels": 1})
    assert summary(reporting, script, cancel) == [("answered", "CANCEL", 200)]


def test_a_request_of_the_callee_has_its_own_tag_first_unless_directions_are_detected() -> None:
    bye = SipRequest("BYE", 60.0, CALLEE, to_tag="a1", forwardings=(attempt((61, 200)),))
    bye = replace(bye, forwardings=(Forwarding((Branch((FlowReply(61, 200, to_tag="a1"),)),)),))
    detecting = replace(KAMAILIO, options={"detect_direction": 1})
    tags = [
        (event.from_tag, event.to_tag) for event in (*events(KAMAILIO, ACCOUNT, bye), *events(detecting, ACCOUNT, bye))
    ]
    assert tags == [("b1", "a1"), ("a1", "b1")]


# --- OpenSIPS


def test_a_dialog_record_of_opensips_replaces_the_events_of_its_requests() -> None:
    bye = SipRequest("BYE", 60.0, to_tag="b1", forwardings=(attempt((61, 200)),))
    script = Script(invite=Marks(BOTH, cdr=True), bye=Marks(BOTH))
    assert events(OPENSIPS, script, invite(attempt((5, 200))), bye) == []


def test_opensips_keeps_its_accounting_after_a_missed_event() -> None:
    script = Script(invite=Marks(BOTH, BOTH))
    call = invite(attempt((5, 486)), attempt((9, 200)))
    assert summary(OPENSIPS, script, call) == [("missed", "INVITE", 486), ("answered", "INVITE", 200)]


# --- all profiles


@given(profiles(), st.sampled_from(sorted(FLOWS)))
def test_events_go_only_to_backends_in_use_and_keep_the_order_of_time(profile: AccountingProfile, name: str) -> None:
    found = accounted_events(profile, FLOWS[name], Script.generated(profile))
    assert all(event.backends and event.backends <= set(profile.backends) for event in found)
    assert [event.at for event in found] == sorted(event.at for event in found)


@given(profiles(), st.sampled_from(sorted(FLOWS)))
def test_a_script_that_asks_for_nothing_accounts_nothing(profile: AccountingProfile, name: str) -> None:
    assert accounted_events(profile, FLOWS[name], Script()) == []
