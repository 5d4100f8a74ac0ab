"""What a user may see of calls: those of the visible proxies, with numbers in full or masked.

Pages, API and exports ask here for calls and for what belongs to them, and show what they are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.db.models import Q, QuerySet

from cdr.models import Attempt, Call, Event, Leg
from proxyconf.models.reach import within_reach

MASK = "•"
_MOST_KEPT = 5
_KEPT_OF_DIGITS = 3
_NUMBER = re.compile(r"\d{5,}")
_MASKED_CHANGES = ("caller", "callee", "extra", "legs")
_WRITTEN_CHANGES = ("attempts", "settlement", "sip_reason", "user_agent")
_TIMES = ("ended_at", "time")


@dataclass(frozen=True, slots=True)
class Visibility:
    """``proxies``: the names of the visible ones (``None``: all). ``numbers``: whether numbers are shown in full."""

    proxies: frozenset[str] | None = None
    numbers: bool = True

    @classmethod
    def of(cls, user: AbstractBaseUser | AnonymousUser) -> Visibility:
        may = isinstance(user, (PermissionsMixin, AnonymousUser)) and user.has_perm("cdr.view_numbers")
        return cls(within_reach(user), may)

    def calls(self) -> QuerySet[Call]:
        """Return the visible calls: those in which at least one of the proxies took part."""
        return Call.objects.all() if self.proxies is None else Call.objects.filter(self.of_proxies("proxies"))

    def of_proxies(self, field: str) -> Q:
        """Return the condition that a ``WordsField`` contains a visible proxy."""
        if self.proxies is None:
            return Q()
        condition = Q(pk__in=())
        for name in sorted(self.proxies):
            condition |= Q(**{f"{field}__contains": f" {name} "})
        return condition

    def shown(self, calls: Iterable[Call]) -> list[Call]:
        """Return ``calls`` as they may be shown; legs and attempts that were prefetched are masked with them, and
        settlements that were looked up. Of the proxies they name those within reach.

        The objects are changed in place, and must not be searched by afterwards.
        """
        found = list(calls)
        if self.proxies is not None:
            for call in found:
                call.proxies = self._within(call.proxies)  # type: ignore[assignment]  # of a WordsField
        if not self.numbers:
            for call in found:
                names = _names(call)
                prefetched = getattr(call, "_prefetched_objects_cache", {})
                for leg in prefetched.get("legs", ()):
                    _mask_leg(leg, names)
                for attempt in prefetched.get("attempts", ()):
                    _mask_attempt(attempt, names)
                if settled := call.__dict__.get("settlement"):
                    settled.reason = masked_text(settled.reason, names)
                call.sip_reason = call.sip_reason and masked_text(call.sip_reason, names)
                call.user_agent = call.user_agent and masked_text(call.user_agent, names)
                call.extra = {label: masked_text(text, names) for label, text in call.extra.items()}
                call.caller, call.callee = masked(call.caller), masked(call.callee)
        return found

    def legs(self, call: Call) -> list[Leg]:
        """Return the legs of ``call`` (not masked yet) as they may be shown."""
        legs = list(call.legs.all())
        if not self.numbers:
            for leg in legs:
                _mask_leg(leg, _names(call))
        return legs

    def attempts(self, call: Call) -> list[Attempt]:
        """Return the attempts of ``call`` (not masked yet) as they may be shown."""
        attempts = list(call.attempts.all())
        if not self.numbers:
            for attempt in attempts:
                _mask_attempt(attempt, _names(call))
        return attempts

    def text(self, call: Call, text: str) -> str:
        """Return a text about ``call`` (not masked yet) from a proxy or a user as it may be shown."""
        return text if self.numbers else masked_text(text, _names(call))

    def reaches(self, proxy: str) -> bool:
        """Tell whether the proxy is visible."""
        return self.proxies is None or proxy in self.proxies

    def events(self, call: Call, events: Iterable[Event]) -> list[Event]:
        """Return events of ``call`` (not masked yet) as they may be shown; masked ones have no raw input."""
        found = list(events)
        if not self.numbers:
            names = _names(call)
            for event in found:
                event.raw = b""
                event.reason = masked_text(event.reason, names)
                event.extra = [[label, masked_text(text, names)] for label, text in event.extra]
                event.legs = [[[label, masked_text(text, names)] for label, text in leg] for leg in event.legs]
        return found

    def changes(self, call: Call, changes: dict[str, Any]) -> dict[str, Any]:
        """Return the changes of a revision of ``call`` as they may be shown."""
        if "proxies" in changes:
            changes = changes | {"proxies": [self._within(names) for names in changes["proxies"]]}
        if self.numbers:
            return changes
        return {name: _masked_change(name, pair, _names(call)) for name, pair in changes.items()}

    def _within(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self.reaches(name)]


def masked(party: str | None) -> str | None:
    """Return a number or name of a party with all but its beginning masked; its domain is kept.

    >>> masked("+493012345678@example.net")
    '+4930••••••••@example.net'
    """
    if not party:
        return party
    user, at, domain = party.partition("@")
    kept = min(_MOST_KEPT, max(1, len(user) // 2))
    return user[:kept] + MASK * (len(user) - kept) + at + domain


def masked_text(text: str, names: Iterable[str] = ()) -> str:
    """Return ``text`` with the parties' ``names`` and every long number in it masked."""
    for name in names:
        text = text.replace(name, masked(name) or "")
    return _NUMBER.sub(lambda found: found[0][:_KEPT_OF_DIGITS] + MASK * (len(found[0]) - _KEPT_OF_DIGITS), text)


def _names(call: Call) -> list[str]:
    """Return the parties of a call, the longest first: one may be part of another."""
    return sorted({name for name in (call.caller, call.callee) if name}, key=len, reverse=True)


def _mask_leg(leg: Leg, names: Iterable[str]) -> None:
    leg.source, leg.destination = masked(leg.source), masked(leg.destination)
    leg.values = {label: masked_text(text, names) for label, text in leg.values.items()}


def _mask_attempt(attempt: Attempt, names: Iterable[str]) -> None:
    attempt.reason = masked_text(attempt.reason, names)
    attempt.gateway = attempt.gateway and masked_text(attempt.gateway, names)
    attempt.extra = {label: masked_text(text, names) for label, text in attempt.extra.items()}
    attempt.legs = _masked_values(attempt.legs, names)


def _masked_change(field: str, pair: Any, names: Iterable[str]) -> Any:
    if field in _MASKED_CHANGES:
        return _masked_values(pair, names)
    return _masked_writing(pair, names) if field in _WRITTEN_CHANGES else pair


def _masked_writing(value: Any, names: Iterable[str]) -> Any:
    """Return a JSON value with the numbers in its texts masked, except times."""
    if isinstance(value, str):
        return masked_text(value, names)
    if isinstance(value, list):
        return [_masked_writing(one, names) for one in value]
    if isinstance(value, dict):
        return {
            name: one
            if name in _TIMES
            else _masked_values(one, names)
            if name in _MASKED_CHANGES
            else _masked_writing(one, names)
            for name, one in value.items()
        }
    return value


def _masked_values(value: Any, names: Iterable[str]) -> Any:
    """Return a JSON value with every text in it masked."""
    if isinstance(value, str):
        text = masked_text(value, names)
        return masked(value) if text == value else text
    if isinstance(value, list):
        return [_masked_values(one, names) for one in value]
    if isinstance(value, dict):
        return {label: _masked_values(one, names) for label, one in value.items()}
    return value
