"""One case becomes one call record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from cdr.correlation.case import Case, is_failed_cdr
from cdr.correlation.endings import Ending, ending_of
from cdr.correlation.evidence import SAME_MOMENT, canonical, certain, near, pick_start, same_answer
from cdr.correlation.legs import legs_of
from cdr.correlation.outcome import CHALLENGES, outcome_of
from cdr.correlation.parties import extra_and_gateway, parties_of
from cdr.correlation.record import (
    AttemptRecord,
    CallRecord,
    CallState,
    DurationKind,
    Flag,
    Observed,
    Outcome,
    Policy,
    ReleasedBy,
)
from cdr.events import EventKind


class Assembled(NamedTuple):
    """A call with its case, and which of the case's events the call stands on.

    ``start`` answered it, and ``same_answer`` tell of that answer; ``stop`` ended it; ``final`` is the failure that an
    unanswered call ended with.
    """

    call: CallRecord
    case: Case
    answered: bool
    speakers: list[Observed]
    start: Observed | None = None
    same_answer: Sequence[Observed] = ()
    stop: Observed | None = None
    final: Observed | None = None


def assemble(cluster: str, case: Case, policies: Mapping[str, Policy], now: datetime, *, forked: bool) -> Assembled:
    """Return the call that ``case`` is; ``speakers`` are the events that speak for it."""
    for events in (case.notes, case.dead, case.cdrs):
        if len(events) > 1:
            events.sort(key=canonical)  # an absorbed attempt and tied records came behind
    members = list(case.everything())
    answered = case.is_dialog or any(not is_failed_cdr(one.event) for one in case.cdrs)
    assembled = (
        _answered(cluster, case, members, policies, now) if answered else _unanswered(cluster, case, members, policies)
    )
    call, speakers = assembled.call, assembled.speakers
    _add_parties(call, speakers, members, policies)
    flags = {*call.flags, *(flag for one in speakers if one.event.flags for flag in one.event.flags)}
    if case.early:
        flags.add(Flag.EARLY_MEDIA)
    if forked:
        flags.add(Flag.FORKED)
    call.flags = tuple(sorted(flags))
    call.proxies = tuple(sorted({one.proxy for one in members}))
    call.backends = tuple(sorted({one.event.backend.value for one in members}))
    call.events = len(members)
    return assembled


def _answered(
    cluster: str, case: Case, members: Sequence[Observed], policies: Mapping[str, Policy], now: datetime
) -> Assembled:
    """A dialog: START and STOP, or what there is of them."""
    openings = case.starts or case.acks
    start = pick_start(openings, case.early, policies)
    ending = ending_of(case, start, policies, now)
    reference = start or ending.record
    caller_tag, to_tag = _tags(case)
    call = CallRecord(
        cluster=cluster,
        call_id=members[0].event.call_id,
        anchor=_anchor(case),
        from_tag=caller_tag,
        to_tag=to_tag,
        state=ending.state,
        outcome=Outcome.ANSWERED,
        started_at=_begun(case, members, ending.answered_at),
        answered_at=ending.answered_at,
        ended_at=ending.ended_at,
        duration=ending.duration,
        duration_kind=ending.duration_kind,
        released_by=_released_by(case, ending, policies),
        sip_code=(reference.event.code or None) if reference else None,
        sip_reason=_reason([one for one in (*openings, *case.cdrs) if reference and _same_code(one, reference)]),
        attempts=attempts_of(case.tries, policies),
        stop_due_at=ending.stop_due_at,
    )
    call.flags = ending.flags
    if start is not None and not case.starts:
        call.flags += (Flag.ACK_START,)
    if case.caller_tag is None and case.is_dialog:
        call.flags += (Flag.DIRECTION_UNKNOWN,)
    told = same_answer(openings, start, case.early, policies) if start else []
    speakers = [*told, *case.cdrs] or [*case.tries, *case.early] or [*case.alive, *case.stops, *case.dead]
    speakers += [ending.stop] if ending.stop is not None and not is_among(ending.stop, speakers) else []
    return Assembled(call, case, True, speakers, start, told, ending.stop)


def _unanswered(cluster: str, case: Case, members: Sequence[Observed], policies: Mapping[str, Policy]) -> Assembled:
    """An attempt that nobody answered, as far as is known."""
    final = _final(case.tries)
    failed_record = case.cdrs[0] if case.cdrs else None
    if case.cancels:
        outcome: Outcome | None = Outcome.CANCELLED
    elif final is not None:
        outcome = outcome_of(final.event.code)
    else:
        outcome = Outcome.FAILED if failed_record else None
    ended = final or (case.cancels[0] if case.cancels else failed_record)
    told = [one for one in case.tries if final and _same_code(one, final) and near(one.event.time, final.event.time)]
    call = CallRecord(
        cluster=cluster,
        call_id=members[0].event.call_id,
        anchor=_anchor(case),
        from_tag=case.caller_tag or "",
        to_tag=next((one.event.to_tag for one in (*told, *case.early) if one.event.to_tag), ""),
        state=CallState.UNANSWERED if outcome else CallState.SETUP,
        outcome=outcome,
        started_at=_begun(case, members),
        ended_at=ended.event.time if ended else None,
        duration=timedelta(0) if outcome else None,
        duration_kind=DurationKind.MEASURED if outcome else DurationKind.UNKNOWN,
        released_by=ReleasedBy.CALLER if outcome is Outcome.CANCELLED else None,
        sip_code=final.event.code if final else None,
        sip_reason=_reason(told),
        attempts=attempts_of(case.tries, policies),
    )
    others = [one for one in (*case.tries, *case.cdrs, *case.early, *case.cancels) if not is_among(one, told)]
    return Assembled(call, case, False, [*told, *others], final=final)


def _begun(case: Case, members: Sequence[Observed], answered_at: datetime | None = None) -> datetime:
    """Return the time of the first sign of the call: what began before it is not known."""
    # A BYE before its START comes from a clock that is wrong; it begins no call.
    setup = [*case.starts, *case.acks, *case.cdrs, *case.tries, *case.early, *case.cancels] or members
    created = [one.event.created_at for one in members if one.event.created_at]
    answered = [answered_at] if answered_at else []
    return min([*(one.event.time for one in certain(setup)), *created, *answered])


def attempts_of(tries: Sequence[Observed], policies: Mapping[str, Policy]) -> tuple[AttemptRecord, ...]:
    """Return the failed branches, each once, in the order they failed.

    Missed events tell of branches. A failed event tells what went upstream: of a branch only where no missed event
    was logged at all. One failure is told by several backends, and again by Kamailio when the failure route arms the
    missed flag but adds no branch: same code, same To tag, same moment.
    """
    missed = [one for one in tries if one.event.kind is EventKind.MISSED]
    branches: list[list[Observed]] = []
    for one in certain(missed or tries):
        branch = next((branch for branch in branches if _is_same_failure(one, branch[0])), None)
        if branch is None:
            branches.append([one])
        else:
            branch.append(one)
    return tuple(_attempt(branch, tries, policies) for branch in branches)


def _is_same_failure(one: Observed, other: Observed) -> bool:
    return _same_code(one, other) and one.event.to_tag == other.event.to_tag and near(one.event.time, other.event.time)


def _attempt(branch: Sequence[Observed], tries: Sequence[Observed], policies: Mapping[str, Policy]) -> AttemptRecord:
    """Return the attempt that ``branch``, the events of one failure, tells of."""
    first = branch[0].event
    reason = first.reason or _reason([one for one in tries if _same_code(one, branch[0])]) or ""
    legs, _ = legs_of(branch, policies)
    extra, gateway = extra_and_gateway(branch, policies)
    return AttemptRecord(first.code, reason, first.to_tag, first.time, gateway, extra, legs)


def _final(tries: Sequence[Observed]) -> Observed | None:
    """Return the event that tells how the attempt ended: the last sent upstream, else the last branch's.

    A challenge sorts before another failure of the same second: the caller tried again.
    """
    upstream = [one for one in tries if one.event.kind is EventKind.FAILED]
    candidates = (
        upstream
        or [one for one in tries if one.event.kind is EventKind.MISSED]
        or list(tries)  # only accounted by hand
    )
    if not candidates:
        return None
    sure = certain(candidates)
    last = max(sure, key=lambda one: (one.event.time, one.event.code not in CHALLENGES, canonical(one)))
    same = [one for one in sure if _same_code(one, last) and last.event.time - one.event.time <= SAME_MOMENT]
    return min(same, key=lambda one: one.event.precision)


def _add_parties(
    call: CallRecord, speakers: Sequence[Observed], members: Sequence[Observed], policies: Mapping[str, Policy]
) -> None:
    leg_tellers = [one for one in speakers if one.event.legs] or [one for one in members if one.event.legs]
    call.legs, mixed = legs_of(leg_tellers, policies)
    if mixed:
        call.flags = (*call.flags, Flag.LEGS_MIXED)
    call.caller, call.callee, call.source_ip, call.user_agent, call.extra = parties_of(
        [one for one in speakers if one.event.kind is not EventKind.BYE] or speakers, call.legs, policies
    )


def _tags(case: Case) -> tuple[str, str]:
    """Return the caller's and the callee's tag of a dialog; where unknown who called, as the first BYE has them."""
    if case.pair is None:
        return "", ""
    caller_tag = case.caller_tag
    if caller_tag is None:
        caller_tag = next(iter([*case.stops, *case.alive, *case.dead])).event.from_tag
    one, other = case.pair
    return caller_tag, (other if caller_tag == one else one)


def _released_by(case: Case, ending: Ending, policies: Mapping[str, Policy]) -> ReleasedBy | None:
    """Return who sent the BYE; ``detect_direction`` hides it, for the proxy then writes the tags in one order."""
    if ending.stop is None:
        return ReleasedBy.UNKNOWN if ending.state is CallState.COMPLETED else None
    if case.caller_tag is None or policies[ending.stop.proxy].layout.detect_direction:
        return ReleasedBy.UNKNOWN
    return ReleasedBy.CALLER if ending.stop.event.from_tag == case.caller_tag else ReleasedBy.CALLEE


def _anchor(case: Case) -> str:
    if case.pair is not None:
        return "\x1f".join(("dialog", *case.pair))
    if case.caller_tag is not None:
        return f"attempt\x1f{case.caller_tag}"
    # A record that nothing names: its own content does. (Another backend's account of it may come to stand first.)
    return "cdr\x1f" + hashlib.blake2b(repr(canonical(case.cdrs[0])).encode(), digest_size=16).hexdigest()


def is_among(observed: Observed, others: Sequence[Observed]) -> bool:
    """Tell whether ``others`` hold this very event, not one that says the same."""
    return any(observed is other for other in others)


def _same_code(one: Observed, other: Observed) -> bool:
    return one.event.code == other.event.code


def _reason(told: Sequence[Observed]) -> str | None:
    """Return the first reason phrase; RADIUS and Diameter carry none."""
    return next((one.event.reason for one in told if one.event.reason), None)
