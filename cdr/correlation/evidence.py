"""The canonical order of a call's events, and the choice among those that report the same thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cdr.correlation.record import Flag, Observed, Policy

SAME_MOMENT = timedelta(seconds=2)
"""How far apart several backends or proxies may report the same thing: a proxy reads the clock again for each backend,
and most times are truncated to the second."""

LONGEST_REPLY = timedelta(seconds=34)
"""How long after the arrival of a BYE its event may be written: until its response or timeout (Timer F, 32 s, RFC 3261
section 17.1.2.2; ``fr_timer`` is 30 s), plus ``SAME_MOMENT``."""

LONGEST_RINGING = timedelta(minutes=15)
"""How long after its early media a call may be answered."""


def canonical(observed: Observed) -> tuple[Any, ...]:
    """Return the sort key of an event: its time, then everything else that distinguishes two events.

    Equal keys mean the same event, so sorting also removes repetition. ``position`` comes before the tags, so that rows
    of one second stay in the order in which the proxy wrote them.
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
    """Tell whether the event's time may be an hour off, because it is local time within a DST change."""
    return Flag.AMBIGUOUS_TIME in observed.event.flags


def certain(candidates: Sequence[Observed]) -> Sequence[Observed]:
    """Return the events whose time is certain, or all if none is."""
    return [observed for observed in candidates if not observed.event.flags or not is_ambiguous(observed)] or candidates


def pick(candidates: Sequence[Observed]) -> Observed | None:
    """Return the earliest of ``candidates`` (in canonical order), in its most precise report.

    Events from the same side, within ``SAME_MOMENT`` of the earliest, are reports of the same thing.
    """
    if not candidates:
        return None
    sure = certain(candidates)
    first = sure[0].event
    same = [
        observed
        for observed in sure
        if observed.event.time - first.time <= SAME_MOMENT and observed.event.from_tag == first.from_tag
    ]
    return min(same, key=lambda observed: observed.event.precision)


def pick_start(
    openings: Sequence[Observed], early: Sequence[Observed], policies: Mapping[str, Policy]
) -> Observed | None:
    """Return the event that answers a dialog, preferably one that has the answer's own time.

    ``openings`` are in canonical order.
    """
    start = pick(openings)
    if start is None or not shares_early_time(start, early, policies):
        return start
    others = [
        observed
        for observed in same_answer(openings, start, early, policies)
        if _reporter(observed) != _reporter(start) and not shares_early_time(observed, early, policies)
    ]
    return pick(others) or start


def same_answer(
    openings: Sequence[Observed], start: Observed, early: Sequence[Observed], policies: Mapping[str, Policy]
) -> list[Observed]:
    """Return those of ``openings`` that report the same answer as ``start``.

    The first one of another proxy or backend does so even at another time, if one of the two has the time of early
    media.
    """
    first_time = {_reporter(start): start.event.time}
    same = []
    for observed in openings:
        if observed.event.from_tag != start.event.from_tag:
            continue
        is_first = first_time.setdefault(_reporter(observed), observed.event.time) == observed.event.time
        if near(observed.event.time, start.event.time) or (
            is_first and _is_answer_after_ringing(observed, start, early, policies)
        ):
            same.append(observed)
    return same


def _reporter(observed: Observed) -> tuple[str, str]:
    return observed.proxy, observed.event.backend


def _is_answer_after_ringing(
    observed: Observed, other: Observed, early: Sequence[Observed], policies: Mapping[str, Policy]
) -> bool:
    first, last = sorted((observed, other), key=lambda either: either.event.time)
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


def near(first: datetime, second: datetime) -> bool:
    """Tell whether two times may be those of one thing."""
    return abs(first - second) <= SAME_MOMENT
