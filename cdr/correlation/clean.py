"""The way of the many: an answered call of one START and one STOP through one backend, with nothing special about it.

Correlation spends its time here, so this makes the record that ``assemble`` would make, without the general machinery;
a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from cdr.correlation.parties import Parties, parties_of
from cdr.correlation.record import CallRecord, CallState, DurationKind, Observed, Outcome, Policy, ReleasedBy
from cdr.events import EventKind

_ZERO = timedelta(0)
_NO_PARTIES = Parties(None, None, None, None, ())


def clean_call(one: Observed, other: Observed, policies: Mapping[str, Policy]) -> CallRecord | None:
    """Return the call of two events if they are such a START and STOP in either order, else ``None``."""
    if one.event.kind is EventKind.BYE:
        one, other = other, one
    start, stop = one.event, other.event
    if (
        start.kind is not EventKind.ANSWERED
        or stop.kind is not EventKind.BYE
        or start.method != "INVITE"
        or one.proxy != other.proxy
        or start.backend is not stop.backend
        or start.call_id != stop.call_id
        or not start.call_id
        or start.legs
        or stop.legs
        or start.flags
        or stop.flags
        or start.created_at
        or stop.created_at
        or not start.from_tag
        or not start.to_tag
        or start.from_tag == start.to_tag
    ):
        return None
    duration = stop.time - start.time
    policy = policies[one.proxy]
    if not _ZERO <= duration <= policy.max_call:
        return None
    if stop.from_tag == start.from_tag and stop.to_tag == start.to_tag:
        released_by = ReleasedBy.CALLER
    elif stop.from_tag == start.to_tag and stop.to_tag == start.from_tag:
        released_by = ReleasedBy.CALLEE
    else:
        return None
    if policy.layout.detect_direction:
        released_by = ReleasedBy.UNKNOWN
    first, second = sorted((start.from_tag, start.to_tag))
    parties = parties_of((one,), (), policies) if start.extra else _NO_PARTIES
    return CallRecord(
        cluster=policy.cluster,
        call_id=start.call_id,
        anchor=f"dialog\x1f{first}\x1f{second}",
        from_tag=start.from_tag,
        to_tag=start.to_tag,
        state=CallState.COMPLETED,
        outcome=Outcome.ANSWERED,
        started_at=start.time,
        answered_at=start.time,
        ended_at=stop.time,
        duration=duration,
        duration_kind=DurationKind.MEASURED,
        released_by=released_by,
        sip_code=start.code,
        sip_reason=start.reason or None,
        caller=parties.caller,
        callee=parties.callee,
        source_ip=parties.source_ip,
        user_agent=parties.user_agent,
        extra=parties.extra,
        proxies=(one.proxy,),
        backends=(start.backend.value,),
        events=2,
    )
