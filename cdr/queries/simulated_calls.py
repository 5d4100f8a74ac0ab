"""The calls that accweb makes of simulated records, with the same parsers and correlation as for real ones."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.translation import gettext

from cdr.correlation.fold import fold
from cdr.correlation.record import CallRecord, CallState, Folded, LegRecord, Observed, Outcome, Policy, ReleasedBy
from cdr.display import wording
from cdr.display.ladder import End, LadderEvent, LadderParty, Message, Subject
from cdr.display.ladder_drawing import drawing
from cdr.display.ladder_svg import Words, svg
from cdr.events import AccEvent, Unparsable
from cdr.formats import diameter
from cdr.formats.radius_event import Status, event_of
from cdr.formats.reading import IGNORED, Parsed, Reading, Rejection
from cdr.formats.registry import FORMATS
from proxyconf.public import (
    CallsReading,
    FieldContent,
    SimulatedCall,
    SimulatedKind,
    SimulatedRecord,
    Simulation,
    layout_of,
)
from proxyconf.vocabulary.layout import Backend, FieldLayout, Role
from proxyconf.vocabulary.products import Product
from proxyconf.vocabulary.sip_methods import METHOD_NUMBERS

_PROXY = "proxy"
_AFTER = timedelta(hours=5)
"""The time after the last event as of which the calls are computed: longer than the longest plausible call."""
_TIME_OF_REQUEST = (3, 2)
_ENDS = {CallState.STOP_MISSING: End.NO_STOP, CallState.ONGOING: End.ONGOING}
_SENDERS = {ReleasedBy.CALLER: LadderParty.CALLER, ReleasedBy.CALLEE: LadderParty.CALLEE}


def simulated_calls(simulation: Simulation, backends: Sequence[Backend]) -> CallsReading:
    """Return the calls that the records of ``backends`` make, long after the last of them."""
    reading = _reading(simulation)
    events: list[AccEvent] = []
    rejected: list[str] = []
    for parsed in _parsed(simulation, backends, reading):
        if isinstance(parsed, AccEvent):
            events.append(parsed)
        elif isinstance(parsed, Rejection):
            rejected.append(parsed.reason)
    policy = Policy(
        layout=reading.layout,
        time_of_first_event=simulation.profile.product is Product.OPENSIPS and reading.version >= _TIME_OF_REQUEST,
    )
    now = max((event.time for event in events), default=simulation.clock.start) + _AFTER
    folded = fold([Observed(event, _PROXY, number) for number, event in enumerate(events)], {_PROXY: policy}, now)
    calls = tuple(
        SimulatedCall(_members(call), _words(call), _ladder(index, folded, events, reading.layout))
        for index, call in enumerate(folded.calls)
    )
    return CallsReading(calls, tuple(rejected))


def _reading(simulation: Simulation) -> Reading:
    profile = simulation.profile
    return Reading(
        layout=layout_of(profile),
        zone=simulation.clock.zone,
        product=profile.product,
        version=profile.version,
        received_at=simulation.clock.start.astimezone(UTC),
    )


# --- records to events


def _parsed(simulation: Simulation, backends: Iterable[Backend], reading: Reading) -> Iterator[Parsed]:
    for backend in backends:
        records = simulation.of_backend(backend)
        if backend is Backend.SQL:
            yield from _rows(records, reading)
        elif backend in (Backend.RADIUS, Backend.DIAMETER):
            for record in records:
                yield _packet(record, simulation, reading)
        else:
            name = {Backend.SYSLOG: "syslog", Backend.JSON: "acc-json", Backend.EVENTS: "opensips-events"}[backend]
            text = "".join(f"{record.text}\n" for record in records)
            yield from (one for one in FORMATS[name](io.BytesIO(text.encode()), reading) if one != IGNORED)


def _rows(records: Iterable[SimulatedRecord], reading: Reading) -> Iterator[Parsed]:
    by_format: dict[str, list[SimulatedRecord]] = defaultdict(list)
    for record in records:
        names = {SimulatedKind.MISSED: "missed-csv", SimulatedKind.DIALOG: "acc-cdrs-csv"}
        by_format[names.get(record.event.kind, "acc-csv")].append(record)
    for name, rows in by_format.items():
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(label for label, _value in rows[0].fields)
        writer.writerows([value for _label, value in row.fields] for row in rows)
        yield from FORMATS[name](io.BytesIO(text.getvalue().encode()), reading)


def _packet(record: SimulatedRecord, simulation: Simulation, reading: Reading) -> Parsed:
    raw = repr(record.fields).encode()
    if record.backend is Backend.DIAMETER and record.text:
        at = datetime.fromtimestamp(simulation.clock.moment(record.event.at), UTC)  # the message has no time
        return diameter.decode(bytes.fromhex(record.text), _received(reading, at))
    carried = [
        (name, _number(name, value, reading.product))
        for name, value in record.fields
        if name not in ("Accounting-Record-Type", "Accounting-Record-Number")
    ]
    try:
        return event_of(carried, reading, backend=record.backend, raw=raw)
    except Unparsable as error:
        return Rejection(raw, str(error))


def _number(name: str, value: FieldContent, product: Product) -> int | str:
    """Return the value of an attribute as in the record's bytes: the number where the record shows a name."""
    if name == "Acct-Status-Type":
        return int(Status[str(value).upper()])
    if name == "Sip-Method":
        return METHOD_NUMBERS[product].get(str(value).upper(), 0)
    return value if isinstance(value, int | str) else str(value)


def _received(reading: Reading, moment: datetime) -> Reading:
    return Reading(reading.layout, reading.zone, reading.product, reading.version, moment)


# --- calls as they are shown


def _members(call: CallRecord) -> dict[str, Any]:
    """Return a call with the members and formats of an exported one."""
    names = ("call_id", "from_tag", "to_tag", "caller", "callee", "source_ip", "user_agent", "sip_code", "sip_reason")
    return {
        **{name: getattr(call, name) for name in names},
        "state": str(call.state),
        "outcome": call.outcome and str(call.outcome),
        "started_at": _time(call.started_at),
        "answered_at": _time(call.answered_at),
        "ended_at": _time(call.ended_at),
        "duration": None if call.duration is None else call.duration.total_seconds(),
        "duration_kind": str(call.duration_kind),
        "released_by": call.released_by and str(call.released_by),
        "attempts": [
            {
                "code": one.code,
                "reason": one.reason,
                "to_tag": one.to_tag,
                "time": _time(one.time),
                "extra": dict(one.extra),
                "legs": [_leg(leg) for leg in one.legs],
            }
            for one in call.attempts
        ],
        "legs": [_leg(one) for one in call.legs],
        "extra": dict(call.extra),
        "flags": list(call.flags),
        "backends": list(call.backends),
        "events": call.events,
    }


def _words(call: CallRecord) -> dict[str, str]:
    """Return the texts of the members that pages show differently from exports."""
    words = {"state": wording.STATES[call.state], "duration_kind": wording.DURATIONS[call.duration_kind]}
    if call.outcome is not None:
        words["outcome"] = wording.OUTCOMES[call.outcome]
    if call.released_by is not None:
        words["released_by"] = wording.RELEASED[call.released_by]
    return {name: str(word.label) for name, word in words.items()}


def _leg(leg: LegRecord) -> Mapping[str, Any]:
    return {"source": leg.source, "destination": leg.destination, "type": leg.type, "values": dict(leg.values)}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _ladder(index: int, folded: Folded, events: Sequence[AccEvent], layout: FieldLayout) -> str:
    call = folded.calls[index]
    told = [
        _told(number, event, folded.uses[number].rule, layout)
        for number, event in enumerate(events)
        if folded.uses[number].call == index
    ]
    drawn = drawing(_subject(call), told)
    names = [column.name or gettext("not logged") for column in drawn.columns]
    words = Words(
        title=gettext("Ladder diagram of the call {caller} → {callee} (times: {zone})").format(
            caller=call.caller or "?", callee=call.callee or "?", zone="UTC"
        ),
        description="; ".join(
            f"{row.label}: {names[hop.source]} → {names[hop.target]}"
            for row in drawn.rows
            if isinstance(row, Message)
            for hop in row.hops
            if hop.recorded
        ),
        sides={side: str(text) for side, text in wording.LADDER_SIDES.items()},
        notes={note: str(text) for note, text in wording.LADDER_NOTES.items()},
        unknown=gettext("not logged"),
        leg=gettext("leg"),
    )
    text = svg(drawn, words, UTC)
    # the page shows the ladders of all calls, and ids must be unique
    return re.sub(
        '"(ladder-(?:title|desc)[^"]*)"', lambda match: f'"{match[1].replace("ladder", f"ladder-{index}")}"', text
    )


def _subject(call: CallRecord) -> Subject:
    return Subject(
        caller=call.caller,
        callee=call.callee,
        from_tag=call.from_tag,
        to_tag=call.to_tag,
        answered=call.outcome is Outcome.ANSWERED,
        end=_ENDS.get(call.state, End.RECORDED),
        released_by=_SENDERS.get(call.released_by) if call.released_by else None,
        legs=tuple((leg.source, leg.destination) for leg in call.legs),
    )


def _told(number: int, event: AccEvent, rule: Any, layout: FieldLayout) -> LadderEvent:
    callee = next((text for label, text in event.extra if text and layout.role_of(label) is Role.CALLEE), None)
    return LadderEvent(
        number,
        event.time,
        event.precision,
        event.kind,
        event.method,
        event.code,
        event.reason,
        event.from_tag,
        event.to_tag,
        _PROXY,
        rule,
        callee,
        event.ended_at,
    )
