"""What the acc module sees: one accounted event, before any backend writes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from proxyconf.simulate.flow import SipRequest
from proxyconf.vocabulary.layout import Backend


class SimulatedKind(StrEnum):
    ANSWERED = "answered"  # the proxies' word: also of failed calls
    MISSED = "missed"
    ACKNOWLEDGED = "acknowledged"
    CALL_ENDED = "call ended"  # record of a whole dialog in OpenSIPS
    DIALOG = "dialog"  # record of a whole dialog in Kamailio


@dataclass(frozen=True, slots=True)
class AccountedEvent:
    """One event. Times are seconds after the start of the flow.

    ``at`` is when it happens; ``stamp`` the time that is written. ``created_at`` and ``started_at`` are those of a
    dialog that OpenSIPS or Kamailio keeps a record of. ``branch_uri`` is the request URI while extras are evaluated.
    ``is_tag_made``: the proxy made the To tag for a failure of its own, which RADIUS leaves out.
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
        """Return the event with the time that is written."""
        return replace(self, stamp=seconds)
