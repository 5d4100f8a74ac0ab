"""A call flow as data: what the phones send and answer, and what the script puts into variables.

Times are seconds after the start of the flow. Everything can be written as JSON and read back, so flows can be edited
and saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

CALLER, CALLEE = "caller", "callee"
MAX_REQUESTS = 50
"""More requests than this are refused: a flow is a call, not a load test."""
_MAX_TEXT = 2048


@dataclass(frozen=True, slots=True)
class FlowParty:
    """A phone. ``contact_user`` is the user part of its Contact, which is the request URI of later requests to it."""

    user: str
    tag: str
    address: str = "192.0.2.10"
    port: int = 5060
    user_agent: str = ""
    contact_user: str = ""


@dataclass(frozen=True, slots=True)
class FlowReply:
    """A reply that reaches the proxy; without ``reason`` it has the standard phrase of its code."""

    at: float
    code: int
    reason: str = ""
    to_tag: str = ""
    has_body: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Branch:
    """One destination that a request is sent to. ``uri`` is the request URI there; empty: as the caller sent it."""

    replies: tuple[FlowReply, ...] = ()
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Branches that ring at the same time. ``timeout_at``: when the proxy gives up those without a final reply."""

    branches: tuple[Branch, ...] = ()
    timeout_at: float = 30.0


@dataclass(frozen=True, slots=True)
class FlowLeg:
    """One virtual leg of a forwarded call. ``values`` holds further leg fields by their name."""

    source: str
    destination: str
    type: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SipRequest:
    """A request with all replies to it.

    ``forwardings`` follow one another (serial forking). ``reply_by_proxy`` is a reply that the script sends without a
    transaction, such as a 407: the request goes no further. ``variables`` are values that the script or a module sets
    while it handles this request (``$avp(account)``); ``legs`` are in the order in which the script adds them.
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
    """A call. ``dialog_expires_at``: when the dialog module gives the call up, if it is still tracked then."""

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
        """Return plain JSON data that ``from_json`` reads back to an equal flow."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Read what ``to_json`` wrote; absent members take their defaults. Raise ``ValueError`` for a wrong value."""
        members = _object(data, "the flow")
        requests = tuple(
            _request(one, f"requests[{number}]") for number, one in enumerate(_list(members, "requests", "the flow"))
        )
        if not requests or len(requests) > MAX_REQUESTS:
            raise ValueError(f"the flow has {len(requests)} requests; it must have 1 to {MAX_REQUESTS}")
        texts = _texts(members, ("name", "title", "domain", "call_id", "proxy_tag", "proxy_address"), "the flow")
        expires = members.get("dialog_expires_at")
        own: dict[str, Any] = {
            **texts,
            **{one: _party(members[one], one) for one in (CALLER, CALLEE) if one in members},
        }
        return cls(
            **{"name": "own", "title": "", **own},
            requests=requests,
            dialog_variables=_text_map(members, "dialog_variables", "the flow"),
            dialog_expires_at=None if expires is None else _number(expires, "dialog_expires_at"),
        )


def _request(data: Any, where: str) -> SipRequest:
    members = _object(data, where)
    sender = members.get("sender", CALLER)
    if sender not in (CALLER, CALLEE):
        raise ValueError(f"{where}: sender {sender!r} must be {CALLER} or {CALLEE}")
    own = members.get("reply_by_proxy")
    texts = _texts(members, ("method", "to_tag"), where)
    if not texts.get("method"):
        raise ValueError(f"{where}: method is missing")
    return SipRequest(
        **texts,
        sender=sender,
        at=_number(members.get("at", 0), f"{where}.at"),
        forwardings=tuple(
            _forwarding(one, f"{where}.forwardings[{number}]")
            for number, one in enumerate(_list(members, "forwardings", where))
        ),
        reply_by_proxy=None if own is None else _reply(own, f"{where}.reply_by_proxy"),
        headers=_headers(members, where),
        variables=_text_map(members, "variables", where),
        legs=tuple(_leg(one, f"{where}.legs[{number}]") for number, one in enumerate(_list(members, "legs", where))),
        reaches_proxy=bool(members.get("reaches_proxy", True)),
    )


def _forwarding(data: Any, where: str) -> Forwarding:
    members = _object(data, where)
    branches = tuple(
        _branch(one, f"{where}.branches[{number}]") for number, one in enumerate(_list(members, "branches", where))
    )
    return Forwarding(branches, _number(members.get("timeout_at", 30), f"{where}.timeout_at"))


def _branch(data: Any, where: str) -> Branch:
    members = _object(data, where)
    replies = _list(members, "replies", where)
    uri = _texts(members, ("uri",), where).get("uri", "")
    return Branch(tuple(_reply(one, f"{where}.replies[{number}]") for number, one in enumerate(replies)), uri)


def _reply(data: Any, where: str) -> FlowReply:
    members = _object(data, where)
    code = members.get("code")
    if isinstance(code, bool) or not isinstance(code, int) or not 100 <= code <= 699:
        raise ValueError(f"{where}: code {code!r} must be a number from 100 to 699")
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
        raise ValueError(f"{where}: user and tag are needed")
    return FlowParty(**texts, port=int(_number(members.get("port", 5060), f"{where}.port")))


def _headers(members: Mapping[str, Any], where: str) -> dict[str, tuple[str, ...]]:
    headers = _object(members.get("headers", {}), f"{where}.headers")
    return {
        str(name): tuple(
            _text(one, f"{where}.headers") for one in (value if isinstance(value, list | tuple) else [value])
        )
        for name, value in headers.items()
    }


def _object(data: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise ValueError(f"{where} must be a JSON object, not {type(data).__name__}")
    return data


def _list(members: Mapping[str, Any], name: str, where: str) -> list[Any]:
    value = members.get(name, [])
    if not isinstance(value, list | tuple):
        raise ValueError(f"{where}: {name} must be a JSON array")
    if len(value) > MAX_REQUESTS:
        raise ValueError(f"{where}: {name} has more than {MAX_REQUESTS} items")
    return list(value)


def _texts(members: Mapping[str, Any], names: tuple[str, ...], where: str) -> dict[str, str]:
    return {name: _text(members[name], f"{where}.{name}") for name in names if name in members}


def _text_map(members: Mapping[str, Any], name: str, where: str) -> dict[str, str]:
    values = _object(members.get(name, {}), f"{where}.{name}")
    return {str(key): _text(value, f"{where}.{name}") for key, value in values.items()}


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise ValueError(f"{where} must be text of at most {_MAX_TEXT} characters")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10_000_000:
        raise ValueError(f"{where} must be a number of seconds, not {value!r}")
    return float(value)
