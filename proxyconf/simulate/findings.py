"""Find the missing and wrong records of a simulated call, and the settings that cause them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from proxyconf.lint import Severity
from proxyconf.profile import ExtraDefinition
from proxyconf.simulate.causes import (
    joined_titles,
    missing_answer,
    missing_attempt,
    missing_failure,
    missing_stop,
)
from proxyconf.simulate.event import SimulatedKind
from proxyconf.simulate.flow import CALLEE, SipRequest
from proxyconf.simulate.forking import BranchReply, answers, picked_failure, provisional_replies
from proxyconf.simulate.simulation import Simulation
from proxyconf.simulate.transactions import marks_of
from proxyconf.simulate.unknowns import unknown_behaviour
from proxyconf.vocabulary.layout import Backend, Role, suggest_leg_role, suggest_role
from proxyconf.vocabulary.messages import TranslatableText
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product, Version

_TIME_OF_REQUEST = Version(3, 2)


class SimulationFinding(NamedTuple):
    """A missing or wrong record or value.

    ``setting`` names the parameters, flags or script statements that cause it; ``backends`` are the accounting outputs
    concerned, empty if it concerns none in particular.
    """

    severity: Severity
    text: str
    setting: str = ""
    backends: tuple[Backend, ...] = ()


class _OfOutput(NamedTuple):
    """A finding of one output or of none; the value ``outputs`` of the text is replaced when findings are merged."""

    severity: Severity
    text: TranslatableText
    setting: str = ""
    backend: Backend | None = None


_OUTPUTS = "{outputs}"
_PARTIES = {Role.CALLER: _("caller"), Role.CALLEE: _("callee")}
_TWICE = _(
    "The same failure is in {outputs} twice: the missed flag is set again where no attempt follows.", outputs=_OUTPUTS
)
_ONE_MORE_START = _(
    "The re-INVITE is accounted and looks like one more START. accweb knows it by the tags; reports "
    "made on the records themselves count two calls."
)
_ACK_UNFLAGGED = _(
    "The ACK is not in {outputs}: its module tests the flag of the ACK itself, which the script does not set.",
    outputs=_OUTPUTS,
)

Findings = Iterator[_OfOutput]


def findings_of(simulation: Simulation) -> list[SimulationFinding]:
    """Return the findings, the most severe first; equal findings of several outputs are merged."""
    merged: dict[tuple[Severity, TranslatableText], list[_OfOutput]] = {}
    for rule in _RULES:
        for finding in rule(simulation):
            merged.setdefault((finding.severity, finding.text), []).append(finding)
    return sorted((_merged(group) for group in merged.values()), key=lambda finding: finding.severity.rank)


def _merged(group: list[_OfOutput]) -> SimulationFinding:
    backends = tuple(dict.fromkeys(one.backend for one in group if one.backend is not None))
    settings = dict.fromkeys(one.setting for one in group if one.setting)
    text = group[0].text
    if "outputs" in text.values:
        text = _(text.template, **{**text.values, "outputs": joined_titles(backends)})
    return SimulationFinding(group[0].severity, text, ", ".join(settings), backends)


def _initial_invites(simulation: Simulation) -> Iterator[SipRequest]:
    for request in simulation.flow.requests:
        if request.method == "INVITE" and not request.to_tag and request.reply_by_proxy is None:
            yield request


def _dialogs(simulation: Simulation) -> Iterator[tuple[SipRequest, BranchReply]]:
    for invite in _initial_invites(simulation):
        for forwarding in invite.forwardings:
            yield from ((invite, answer) for answer in answers(forwarding))


def _has(simulation: Simulation, backend: Backend, kinds: set[SimulatedKind], method: str, tags: set[str]) -> bool:
    """Return whether there is a record of a dialog; the tags may be in either order."""
    return any(
        record.event.kind in kinds
        and record.event.method == method
        and tags <= {record.event.from_tag, record.event.to_tag}
        and (record.event.code < 300 or method != "INVITE")
        for record in simulation.of_backend(backend)
    )


def _records_dialogs(simulation: Simulation, backend: Backend, tags: set[str]) -> bool:
    return any(
        record.event.kind in (SimulatedKind.CALL_ENDED, SimulatedKind.DIALOG)
        and tags <= {record.event.from_tag, record.event.to_tag}
        for record in simulation.of_backend(backend)
    )


def _answer(simulation: Simulation) -> Findings:
    for backend in simulation.profile.backends:
        for number, (invite, answer) in enumerate(_dialogs(simulation)):
            tags = {simulation.flow.caller.tag, answer.reply.to_tag}
            kinds = {SimulatedKind.ANSWERED, SimulatedKind.CALL_ENDED}
            if _has(simulation, backend, kinds, "INVITE", tags) or _records_dialogs(simulation, backend, tags):
                continue
            cause = missing_answer(simulation, backend, invite, is_late=number > 0)
            text = _("The answer is not in {outputs}: {why}.", outputs=_OUTPUTS, why=cause.why)
            yield _OfOutput(Severity.ERROR, text, cause.setting, backend)


def _stop(simulation: Simulation) -> Findings:
    for backend in simulation.profile.backends:
        for _invite, answer in _dialogs(simulation):
            tags = {simulation.flow.caller.tag, answer.reply.to_tag}
            if _has(simulation, backend, {SimulatedKind.ANSWERED}, "BYE", tags) or _records_dialogs(
                simulation, backend, tags
            ):
                continue
            cause = missing_stop(simulation, backend, tags)
            text = _("The end of the call is not in {outputs}: {why}.", outputs=_OUTPUTS, why=cause.why)
            severity = Severity.WARNING if cause.is_of_network else Severity.ERROR
            yield _OfOutput(severity, text, cause.setting, backend)


def _attempts(simulation: Simulation) -> Findings:
    """Yield findings about failed destinations before the last one."""
    for backend in simulation.profile.backends:
        written = [
            record.event for record in simulation.of_backend(backend) if record.event.kind is SimulatedKind.MISSED
        ]
        for invite in _initial_invites(simulation):
            for number, forwarding in enumerate(invite.forwardings[:-1]):
                failure = picked_failure(forwarding)
                if any(event.request is invite and event.at == failure.reply.at for event in written):
                    continue
                cause = missing_attempt(simulation, backend, number)
                text = _(
                    "The failed attempt {number} ({code}) is not in {outputs}: {why}.",
                    outputs=_OUTPUTS,
                    number=number + 1,
                    code=failure.reply.code,
                    why=cause.why,
                )
                yield _OfOutput(Severity.WARNING, text, cause.setting, backend)


def _failures(simulation: Simulation) -> Findings:
    for backend in simulation.profile.backends:
        for invite in _initial_invites(simulation):
            if any(answers(one) for one in invite.forwardings) or not invite.forwardings:
                continue
            last = picked_failure(invite.forwardings[-1])
            events = [
                record.event
                for record in simulation.of_backend(backend)
                if record.event.method == "INVITE" and record.event.at == last.reply.at
            ]
            if not events:
                cause = missing_failure(simulation, backend, last.reply.code)
                text = _(
                    "The failed call ({code}) is not in {outputs}: {why}.",
                    outputs=_OUTPUTS,
                    code=last.reply.code,
                    why=cause.why,
                )
                yield _OfOutput(Severity.WARNING, text, cause.setting, backend)
            elif sum(event.kind is SimulatedKind.MISSED for event in events) > 1 and backend is not Backend.SQL:
                yield _OfOutput(Severity.WARNING, _TWICE, "failure_route", backend)


def _challenge(simulation: Simulation) -> Findings:
    for request in simulation.flow.requests:
        if request.reply_by_proxy is not None:
            text = _(
                "The challenge {code} is not accounted: the script sends it without a transaction. The call "
                "begins with the INVITE that follows.",
                code=request.reply_by_proxy.code,
            )
            yield _OfOutput(Severity.NOTE, text)


def _early_media(simulation: Simulation) -> Findings:
    profile = simulation.profile
    early = [
        one
        for invite in _initial_invites(simulation)
        for forwarding in invite.forwardings
        for one in provisional_replies(forwarding)
        if one.reply.has_body
    ]
    if not early:
        return
    if not profile.is_on("early_media"):
        yield _OfOutput(Severity.NOTE, _("Early media is not accounted: early_media is 0."), "early_media")
        return
    if Backend.RADIUS in profile.backends:
        text = _(
            "Early media is sent to RADIUS as Failed: accweb takes it for early media, other servers for a failed call."
        )
        yield _OfOutput(Severity.NOTE, text, "early_media", Backend.RADIUS)
    if profile.product is Product.OPENSIPS and profile.version >= _TIME_OF_REQUEST:
        text = _(
            "The answer carries the time of the early media before it: durations include the ringing. Only "
            "setuptime in SQL has the true time."
        )
        yield _OfOutput(Severity.WARNING, text, "early_media")


def _direction(simulation: Simulation) -> Findings:
    callee_ends = any(one.method == "BYE" and one.sender == CALLEE for one in simulation.flow.requests)
    if callee_ends and simulation.profile.is_on("detect_direction"):
        text = _(
            "Who released the call cannot be told: detect_direction puts the tags of the callee's BYE in the caller's "
            "order."
        )
        yield _OfOutput(Severity.WARNING, text, "detect_direction")


def _reinvite(simulation: Simulation) -> Findings:
    for event in simulation.events:
        if (
            event.method == "INVITE"
            and event.request.to_tag
            and event.kind is SimulatedKind.ANSWERED
            and event.code < 300
        ):
            yield _OfOutput(Severity.NOTE, _ONE_MORE_START)


def _acknowledged(simulation: Simulation) -> Findings:
    profile = simulation.profile
    if not profile.is_on("report_ack") or profile.product is not Product.KAMAILIO:
        return
    for event in simulation.events:
        if event.kind is SimulatedKind.ACKNOWLEDGED:
            invite = next(_initial_invites(simulation))
            for backend in sorted(marks_of(simulation.script, invite).account - event.backends):
                yield _OfOutput(Severity.NOTE, _ACK_UNFLAGGED, "report_ack", backend)


def _empty_values(simulation: Simulation) -> Findings:
    """Yield findings about values of the INVITE that the BYE lacks."""
    for backend in simulation.profile.backends:
        labels = [label for label, _field in simulation.profile.extra_labels(backend)]
        start, stop = (_values_of(simulation, backend, method) for method in ("INVITE", "BYE"))
        empty = [label for label in labels if start.get(label) and label in stop and stop[label] in (None, "")]
        missing = [label for label in labels if start.get(label) and stop and label not in stop]
        if empty or missing:
            names = ", ".join(empty + missing)
            text = _(
                "The BYE's record in {outputs} has no value for {names}: extras are taken from the BYE itself.",
                outputs=_OUTPUTS,
                names=names,
            )
            yield _OfOutput(Severity.NOTE, text, backend=backend)


def _values_of(simulation: Simulation, backend: Backend, method: str) -> dict[str, object]:
    for record in simulation.of_backend(backend):
        if record.event.method == method and record.event.kind is SimulatedKind.ANSWERED:
            return dict(record.fields)
    return {}


def _parties(simulation: Simulation) -> Findings:
    """Yield findings about caller and callee, which no core field contains."""
    profile = simulation.profile
    roles = {role for extra in profile.extras if extra.labels for role in [extra.role, *_suggested(extra)]}
    roles |= {leg.role or suggest_leg_role(leg.name) for leg in profile.legs}
    for role, variable, leg in ((Role.CALLER, "$fU", Role.LEG_SOURCE), (Role.CALLEE, "$rU", Role.LEG_DESTINATION)):
        if simulation.records and role not in roles and leg not in roles:
            text = _(
                "The {party} of the call is not known: no field has {variable} or another variable of that meaning.",
                party=_PARTIES[role],
                variable=variable,
            )
            yield _OfOutput(Severity.NOTE, text, variable)


def _suggested(field: ExtraDefinition) -> list[Role | None]:
    return [suggest_role(label, field.variable) for label in field.labels.values()]


def _mixed_legs(simulation: Simulation) -> Findings:
    profile = simulation.profile
    if profile.uses_field_declarations:
        return
    for invite in _initial_invites(simulation):
        for field in profile.legs:
            values = [leg.values.get(field.name) for leg in invite.legs if leg.values]
            if None in values and any(value is not None for value in values):
                text = _(
                    "The values of {name} slide to newer legs: not every leg has one, and each AVP is a stack.",
                    name=field.name,
                )
                yield _OfOutput(Severity.WARNING, text, "multi_leg_info")


def _apart(simulation: Simulation) -> Findings:
    """Find dialog CDRs of Kamailio that nothing connects with the events of their call."""
    for record in simulation.records:
        is_dialog = record.event.kind is SimulatedKind.DIALOG
        if is_dialog and simulation.flow.call_id not in [value for _name, value in record.fields]:
            text = _(
                "The dialog record in {outputs} does not contain the Call-ID: accweb makes another call from it.",
                outputs=_OUTPUTS,
            )
            yield _OfOutput(Severity.WARNING, text, "cdr_extra", record.backend)


def _death(simulation: Simulation) -> Findings:
    if simulation.died_at is not None:
        text = _(
            "The proxy crashes with this event: acc_json does not survive multi_leg_info. Nothing is written after it."
        )
        yield _OfOutput(Severity.ERROR, text, "multi_leg_info", Backend.JSON)


def _unknown_values(simulation: Simulation) -> Findings:
    marks = dict.fromkeys(
        value
        for record in simulation.records
        for _name, value in record.fields
        if isinstance(value, str) and value.startswith("(unknown: ")
    )
    for mark in marks:
        variable = mark.removeprefix("(unknown: ").removesuffix(")")
        text = _(
            "The value of {variable} is unknown: a script or module sets it. Add it to the request's variables.",
            variable=variable,
        )
        yield _OfOutput(Severity.NOTE, text, variable)


def _unknown_behaviour(simulation: Simulation) -> Findings:
    for text in unknown_behaviour(simulation):
        yield _OfOutput(Severity.NOTE, _("Unknown: {behaviour}", behaviour=text))


_RULES: tuple[Callable[[Simulation], Findings], ...] = (
    _death,
    _answer,
    _stop,
    _attempts,
    _failures,
    _direction,
    _early_media,
    _mixed_legs,
    _apart,
    _challenge,
    _reinvite,
    _acknowledged,
    _empty_values,
    _parties,
    _unknown_values,
    _unknown_behaviour,
)
