"""Fast path: build the call of exactly one START and one STOP that came through one backend.

Most calls are like that, and correlation spends its time here. The record is the one that ``assemble`` would build; a
test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from cdr.correlation.parties import Parties, parties_of
from cdr.correlation.record import CallRecord, CallState, DurationKind, Observed, Outcome, Policy, ReleasedBy
from cdr.events import EventKind

_ZERO = timedelta(0)
_NO_PARTIES = Parties(None, None, None, None, ())


def clean_call(first: Observed, second: Observed, policies: Mapping[str, Policy]) -> CallRecord | None:
    """Return the call of two events that are such a START and STOP, in either order, else ``None``."""
    if first.event.kind is EventKind.BYE:
        first, second = second, first
    start, stop = first.event, second.event
    if (
        start.kind is not EventKind.ANSWERED
        or stop.kind is not EventKind.BYE
        or start.method != "INVITE"
        or first.proxy != second.proxy
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
    policy = policies[first.proxy]
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
    lesser_tag, greater_tag = sorted((start.from_tag, start.to_tag))
    parties = parties_of((first,), (), policies) if start.extra else _NO_PARTIES
    return CallRecord(
        cluster=policy.cluster,
        call_id=start.call_id,
        anchor=f"dialog\x1f{lesser_tag}\x1f{greater_tag}",
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
        proxies=(first.proxy,),
        backends=(start.backend.value,),
        events=2,
    )
