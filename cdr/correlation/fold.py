"""Correlate events into calls: ``fold(events) -> calls``, a pure function of the *set* of events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from cdr.correlation.assemble import Assembled, assemble
from cdr.correlation.case import Case, group_events
from cdr.correlation.clean import clean_call
from cdr.correlation.evidence import canonical, in_order
from cdr.correlation.record import CallRecord, Folded, Observed, Policy, Rule, Use
from cdr.correlation.uses import uses_of
from cdr.events import EventKind

_START_STOP = (Use(0, Rule.START), Use(0, Rule.STOP))
_STOP_START = _START_STOP[::-1]
_OF_PROXY = Use(None, Rule.PROXY_STATE)


class _Scope(NamedTuple):
    """The calls of one Call-ID, and the events of none with the reason."""

    calls: list[Assembled]
    unused: list[tuple[Observed, Rule]]


def calls_of(events: Sequence[Observed], policies: Mapping[str, Policy], now: datetime) -> list[CallRecord]:
    """Return the calls that ``fold`` returns, without what became of each event, which costs more."""
    if len(events) == 2 and (clean := clean_call(events[0], events[1], policies)) is not None:
        return [clean]
    return [
        assembled.call
        for cluster, members in _scopes(events, policies)
        for assembled in _scope(cluster, in_order(members), policies, now).calls
    ]


def fold(events: Iterable[Observed], policies: Mapping[str, Policy], now: datetime) -> Folded:
    """Return the calls of ``events``, and what became of each event.

    ``events`` are all known events of one or more Call-IDs: a call depends on every event of its Call-ID within one
    cluster, and on nothing else. Order and repetition do not matter. ``policies`` has the policy of each proxy that
    occurs. ``now`` (UTC) only decides whether a call without STOP still counts as ongoing.
    """
    events = list(events)
    if len(events) == 2 and (clean := clean_call(events[0], events[1], policies)) is not None:
        return Folded([clean], list(_START_STOP if events[0].event.kind is EventKind.ANSWERED else _STOP_START))
    calls: list[CallRecord] = []
    use_of: dict[tuple[Any, ...], Use] = {}
    for cluster, members in _scopes(events, policies):
        scope = _scope(cluster, in_order(members), policies, now)
        use_of |= {_content(observed): Use(None, rule) for observed, rule in scope.unused}
        for assembled in scope.calls:
            use_of |= {_content(observed): Use(len(calls), rule) for observed, rule in uses_of(assembled)}
            calls.append(assembled.call)
    return Folded(calls, [use_of.get(_content(observed), _OF_PROXY) for observed in events])


def _content(observed: Observed) -> tuple[Any, ...]:
    """Return what is equal for repetitions of an event, and else differs."""
    return observed.event.call_id, canonical(observed)


def _scopes(events: Sequence[Observed], policies: Mapping[str, Policy]) -> Iterable[tuple[str, Sequence[Observed]]]:
    """Return the events of each Call-ID with their cluster; those that tell of a proxy's state left out."""
    scopes: dict[tuple[Any, ...], list[Observed]] = defaultdict(list)
    for observed in events:
        event = observed.event
        if event.kind is EventKind.ON or event.kind is EventKind.OFF:
            continue
        scope = (policies[observed.proxy].cluster, event.call_id)
        # Without a Call-ID nothing connects an event to another; it has a scope of its own.
        scopes[scope if event.call_id else (*scope, canonical(observed))].append(observed)
    return [(scope[0], scopes[scope]) for scope in sorted(scopes)]


def _scope(cluster: str, events: Sequence[Observed], policies: Mapping[str, Policy], now: datetime) -> _Scope:
    """Return the calls of the events of one Call-ID, given in canonical order and without repetition."""
    grouped = group_events(events, policies)
    if len(grouped.cases) == 1:
        return _Scope([assemble(cluster, grouped.cases[0], policies, now, forked=False)], grouped.unused)
    dialogs_of = Counter(case.caller_tag for case in grouped.cases if case.is_dialog)
    calls = [
        assemble(cluster, case, policies, now, forked=_is_forked(case, dialogs_of))
        for case in sorted(grouped.cases, key=_case_order)
    ]
    return _Scope(calls, grouped.unused)


def _is_forked(case: Case, dialogs_of: Counter[str | None]) -> bool:
    return case.is_dialog and case.caller_tag is not None and dialogs_of[case.caller_tag] > 1


def _case_order(case: Case) -> tuple[Any, ...]:
    return (case.pair or ("", ""), case.caller_tag or "", min(canonical(one) for one in case.everything()))
