"""Group the events of one Call-ID into cases; each case becomes one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cdr.correlation.evidence import LONGEST_REPLY, SAME_MOMENT, near
from cdr.correlation.record import Observed, Policy, Rule
from cdr.events import AccEvent, EventKind

Pair = tuple[str, str]
_DIALOG_GONE = frozenset({408, 481})  # responses to a request within a dialog that no longer exists


@dataclass(slots=True, eq=False)
class Case:
    """The events of one call: of a dialog (a ``pair`` of tags) or, without an answer, of a caller's attempt.

    All lists are in canonical order.
    """

    pair: Pair | None = None
    caller_tag: str | None = None
    starts: list[Observed] = field(default_factory=list)  # INVITE 2xx
    acks: list[Observed] = field(default_factory=list)
    stops: list[Observed] = field(default_factory=list)  # BYE, regardless of its response
    alive: list[Observed] = field(default_factory=list)  # other requests that show the dialog exists
    inconclusive: list[Observed] = field(default_factory=list)  # other requests within the dialog that show nothing
    cdrs: list[Observed] = field(default_factory=list)  # the proxy's own records of the dialog
    failures: list[Observed] = field(default_factory=list)  # failed and missed INVITEs
    early: list[Observed] = field(default_factory=list)
    cancels: list[Observed] = field(default_factory=list)
    side_events: list[Observed] = field(
        default_factory=list
    )  # no effect on the call, such as records made by the script

    @property
    def is_dialog(self) -> bool:
        return self.pair is not None

    def everything(self) -> Iterable[Observed]:
        """Return all events of the case, unsorted."""
        for events in (
            self.starts,
            self.acks,
            self.stops,
            self.alive,
            self.inconclusive,
            self.cdrs,
            self.failures,
            self.early,
            self.cancels,
            self.side_events,
        ):
            yield from events

    def absorb(self, other: Case) -> None:
        """Take over the events of an attempt that this dialog answered."""
        self.failures += other.failures
        self.early += other.early
        self.cancels += other.cancels
        self.side_events += other.side_events
        for record in other.cdrs:  # a failed try, such as a challenge, says nothing of the dialog's end
            (self.side_events if is_failed_cdr(record.event) else self.cdrs).append(record)


@dataclass(slots=True)
class GroupedEvents:
    """The cases of one Call-ID, and the events that belong to none, with the rule that says why."""

    cases: list[Case]
    unused: list[tuple[Observed, Rule]]


def pair_of(event: AccEvent) -> Pair:
    """Return the dialog that the event's tags name: the *unordered* pair (a BYE of the callee carries them swapped)."""
    first, second = event.from_tag, event.to_tag
    return (first, second) if first <= second else (second, first)


def is_failed_cdr(event: AccEvent) -> bool:
    """Tell whether a dialog's record is that of a failed INVITE.

    Kamailio (``cdr_on_failed``) writes one with duration 0 and no code; OpenSIPS writes none for a failed INVITE.
    """
    return event.duration_us == 0 and not 200 <= event.code < 300


def group_events(events: Sequence[Observed], policies: Mapping[str, Policy]) -> GroupedEvents:
    """Group the events of one Call-ID (in canonical order, without repetition) into cases."""
    dialogs: dict[Pair, Case] = {}
    remaining: list[Observed] = []
    without_tags: list[Observed] = []
    unused: list[tuple[Observed, Rule]] = []

    for observed in events:
        event = observed.event
        if event.kind is EventKind.ANSWERED and event.method == "INVITE":
            _dialog(dialogs, pair_of(event)).starts.append(observed)
        elif event.kind is EventKind.CDR and event.from_tag and event.to_tag and not is_failed_cdr(event):
            _dialog(dialogs, pair_of(event)).cdrs.append(observed)
        elif event.kind is EventKind.CDR and not event.from_tag:
            without_tags.append(observed)
        else:
            remaining.append(observed)

    remaining = _acks_and_stops(remaining, dialogs)
    attempts = _remaining_events(remaining, dialogs, unused)
    _set_caller_tags(dialogs.values(), set(attempts), policies)
    cases = list(dialogs.values())
    for caller_tag, attempt in attempts.items():
        dialog_case = _answering_dialog(caller_tag, dialogs.values())
        if dialog_case is None:
            cases.append(attempt)
        elif dialog_case.caller_tag == caller_tag:
            dialog_case.absorb(attempt)
        else:  # "failed" and "cancel" of the callee's own requests within the dialog
            dialog_case.inconclusive += attempt.everything()
    if without_tags:
        _attach_records(_group_records(without_tags), cases, policies)
    unused += [(observed, Rule.MANUAL) for case in cases if _is_no_call(case) for observed in case.side_events]
    return GroupedEvents([case for case in cases if not _is_no_call(case)], unused)


def _acks_and_stops(events: Iterable[Observed], dialogs: dict[Pair, Case]) -> list[Observed]:
    """Add ACKs of a 2xx and BYEs to their dialogs, which they may create; return the other events."""
    remaining = []
    for observed in events:
        event = observed.event
        if event.kind is EventKind.ACK and 200 <= event.code < 300 and event.to_tag:
            _dialog(dialogs, pair_of(event)).acks.append(observed)
        elif event.method == "BYE":  # also one accounted by the script (EventKind.MANUAL)
            _dialog_of_bye(event, dialogs).stops.append(observed)
        else:
            remaining.append(observed)
    return remaining


def _dialog_of_bye(event: AccEvent, dialogs: dict[Pair, Case]) -> Case:
    """Return the dialog that a BYE ends; if it lacks a tag (cut line, old phone), the one with the other tag."""
    pair = pair_of(event)
    if pair in dialogs or (event.from_tag and event.to_tag):
        return _dialog(dialogs, pair)
    candidates = [case for other, case in dialogs.items() if (event.from_tag or event.to_tag) in other]
    return candidates[0] if len(candidates) == 1 else _dialog(dialogs, pair)


def _remaining_events(
    events: Iterable[Observed], dialogs: dict[Pair, Case], unused: list[tuple[Observed, Rule]]
) -> dict[str, Case]:
    """Add each remaining event to its dialog or its caller's attempt; return the attempts by the caller's tag."""
    attempts: dict[str, Case] = {}
    outside: list[Observed] = []
    for observed in events:
        event = observed.event
        dialog = dialogs.get(pair_of(event)) if event.to_tag else None
        if event.kind is EventKind.INTERIM and event.to_tag:
            case = dialog or _dialog(dialogs, pair_of(event))
            (case.inconclusive if event.code in _DIALOG_GONE else case.alive).append(observed)
        elif dialog is not None and _is_within(observed, dialog):
            (dialog.inconclusive if event.code in _DIALOG_GONE else dialog.alive).append(observed)
        elif event.kind is EventKind.CDR:
            _attempt(attempts, event).cdrs.append(observed)
        elif event.method == "CANCEL":
            _attempt(attempts, event).cancels.append(observed)
        elif event.method != "INVITE" or event.kind is EventKind.INTERIM:
            outside.append(observed)
        elif event.kind is EventKind.EARLY:
            _attempt(attempts, event).early.append(observed)
        elif event.code >= 300:
            _attempt(attempts, event).failures.append(observed)
        else:
            _attempt(attempts, event).side_events.append(observed)
    for observed in outside:
        attempt = attempts.get(observed.event.from_tag)
        if attempt is not None:
            attempt.side_events.append(observed)
        else:
            unused.append(
                (
                    observed,
                    Rule.NO_DIALOG if observed.event.to_tag or observed.event.kind is EventKind.ACK else Rule.NO_CALL,
                )
            )
    return attempts


def _dialog(dialogs: dict[Pair, Case], pair: Pair) -> Case:
    case = dialogs.get(pair)
    if case is None:  # making one for setdefault to drop costs more than the rest
        case = dialogs[pair] = Case(pair=pair)
    return case


def _attempt(attempts: dict[str, Case], event: AccEvent) -> Case:
    attempt = attempts.get(event.from_tag)
    if attempt is None:
        attempt = attempts[event.from_tag] = Case(caller_tag=event.from_tag)
    return attempt


def _is_within(observed: Observed, dialog: Case) -> bool:
    """Tell whether an event with the tags of a dialog came within it, not before its answer.

    A callee may challenge or ring with the To tag that it later answers with.
    """
    event = observed.event
    if event.kind in (EventKind.EARLY, EventKind.MISSED, EventKind.CDR):
        return False
    answers = [*dialog.starts, *dialog.cdrs]
    return not answers or event.time > answers[0].event.time


def _set_caller_tags(dialogs: Iterable[Case], attempting_tags: set[str], policies: Mapping[str, Policy]) -> None:
    """Set the caller's tag of each dialog: the tag of whoever sent its first INVITE.

    It is taken from the answer, else from the ACK or the proxy's record, else from an attempt or another dialog
    (another branch of the same INVITE) with that tag, else from a BYE where the proxy writes the tags in the dialog's
    order (``detect_direction``).
    """
    undecided = []
    for case in dialogs:
        openings = case.starts or case.cdrs or case.acks
        if openings:
            case.caller_tag = _opener(openings, attempting_tags)
        else:
            undecided.append(case)
    callers = {case.caller_tag for case in dialogs if case.caller_tag is not None}
    for case in undecided:
        assert case.pair is not None
        calling = [tag for tag in case.pair if tag in attempting_tags] or [tag for tag in case.pair if tag in callers]
        if calling:
            case.caller_tag = calling[0]
        else:
            directed = [one for one in case.stops if policies[one.proxy].layout.detect_direction]
            case.caller_tag = directed[0].event.from_tag if directed else None


def _opener(openings: Sequence[Observed], attempting_tags: set[str]) -> str:
    """Return the From tag of the earliest event; among several of its second, that of a caller with an attempt."""
    first = openings[0].event
    same_second = [one.event.from_tag for one in openings if one.event.time == first.time]
    return next((tag for tag in same_second if tag in attempting_tags), first.from_tag)


def _answering_dialog(caller_tag: str, dialogs: Iterable[Case]) -> Case | None:
    """Return the dialog that answered the attempt of ``caller_tag``, else the dialog whose callee has that tag."""
    own = [case for case in dialogs if case.caller_tag == caller_tag]
    if own:
        return min(own, key=_first_sign)
    return min(
        (case for case in dialogs if case.pair is not None and caller_tag in case.pair), key=_first_sign, default=None
    )


def _first_sign(case: Case) -> tuple[object, ...]:
    """Sort key of dialogs: those with an answer first, by its time; the others by their earliest event."""
    answer = case.starts or case.cdrs or case.acks
    events = answer or sorted(case.everything(), key=lambda observed: observed.event.time)
    return (not answer, events[0].event.time, case.pair)


def _group_records(records: Sequence[Observed]) -> list[list[Observed]]:
    """Group the dialog records without tags that several backends or proxies wrote of one dialog.

    Backends of one proxy agree on the end as well. A proxy that shares the dialog may record its expiry as the end.
    """
    groups: list[list[Observed]] = []
    for record in records:
        group = next((group for group in groups if _is_same_record(record, group)), None)
        group = group or next((group for group in groups if _is_shared_dialog(record, group)), None)
        if group is None:
            groups.append([record])
        else:
            group.append(record)
    return groups


def _is_same_record(record: Observed, group: Sequence[Observed]) -> bool:
    first, event = group[0].event, record.event
    return (
        near(first.time, event.time)
        and near(first.ended_at or first.time, event.ended_at or event.time)
        and is_failed_cdr(first) == is_failed_cdr(event)
        and (record.proxy, event.backend) not in {(other.proxy, other.event.backend) for other in group}
    )


def _is_shared_dialog(record: Observed, group: Sequence[Observed]) -> bool:
    first, event = group[0].event, record.event
    return (
        near(first.time, event.time)
        and not (is_failed_cdr(first) or is_failed_cdr(event))
        and record.proxy not in {other.proxy for other in group}
    )


def _attach_records(groups: Iterable[list[Observed]], cases: list[Case], policies: Mapping[str, Policy]) -> None:
    """Add each group of records (of one dialog) to the case that it fits best, the closest pairs first.

    A dialog takes one record from each proxy and backend. A group that fits no case becomes a case of its own.
    """
    left = dict(enumerate(groups))
    pairs = [
        (_distance(records[0], case, policies), group_index, case_index)
        for group_index, records in left.items()
        for case_index, case in enumerate(cases)
        if _fits(records[0].event, case)
    ]
    for _, group_index, case_index in sorted(pairs):
        records, case = left.get(group_index), cases[case_index]
        if records is None:
            continue
        if case.is_dialog and is_failed_cdr(records[0].event):  # one of each try that failed before the answer
            case.side_events += left.pop(group_index)
            continue
        sources = {(other.proxy, other.event.backend) for other in case.cdrs}
        if sources.isdisjoint((record.proxy, record.event.backend) for record in records):
            case.cdrs += left.pop(group_index)
    cases += [Case(cdrs=records) for records in left.values()]


def _fits(record: AccEvent, case: Case) -> bool:
    if is_failed_cdr(record):
        return _failed_before_answer(record, case) if case.is_dialog else _fits_attempt(record, case)
    return case.is_dialog and _begins_with_dialog(record, case)


def _begins_with_dialog(record: AccEvent, case: Case) -> bool:
    """Tell whether a record starts with the dialog's INVITE: not after the answer, and not ended before it.

    The end is not compared further: the proxy writes the BYE's event when its response leaves, seconds after the
    record's end, and a dialog that moved to another node expires hours after its BYE. An end before the start is clock
    skew.
    """
    signs = case.starts or case.acks or case.alive or case.stops or case.inconclusive or case.cdrs
    first = min(one.event.time for one in signs)
    end = record.ended_at or record.time
    return record.time <= first + SAME_MOMENT and (end < record.time or end + LONGEST_REPLY >= first)


def _failed_before_answer(record: AccEvent, case: Case) -> bool:
    """Tell whether a failed INVITE's record is of a try before the dialog's answer, such as a challenged one."""
    answers = case.starts or case.acks or case.stops or list(case.everything())
    return record.time <= min(one.event.time for one in answers)


def _fits_attempt(event: AccEvent, case: Case) -> bool:
    """Tell whether a failed INVITE's record, whose time is the start of the attempt, belongs to this attempt."""
    return any(
        near(event.time, one.event.time) or event.time <= one.event.time for one in (*case.failures, *case.cancels)
    )


def _distance(record: Observed, case: Case, policies: Mapping[str, Policy]) -> tuple[object, ...]:
    """Sort key of the cases that a record fits: for a failed one attempts before dialogs, then the nearest end."""
    event = record.event
    end = event.ended_at or event.time
    ends = case.stops or list(case.everything())
    gap = min(abs(end - one.event.time) for one in ends)
    if case.starts and policies[record.proxy].layout.cdr.start_on_confirmed:
        gap += abs(event.time - case.starts[0].event.time)
    return (is_failed_cdr(event) and case.is_dialog, gap, case.pair or ("", ""), case.caller_tag or "")


def _is_no_call(case: Case) -> bool:
    """Tell whether an attempt has only events without effect, such as records made by the script."""
    return not case.is_dialog and not (case.failures or case.early or case.cancels or case.cdrs)
