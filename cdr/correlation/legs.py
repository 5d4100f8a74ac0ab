"""The virtual legs of a forwarded call (``multi_leg_info``, ``leg_fields``), oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cdr.correlation.parties import user_of
from cdr.correlation.record import LegRecord, Observed, Policy
from cdr.events import Pairs
from proxyconf.vocabulary.layout import FieldLayout, Role


def legs_of(events: Sequence[Observed], policies: Mapping[str, Policy]) -> tuple[tuple[LegRecord, ...], bool]:
    """Return the legs of ``events`` (reports of one thing, in canonical order), and whether their values are mixed.

    Each backend of each proxy reports all legs: in one record, or (SQL, OpenSIPS events) in one record per leg, ordered
    by position. The report with the most legs counts; of several, the first.
    """
    if not any(observed.event.legs for observed in events):
        return (), False
    best: tuple[Pairs, ...] = ()
    best_layout = FieldLayout()
    for (proxy, _backend), records in _by_reporter(events).items():
        legs = tuple(leg for record in records for leg in record.event.legs if any(text for _, text in leg))
        if len(legs) > len(best):
            best, best_layout = legs, policies[proxy].layout
            if len(records) > 1 and len({record.event.position for record in records}) == 1:
                best = _in_chain(legs, best_layout)
    mixed = best_layout.newest_leg_first and are_mixed(best)
    ordered = reversed(best) if best_layout.newest_leg_first else iter(best)
    return tuple(_record(leg, best_layout) for leg in ordered), mixed


def _in_chain(legs: tuple[Pairs, ...], layout: FieldLayout) -> tuple[Pairs, ...]:
    """Order legs without a known order: the destination of each is the source of the next.

    The result is in the order in which the proxy writes legs; unchanged if no single chain connects them all.
    """
    remaining = [(_record(leg, layout), leg) for leg in legs]
    destinations = {record.destination for record, _ in remaining}
    candidates = [pair for pair in remaining if pair[0].source not in destinations]
    chain: list[tuple[LegRecord, Pairs]] = []
    while len(candidates) == 1:
        chain += candidates
        remaining.remove(candidates[0])
        candidates = [pair for pair in remaining if pair[0].source and pair[0].source == chain[-1][0].destination]
    if remaining:
        return legs
    ordered = tuple(leg for _, leg in chain)
    return ordered[::-1] if layout.newest_leg_first else ordered


def are_mixed(legs: Iterable[Pairs]) -> bool:
    """Tell whether values moved between legs.

    Kamailio reads each AVP of a leg from a stack of its own. A leg that set only some of them takes the missing values
    from older legs, and the oldest legs have empty ones (module acc, section "Multi Call-Legs accounting"). An AVP that
    no leg ever set is no sign of it.
    """
    filled: dict[str, int] = {}
    for leg in legs:
        for label, text in leg:
            filled[label] = filled.get(label, 0) + bool(text)
    return len({count for count in filled.values() if count}) > 1


def _by_reporter(events: Sequence[Observed]) -> dict[tuple[str, str], list[Observed]]:
    """Group the records of one moment by proxy and backend; a later record of the same backend is another event.

    With one record per leg, rows that agree in all but legs and position are one event.
    """
    records_by_reporter: dict[tuple[str, str], list[Observed]] = {}
    for observed in sorted(events, key=lambda observed: (observed.event.time, observed.event.position)):
        records = records_by_reporter.setdefault((observed.proxy, observed.event.backend), [])
        if not records or _core(records[0]) == _core(observed):
            records.append(observed)
    return records_by_reporter


def _core(observed: Observed) -> tuple[object, ...]:
    event = observed.event
    return event.kind, event.time, event.from_tag, event.to_tag, event.code, event.reason, event.extra


def _record(leg: Pairs, layout: FieldLayout) -> LegRecord:
    roles = layout.leg_roles(tuple(label for label, _ in leg))
    by_role: dict[Role, str] = {}
    for label, text in leg:
        role = roles.get(label)
        if role and text:
            by_role.setdefault(role, text)
    source, destination = by_role.get(Role.LEG_SOURCE), by_role.get(Role.LEG_DESTINATION)
    return LegRecord(
        source and user_of(source), destination and user_of(destination), by_role.get(Role.LEG_TYPE), values=leg
    )
