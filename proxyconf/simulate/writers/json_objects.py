"""JSON objects of Kamailio's ``acc_json``, and the notifications of OpenSIPS' event interface."""

from __future__ import annotations

import json
from collections.abc import Iterator

from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.record import FieldContent, SimulatedRecord
from proxyconf.simulate.writers.common import Writing
from proxyconf.simulate.writers.syslog import dialog_times
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Version

_MILLISECONDS, _MISSED_TIMES = Version(2, 2), Version(2, 1)
Fields = list[tuple[str, FieldContent]]


def write(writing: Writing, event: AccountedEvent) -> Iterator[SimulatedRecord]:
    """Yield the object of an event; of several legs it contains only the one added last."""
    if event.kind is SimulatedKind.DIALOG:
        fields: Fields = list(zip(("start_time", "end_time", "duration"), dialog_times(writing, event), strict=True))
    else:
        fields = [("time", _time(writing, event)), *writing.core(event)]
    fields += [(one.label, one.value.shown) for one in writing.extras(event, Backend.JSON)]
    for leg in writing.legs(event, Backend.JSON)[:1]:
        fields += [(one.label, one.value.shown) for one in leg]
    yield SimulatedRecord(Backend.JSON, event, tuple(fields), json.dumps(dict(fields)))


def _time(writing: Writing, event: AccountedEvent) -> FieldContent:
    profile, clock = writing.profile, writing.clock
    mode = int(profile.option("acc_json.acc_time_mode") or 0)
    layout = str(profile.option("acc_json.acc_time_format") or "%Y-%m-%d %H:%M:%S")
    by_mode: dict[int, FieldContent] = {
        2: clock.moment(event.stamp),
        3: clock.local(event.stamp, layout),
        4: clock.utc(event.stamp, layout),
    }
    return by_mode.get(mode, clock.epoch(event.stamp))


_EVENT_NAMES = {SimulatedKind.MISSED: "E_ACC_MISSED_EVENT", SimulatedKind.CALL_ENDED: "E_ACC_CDR"}


def write_notification(writing: Writing, event: AccountedEvent) -> Iterator[SimulatedRecord]:
    """Yield the event_datagram notifications of an event: one per leg; an empty value is null."""
    name = _EVENT_NAMES.get(event.kind, "E_ACC_EVENT")
    fields: Fields = [(label, value or None) for label, value in writing.core(event)]
    fields.append(("time", writing.clock.epoch(event.stamp)))
    fields += [(one.label, one.value.text or None) for one in writing.extras(event, Backend.EVENTS)]
    for leg in writing.legs(event, Backend.EVENTS) or [[]]:
        own = [*fields, *((one.label, one.value.text or None) for one in leg), *_durations(writing, event)]
        notification = {"jsonrpc": "2.0", "method": name, "params": dict(own)}
        text = json.dumps(notification, ensure_ascii=False, separators=(",", ":"))
        yield SimulatedRecord(Backend.EVENTS, event, tuple(own), text, table=name)


def _durations(writing: Writing, event: AccountedEvent) -> Fields:
    times: Fields = [("setuptime", writing.setuptime(event)), ("created", writing.created(event))]
    version = writing.profile.version
    if event.kind is SimulatedKind.MISSED:
        return times if version >= _MISSED_TIMES else []
    if event.kind is not SimulatedKind.CALL_ENDED:
        return []
    milliseconds: Fields = [("ms_duration", writing.milliseconds(event))] if version >= _MILLISECONDS else []
    return [("duration", writing.whole_seconds(event)), *milliseconds, *times]
