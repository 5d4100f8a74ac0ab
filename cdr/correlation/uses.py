"""Name the rule by which a call used each of its events."""

from __future__ import annotations

from collections.abc import Sequence

from cdr.correlation.assemble import Assembled, is_among
from cdr.correlation.case import Case
from cdr.correlation.evidence import near
from cdr.correlation.record import Observed, Rule
from cdr.events import EventKind

_Uses = list[tuple[Observed, Rule]]
_RULE_OF_SIDE_EVENT = {EventKind.MANUAL: Rule.MANUAL, EventKind.CDR: Rule.CDR}


def uses_of(assembled: Assembled) -> _Uses:
    """Return the rule that used each event of the call's case."""
    case = assembled.case
    if assembled.answered:
        uses = _uses_of_dialog(assembled)
    else:
        uses = _uses_of_failures(case.failures, assembled.final) + _side_uses(case)
    return uses + [(observed, Rule.CDR) for observed in case.cdrs]


def _uses_of_dialog(assembled: Assembled) -> _Uses:
    case, start, stop = assembled.case, assembled.start, assembled.stop
    uses: _Uses = []
    for observed in case.starts:
        if observed is start:
            uses.append((observed, Rule.START))
        else:
            uses.append((observed, Rule.SAME if is_among(observed, assembled.same_start) else Rule.REINVITE))
    uses += [(observed, Rule.START if observed is start else Rule.ACK) for observed in case.acks]
    same_stop = _of_moment(case.stops, stop)
    for observed in case.stops:
        if observed is stop:
            uses.append((observed, Rule.STOP))
        else:
            uses.append((observed, Rule.SAME if is_among(observed, same_stop) else Rule.EXTRA_STOP))
    uses += [
        (observed, Rule.REINVITE if observed.event.method == "INVITE" else Rule.IN_DIALOG) for observed in case.alive
    ]
    uses += [(observed, Rule.IN_DIALOG) for observed in case.inconclusive]
    return uses + _uses_of_failures(case.failures, None) + _side_uses(case)


def _uses_of_failures(failures: Sequence[Observed], final: Observed | None) -> _Uses:
    """Use the final response and each failed branch once; reports by other proxies or backends are repetitions."""
    distinct: list[Observed] = [final] if final else []
    uses: _Uses = [(final, Rule.FINAL)] if final else []
    for observed in failures:
        if observed is final:
            continue
        same = any(
            observed.event[:6] == other.event[:6]
            and near(observed.event.time, other.event.time)
            and (observed.proxy, observed.event.backend) != (other.proxy, other.event.backend)
            for other in distinct
        )
        uses.append((observed, Rule.SAME if same else Rule.ATTEMPT))
        distinct.append(observed)
    return uses


def _side_uses(case: Case) -> _Uses:
    return [
        *((one, Rule.EARLY) for one in case.early),
        *((one, Rule.CANCEL) for one in case.cancels),
        *((one, _RULE_OF_SIDE_EVENT.get(one.event.kind, Rule.IN_DIALOG)) for one in case.side_events),
    ]


def _of_moment(candidates: Sequence[Observed], chosen: Observed | None) -> list[Observed]:
    """Return those of ``candidates`` that report the same as ``chosen``."""
    if chosen is None:
        return []
    return [
        one
        for one in candidates
        if near(one.event.time, chosen.event.time) and one.event.from_tag == chosen.event.from_tag
    ]
