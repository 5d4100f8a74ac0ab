"""Build the call record of one case."""

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
    """A call and its case.

    ``reporting`` are the events that its fields are read from. ``start`` answered it, ``same_start`` report that
    answer; ``stop`` ended it; ``final`` is the failure with which an unanswered call ended.
    """

    call: CallRecord
    case: Case
    reporting: list[Observed]
    answered: bool
    start: Observed | None = None
    same_start: Sequence[Observed] = ()
    stop: Observed | None = None
    final: Observed | None = None


def assemble(cluster: str, case: Case, policies: Mapping[str, Policy], now: datetime, *, forked: bool) -> Assembled:
    """Return the call that ``case`` describes."""
    for events in (case.side_events, case.inconclusive, case.cdrs):
        if len(events) > 1:
            events.sort(key=canonical)  # absorbed attempts and attached records were appended
    members = list(case.everything())
    answered = case.is_dialog or any(not is_failed_cdr(one.event) for one in case.cdrs)
    assembled = (
        _answered(cluster, case, members, policies, now) if answered else _unanswered(cluster, case, members, policies)
    )
    call, reporting = assembled.call, assembled.reporting
    _add_parties(call, reporting, members, policies)
    flags = {*call.flags, *(flag for one in reporting if one.event.flags for flag in one.event.flags)}
    if case.early:
        flags.add(Flag.EARLY_MEDIA)
    if forked:
        flags.add(Flag.FORKED)
    call.flags = tuple(sorted(flags))
    call.proxies = tuple(sorted({one.proxy for one in members}))
    call.backends = tuple(sorted({one.event.backend._value_ for one in members}))
    call.events = len(members)
    return assembled


def _answered(
    cluster: str, case: Case, members: Sequence[Observed], policies: Mapping[str, Policy], now: datetime
) -> Assembled:
    """Return the call of a dialog, whose START, STOP or both may be missing."""
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
        started_at=_first_sign_of_call(case, members, ending.answered_at),
        answered_at=ending.answered_at,
        ended_at=ending.ended_at,
        duration=ending.duration,
        duration_kind=ending.duration_kind,
        released_by=_released_by(case, ending, policies),
        sip_code=(reference.event.code or None) if reference else None,
        sip_reason=_reason([one for one in (*openings, *case.cdrs) if reference and _same_code(one, reference)]),
        attempts=attempts_of(case.failures, policies),
        stop_due_at=ending.stop_due_at,
    )
    call.flags = ending.flags
    if start is not None and not case.starts:
        call.flags += (Flag.ACK_START,)
    if case.caller_tag is None and case.is_dialog:
        call.flags += (Flag.DIRECTION_UNKNOWN,)
    same_start = same_answer(openings, start, case.early, policies) if start else []
    reporting = (
        [*same_start, *case.cdrs] or [*case.failures, *case.early] or [*case.alive, *case.stops, *case.inconclusive]
    )
    reporting += [ending.stop] if ending.stop is not None and not is_among(ending.stop, reporting) else []
    return Assembled(call, case, reporting, True, start, same_start, ending.stop)


def _unanswered(cluster: str, case: Case, members: Sequence[Observed], policies: Mapping[str, Policy]) -> Assembled:
    """Return the call of an attempt without a known answer."""
    final = _final(case.failures)
    failed_record = case.cdrs[0] if case.cdrs else None
    if case.cancels:
        outcome: Outcome | None = Outcome.CANCELLED
    elif final is not None:
        outcome = outcome_of(final.event.code)
    else:
        outcome = Outcome.FAILED if failed_record else None
    ended = final or (case.cancels[0] if case.cancels else failed_record)
    same_final = [
        one for one in case.failures if final and _same_code(one, final) and near(one.event.time, final.event.time)
    ]
    call = CallRecord(
        cluster=cluster,
        call_id=members[0].event.call_id,
        anchor=_anchor(case),
        from_tag=case.caller_tag or "",
        to_tag=next((one.event.to_tag for one in (*same_final, *case.early) if one.event.to_tag), ""),
        state=CallState.UNANSWERED if outcome else CallState.SETUP,
        outcome=outcome,
        started_at=_first_sign_of_call(case, members),
        ended_at=ended.event.time if ended else None,
        duration=timedelta(0) if outcome else None,
        duration_kind=DurationKind.MEASURED if outcome else DurationKind.UNKNOWN,
        released_by=ReleasedBy.CALLER if outcome is Outcome.CANCELLED else None,
        sip_code=final.event.code if final else None,
        sip_reason=_reason(same_final),
        attempts=attempts_of(case.failures, policies),
    )
    others = [one for one in (*case.failures, *case.cdrs, *case.early, *case.cancels) if not is_among(one, same_final)]
    return Assembled(call, case, [*same_final, *others], False, final=final)


def _first_sign_of_call(case: Case, members: Sequence[Observed], answered_at: datetime | None = None) -> datetime:
    """Return the time of the earliest event of the call; whatever happened before it is not recorded."""
    # A BYE before its START has the time of a wrong clock; a call never starts with it.
    setup = [*case.starts, *case.acks, *case.cdrs, *case.failures, *case.early, *case.cancels] or members
    created = [one.event.created_at for one in members if one.event.created_at]
    answered = [answered_at] if answered_at else []
    return min([*(one.event.time for one in certain(setup)), *created, *answered])


def attempts_of(failures: Sequence[Observed], policies: Mapping[str, Policy]) -> tuple[AttemptRecord, ...]:
    """Return the failed branches, each once, in the order they failed.

    Missed events describe branches. A failed event describes what was sent upstream; it counts as a branch only where
    no missed event was logged at all. Several backends report the same failure, and Kamailio reports it again when the
    failure route sets the missed flag but adds no branch: same code, same To tag, same moment.
    """
    missed = [observed for observed in failures if observed.event.kind is EventKind.MISSED]
    branches: list[list[Observed]] = []
    for observed in certain(missed or failures):
        branch = next((branch for branch in branches if _is_same_failure(observed, branch[0])), None)
        if branch is None:
            branches.append([observed])
        else:
            branch.append(observed)
    return tuple(_attempt(branch, failures, policies) for branch in branches)


def _is_same_failure(one: Observed, other: Observed) -> bool:
    return _same_code(one, other) and one.event.to_tag == other.event.to_tag and near(one.event.time, other.event.time)


def _attempt(branch: Sequence[Observed], failures: Sequence[Observed], policies: Mapping[str, Policy]) -> AttemptRecord:
    """Return the attempt that ``branch``, the events of one failure, describes."""
    first = branch[0].event
    reason = first.reason or _reason([one for one in failures if _same_code(one, branch[0])]) or ""
    legs, _ = legs_of(branch, policies)
    extra, gateway = extra_and_gateway(branch, policies)
    return AttemptRecord(first.code, reason, first.to_tag, first.time, gateway, extra, legs)


def _final(failures: Sequence[Observed]) -> Observed | None:
    """Return the event with the final response: the last one sent upstream, else that of the last branch.

    A challenge sorts before another failure of the same second, because the caller tried again.
    """
    upstream = [observed for observed in failures if observed.event.kind is EventKind.FAILED]
    candidates = (
        upstream
        or [observed for observed in failures if observed.event.kind is EventKind.MISSED]
        or list(failures)  # only accounted by hand
    )
    if not candidates:
        return None
    sure = certain(candidates)
    last = max(
        sure, key=lambda observed: (observed.event.time, observed.event.code not in CHALLENGES, canonical(observed))
    )
    same = [
        observed
        for observed in sure
        if _same_code(observed, last) and last.event.time - observed.event.time <= SAME_MOMENT
    ]
    return min(same, key=lambda observed: observed.event.precision)


def _add_parties(
    call: CallRecord, reporting: Sequence[Observed], members: Sequence[Observed], policies: Mapping[str, Policy]
) -> None:
    with_legs = [one for one in reporting if one.event.legs] or [one for one in members if one.event.legs]
    call.legs, mixed = legs_of(with_legs, policies)
    if mixed:
        call.flags = (*call.flags, Flag.LEGS_MIXED)
    call.caller, call.callee, call.source_ip, call.user_agent, call.extra = parties_of(
        [one for one in reporting if one.event.kind is not EventKind.BYE] or reporting, call.legs, policies
    )


def _tags(case: Case) -> tuple[str, str]:
    """Return the caller's and the callee's tag of a dialog; where the caller is unknown, as the first BYE has them."""
    if case.pair is None:
        return "", ""
    caller_tag = case.caller_tag
    if caller_tag is None:
        caller_tag = next(iter([*case.stops, *case.alive, *case.inconclusive])).event.from_tag
    first, second = case.pair
    return caller_tag, (second if caller_tag == first else first)


def _released_by(case: Case, ending: Ending, policies: Mapping[str, Policy]) -> ReleasedBy | None:
    """Return who sent the BYE; unknown with ``detect_direction``, which writes the tags of both directions alike."""
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
    # A record without tags is identified by its content. (Later, another backend's record of it may sort first.)
    return "cdr\x1f" + hashlib.blake2b(repr(canonical(case.cdrs[0])).encode(), digest_size=16).hexdigest()


def is_among(observed: Observed, others: Sequence[Observed]) -> bool:
    """Tell whether ``others`` hold this very event, not one that says the same."""
    return any(observed is other for other in others)


def _same_code(one: Observed, other: Observed) -> bool:
    return one.event.code == other.event.code


def _reason(events: Sequence[Observed]) -> str | None:
    """Return the first reason phrase; RADIUS and Diameter carry none."""
    return next((one.event.reason for one in events if one.event.reason), None)
