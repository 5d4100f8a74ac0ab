"""The values that all backends write: extras, legs, and dialog times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.flow import Flow, FlowLeg
from proxyconf.simulate.record import FlowClock
from proxyconf.simulate.values import NULL, HeldValue, RequestView, dialog_value, value_of
from proxyconf.vocabulary.layout import Backend, Role, suggest_leg_role
from proxyconf.vocabulary.products import Product, Version
from proxyconf.vocabulary.variables import parse_variable

DIALOG_TIMES = Version(2, 3)
"""The first OpenSIPS that writes ``created`` and ``setuptime`` with each event."""
_REPLY_KNOWS = frozenset({"ci", "ft", "fU", "fu", "fd", "tU", "tu", "td"})
_CORE_LABELS = ("method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason")


class LabelledValue(NamedTuple):
    label: str
    value: HeldValue
    variable: str


LegValues = Sequence[LabelledValue]


@dataclass(frozen=True, slots=True)
class Writing:
    """The context of a writer."""

    profile: AccountingProfile
    flow: Flow
    clock: FlowClock

    @property
    def is_opensips(self) -> bool:
        return self.profile.product is Product.OPENSIPS

    def view(self, event: AccountedEvent) -> RequestView:
        # OpenSIPS 2.3 and later keeps the value that the script assigned before there were branches
        branch_uri = "" if self.profile.uses_field_declarations else event.branch_uri
        return RequestView(self.flow, event.request, branch_uri)

    def core(self, event: AccountedEvent) -> tuple[tuple[str, str], ...]:
        """Return the six core values by their default SQL names."""
        code = str(event.code) if event.code else ""
        values = (event.method, event.from_tag, event.to_tag, self.flow.call_id, code, event.reason)
        return tuple(zip(_CORE_LABELS, values, strict=True))

    def extras(self, event: AccountedEvent, backend: Backend) -> list[LabelledValue]:
        """Return a backend's extras in configured order."""
        if event.kind is SimulatedKind.DIALOG:
            return self._dialog_extras(event, backend)
        labels: list[tuple[str, ExtraDefinition]] = list(self.profile.extra_labels(backend))
        if event.kind is SimulatedKind.CALL_ENDED:
            labels += self.profile.cdr_labels(backend)
        view = self.view(event)
        return [
            LabelledValue(label, value_of(self.profile, view, extra.variable), extra.variable)
            for label, extra in labels
        ]

    def _dialog_extras(self, event: AccountedEvent, backend: Backend) -> list[LabelledValue]:
        labels = self.profile.cdr_labels(backend)
        return [
            LabelledValue(label, self._dialog_extra(event, extra.variable), extra.variable) for label, extra in labels
        ]

    def _dialog_extra(self, event: AccountedEvent, variable: str) -> HeldValue:
        try:
            expression = parse_variable(variable)
        except ValueError:
            return value_of(self.profile, self.view(event), variable)
        if expression.name == "dlg_var" and not expression.transformations:
            return dialog_value(self.profile, self.flow, expression.argument or "")
        if event.is_of_timer:
            return NULL  # there is no SIP message
        if event.request.method == "INVITE" and expression.name not in _REPLY_KNOWS:
            return HeldValue(f"(unknown: {variable})", is_known=False)  # taken from the reply that failed the call
        return value_of(self.profile, self.view(event), variable)

    def legs(self, event: AccountedEvent, backend: Backend) -> list[LegValues]:
        """Return the values of each leg; one set of empty values if there is no leg."""
        fields = self.profile.leg_labels(backend)
        if not fields or event.kind is SimulatedKind.DIALOG:
            return []
        if self.profile.uses_field_declarations:
            return self._declared_legs(event, fields)
        # AVPs are stacks, each on its own, with the newest value first
        legs = event.request.legs[::-1]
        stacks = [
            (label, field, [value for leg in legs if (value := leg_value(leg, field)) is not None])
            for label, field in fields
        ]
        depth = max([1, *(len(values) for _label, _field, values in stacks)])
        return [
            [
                LabelledValue(label, HeldValue(values[index]) if index < len(values) else NULL, field.variable)
                for label, field, values in stacks
            ]
            for index in range(depth)
        ]

    def _declared_legs(self, event: AccountedEvent, fields: Sequence[tuple[str, LegDefinition]]) -> list[LegValues]:
        legs = event.request.legs or (None,)
        return [
            [
                LabelledValue(label, HeldValue(leg_value(leg, field) if leg is not None else None), field.variable)
                for label, field in fields
            ]
            for leg in legs
        ]

    # --- times of OpenSIPS

    def has_dialog_times(self, event: AccountedEvent) -> bool:
        """Whether ``created`` and ``setuptime`` are written: since 2.3 always, in 2.2 with cdr."""
        version = self.profile.version
        return self.is_opensips and (
            version >= DIALOG_TIMES or (version >= Version(2, 2) and event.created_at is not None)
        )

    def created(self, event: AccountedEvent) -> int:
        """Return the epoch of the dialog's creation; 0 if no dialog CDR is requested."""
        return 0 if event.created_at is None else self.clock.epoch(event.created_at)

    def setuptime(self, event: AccountedEvent) -> int:
        """Return the seconds from creation to the event; without creation those since 1970."""
        started_at = event.started_at if event.started_at is not None else event.at
        return self.clock.epoch(started_at) - self.created(event)

    def milliseconds(self, event: AccountedEvent) -> int:
        """Return the duration of a dialog."""
        if event.started_at is None or event.ended_at is None:
            return 0
        return max(0, round((event.ended_at - event.started_at) * 1000))

    def whole_seconds(self, event: AccountedEvent) -> int:
        """Return the ``duration`` of OpenSIPS: since 3.2 rounded up."""
        milliseconds = self.milliseconds(event)
        return -(-milliseconds // 1000) if self.profile.version >= Version(3, 2) else milliseconds // 1000


def leg_value(leg: FlowLeg, leg_field: LegDefinition) -> str | None:
    """Return a leg's value of a field, by the field's name, else by its role; None if the script pushes none."""
    if leg_field.name in leg.values:
        return leg.values[leg_field.name]
    role = (
        leg_field.role
        or suggest_leg_role(leg_field.name)
        or next((suggested for label in leg_field.labels.values() if (suggested := suggest_leg_role(label))), None)
    )
    by_role = {Role.LEG_SOURCE: leg.source, Role.LEG_DESTINATION: leg.destination, Role.LEG_TYPE: leg.type}
    return by_role.get(role) if role else None
