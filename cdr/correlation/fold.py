"""Correlate events into calls: ``fold(events) -> calls``, a pure function of the *set* of events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cdr.correlation.assemble import assemble
from cdr.correlation.case import Case, group_events
from cdr.correlation.clean import clean_call
from cdr.correlation.evidence import canonical
from cdr.correlation.record import CallRecord, Folded, Observed, Policy, Rule, Use
from cdr.events import EventKind

_START_STOP = (Use(0, Rule.START), Use(0, Rule.STOP))
_STOP_START = _START_STOP[::-1]


def fold(events: Iterable[Observed], policies: Mapping[str, Policy], now: datetime) -> Folded:
    """Return the calls of ``events``, and what became of each event.

    ``events`` are all known events of one or more Call-IDs: a call depends on every event of its Call-ID within one
    cluster, and on nothing else. Order and repetition do not matter. ``policies`` has the policy of each proxy that
    occurs. ``now`` (UTC) only decides whether a call without STOP still counts as ongoing.
    """
    observed_events = list(events)
    if (
        len(observed_events) == 2
        and (clean := clean_call(observed_events[0], observed_events[1], policies)) is not None
    ):
        return Folded(
            [clean], list(_START_STOP if observed_events[0].event.kind is EventKind.ANSWERED else _STOP_START)
        )
    uses: list[Use] = [Use(None, Rule.PROXY_STATE)] * len(observed_events)
    scopes: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for index, observed in enumerate(observed_events):
        event = observed.event
        if event.kind is EventKind.ON or event.kind is EventKind.OFF:
            continue
        scope = (policies[observed.proxy].cluster, event.call_id)
        # Without a Call-ID nothing connects an event to another; it has a scope of its own.
        scopes[scope if event.call_id else (*scope, canonical(observed))].append(index)
    calls: list[CallRecord] = []
    for scope in sorted(scopes):
        members = scopes[scope]
        scope_calls, scope_uses = _fold_scope(scope[0], [observed_events[index] for index in members], policies, now)
        for index, use in zip(members, scope_uses, strict=True):
            uses[index] = use if use.call is None else Use(use.call + len(calls), use.rule)
        calls += scope_calls
    return Folded(calls, uses)


def _fold_scope(
    cluster: str, members: Sequence[Observed], policies: Mapping[str, Policy], now: datetime
) -> tuple[list[CallRecord], list[Use]]:
    """Fold the events of one Call-ID."""
    keys = [canonical(one) for one in members]
    distinct = dict(zip(keys, members, strict=True))
    events = [distinct[key] for key in sorted(distinct)]
    grouped = group_events(events, policies)
    cases = sorted(grouped.cases, key=_case_order)
    calls = []
    use_of: dict[int, Use] = {id(one): Use(None, rule) for one, rule in grouped.unused}
    by_caller: dict[str, int] = defaultdict(int)
    for case in cases:
        if case.is_dialog and case.caller_tag is not None:
            by_caller[case.caller_tag] += 1
    for index, case in enumerate(cases):
        forked = case.is_dialog and case.caller_tag is not None and by_caller[case.caller_tag] > 1
        call, rules_of = assemble(cluster, case, policies, now, forked=forked)
        calls.append(call)
        use_of |= {id(one): Use(index, rule) for one, rule in rules_of}
    return calls, [use_of[id(distinct[key])] for key in keys]


def _case_order(case: Case) -> tuple[Any, ...]:
    return (case.pair or ("", ""), case.caller_tag or "", min(canonical(one) for one in case.everything()))
