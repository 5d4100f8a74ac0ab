"""An accounted event, before any backend writes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from proxyconf.simulate.flow import SipRequest
from proxyconf.vocabulary.layout import Backend


class SimulatedKind(StrEnum):
    ANSWERED = "answered"  # the proxies' own term, also for failed calls
    MISSED = "missed"
    ACKNOWLEDGED = "acknowledged"
    CALL_ENDED = "call ended"  # dialog CDR of OpenSIPS
    DIALOG = "dialog"  # dialog CDR of Kamailio


@dataclass(frozen=True, slots=True)
class AccountedEvent:
    """An accounted event. Times are seconds after the start of the flow.

    ``at`` is when it happens; ``stamp`` the time that is written. ``created_at`` and ``started_at`` are those of the
    dialog of a dialog CDR. ``branch_uri`` is the request URI while extras are evaluated. ``is_tag_made``: the proxy
    generated the To tag for a local failure; RADIUS omits it.
    """

    kind: SimulatedKind
    request: SipRequest
    at: float
    from_tag: str
    to_tag: str
    code: int
    reason: str
    backends: frozenset[Backend]
    branch_uri: str = ""
    stamp: float = 0.0
    created_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    is_of_timer: bool = False
    is_tag_made: bool = False

    @property
    def method(self) -> str:
        return self.request.method

    def stamped(self, seconds: float) -> Self:
        return replace(self, stamp=seconds)
