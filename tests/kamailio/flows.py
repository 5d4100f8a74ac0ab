"""Call flows beyond those that people choose from: failures of every kind, odd phrases and headers."""

from __future__ import annotations

from dataclasses import replace

from proxyconf.simulate.flow import CALLEE, Branch, Flow, FlowReply, Forwarding, SipRequest
from proxyconf.simulate.flows import FLOWS


def _by_callee(requests: tuple[SipRequest, ...]) -> tuple[SipRequest, ...]:
    """Return a call whose re-INVITE comes from the callee."""
    turned = [replace(one, sender=CALLEE, to_tag="a1") if 20 <= one.at < 21 else one for one in requests]
    return tuple(
        replace(one, forwardings=tuple(_without_tags(f) for f in one.forwardings)) if one.at == 20 else one
        for one in turned
    )


def _without_tags(forwarding: Forwarding) -> Forwarding:
    return Forwarding(tuple(Branch(tuple(replace(r, to_tag="a1") for r in b.replies)) for b in forwarding.branches))


def forwarding(*codes: int, at: float = 1.0) -> Forwarding:
    """Branches that end with these codes, one after the other; 0 does not answer."""
    replies = [(FlowReply(at + n / 10, code, to_tag=f"t{code}"),) if code else () for n, code in enumerate(codes)]
    return Forwarding(tuple(Branch(one) for one in replies), at + 30)


def failing(name: str, *forwardings: Forwarding) -> Flow:
    return Flow(name, "", (SipRequest("INVITE", forwardings=forwardings),))


_BUSY = FlowReply(1.0, 486, "Busy, says the phone", "b1", headers={"Reason": 'Q.850;cause=17;text="user busy"'})
_QUOTED = SipRequest(
    "INVITE",
    forwardings=(Forwarding((Branch((_BUSY,)),)),),
    headers={"User-Agent": ('x;code=200;reason="OK" %s\\n',)},
)
MORE_FLOWS = (
    failing("two-busy", forwarding(486, 486)),
    failing("busy-and-declined", forwarding(486, 603)),
    failing("unavailable-and-not-found", forwarding(503, 404)),
    failing("silent-and-busy", forwarding(0, 480)),
    failing("challenged-downstream", forwarding(407, 486)),
    failing("unavailable", forwarding(503)),
    failing("an-unknown-code", forwarding(499)),
    failing("moved-then-silent", forwarding(302), forwarding(0, at=2.0)),
    failing("silent-then-declined", forwarding(0), forwarding(603, at=32.0)),
    Flow("a-phrase-and-a-reason", "", (_QUOTED,)),
    replace(FLOWS["re-invite"], name="re-invite-by-the-callee", requests=_by_callee(FLOWS["re-invite"].requests)),
)
ALL_FLOWS = {**FLOWS, **{flow.name: flow for flow in MORE_FLOWS}}
