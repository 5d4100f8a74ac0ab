"""Log lines from ``ACC:`` on; the text before depends on the syslog daemon. They are neither quoted nor escaped."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.record import FieldContent, SimulatedRecord
from proxyconf.simulate.writers.common import Writing
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

_PREFIXES = {
    SimulatedKind.ANSWERED: "ACC: transaction answered: ",
    SimulatedKind.MISSED: "ACC: call missed: ",
    SimulatedKind.ACKNOWLEDGED: "ACC: request acknowledged: ",
    SimulatedKind.CALL_ENDED: "ACC: call ended: ",
}
_NAMES = {"callid": "call_id", "sip_code": "code", "sip_reason": "reason"}
_MILLISECONDS = Version(2, 2)
_DURATION_MODE = Version(6, 1)
Fields = list[tuple[str, FieldContent]]


def write(writing: Writing, event: AccountedEvent) -> Iterator[SimulatedRecord]:
    if event.kind is SimulatedKind.DIALOG:
        yield _dialog_line(writing, event)
        return
    fields: Fields = _times(writing, event)
    fields += [(_NAMES.get(name, name), value) for name, value in writing.core(event)]
    fields += [(one.label, one.value.shown) for one in writing.extras(event, Backend.SYSLOG)]
    for leg in writing.legs(event, Backend.SYSLOG):
        fields += [(one.label, one.value.shown) for one in leg]
    text = _PREFIXES[event.kind] + ";".join(f"{name}={value}" for name, value in fields)
    yield SimulatedRecord(Backend.SYSLOG, event, tuple(fields), text)


def _times(writing: Writing, event: AccountedEvent) -> Fields:
    clock, profile = writing.clock, writing.profile
    if event.kind is SimulatedKind.CALL_ENDED:
        return _call_ended_times(writing, event)
    fields: Fields = [("timestamp", clock.epoch(event.stamp))]
    if writing.has_dialog_times(event):
        fields += [("created", writing.created(event)), ("setuptime", writing.setuptime(event))]
    mode = int(profile.option("time_mode") or 0)
    if profile.product is not Product.KAMAILIO or not mode:
        return fields
    attr, exten = str(profile.option("time_attr")), str(profile.option("time_exten"))
    layout = str(profile.option("time_format"))
    by_mode: dict[int, tuple[str, FieldContent]] = {
        1: (exten, clock.microseconds(event.stamp)),
        2: (attr, f"{clock.moment(event.stamp):.3f}"),
        3: (attr, clock.local(event.stamp, layout)),
        4: (attr, clock.utc(event.stamp, layout)),
    }
    return [*fields, by_mode[mode]] if mode in by_mode else fields


def _call_ended_times(writing: Writing, event: AccountedEvent) -> Fields:
    fields: Fields = [
        ("created", writing.created(event)),
        ("call_start_time", writing.clock.epoch(event.stamp)),
        ("duration", writing.whole_seconds(event)),
    ]
    if writing.profile.version >= _MILLISECONDS:
        fields.append(("ms_duration", writing.milliseconds(event)))
    return [*fields, ("setuptime", writing.setuptime(event))]


def dialog_times(writing: Writing, event: AccountedEvent) -> tuple[str, str, str]:
    """Return start, end and duration of Kamailio's dialog CDR as text; a failed call's duration is ``0``."""
    digits = _fraction_digits(writing)
    start, end = event.started_at or 0.0, event.ended_at or 0.0
    seconds = writing.clock.moment(end) - writing.clock.moment(start)
    written = [f"{writing.clock.moment(one):.{digits}f}" for one in (start, end)]
    return written[0], written[1], f"{seconds:.{digits}f}" if seconds else "0"


def _fraction_digits(writing: Writing) -> int:
    if writing.profile.version < _DURATION_MODE:
        return 3
    return {0: 1, 1: 3, 2: 6}.get(int(writing.profile.option("cdr_duration_mode") or 0), 3)


def _dialog_line(writing: Writing, event: AccountedEvent) -> SimulatedRecord:
    profile = writing.profile
    names = [str(profile.option(key) or key.removesuffix("_id").removeprefix("cdr_")) for key in DIALOG_NAMES]
    fields: Fields = list(zip(names, dialog_times(writing, event), strict=True))
    fields += [(one.label, one.value.shown) for one in writing.extras(event, Backend.SYSLOG)]
    text = "; ".join(f"{name}={value}" for name, value in fields)
    return SimulatedRecord(Backend.SYSLOG, event, tuple(fields), text)


DIALOG_NAMES = ("cdr_start_id", "cdr_end_id", "cdr_duration_id")
"""The options that name the three times of a dialog's record."""
