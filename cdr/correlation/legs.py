"""The virtual legs of a forwarded call (``multi_leg_info``, ``leg_fields``), oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cdr.correlation.parties import user_of
from cdr.correlation.record import LegRecord, Observed, Policy
from cdr.events import Pairs
from proxyconf.vocabulary.layout import FieldLayout, Role


def legs_of(told: Sequence[Observed], policies: Mapping[str, Policy]) -> tuple[tuple[LegRecord, ...], bool]:
    """Return the legs that ``told`` (events of one thing, in canonical order) name, and whether values are mixed.

    Each backend of each proxy tells all legs: in one record, or (SQL, OpenSIPS events) in one record per leg, ordered
    by position. The fullest account counts; where several are equally full, the first.
    """
    if not any(observed.event.legs for observed in told):
        return (), False
    best: tuple[Pairs, ...] = ()
    best_layout = FieldLayout()
    for (proxy, _backend), records in _by_teller(told).items():
        legs = tuple(leg for record in records for leg in record.event.legs if any(text for _, text in leg))
        if len(legs) > len(best):
            best, best_layout = legs, policies[proxy].layout
            if len(records) > 1 and len({record.event.position for record in records}) == 1:
                best = _in_chain(legs, best_layout)
    mixed = best_layout.newest_leg_first and are_mixed(best)
    ordered = reversed(best) if best_layout.newest_leg_first else iter(best)
    return tuple(_record(leg, best_layout) for leg in ordered), mixed


def _in_chain(legs: tuple[Pairs, ...], layout: FieldLayout) -> tuple[Pairs, ...]:
    """Order legs without a known order by what they connect: the destination of one is the source of the next.

    Returned in the order in which the proxy writes legs; as they came where no single chain connects them all.
    """
    left = [(_record(leg, layout), leg) for leg in legs]
    destinations = {record.destination for record, _ in left}
    first = [pair for pair in left if pair[0].source not in destinations]
    chain: list[tuple[LegRecord, Pairs]] = []
    while len(first) == 1:
        chain += first
        left.remove(first[0])
        first = [pair for pair in left if pair[0].source and pair[0].source == chain[-1][0].destination]
    if left:
        return legs
    ordered = tuple(leg for _, leg in chain)
    return ordered[::-1] if layout.newest_leg_first else ordered


def are_mixed(legs: Iterable[Pairs]) -> bool:
    """Tell whether values slid between legs.

    Kamailio reads each AVP of a leg from a stack of its own, so a leg that set only some of them takes the missing
    values from older legs, and the oldest legs come out with empty ones (module acc, section "Multi Call-Legs
    accounting"). An AVP that no leg ever set is no sign of it.
    """
    filled: dict[str, int] = {}
    for leg in legs:
        for label, text in leg:
            filled[label] = filled.get(label, 0) + bool(text)
    return len({count for count in filled.values() if count}) > 1


def _by_teller(told: Sequence[Observed]) -> dict[tuple[str, str], list[Observed]]:
    """Group the records of one moment by who told them; a later record of the same teller is another event.

    One record per leg: rows that agree in all but legs and position are one event.
    """
    tellers: dict[tuple[str, str], list[Observed]] = {}
    for one in sorted(told, key=lambda one: (one.event.time, one.event.position)):
        records = tellers.setdefault((one.proxy, one.event.backend), [])
        if not records or _core(records[0]) == _core(one):
            records.append(one)
    return tellers


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
