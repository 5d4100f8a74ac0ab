"""Why a record is missing: the setting or the line of the script that would have written it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from proxyconf.simulate.event import AccountedEvent
from proxyconf.simulate.flow import SipRequest
from proxyconf.simulate.forking import answers, picked_failure
from proxyconf.simulate.simulation import Simulation
from proxyconf.simulate.writers import diameter, radius
from proxyconf.simulate.writers.common import Writing
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

_TITLES = {
    Backend.SYSLOG: "the log",
    Backend.SQL: "SQL",
    Backend.RADIUS: "RADIUS",
    Backend.DIAMETER: "Diameter",
    Backend.JSON: "JSON",
    Backend.EVENTS: "the event interface",
}
_FIRST_ANSWER_ONLY = Version(5, 4)


class Cause(NamedTuple):
    """Why something is missing. ``is_of_network``: no setting of accounting could have written it."""

    why: str
    setting: str = ""
    is_of_network: bool = False


def joined_titles(backends: Sequence[Backend]) -> str:
    """Return what a sentence calls backends: ``the log, SQL and RADIUS``."""
    titles = [_TITLES[one] for one in backends]
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)


def missing_answer(simulation: Simulation, backend: Backend, invite: SipRequest, *, is_late: bool) -> Cause:
    """Return why the 200 of an INVITE has no record in a backend."""
    profile = simulation.profile
    if simulation.died_at is not None:
        return Cause("the proxy has crashed", "multi_leg_info")
    if backend not in simulation.script.invite.account:
        return Cause(f"{_mark(simulation)} on the INVITE", _account_setting(simulation, backend))
    if profile.product is Product.OPENSIPS and simulation.script.invite.cdr:
        why = "with cdr the one record of the call is written when the dialog ends, and this one is not ended"
        return Cause(f'{why}: create_dialog() needs "B" to end a dialog that expires', 'create_dialog("B")')
    if is_late and profile.product is Product.KAMAILIO and profile.version >= _FIRST_ANSWER_ONLY:
        return Cause("tm tells the acc module of the first 2xx only", "tm reply_relay_mode")
    return _not_written(simulation, backend, _event_of(simulation, backend, "INVITE"))


def missing_stop(simulation: Simulation, backend: Backend, tags: set[str]) -> Cause:
    """Return why the end of an answered dialog has no record in a backend."""
    script = simulation.script
    bye = next((one for one in simulation.flow.requests if one.method == "BYE" and one.to_tag in tags), None)
    if simulation.died_at is not None:
        return Cause("the proxy has crashed", "multi_leg_info")
    if bye is None or not bye.reaches_proxy:
        what = "the phones send no BYE" if bye is None else "the BYE never reaches the proxy"
        return _without_bye(simulation, what)
    if not script.record_route:
        return Cause("the BYE goes past the proxy, for it put no Record-Route into the INVITE", "record_route()")
    if simulation.profile.product is Product.OPENSIPS and script.invite.cdr:
        return Cause("the record of the dialog is not written", "do_accounting cdr")
    if backend not in script.bye.account:
        return Cause(f"{_mark(simulation)} on the BYE", _account_setting(simulation, backend))
    final = [answers(one) for one in bye.forwardings]
    if not any(final) and not script.bye.failed and bye.forwardings:
        code = picked_failure(bye.forwardings[-1]).reply.code
        why = f"the BYE is answered {code}, and a failed transaction is accounted only where the script asks for it"
        return Cause(why, _failed_setting(simulation))
    return _not_written(simulation, backend, _event_of(simulation, backend, "BYE"))


def _without_bye(simulation: Simulation, what: str) -> Cause:
    profile = simulation.profile
    if profile.product is Product.OPENSIPS and simulation.script.invite.cdr:
        return Cause(f"{what}; a dialog that expires is recorded only if the proxy ends it", 'create_dialog("B")')
    if profile.uses_dialog and profile.product is Product.KAMAILIO:
        return Cause(f"{what}; a dialog that expires is recorded only where this is on", "cdr_expired_dlg_enable")
    return Cause(f"{what}, and without one there is no STOP", is_of_network=True)


def missing_attempt(simulation: Simulation, backend: Backend, number: int) -> Cause:
    """Return why a failed attempt before the last has no record in a backend."""
    script = simulation.script
    if backend not in script.invite.missed and (number == 0 or not script.invite.missed):
        return Cause("the INVITE does not ask for missed calls", _missed_setting(simulation, backend))
    if number and backend not in script.next_attempt.missed:
        why = "no missed flag re-armed: each missed event clears the flag, and the failure_route does not set it again"
        return Cause(why, _missed_setting(simulation, backend))
    return _not_written(simulation, backend, _event_of(simulation, backend, "INVITE"))


def missing_failure(simulation: Simulation, backend: Backend, code: int) -> Cause:
    """Return why a call that nobody answered has no record in a backend."""
    script = simulation.script
    filtered = str(simulation.profile.option("failed_filter") or "").split(",")
    if backend is Backend.DIAMETER and simulation.profile.product is Product.KAMAILIO:
        return Cause("acc_diameter sends neither failed nor missed calls")
    if script.invite.failed and str(code) in filtered and backend not in script.invite.missed:
        return Cause("failed_filter takes this code out", "failed_filter")
    if script.invite.failed and backend not in script.invite.account:
        return Cause(f"{_mark(simulation)} on the INVITE", _account_setting(simulation, backend))
    settings = " or ".join([_failed_setting(simulation), _missed_setting(simulation, backend)])
    return Cause("the script asks neither for failed transactions nor for missed calls", settings)


def _event_of(simulation: Simulation, backend: Backend, method: str) -> AccountedEvent | None:
    return next((one for one in simulation.events if one.method == method and backend in one.backends), None)


def _not_written(simulation: Simulation, backend: Backend, event: AccountedEvent | None) -> Cause:
    """Return why an event that the backend gets becomes no record."""
    writing = Writing(simulation.profile, simulation.flow, simulation.clock)
    if event is not None and backend is Backend.DIAMETER:
        return Cause(diameter.why_not_sent(writing, event), "diameter_extra")
    if event is not None and backend is Backend.RADIUS:
        return Cause(
            f"a value is longer than {radius.MAX_STRING} bytes, and the client drops the request", "radius_extra"
        )
    return Cause("the proxy takes no notice of it")


def _mark(simulation: Simulation) -> str:
    if simulation.profile.uses_do_accounting:
        return "the script does not call do_accounting() for it"
    return "the script does not set its flag"


def _account_setting(simulation: Simulation, backend: Backend) -> str:
    names = simulation.profile.known_backends.get(backend)
    if names is None:
        return ""
    return f'do_accounting("{names.type}")' if simulation.profile.uses_do_accounting else names.flag


def _missed_setting(simulation: Simulation, backend: Backend) -> str:
    names = simulation.profile.known_backends.get(backend)
    if names is None or simulation.profile.uses_do_accounting:
        return "do_accounting missed"
    return names.missed_flag


def _failed_setting(simulation: Simulation) -> str:
    return "do_accounting failed" if simulation.profile.uses_do_accounting else "failed_transaction_flag"
