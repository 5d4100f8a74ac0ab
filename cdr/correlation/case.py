"""The events of one Call-ID, sorted out into cases: what will be one call each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cdr.correlation.evidence import LONGEST_REPLY, SAME_MOMENT, near
from cdr.correlation.record import Observed, Policy, Rule
from cdr.events import AccEvent, EventKind

Pair = tuple[str, str]
_ALIVE_NOT = frozenset({408, 481})  # a request within the dialog that got these found nobody


@dataclass(slots=True, eq=False)
class Case:
    """What is known of one call: a dialog (``pair`` of tags) or, while nothing answered, an attempt of a caller.

    All lists are in canonical order.
    """

    pair: Pair | None = None
    caller_tag: str | None = None
    starts: list[Observed] = field(default_factory=list)  # INVITE 2xx
    acks: list[Observed] = field(default_factory=list)
    stops: list[Observed] = field(default_factory=list)  # BYE, whatever its reply
    alive: list[Observed] = field(default_factory=list)  # other requests within the dialog that prove it lives
    dead: list[Observed] = field(default_factory=list)  # other requests within the dialog that prove nothing
    cdrs: list[Observed] = field(default_factory=list)  # the proxy's own records of the dialog
    tries: list[Observed] = field(default_factory=list)  # failed and missed INVITEs
    early: list[Observed] = field(default_factory=list)
    cancels: list[Observed] = field(default_factory=list)
    notes: list[Observed] = field(default_factory=list)  # accounted by hand, with no bearing on the call

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
            self.dead,
            self.cdrs,
            self.tries,
            self.early,
            self.cancels,
            self.notes,
        ):
            yield from events

    def absorb(self, other: Case) -> None:
        """Take over the events of an attempt that this dialog answered."""
        self.tries += other.tries
        self.early += other.early
        self.cancels += other.cancels
        self.notes += other.notes
        for record in other.cdrs:  # that of a failed try (a challenge, say) tells nothing of the dialog's end
            (self.notes if is_failed_cdr(record.event) else self.cdrs).append(record)


@dataclass(slots=True)
class Sorted:
    """The cases of one Call-ID, and the events of none with the reason."""

    cases: list[Case]
    unused: list[tuple[Observed, Rule]]


def pair_of(event: AccEvent) -> Pair:
    """Return the dialog that the event's tags name: the *unordered* pair (a BYE of the callee carries them swapped)."""
    one, other = event.from_tag, event.to_tag
    return (one, other) if one <= other else (other, one)


def is_failed_cdr(event: AccEvent) -> bool:
    """Tell whether a dialog's record is that of a failed INVITE.

    Kamailio (``cdr_on_failed``) writes one with duration 0 and no code; OpenSIPS writes none for a failed INVITE.
    """
    return event.duration_us == 0 and not 200 <= event.code < 300


def sort_out(events: Sequence[Observed], policies: Mapping[str, Policy]) -> Sorted:
    """Sort the events of one Call-ID (canonical order, no repetition) into cases."""
    dialogs: dict[Pair, Case] = {}
    later: list[Observed] = []
    loose: list[Observed] = []
    unused: list[tuple[Observed, Rule]] = []

    for one in events:
        event = one.event
        if event.kind is EventKind.ANSWERED and event.method == "INVITE":
            _dialog(dialogs, pair_of(event)).starts.append(one)
        elif event.kind is EventKind.CDR and event.from_tag and event.to_tag and not is_failed_cdr(event):
            _dialog(dialogs, pair_of(event)).cdrs.append(one)
        elif event.kind is EventKind.CDR and not event.from_tag:
            loose.append(one)
        else:
            later.append(one)

    later = _acks_and_stops(later, dialogs)
    attempts = _rest(later, dialogs, unused)
    _name_callers(dialogs.values(), set(attempts), policies)
    cases = list(dialogs.values())
    for caller_tag, attempt in attempts.items():
        taker = _taker(caller_tag, dialogs.values())
        if taker is None:
            cases.append(attempt)
        elif taker.caller_tag == caller_tag:
            taker.absorb(attempt)
        else:  # "failed" and "cancel" of the callee's own requests within the dialog
            taker.dead += attempt.everything()
    if loose:
        _tie(_alike(loose), cases, policies)
    unused += [(one, Rule.MANUAL) for case in cases if _says_nothing(case) for one in case.notes]
    return Sorted([case for case in cases if not _says_nothing(case)], unused)


def _acks_and_stops(events: Iterable[Observed], dialogs: dict[Pair, Case]) -> list[Observed]:
    """Give ACKs of a 2xx and BYEs to their dialogs, which may be known by nothing else; return the other events."""
    others = []
    for one in events:
        event = one.event
        if event.kind is EventKind.ACK and 200 <= event.code < 300 and event.to_tag:
            _dialog(dialogs, pair_of(event)).acks.append(one)
        elif event.method == "BYE":  # also one that the script accounts by hand (EventKind.MANUAL)
            _dialog_of_bye(event, dialogs).stops.append(one)
        else:
            others.append(one)
    return others


def _dialog_of_bye(event: AccEvent, dialogs: dict[Pair, Case]) -> Case:
    """Return the dialog that a BYE ends; with a tag missing (a cut line, an old phone) the only one it can be."""
    pair = pair_of(event)
    if pair in dialogs or (event.from_tag and event.to_tag):
        return _dialog(dialogs, pair)
    known = [case for other, case in dialogs.items() if (event.from_tag or event.to_tag) in other]
    return known[0] if len(known) == 1 else _dialog(dialogs, pair)


def _rest(
    events: Iterable[Observed], dialogs: dict[Pair, Case], unused: list[tuple[Observed, Rule]]
) -> dict[str, Case]:
    """Give each remaining event to its dialog or to the attempt of its caller; return the attempts by caller's tag."""
    attempts: dict[str, Case] = {}
    outside: list[Observed] = []
    for one in events:
        event = one.event
        known = dialogs.get(pair_of(event)) if event.to_tag else None
        if event.kind is EventKind.INTERIM and event.to_tag:
            case = known or _dialog(dialogs, pair_of(event))
            (case.dead if event.code in _ALIVE_NOT else case.alive).append(one)
        elif known is not None and _is_within(one, known):
            (known.dead if event.code in _ALIVE_NOT else known.alive).append(one)
        elif event.kind is EventKind.CDR:
            _attempt(attempts, event).cdrs.append(one)
        elif event.method == "CANCEL":
            _attempt(attempts, event).cancels.append(one)
        elif event.method != "INVITE" or event.kind is EventKind.INTERIM:
            outside.append(one)
        elif event.kind is EventKind.EARLY:
            _attempt(attempts, event).early.append(one)
        elif event.code >= 300:
            _attempt(attempts, event).tries.append(one)
        else:
            _attempt(attempts, event).notes.append(one)
    for one in outside:
        attempt = attempts.get(one.event.from_tag)
        if attempt is not None:
            attempt.notes.append(one)
        else:
            unused.append(
                (one, Rule.NO_DIALOG if one.event.to_tag or one.event.kind is EventKind.ACK else Rule.NO_CALL)
            )
    return attempts


def _dialog(dialogs: dict[Pair, Case], pair: Pair) -> Case:
    case = dialogs.get(pair)
    if case is None:
        case = dialogs[pair] = Case(pair=pair)
    return case


def _attempt(attempts: dict[str, Case], event: AccEvent) -> Case:
    attempt = attempts.get(event.from_tag)
    if attempt is None:
        attempt = attempts[event.from_tag] = Case(caller_tag=event.from_tag)
    return attempt


def _is_within(one: Observed, dialog: Case) -> bool:
    """Tell whether the event of a known tag pair came within the dialog, and not before its answer.

    A callee may challenge or ring under the To tag it answers with later.
    """
    event = one.event
    if event.kind in (EventKind.EARLY, EventKind.MISSED, EventKind.CDR):
        return False
    answers = [*dialog.starts, *dialog.cdrs]
    return not answers or event.time > answers[0].event.time


def _name_callers(dialogs: Iterable[Case], attempting: set[str], policies: Mapping[str, Policy]) -> None:
    """Find out which tag of each dialog is the caller's: who sent its first INVITE.

    Known from the answer, else from the ACK or the proxy's record, else from an attempt or another dialog (another
    branch of the same INVITE) with that tag, else from a BYE where the proxy writes the tags in the dialog's order
    (``detect_direction``).
    """
    undecided = []
    for case in dialogs:
        opening = case.starts or case.cdrs or case.acks
        if opening:
            case.caller_tag = _opener(opening, attempting)
        else:
            undecided.append(case)
    callers = {case.caller_tag for case in dialogs if case.caller_tag is not None}
    for case in undecided:
        assert case.pair is not None
        calling = [tag for tag in case.pair if tag in attempting] or [tag for tag in case.pair if tag in callers]
        if calling:
            case.caller_tag = calling[0]
        else:
            directed = [one for one in case.stops if policies[one.proxy].layout.detect_direction]
            case.caller_tag = directed[0].event.from_tag if directed else None


def _opener(opening: Sequence[Observed], attempting: set[str]) -> str:
    """Return the From tag of the earliest; of several within its second that of a caller known to have tried."""
    first = opening[0].event
    at_once = [one.event.from_tag for one in opening if one.event.time == first.time]
    return next((tag for tag in at_once if tag in attempting), first.from_tag)


def _taker(caller_tag: str, dialogs: Iterable[Case]) -> Case | None:
    """Return the dialog that answered the attempts of ``caller_tag``, else the one whose callee has that tag."""
    own = [case for case in dialogs if case.caller_tag == caller_tag]
    if own:
        return min(own, key=_first_sign)
    return min(
        (case for case in dialogs if case.pair is not None and caller_tag in case.pair), key=_first_sign, default=None
    )


def _first_sign(case: Case) -> tuple[object, ...]:
    """Order dialogs: those with a START first, by the time they answered, then by whatever else is first known."""
    answer = case.starts or case.cdrs or case.acks
    known = answer or sorted(case.everything(), key=lambda one: one.event.time)
    return (not answer, known[0].event.time, case.pair)


def _alike(loose: Sequence[Observed]) -> list[list[Observed]]:
    """Group the dialog records without tags that several backends or proxies wrote of one dialog.

    Backends of one proxy agree on the end, too. Of another proxy that shares its dialogs the end may be an expiry.
    """
    groups: list[list[Observed]] = []
    for record in loose:
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


def _tie(groups: Iterable[list[Observed]], cases: list[Case], policies: Mapping[str, Policy]) -> None:
    """Give each group of records (of one dialog) to the case that it can only mean, the closest pairs first.

    A dialog takes one record of its own from each proxy and backend. What fits no case becomes a case of its own.
    """
    left = dict(enumerate(groups))
    pairs = [
        (_distance(records[0], case, policies), index, place)
        for index, records in left.items()
        for place, case in enumerate(cases)
        if _fits(records[0].event, case)
    ]
    for _, index, place in sorted(pairs):
        records, case = left.get(index), cases[place]
        if records is None:
            continue
        if case.is_dialog and is_failed_cdr(records[0].event):  # one for each try that failed before the answer
            case.notes += left.pop(index)
            continue
        sources = {(other.proxy, other.event.backend) for other in case.cdrs}
        if sources.isdisjoint((record.proxy, record.event.backend) for record in records):
            case.cdrs += left.pop(index)
    cases += [Case(cdrs=records) for records in left.values()]


def _fits(record: AccEvent, case: Case) -> bool:
    if is_failed_cdr(record):
        return _failed_before_answer(record, case) if case.is_dialog else _fits_attempt(record, case)
    return case.is_dialog and _begins_with_dialog(record, case)


def _begins_with_dialog(record: AccEvent, case: Case) -> bool:
    """Tell whether a record begins with the dialog's INVITE: not after its answer, and not over before it.

    The end plays no other part: the proxy writes the BYE's event when its reply leaves, seconds after the record's end,
    and a dialog that moved to another node expires hours after its BYE. An end before the start is clock skew.
    """
    signs = case.starts or case.acks or case.alive or case.stops or case.dead or case.cdrs
    first = min(one.event.time for one in signs)
    end = record.ended_at or record.time
    return record.time <= first + SAME_MOMENT and (end < record.time or end + LONGEST_REPLY >= first)


def _failed_before_answer(record: AccEvent, case: Case) -> bool:
    """Tell whether a failed INVITE's record is of a try that the dialog answered: a challenged one, say."""
    answers = case.starts or case.acks or case.stops or list(case.everything())
    return record.time <= min(one.event.time for one in answers)


def _fits_attempt(event: AccEvent, case: Case) -> bool:
    """Tell whether an attempt is that of a failed INVITE's record, which has the time of the attempt's beginning."""
    return any(near(event.time, one.event.time) or event.time <= one.event.time for one in (*case.tries, *case.cancels))


def _distance(record: Observed, case: Case, policies: Mapping[str, Policy]) -> tuple[object, ...]:
    """Order the cases that a record may mean: attempts before dialogs for a failed one, then the nearest end."""
    event = record.event
    end = event.ended_at or event.time
    ends = case.stops or list(case.everything())
    gap = min(abs(end - one.event.time) for one in ends)
    if case.starts and policies[record.proxy].layout.cdr.start_on_confirmed:
        gap += abs(event.time - case.starts[0].event.time)
    return (is_failed_cdr(event) and case.is_dialog, gap, case.pair or ("", ""), case.caller_tag or "")


def _says_nothing(case: Case) -> bool:
    """Tell whether only records made by hand, without a failure, speak of an attempt: that is no call."""
    return not case.is_dialog and not (case.tries or case.early or case.cancels or case.cdrs)
