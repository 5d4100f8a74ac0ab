"""Caller, callee, source address and User-Agent of a call, from its extra fields and the roles of their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cdr.correlation.record import LegRecord, Observed, Policy
from cdr.events import Pairs
from proxyconf.vocabulary.layout import Role


class Parties(NamedTuple):
    caller: str | None
    callee: str | None
    source_ip: str | None
    user_agent: str | None
    extra: Pairs


def parties_of(events: Sequence[Observed], legs: Sequence[LegRecord], policies: Mapping[str, Policy]) -> Parties:
    """Return the parties that ``events`` (in canonical order) name.

    Backends may log different labels: all are included, each with its first non-empty value. Where no label has the
    role of caller or callee, they are taken from the first leg.
    """
    extra, by_role = _fields_of(events, policies)
    first_leg = legs[0] if legs else None
    return Parties(
        caller=_user(by_role, Role.CALLER) or (first_leg and first_leg.source) or None,
        callee=_user(by_role, Role.CALLEE) or (first_leg and first_leg.destination) or None,
        source_ip=by_role.get(Role.SOURCE_IP),
        user_agent=by_role.get(Role.USER_AGENT),
        extra=extra,
    )


def _user(by_role: Mapping[Role, str], role: Role) -> str | None:
    text = by_role.get(role)
    return text and user_of(text)


def user_of(party: str) -> str:
    """Return the user part of a SIP or tel URI (RFC 3261 section 19.1, RFC 3966); any other text as it is.

    >>> user_of("sip:bob@example.com;user=phone")
    'bob'
    """
    scheme, colon, rest = party.partition(":")
    if not colon or scheme.lower() not in ("sip", "sips", "tel"):
        return party
    user, at, _ = rest.partition("@")
    if scheme.lower() != "tel" and not at:
        return party
    return user.partition(";")[0].partition(":")[0] or party


def extra_and_gateway(events: Sequence[Observed], policies: Mapping[str, Policy]) -> tuple[Pairs, str | None]:
    """Return the extra fields of ``events`` (reports of one thing, in canonical order) and the gateway they name."""
    extra, by_role = _fields_of(events, policies)
    return extra, by_role.get(Role.GATEWAY)


def _fields_of(events: Sequence[Observed], policies: Mapping[str, Policy]) -> tuple[Pairs, dict[Role, str]]:
    """Return every label with its first value, and the first value of each role."""
    extra: dict[str, str] = {}
    by_role: dict[Role, str] = {}
    last: tuple[str, Pairs] | None = None
    for observed in events:
        fields = observed.proxy, observed.event.extra
        if fields == last:  # parallel outputs usually log the same
            continue
        last = fields
        roles = policies[observed.proxy].roles
        for label, text in observed.event.extra:
            if not extra.get(label):
                extra[label] = text
            if text and (role := roles[label]) is not None and role not in by_role:
                by_role[role] = text
    return tuple(extra.items()), by_role
