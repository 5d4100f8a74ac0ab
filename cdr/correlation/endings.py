"""Work out when a dialog was answered and ended, and how certain that is. A duration is never invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cdr.correlation.case import Case
from cdr.correlation.evidence import LONGEST_REPLY, certain, near, pick, resolution, shares_early_time
from cdr.correlation.record import CallState, DurationKind, Flag, Observed, Policy


@dataclass(slots=True)
class Ending:
    """State, times and duration of a dialog. ``stop`` and ``record`` are the BYE and the proxy's own record used."""

    state: CallState
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration: timedelta | None = None
    duration_kind: DurationKind = DurationKind.UNKNOWN
    stop: Observed | None = None
    record: Observed | None = None
    stop_due_at: datetime | None = None
    flags: tuple[Flag, ...] = ()


def ending_of(case: Case, start: Observed | None, policies: Mapping[str, Policy], now: datetime) -> Ending:
    """Return the ending of a dialog as of ``now``; ``start`` is the event that answered it, if known."""
    stop = pick(case.stops)
    record = _best_record(case.cdrs, stop, policies)
    flags = [Flag.DUPLICATE_STOP] if _stops_repeat(case.stops) else []
    if record is not None:
        ending = _from_record(case, record, start, stop, policies)
    elif start is not None and stop is not None:
        ending = _measured(start, stop)
    elif start is not None:
        ending = _without_stop(case, start, policies, now)
    else:
        ending = _without_start(case, stop)
    ending.stop, ending.record = stop, record
    if start is not None and stop is not None and _is_late(case, start, stop, policies):
        flags.append(Flag.LATE_STOP)
    if _includes_ringing(case, ending, start, policies):
        flags.append(Flag.RINGING_INCLUDED)
        if ending.duration_kind is DurationKind.MEASURED:
            ending.duration_kind = DurationKind.AT_MOST
    ending.flags = (*ending.flags, *flags)
    return ending


def _measured(start: Observed, stop: Observed) -> Ending:
    """Measure from START to STOP; a STOP before START within the clocks' resolution is 0 s, otherwise clock skew."""
    duration = stop.event.time - start.event.time
    ending = Ending(CallState.COMPLETED, start.event.time, stop.event.time)
    if duration >= timedelta(0):
        ending.duration, ending.duration_kind = duration, DurationKind.MEASURED
    elif -duration < resolution(start, stop):
        ending.duration, ending.duration_kind = timedelta(0), DurationKind.MEASURED
    else:
        ending.flags = (Flag.CLOCK_SKEW,)
    return ending


def _from_record(
    case: Case, record: Observed, start: Observed | None, stop: Observed | None, policies: Mapping[str, Policy]
) -> Ending:
    """Take the times from the proxy's own record of the dialog, where they are more precise than START and STOP.

    Kamailio's record starts with the INVITE unless ``cdr_start_on_confirmed`` is set. Such a record gives the end, but
    the duration only where there is no START.
    """
    event = record.event
    from_answer = _counts_from_answer(record, policies)
    length = timedelta(microseconds=event.duration_us) if event.duration_us is not None else None
    end = event.ended_at
    if stop is not None and (end is None or not _ends_as_stop(end, record, stop)):
        end, length = stop.event.time, None
        if not from_answer and start is None:
            length = max(end - event.time, timedelta(0))
        elif start is None and end >= event.time:
            length = end - event.time
    ending = Ending(
        CallState.COMPLETED, None, end, length, DurationKind.MEASURED if length is not None else DurationKind.UNKNOWN
    )
    if start is None:
        if from_answer:
            ending.answered_at = event.time
        elif length is not None:
            ending.duration_kind, ending.flags = DurationKind.AT_MOST, (Flag.RINGING_INCLUDED,)
        return ending
    is_same_answer = from_answer and near(event.time, start.event.time)
    if event.time != start.event.time and shares_early_time(record, case.early, policies):
        is_same_answer = False
    ending.answered_at = event.time if is_same_answer and _is_finer(record, start) else start.event.time
    if not (is_same_answer and length is not None):
        between = None if end is None else end - ending.answered_at
        if between is None or between < -resolution(record, start):
            ending.duration, ending.duration_kind = None, DurationKind.UNKNOWN
            ending.flags = (Flag.CLOCK_SKEW,) if between is not None else ()
        else:
            ending.duration, ending.duration_kind = max(between, timedelta(0)), DurationKind.MEASURED
    return ending


def _ends_as_stop(end: datetime, record: Observed, stop: Observed) -> bool:
    """Tell whether a record's end is the arrival of the BYE, and more precise than the BYE's event.

    The event is written when the BYE's response leaves, seconds later if it timed out. A later end is an expiry.
    """
    if near(end, stop.event.time):
        return _is_finer(record, stop)
    return end < stop.event.time <= end + LONGEST_REPLY


def _without_stop(case: Case, start: Observed, policies: Mapping[str, Policy], now: datetime) -> Ending:
    """Return the ending without a STOP: ongoing until the last sign of life is older than the longest plausible call.

    The call lasted at least until its last sign of life. The START may be later than its truncated time, by up to its
    resolution.
    """
    last = max((one.event.time for one in certain(_signs_of_life(case))), default=start.event.time)
    due = last + _max_call(case, policies)
    ending = Ending(CallState.ONGOING, start.event.time, stop_due_at=due)
    if now > due:
        ending.state, ending.stop_due_at = CallState.STOP_MISSING, None
    least = last - start.event.time - resolution(start)
    if least > timedelta(0):
        ending.duration, ending.duration_kind = least, DurationKind.AT_LEAST
    return ending


def _without_start(case: Case, stop: Observed | None) -> Ending:
    """Return the ending without a START: the answer came after any earlier event and before any later one."""
    ending = Ending(CallState.START_MISSING, ended_at=stop.event.time if stop else None)
    if stop is None:
        return ending
    before = [one for one in (*case.early, *case.failures) if one.event.time <= stop.event.time]
    if before:
        ending.duration = stop.event.time + resolution(stop) - max(one.event.time for one in before)
        ending.duration_kind = DurationKind.AT_MOST
    elif case.alive:
        first = case.alive[0]
        least = stop.event.time - first.event.time - resolution(first)
        if least > timedelta(0):
            ending.duration, ending.duration_kind = least, DurationKind.AT_LEAST
    return ending


def _signs_of_life(case: Case) -> list[Observed]:
    return [*case.starts, *case.acks, *case.alive]


def _max_call(case: Case, policies: Mapping[str, Policy]) -> timedelta:
    """Return the longest plausible call of the proxies that saw the dialog."""
    return max(policies[one.proxy].max_call for one in (*case.starts, *case.acks))


def _is_late(case: Case, start: Observed, stop: Observed, policies: Mapping[str, Policy]) -> bool:
    before = [one.event.time for one in certain(_signs_of_life(case)) if one.event.time <= stop.event.time]
    return stop.event.time - max(before, default=start.event.time) > _max_call(case, policies)


def _stops_repeat(stops: Sequence[Observed]) -> bool:
    """Tell whether one backend of a proxy reports several BYEs (SQL rows that differ only in their legs are one)."""
    if len({(observed.proxy, observed.event.backend) for observed in stops}) == len(stops):
        return False
    contents: dict[tuple[str, str], set[tuple[object, ...]]] = {}
    for observed in stops:
        event = observed.event
        content = (event.from_tag, event.code, event.reason, event.time, event.extra)
        contents.setdefault((observed.proxy, event.backend), set()).add(content)
    return any(len(content) > 1 for content in contents.values())


def _includes_ringing(case: Case, ending: Ending, start: Observed | None, policies: Mapping[str, Policy]) -> bool:
    """Tell whether the time of the answer, from the START or the proxy's record, may be that of early media."""
    answer = start or ending.record
    return (
        answer is not None
        and answer.event.time == ending.answered_at
        and shares_early_time(answer, case.early, policies)
    )


def _counts_from_answer(record: Observed, policies: Mapping[str, Policy]) -> bool:
    """Tell whether a dialog record starts with the answer: always in OpenSIPS, whose records carry the 2xx code."""
    return 200 <= record.event.code < 300 or policies[record.proxy].layout.cdr.start_on_confirmed


def _best_record(cdrs: Sequence[Observed], stop: Observed | None, policies: Mapping[str, Policy]) -> Observed | None:
    """Return the record to use: that of the node which received the BYE; on other nodes the dialog expired."""
    if not cdrs:
        return None
    earliest = min(map(_end_of, cdrs))

    def is_expiry(one: Observed) -> bool:
        end = _end_of(one)
        if stop is None:
            return not near(end, earliest)
        return not (near(end, stop.event.time) or end < stop.event.time <= end + LONGEST_REPLY)

    return min(
        certain(cdrs), key=lambda one: (is_expiry(one), not _counts_from_answer(one, policies), one.event.precision)
    )


def _end_of(record: Observed) -> datetime:
    return record.event.ended_at or record.event.time


def _is_finer(observed: Observed, other: Observed) -> bool:
    return observed.event.precision < other.event.precision
