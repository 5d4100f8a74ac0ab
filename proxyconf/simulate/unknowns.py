"""Behaviour of the products that the simulation cannot predict."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.simulate.event import SimulatedKind
from proxyconf.simulate.forking import TIMEOUT
from proxyconf.simulate.simulation import Simulation
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product, Version

_STALE_REASON = Version(5, 5)
_OWN_KAMAILIO = Version(3, 0)
_DIALOG_TIMES = Version(2, 3)
_LATE_ANSWERS = Version(5, 3)


def unknown_behaviour(simulation: Simulation) -> Iterator[str]:
    """Yield a sentence for each uncertainty of the simulation."""
    profile = simulation.profile
    rules = {Product.KAMAILIO: _kamailio, Product.OPENSIPS: _opensips, Product.OPENSER: _openser}
    yield from rules[profile.product](simulation)


def _openser(simulation: Simulation) -> Iterator[str]:
    yield _("OpenSER was read in its source and not run; the order of extras and legs is certain, rare cases are not.")


def _kamailio(simulation: Simulation) -> Iterator[str]:
    version = simulation.profile.version
    if version < _OWN_KAMAILIO:
        yield _("Kamailio {version} is read as OpenSER 1.3: its own source was not read.", version=version)
    if version[:2] == _LATE_ANSWERS[:2] and len(set(_tags(simulation))) > 1:
        yield _("whether Kamailio 5.3 accounts a second answer of a forked INVITE.")
    if version < _STALE_REASON:
        return
    timeouts = [event for event in simulation.events if event.code == TIMEOUT and event.method == "INVITE"]
    if any(event.kind is SimulatedKind.MISSED for event in timeouts):
        yield (
            _(
                "the reason of a missed call that timed out may be that of an earlier call of the same process. "
                "The code is right."
            )
        )
    if any(not event.to_tag for event in timeouts):
        yield _("the To tag of a call that timed out may be that of another call; without such it is empty.")


def _tags(simulation: Simulation) -> Iterator[str]:
    for request in simulation.flow.requests:
        for forwarding in request.forwardings:
            for branch in forwarding.branches:
                yield from (
                    one.to_tag for one in branch.replies if 200 <= one.code < 300 and request.method == "INVITE"
                )


def _opensips(simulation: Simulation) -> Iterator[str]:
    profile, script = simulation.profile, simulation.script
    if profile.version < _DIALOG_TIMES:
        yield _(
            "the columns setuptime and created of OpenSIPS {version}, and the times in its dialog records.",
            version=profile.version,
        )
    forks = [one for request in simulation.flow.requests for one in request.forwardings if len(one.branches) > 1]
    if forks and any(event.code >= 300 for event in simulation.events):
        yield _("which of several failed branches OpenSIPS picks: the choice shown is Kamailio's.")
    ended = any(event.kind is SimulatedKind.CALL_ENDED for event in simulation.events)
    if ended and Backend.RADIUS in profile.backends and script.invite.cdr:
        yield (
            _(
                "Sip-Response-Code of the Stop may be that of another call which the same process accounted "
                "before. A Stop with Sip-Method Invite is an answered call whatever its code."
            )
        )
    if Backend.DIAMETER in profile.backends:
        yield _("the order of AVPs that aaa_diameter sends; the attributes and their values are certain.")
