"""Find the cause of a missing record: the parameter or script statement that would have caused it to be written."""

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
from proxyconf.vocabulary.messages import all_of, any_of
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product, Version

_TITLES = {
    Backend.SYSLOG: _("the log"),
    Backend.SQL: "SQL",
    Backend.RADIUS: "RADIUS",
    Backend.DIAMETER: "Diameter",
    Backend.JSON: "JSON",
    Backend.EVENTS: _("the event interface"),
}
_FIRST_ANSWER_ONLY = Version(5, 4)


class Cause(NamedTuple):
    """The cause of a missing record. ``is_of_network``: no accounting setting could have caused it to be written."""

    why: str
    setting: str = ""
    is_of_network: bool = False


def joined_titles(backends: Sequence[Backend]) -> str:
    """Return the names of backends for a sentence: ``the log, SQL and RADIUS``."""
    return all_of(_TITLES[backend] for backend in backends)


def missing_answer(simulation: Simulation, backend: Backend, invite: SipRequest, *, is_late: bool) -> Cause:
    """Return why the 200 of an INVITE has no record in a backend."""
    profile = simulation.profile
    if simulation.died_at is not None:
        return Cause(_("the proxy has crashed"), "multi_leg_info")
    if backend not in simulation.script.invite.account:
        return Cause(_("{mark} on the INVITE", mark=_mark(simulation)), _account_setting(simulation, backend))
    if profile.product is Product.OPENSIPS and simulation.script.invite.cdr:
        why = _("with cdr the one record of the call is written when the dialog ends, and this one is not ended")
        return Cause(_('{why}: create_dialog() needs "B" to end a dialog that expires', why=why), 'create_dialog("B")')
    if is_late and profile.product is Product.KAMAILIO and profile.version >= _FIRST_ANSWER_ONLY:
        return Cause(_("tm tells the acc module of the first 2xx only"), "tm reply_relay_mode")
    return _not_written(simulation, backend, _event_of(simulation, backend, "INVITE"))


def missing_stop(simulation: Simulation, backend: Backend, tags: set[str]) -> Cause:
    """Return why the end of an answered dialog has no record in a backend."""
    script = simulation.script
    bye = next((one for one in simulation.flow.requests if one.method == "BYE" and one.to_tag in tags), None)
    if simulation.died_at is not None:
        return Cause(_("the proxy has crashed"), "multi_leg_info")
    if bye is None or not bye.reaches_proxy:
        what = _("the phones send no BYE") if bye is None else _("the BYE never reaches the proxy")
        return _without_bye(simulation, what)
    if not script.record_route:
        return Cause(_("the BYE bypasses the proxy, which added no Record-Route to the INVITE"), "record_route()")
    if simulation.profile.product is Product.OPENSIPS and script.invite.cdr:
        return Cause(_("the record of the dialog is not written"), "do_accounting cdr")
    if backend not in script.bye.account:
        return Cause(_("{mark} on the BYE", mark=_mark(simulation)), _account_setting(simulation, backend))
    if not any(map(answers, bye.forwardings)) and not script.bye.failed and bye.forwardings:
        code = picked_failure(bye.forwardings[-1]).reply.code
        why = _(
            "the BYE is answered {code}, and a failed transaction is accounted only where the script asks for it",
            code=code,
        )
        return Cause(why, _failed_setting(simulation))
    return _not_written(simulation, backend, _event_of(simulation, backend, "BYE"))


def _without_bye(simulation: Simulation, what: str) -> Cause:
    profile = simulation.profile
    if profile.product is Product.OPENSIPS and simulation.script.invite.cdr:
        return Cause(
            _("{what}; a dialog that expires is recorded only if the proxy ends it", what=what), 'create_dialog("B")'
        )
    if profile.uses_dialog and profile.product is Product.KAMAILIO:
        return Cause(
            _("{what}; a dialog that expires is recorded only where this is on", what=what), "cdr_expired_dlg_enable"
        )
    return Cause(_("{what}, and without one there is no STOP", what=what), is_of_network=True)


def missing_attempt(simulation: Simulation, backend: Backend, number: int) -> Cause:
    """Return why a failed attempt before the last has no record in a backend."""
    script = simulation.script
    if backend not in script.invite.missed and (number == 0 or not script.invite.missed):
        return Cause(_("the INVITE does not ask for missed calls"), _missed_setting(simulation, backend))
    if number and backend not in script.next_attempt.missed:
        why = _(
            "no missed flag re-armed: each missed event clears the flag, and the failure_route does not set it again"
        )
        return Cause(why, _missed_setting(simulation, backend))
    return _not_written(simulation, backend, _event_of(simulation, backend, "INVITE"))


def missing_failure(simulation: Simulation, backend: Backend, code: int) -> Cause:
    """Return why a call that nobody answered has no record in a backend."""
    script = simulation.script
    filtered = str(simulation.profile.option("failed_filter") or "").split(",")
    if backend is Backend.DIAMETER and simulation.profile.product is Product.KAMAILIO:
        return Cause(_("acc_diameter sends neither failed nor missed calls"))
    if script.invite.failed and str(code) in filtered and backend not in script.invite.missed:
        return Cause(_("failed_filter takes this code out"), "failed_filter")
    if script.invite.failed and backend not in script.invite.account:
        return Cause(_("{mark} on the INVITE", mark=_mark(simulation)), _account_setting(simulation, backend))
    settings = any_of([_failed_setting(simulation), _missed_setting(simulation, backend)])
    return Cause(_("the script asks neither for failed transactions nor for missed calls"), settings)


def _event_of(simulation: Simulation, backend: Backend, method: str) -> AccountedEvent | None:
    return next((one for one in simulation.events if one.method == method and backend in one.backends), None)


def _not_written(simulation: Simulation, backend: Backend, event: AccountedEvent | None) -> Cause:
    """Return why an event that the backend gets becomes no record."""
    writing = Writing(simulation.profile, simulation.flow, simulation.clock)
    if event is not None and backend is Backend.DIAMETER:
        return Cause(diameter.why_not_sent(writing, event), "diameter_extra")
    if event is not None and backend is Backend.RADIUS:
        return Cause(
            _(
                "a value is longer than {bytes} bytes, and the client drops the request",
                bytes=radius.MAX_STRING,
            ),
            "radius_extra",
        )
    return Cause(_("the proxy does not account it"))


def _mark(simulation: Simulation) -> str:
    if simulation.profile.uses_do_accounting:
        return _("the script does not call do_accounting() for it")
    return _("the script does not set its flag")


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
