"""When a dialog was answered and ended, and how well that is known. A duration is never invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cdr.correlation.case import Case
from cdr.correlation.evidence import LONGEST_REPLY, certain, near, pick, resolution, shares_early_time
from cdr.correlation.record import CallState, DurationKind, Flag, Observed, Policy


@dataclass(slots=True)
class Ending:
    """How a dialog stands. ``record`` is the proxy's own record that counts, ``stop`` the BYE that does."""

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
    """Return how the dialog stands at ``now``; ``start`` is the event that answered it, if known."""
    stop = pick(case.stops)
    record = _best_record(case.cdrs, stop, policies)
    flags = [Flag.DUPLICATE_STOP] if _stops_repeat(case.stops) else []
    if record is not None:
        ending = _of_record(case, record, start, stop, policies)
    elif start is not None and stop is not None:
        ending = _measured(start, stop)
    elif start is not None:
        ending = _open(case, start, policies, now)
    else:
        ending = _startless(case, stop)
    ending.stop, ending.record = stop, record
    if start is not None and stop is not None and _is_late(case, start, stop, policies):
        flags.append(Flag.LATE_STOP)
    if _rings_within(case, ending, start, policies):
        flags.append(Flag.RINGING_INCLUDED)
        if ending.duration_kind is DurationKind.MEASURED:
            ending.duration_kind = DurationKind.AT_MOST
    ending.flags = (*ending.flags, *flags)
    return ending


def _measured(start: Observed, stop: Observed) -> Ending:
    """START and STOP are known; a small step back lies within the clocks' resolution, a larger one is skew."""
    duration = stop.event.time - start.event.time
    ending = Ending(CallState.COMPLETED, start.event.time, stop.event.time)
    if duration >= timedelta(0):
        ending.duration, ending.duration_kind = duration, DurationKind.MEASURED
    elif -duration < resolution(start, stop):
        ending.duration, ending.duration_kind = timedelta(0), DurationKind.MEASURED
    else:
        ending.flags = (Flag.CLOCK_SKEW,)
    return ending


def _of_record(
    case: Case, record: Observed, start: Observed | None, stop: Observed | None, policies: Mapping[str, Policy]
) -> Ending:
    """The proxy kept the dialog itself and wrote when it began and ended.

    Its times count where they are the finer ones of the same moment. Kamailio's record begins with the INVITE unless
    ``cdr_start_on_confirmed`` is set: it then tells the end, and the duration only where no START does.
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
    """Tell whether a record's end is when the BYE came, and better known than by the BYE's event.

    The event is written when the BYE's reply leaves, seconds later where nobody answers it. A later end is an expiry.
    """
    if near(end, stop.event.time):
        return _is_finer(record, stop)
    return end < stop.event.time <= end + LONGEST_REPLY


def _open(case: Case, start: Observed, policies: Mapping[str, Policy], now: datetime) -> Ending:
    """No STOP: ongoing until the last sign of life is older than the longest plausible call.

    The call lasted at least from the end of the START's tick to the last sign of life.
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


def _startless(case: Case, stop: Observed | None) -> Ending:
    """No START: the answer lies between the last thing known before it and the first known after it."""
    ending = Ending(CallState.START_MISSING, ended_at=stop.event.time if stop else None)
    if stop is None:
        return ending
    before = [one for one in (*case.early, *case.tries) if one.event.time <= stop.event.time]
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
    """Tell whether one teller reports more than one BYE (SQL rows that differ in legs alone are one)."""
    if len({(one.proxy, one.event.backend) for one in stops}) == len(stops):
        return False
    told: dict[tuple[str, str], set[tuple[object, ...]]] = {}
    for one in stops:
        event = one.event
        said = (event.from_tag, event.code, event.reason, event.time, event.extra)
        told.setdefault((one.proxy, event.backend), set()).add(said)
    return any(len(said) > 1 for said in told.values())


def _rings_within(case: Case, ending: Ending, start: Observed | None, policies: Mapping[str, Policy]) -> bool:
    """Tell whether the answer's time, of the START or of the proxy's record, may be that of the early media."""
    tells_answer = start or ending.record
    return (
        tells_answer is not None
        and tells_answer.event.time == ending.answered_at
        and shares_early_time(tells_answer, case.early, policies)
    )


def _counts_from_answer(record: Observed, policies: Mapping[str, Policy]) -> bool:
    """Tell whether a dialog record's start is the answer: always in OpenSIPS (whose records carry the 2xx code)."""
    return 200 <= record.event.code < 300 or policies[record.proxy].layout.cdr.start_on_confirmed


def _best_record(cdrs: Sequence[Observed], stop: Observed | None, policies: Mapping[str, Policy]) -> Observed | None:
    """Return the record that counts: of several nodes' that of the node to which the BYE came. The others expired."""
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


def _is_finer(one: Observed, other: Observed) -> bool:
    return one.event.precision < other.event.precision
