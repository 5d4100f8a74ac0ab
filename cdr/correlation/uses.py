"""Which use a call made of each of its events."""

from __future__ import annotations

from collections.abc import Sequence

from cdr.correlation.assemble import Assembled, is_among
from cdr.correlation.case import Case
from cdr.correlation.evidence import near
from cdr.correlation.record import Observed, Rule
from cdr.events import EventKind

_Uses = list[tuple[Observed, Rule]]
_RULE_OF_NOTE = {EventKind.MANUAL: Rule.MANUAL, EventKind.CDR: Rule.CDR}


def uses_of(assembled: Assembled) -> _Uses:
    """Return the rule that used each event of the call's case."""
    case = assembled.case
    if assembled.answered:
        uses = _uses_of_dialog(assembled)
    else:
        uses = _uses_of_tries(case.tries, assembled.final) + _side_uses(case)
    return uses + [(observed, Rule.CDR) for observed in case.cdrs]


def _uses_of_dialog(assembled: Assembled) -> _Uses:
    case, start, stop = assembled.case, assembled.start, assembled.stop
    uses: _Uses = []
    for one in case.starts:
        if one is start:
            uses.append((one, Rule.START))
        else:
            uses.append((one, Rule.SAME if is_among(one, assembled.same_answer) else Rule.REINVITE))
    uses += [(one, Rule.START if one is start else Rule.ACK) for one in case.acks]
    same_stop = _of_moment(case.stops, stop)
    for one in case.stops:
        if one is stop:
            uses.append((one, Rule.STOP))
        else:
            uses.append((one, Rule.SAME if is_among(one, same_stop) else Rule.EXTRA_STOP))
    uses += [(one, Rule.REINVITE if one.event.method == "INVITE" else Rule.IN_DIALOG) for one in case.alive]
    uses += [(one, Rule.IN_DIALOG) for one in case.dead]
    return uses + _uses_of_tries(case.tries, None) + _side_uses(case)


def _uses_of_tries(tries: Sequence[Observed], final: Observed | None) -> _Uses:
    """The final reply and each failed branch once; what other tellers say of the same is the same event."""
    told: list[Observed] = [final] if final else []
    uses: _Uses = [(final, Rule.FINAL)] if final else []
    for one in tries:
        if one is final:
            continue
        same = any(
            one.event[:6] == other.event[:6]
            and near(one.event.time, other.event.time)
            and (one.proxy, one.event.backend) != (other.proxy, other.event.backend)
            for other in told
        )
        uses.append((one, Rule.SAME if same else Rule.ATTEMPT))
        told.append(one)
    return uses


def _side_uses(case: Case) -> _Uses:
    return [
        *((one, Rule.EARLY) for one in case.early),
        *((one, Rule.CANCEL) for one in case.cancels),
        *((one, _RULE_OF_NOTE.get(one.event.kind, Rule.IN_DIALOG)) for one in case.notes),
    ]


def _of_moment(events: Sequence[Observed], chosen: Observed | None) -> list[Observed]:
    """Return those of ``events`` that tell the same as ``chosen``."""
    if chosen is None:
        return []
    return [
        one for one in events if near(one.event.time, chosen.event.time) and one.event.from_tag == chosen.event.from_tag
    ]
