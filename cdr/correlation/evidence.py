"""The set of a call's events in one canonical order, and the choice among those that say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cdr.correlation.record import Flag, Observed, Policy

SAME_MOMENT = timedelta(seconds=2)
"""How far the times of one thing may lie apart when several backends or proxies tell it: the proxies read the clock
again for each backend, and most times are truncated to the second."""

LONGEST_REPLY = timedelta(seconds=34)
"""How long after a BYE came in its event may be written: until its reply or its timeout (Timer F, 32 s, RFC 3261
section 17.1.2.2; ``fr_timer`` is 30 s), and ``SAME_MOMENT``."""

LONGEST_RINGING = timedelta(minutes=15)
"""How long after its early media a call may be answered."""


def canonical(observed: Observed) -> tuple[Any, ...]:
    """Return a total order over what events say: by time first, then by everything that tells two events apart.

    Equal keys mean the same event, so the order also removes repetition. ``position`` stands before the tags: of two
    rows of one second, the one the proxy wrote first comes first.
    """
    event = observed.event
    return (
        event.time,
        event.kind,
        event.backend,
        observed.proxy,
        event.position,
        event.method,
        event.from_tag,
        event.to_tag,
        event.code,
        event.reason,
        event.precision,
        event.extra,
        event.legs,
        event.flags,
        -1 if event.duration_us is None else event.duration_us,
        event.ended_at or event.time,
        event.created_at or event.time,
    )


def in_order(events: Sequence[Observed]) -> list[Observed]:
    """Return events in canonical order, each once."""
    places = {_place(observed): observed for observed in events}
    if len(places) == len(events):  # nearly always, and then the order is the same
        return [places[place] for place in sorted(places)]
    distinct = {canonical(observed): observed for observed in events}
    return [distinct[key] for key in sorted(distinct)]


def _place(observed: Observed) -> tuple[Any, ...]:
    """Return the beginning of ``canonical``, which seldom leaves two events equal."""
    event = observed.event
    return event.time, event.kind, event.backend, observed.proxy, event.position


def is_ambiguous(observed: Observed) -> bool:
    """Tell whether the event's time may be an hour off: local time within a DST change."""
    return Flag.AMBIGUOUS_TIME in observed.event.flags


def certain(candidates: Sequence[Observed]) -> Sequence[Observed]:
    """Return those whose time is sure, or all where none is."""
    return [one for one in candidates if not one.event.flags or not is_ambiguous(one)] or candidates


def pick(candidates: Sequence[Observed]) -> Observed | None:
    """Return the first of ``candidates`` (in canonical order) in time, told by whoever tells it most precisely.

    Only those from the same side, within ``SAME_MOMENT`` of the first, count as telling the same.
    """
    if not candidates:
        return None
    sure = certain(candidates)
    first = sure[0].event
    same = [one for one in sure if one.event.time - first.time <= SAME_MOMENT and one.event.from_tag == first.from_tag]
    return min(same, key=lambda one: one.event.precision)


def pick_start(
    openings: Sequence[Observed], early: Sequence[Observed], policies: Mapping[str, Policy]
) -> Observed | None:
    """Return the event that answers a dialog (``openings`` in canonical order), with its own time if any has it."""
    start = pick(openings)
    if start is None or not shares_early_time(start, early, policies):
        return start
    others = [
        one
        for one in same_answer(openings, start, early, policies)
        if _teller(one) != _teller(start) and not shares_early_time(one, early, policies)
    ]
    return pick(others) or start


def same_answer(
    openings: Sequence[Observed], start: Observed, early: Sequence[Observed], policies: Mapping[str, Policy]
) -> list[Observed]:
    """Return those of ``openings`` that tell of the answer that ``start`` tells of.

    The first of another proxy or backend may do so where one of the two was written with the time of early media.
    """
    first_time = {_teller(start): start.event.time}
    same = []
    for one in openings:
        if one.event.from_tag != start.event.from_tag:
            continue
        is_first = first_time.setdefault(_teller(one), one.event.time) == one.event.time
        if near(one.event.time, start.event.time) or (
            is_first and _is_answer_after_ringing(one, start, early, policies)
        ):
            same.append(one)
    return same


def _teller(observed: Observed) -> tuple[str, str]:
    return observed.proxy, observed.event.backend


def _is_answer_after_ringing(
    one: Observed, other: Observed, early: Sequence[Observed], policies: Mapping[str, Policy]
) -> bool:
    first, last = sorted((one, other), key=lambda either: either.event.time)
    return (
        last.event.time - first.event.time < LONGEST_RINGING
        and shares_early_time(first, early, policies)
        and not shares_early_time(last, early, policies)
    )


def shares_early_time(observed: Observed, early: Sequence[Observed], policies: Mapping[str, Policy]) -> bool:
    """Tell whether an answer's time may be that of its early media.

    OpenSIPS 3.2 and newer take the time once per transaction, at its first accounting event: after a 183 the 200 and
    the dialog's record are written with the 183's time.
    """
    return policies[observed.proxy].time_of_first_event and any(
        one.event.time == observed.event.time and one.proxy == observed.proxy for one in early
    )


def resolution(*observed: Observed) -> timedelta:
    """Return the coarsest resolution among the times of ``observed``."""
    return timedelta(microseconds=max(one.event.precision for one in observed))


def near(one: datetime, other: datetime) -> bool:
    """Tell whether two times may be those of one thing."""
    return abs(one - other) <= SAME_MOMENT
