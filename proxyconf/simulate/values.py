"""The values of pseudo-variables for a request of a flow.

Extra values are taken from the request, also when a reply is accounted. Values that the flow does not define (variables
of the script or of a module) are marked as unknown instead of guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from proxyconf.profile import AccountingProfile
from proxyconf.simulate.flow import CALLER, Flow, FlowParty, SipRequest
from proxyconf.simulate.transforming import transformed
from proxyconf.vocabulary.layout import Role, suggest_role
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.sip_methods import METHOD_NUMBERS
from proxyconf.vocabulary.variables import Expression, parse_variable

_SCRIPT_VARIABLES = frozenset({"avp", "var", "shv", "xavp", "xavu", "xavi", "vz", "vn", "sht", "dlg_var"})


class HeldValue(NamedTuple):
    """A value as text and, if the variable has one, as a number.

    ``text`` None is null. ``is_known`` False: the flow does not define the value.
    """

    text: str | None
    number: int | None = None
    is_known: bool = True

    @property
    def shown(self) -> str:
        """The written text; null is empty."""
        return self.text or ""


NULL = HeldValue(None)


class Uri(NamedTuple):
    """The parts of a SIP URI for which there are variables."""

    user: str
    host: str

    @property
    def text(self) -> str:
        return f"sip:{self.user}@{self.host}" if self.user else f"sip:{self.host}"

    @classmethod
    def parse(cls, text: str) -> Uri:
        user, at, host = text.removeprefix("sip:").rpartition("@")
        return cls(user if at else "", host)


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request while it is accounted; ``branch_uri`` is the request URI of the accounted branch."""

    flow: Flow
    request: SipRequest
    branch_uri: str = ""

    @property
    def sender(self) -> FlowParty:
        return self.flow.caller if self.request.sender == CALLER else self.flow.callee

    @property
    def receiver(self) -> FlowParty:
        return self.flow.callee if self.request.sender == CALLER else self.flow.caller

    @property
    def from_uri(self) -> Uri:
        return Uri(self.sender.user, self.flow.domain)

    @property
    def to_uri(self) -> Uri:
        return Uri(self.receiver.user, self.flow.domain)

    @property
    def original_uri(self) -> Uri:
        if self.request.to_tag:  # requests within the dialog are sent to the other side's Contact
            port = "" if self.receiver.port == 5060 else f":{self.receiver.port}"
            return Uri(self.receiver.contact_user, f"{self.receiver.address}{port}")
        return self.to_uri

    @property
    def request_uri(self) -> Uri:
        return Uri.parse(self.branch_uri) if self.branch_uri else self.original_uri

    def header(self, name: str) -> tuple[str, ...]:
        """Return all values of a header, in order; User-Agent and Call-ID default to those of sender and flow."""
        for own, values in self.request.headers.items():
            if own.lower() == name.lower():
                return values
        if name.lower() == "user-agent" and self.sender.user_agent:
            return (self.sender.user_agent,)
        if name.lower() == "call-id":
            return (self.flow.call_id,)
        return ()


def value_of(profile: AccountingProfile, view: RequestView, variable: str) -> HeldValue:
    """Return the value of ``variable`` for a request."""
    if variable in view.request.variables:
        return HeldValue(view.request.variables[variable])
    try:
        expression = parse_variable(variable)
    except ValueError:
        return _unknown(variable)
    bare = expression.text if not expression.transformations and expression.index is None else ""
    text = view.request.variables.get(bare or f"${expression.name}({expression.argument})")
    value = HeldValue(text) if text is not None else _value(profile, view, expression)
    for transformation in expression.transformations:
        value = _transformed(value, transformation, variable)
    return value


def _unknown(variable: str) -> HeldValue:
    return HeldValue(f"(unknown: {variable})", is_known=False)


def _value(profile: AccountingProfile, view: RequestView, expression: Expression) -> HeldValue:
    name = expression.name
    if name in ("hdr", "hdrc") and expression.argument:
        return _header(profile, view, expression)
    if name == "dlg_var" and expression.argument:
        return dialog_value(profile, view.flow, expression.argument)
    if name in _SCRIPT_VARIABLES:
        # AVPs belong to a transaction: those set for the INVITE do not exist for the BYE
        return NULL if view.request.to_tag and name != "shv" else _unknown(expression.text)
    simple = _simple(profile, view).get(name)
    return simple if simple is not None else _unknown(expression.text)


def _header(profile: AccountingProfile, view: RequestView, expression: Expression) -> HeldValue:
    values = view.header(str(expression.argument).strip("'\""))
    if expression.name == "hdrc":
        return HeldValue(str(len(values)), len(values))
    if expression.index == "*":
        return HeldValue((", " if profile.product is Product.OPENSIPS else ",").join(values)) if values else NULL
    try:
        return HeldValue(values[int(expression.index or 0)])
    except IndexError:
        return NULL
    except ValueError:
        return _unknown(expression.text)


def _simple(profile: AccountingProfile, view: RequestView) -> dict[str, HeldValue]:
    method = METHOD_NUMBERS[profile.product].get(view.request.method)
    port = view.sender.port
    agent = view.header("User-Agent")
    return {
        **_uri_values("r", view.request_uri),
        **_uri_values("o", view.original_uri),
        **_uri_values("f", view.from_uri),
        **_uri_values("t", view.to_uri),
        "ft": HeldValue(view.sender.tag),
        "tt": HeldValue(view.request.to_tag or None),
        "ci": HeldValue(view.flow.call_id),
        "si": HeldValue(view.sender.address),
        "sp": HeldValue(str(port), port),
        "Ri": HeldValue(view.flow.proxy_address),
        "Rp": HeldValue("5060", 5060),
        "ua": HeldValue(agent[0]) if agent else NULL,
        "rm": HeldValue(view.request.method, method),
        "proto": HeldValue("udp", 1),
        "pr": HeldValue("udp", 1),
        **dict.fromkeys(("rs", "rr"), NULL),
        **dict.fromkeys(("au", "ar", "aU", "ad"), NULL),  # credentials are among the variables of the request
        "Au": HeldValue(view.from_uri.text.removeprefix("sip:")),
    }


def _uri_values(letter: str, uri: Uri) -> dict[str, HeldValue]:
    host = uri.host.partition(":")[0]
    return {
        f"{letter}u": HeldValue(uri.text),
        f"{letter}U": HeldValue(uri.user or None),
        f"{letter}d": HeldValue(host),
    }


_BY_ROLE = {
    Role.CALLER: "$fU",
    Role.CALLEE: "$oU",
    Role.ORIGINAL_CALLEE: "$oU",
    Role.SOURCE_IP: "$si",
    Role.USER_AGENT: "$ua",
    Role.CALL_ID: "$ci",
    Role.FROM_TAG: "$ft",
}


def dialog_value(profile: AccountingProfile, flow: Flow, name: str) -> HeldValue:
    """Return the value of a dialog variable: the flow's, else the one that its name suggests."""
    if name in flow.dialog_variables:
        return HeldValue(flow.dialog_variables[name])
    role = suggest_role(name)
    if role not in _BY_ROLE:
        return _unknown(f"$dlg_var({name})")
    invite = next((request for request in flow.requests if request.method == "INVITE"), flow.requests[0])
    return value_of(profile, RequestView(flow, invite), _BY_ROLE[role])


def _transformed(value: HeldValue, transformation: str, variable: str) -> HeldValue:
    if value.text is None or not value.is_known:
        return value
    text, name = value.text, transformation.replace(" ", "")
    if name == "s.len":
        return HeldValue(str(len(text.encode())), len(text.encode()))
    if name == "s.int" and text.lstrip("-").isdigit():
        return HeldValue(text, int(text))
    changed = transformed(text, transformation)
    return HeldValue(changed) if changed is not None else _unknown(variable)
