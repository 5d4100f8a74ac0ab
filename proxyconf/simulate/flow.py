"""A call flow as data: requests, replies, and the variables that the script sets.

Times are seconds after the start of the flow. A flow can be converted to JSON and back, so that it can be edited and
saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from proxyconf.vocabulary.messages import message as _

CALLER, CALLEE = "caller", "callee"
MAX_REQUESTS = 50
"""Maximum number of requests in a flow: it is a call, not a load test."""
_MAX_TEXT = 2048


@dataclass(frozen=True, slots=True)
class FlowParty:
    """A phone. ``contact_user`` is the user part of its Contact URI, to which later requests are sent."""

    user: str
    tag: str
    address: str = "192.0.2.10"
    port: int = 5060
    user_agent: str = ""
    contact_user: str = ""


@dataclass(frozen=True, slots=True)
class FlowReply:
    """A reply that reaches the proxy; ``reason`` defaults to the standard phrase of the code."""

    at: float
    code: int
    reason: str = ""
    to_tag: str = ""
    has_body: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Branch:
    """A destination of a request. ``uri`` is its request URI, empty for the caller's."""

    replies: tuple[FlowReply, ...] = ()
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Parallel branches. ``timeout_at`` is when those without a final reply time out."""

    branches: tuple[Branch, ...] = ()
    timeout_at: float = 30.0


@dataclass(frozen=True, slots=True)
class FlowLeg:
    """A virtual leg of a forwarded call. ``values`` holds further leg fields by name."""

    source: str
    destination: str
    type: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SipRequest:
    """A request with its replies.

    ``forwardings`` follow one another (serial forking). ``reply_by_proxy`` is a reply that the script sends without a
    transaction, such as a 407, instead of forwarding the request. ``variables`` are set by the script or a module while
    it handles this request (``$avp(account)``); ``legs`` are in the order in which the script adds them.
    """

    method: str
    at: float = 0.0
    sender: str = CALLER
    forwardings: tuple[Forwarding, ...] = ()
    reply_by_proxy: FlowReply | None = None
    to_tag: str = ""
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    legs: tuple[FlowLeg, ...] = ()
    reaches_proxy: bool = True


@dataclass(frozen=True, slots=True)
class Flow:
    """A call. ``dialog_expires_at`` is when the dialog expires, if it has not ended before."""

    name: str
    title: str
    requests: tuple[SipRequest, ...]
    caller: FlowParty = FlowParty("alice", "a1", "192.0.2.10", 5060, "Example Phone 1.0")
    callee: FlowParty = FlowParty("bob", "b1", "192.0.2.20", 5060, "Example Phone 2.0")
    domain: str = "example.com"
    call_id: str = "call-1@192.0.2.10"
    proxy_tag: str = "proxy-tag-1"
    proxy_address: str = "192.0.2.1"
    dialog_variables: Mapping[str, str] = field(default_factory=dict)
    dialog_expires_at: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data from which ``from_json`` builds an equal flow."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Build a flow from the data of ``to_json``; absent members take their defaults.

        Raise ``ValueError`` for an invalid value.
        """
        where = _("the flow")
        members = _object(data, where)
        requests = tuple(
            _request(item, f"requests[{number}]") for number, item in enumerate(_list(members, "requests", where))
        )
        if not requests:
            raise ValueError(_("the flow has no requests; it must have 1 to {maximum}", maximum=MAX_REQUESTS))
        texts = _texts(members, ("name", "title", "domain", "call_id", "proxy_tag", "proxy_address"), where)
        expires = members.get("dialog_expires_at")
        arguments: dict[str, Any] = {
            **texts,
            **{party: _party(members[party], party) for party in (CALLER, CALLEE) if party in members},
        }
        return cls(
            **{"name": "own", "title": "", **arguments},
            requests=requests,
            dialog_variables=_text_map(members, "dialog_variables", where),
            dialog_expires_at=None if expires is None else _number(expires, "dialog_expires_at"),
        )


def _request(data: Any, where: str) -> SipRequest:
    members = _object(data, where)
    sender = members.get("sender", CALLER)
    if sender not in (CALLER, CALLEE):
        raise ValueError(_("{where}: sender {sender!r} must be caller or callee", where=where, sender=sender))
    own = members.get("reply_by_proxy")
    texts = _texts(members, ("method", "to_tag"), where)
    if not texts.get("method"):
        raise ValueError(_("{where}: method is missing", where=where))
    return SipRequest(
        **texts,
        sender=sender,
        at=_number(members.get("at", 0), f"{where}.at"),
        forwardings=tuple(
            _forwarding(item, f"{where}.forwardings[{number}]")
            for number, item in enumerate(_list(members, "forwardings", where))
        ),
        reply_by_proxy=None if own is None else _reply(own, f"{where}.reply_by_proxy"),
        headers=_headers(members, where),
        variables=_text_map(members, "variables", where),
        legs=tuple(_leg(item, f"{where}.legs[{number}]") for number, item in enumerate(_list(members, "legs", where))),
        reaches_proxy=bool(members.get("reaches_proxy", True)),
    )


def _forwarding(data: Any, where: str) -> Forwarding:
    members = _object(data, where)
    branches = tuple(
        _branch(item, f"{where}.branches[{number}]") for number, item in enumerate(_list(members, "branches", where))
    )
    return Forwarding(branches, _number(members.get("timeout_at", 30), f"{where}.timeout_at"))


def _branch(data: Any, where: str) -> Branch:
    members = _object(data, where)
    replies = _list(members, "replies", where)
    uri = _texts(members, ("uri",), where).get("uri", "")
    return Branch(tuple(_reply(item, f"{where}.replies[{number}]") for number, item in enumerate(replies)), uri)


def _reply(data: Any, where: str) -> FlowReply:
    members = _object(data, where)
    code = members.get("code")
    if isinstance(code, bool) or not isinstance(code, int) or not 100 <= code <= 699:
        raise ValueError(_("{where}: code {code!r} must be a number from 100 to 699", where=where, code=code))
    return FlowReply(
        at=_number(members.get("at", 0), f"{where}.at"),
        code=code,
        has_body=bool(members.get("has_body", False)),
        headers=_text_map(members, "headers", where),
        **_texts(members, ("reason", "to_tag"), where),
    )


def _leg(data: Any, where: str) -> FlowLeg:
    members = _object(data, where)
    texts = _texts(members, ("source", "destination", "type"), where)
    return FlowLeg(
        texts.get("source", ""),
        texts.get("destination", ""),
        texts.get("type", ""),
        _text_map(members, "values", where),
    )


def _party(data: Any, where: str) -> FlowParty:
    members = _object(data, where)
    texts = _texts(members, ("user", "tag", "address", "user_agent", "contact_user"), where)
    if not texts.get("user") or not texts.get("tag"):
        raise ValueError(_("{where}: user and tag are required", where=where))
    return FlowParty(**texts, port=int(_number(members.get("port", 5060), f"{where}.port")))


def _headers(members: Mapping[str, Any], where: str) -> dict[str, tuple[str, ...]]:
    headers = _object(members.get("headers", {}), f"{where}.headers")
    return {
        str(name): tuple(
            _text(item, f"{where}.headers") for item in (value if isinstance(value, list | tuple) else [value])
        )
        for name, value in headers.items()
    }


def _object(data: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise ValueError(_("{where} must be a JSON object, not {type}", where=where, type=type(data).__name__))
    return data


def _list(members: Mapping[str, Any], name: str, where: str) -> list[Any]:
    value = members.get(name, [])
    if not isinstance(value, list | tuple):
        raise ValueError(_("{where}: {name} must be a JSON array", where=where, name=name))
    if len(value) > MAX_REQUESTS:
        raise ValueError(
            _("{where}: {name} has more than {maximum} items", where=where, name=name, maximum=MAX_REQUESTS)
        )
    return list(value)


def _texts(members: Mapping[str, Any], names: tuple[str, ...], where: str) -> dict[str, str]:
    return {name: _text(members[name], f"{where}.{name}") for name in names if name in members}


def _text_map(members: Mapping[str, Any], name: str, where: str) -> dict[str, str]:
    values = _object(members.get(name, {}), f"{where}.{name}")
    return {str(key): _text(value, f"{where}.{name}") for key, value in values.items()}


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise ValueError(_("{where} must be text of at most {maximum} characters", where=where, maximum=_MAX_TEXT))
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10_000_000:
        raise ValueError(_("{where} must be a number of seconds, not {value!r}", where=where, value=value))
    return float(value)
