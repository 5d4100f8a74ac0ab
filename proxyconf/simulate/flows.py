"""The built-in call flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proxyconf.simulate.flow import CALLEE, Branch, Flow, FlowLeg, FlowReply, Forwarding, SipRequest
from proxyconf.vocabulary.messages import message as _

_LEG = (FlowLeg("alice", "bob", "0"),)
_GATEWAYS = "sip:bob@gw1.example.com", "sip:bob@gw2.example.com"


def _branch(*replies: FlowReply, uri: str = "") -> Branch:
    return Branch(replies, uri)


def _invite(*forwardings: Forwarding) -> SipRequest:
    return SipRequest("INVITE", 0.0, forwardings=forwardings, legs=_LEG)


def _bye(at: float, sender: str = "caller", code: int = 200, to_tag: str = "") -> SipRequest:
    answer = Forwarding((_branch(FlowReply(at + 0.05, code)),), at + 30)
    return SipRequest("BYE", at, sender, (answer,), to_tag=to_tag or ("a1" if sender == CALLEE else "b1"))


def _ack(at: float, to_tag: str = "b1") -> SipRequest:
    return SipRequest("ACK", at, to_tag=to_tag)


_RINGING = FlowReply(1.0, 180, to_tag="b1")
_OK = FlowReply(6.0, 200, to_tag="b1", has_body=True)
_ANSWERED = _invite(Forwarding((_branch(_RINGING, _OK),)))
_BUSY = Forwarding((_branch(FlowReply(1.0, 486, to_tag="x1"), uri=_GATEWAYS[0]),))
_REINVITE = SipRequest(
    "INVITE",
    20.0,
    forwardings=(Forwarding((_branch(FlowReply(20.2, 200, to_tag="b1", has_body=True)),), 50),),
    to_tag="b1",
)
_SECOND = Forwarding((_branch(_RINGING, _OK, uri=_GATEWAYS[1]),))

_ALL = (
    Flow("answered-caller-hangs-up", _("Answered, the caller hangs up"), (_ANSWERED, _ack(6.1), _bye(66.0))),
    Flow("answered-callee-hangs-up", _("Answered, the callee hangs up"), (_ANSWERED, _ack(6.1), _bye(66.0, CALLEE))),
    Flow("busy", _("Busy"), (_invite(Forwarding((_branch(FlowReply(1.0, 486, to_tag="b1")),))),)),
    Flow("busy-then-answered", _("Busy, next destination answers"), (_invite(_BUSY, _SECOND), _ack(6.1), _bye(66.0))),
    Flow(
        "gateway-failover",
        _("Failover to a second gateway"),
        (
            _invite(Forwarding((_branch(FlowReply(1.0, 503, to_tag="x1"), uri=_GATEWAYS[0]),)), _SECOND),
            _ack(6.1),
            _bye(66.0),
        ),
    ),
    Flow(
        "cancelled",
        _("Cancelled by the caller"),
        (
            _invite(Forwarding((_branch(_RINGING, FlowReply(8.1, 487, to_tag="b1")),))),
            SipRequest("CANCEL", 8.0),
        ),
    ),
    Flow("no-answer", _("No answer"), (_invite(Forwarding((_branch(_RINGING),), 30.0)),)),
    Flow(
        "parallel-one-answer",
        _("Parallel forking, one answers"),
        (
            _invite(
                Forwarding(
                    (
                        _branch(_RINGING, _OK),
                        _branch(
                            FlowReply(1.1, 180, to_tag="c1"), FlowReply(6.2, 487, to_tag="c1"), uri="sip:bob@192.0.2.21"
                        ),
                    )
                )
            ),
            _ack(6.1),
            _bye(66.0),
        ),
    ),
    Flow(
        "parallel-two-answers",
        _("Parallel forking, two answer"),
        (
            _invite(
                Forwarding(
                    (
                        _branch(_RINGING, _OK),
                        _branch(FlowReply(6.05, 200, to_tag="c1", has_body=True), uri="sip:bob@192.0.2.21"),
                    )
                )
            ),
            _ack(6.1),
            _ack(6.2, "c1"),
            _bye(6.3, to_tag="c1"),
            _bye(66.0),
        ),
    ),
    Flow(
        "digest",
        _("Digest challenge, then answered"),
        (
            SipRequest("INVITE", 0.0, reply_by_proxy=FlowReply(0.01, 407), legs=_LEG),
            replace(_ANSWERED, at=0.1, variables={"$au": "alice", "$Au": "alice@example.com", "$aU": "alice"}),
            _ack(6.1),
            _bye(66.0),
        ),
    ),
    Flow("re-invite", _("Re-INVITE during the call"), (_ANSWERED, _ack(6.1), _REINVITE, _ack(20.3), _bye(66.0))),
    Flow(
        "bye-lost",
        _("The BYE is lost"),
        (_ANSWERED, _ack(6.1), replace(_bye(66.0), reaches_proxy=False)),
        dialog_expires_at=3606.0,
    ),
    Flow("bye-481", _("The BYE is answered 481"), (_ANSWERED, _ack(6.1), _bye(66.0, code=481))),
    Flow(
        "bye-408",
        _("The BYE is not answered"),
        (_ANSWERED, _ack(6.1), replace(_bye(66.0), forwardings=(Forwarding((_branch(),), 96.0),))),
    ),
    Flow(
        "early-media",
        _("Early media"),
        (
            _invite(Forwarding((_branch(FlowReply(1.0, 183, to_tag="b1", has_body=True), _OK),))),
            _ack(6.1),
            _bye(66.0),
        ),
    ),
    Flow(
        "forwarded",
        _("Forwarded: A calls B, C answers"),
        (
            replace(
                _invite(Forwarding((_branch(_RINGING, _OK, uri="sip:carol@192.0.2.30"),))),
                legs=(FlowLeg("alice", "bob", "0"), FlowLeg("bob", "carol", "1")),
            ),
            _ack(6.1),
            _bye(66.0),
        ),
    ),
    Flow(
        "dialog-expires", _("The phones vanish, the dialog expires"), (_ANSWERED, _ack(6.1)), dialog_expires_at=3606.0
    ),
)
FLOWS: Mapping[str, Flow] = {flow.name: flow for flow in _ALL}
"""The flows by name."""
