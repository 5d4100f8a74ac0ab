"""Rows of the tables ``acc``, ``missed_calls`` and ``acc_cdrs``."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.profile_layout import column_names
from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.record import FieldContent, SimulatedRecord
from proxyconf.simulate.values import HeldValue
from proxyconf.simulate.writers.common import LegValues, Writing
from proxyconf.simulate.writers.syslog import DIALOG_NAMES, dialog_times
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

_DATE_TIMES = Version(4, 3)  # before, acc_cdrs contains the epoch as text
_MILLISECONDS = Version(2, 2)
Fields = list[tuple[str, FieldContent]]


def write(writing: Writing, event: AccountedEvent) -> Iterator[SimulatedRecord]:
    """Yield the rows of an event: one per leg, with the other values repeated."""
    if event.kind is SimulatedKind.DIALOG:
        yield _dialog_row(writing, event)
        return
    names = column_names(writing.profile)
    core: Fields = [(names.get(name, name), value) for name, value in writing.core(event)]
    core += [*_time(writing, event), *_dialog_times(writing, event)]
    core += [(one.label, _content(writing, one.value)) for one in writing.extras(event, Backend.SQL)]
    table = _table(writing, event)
    for leg in _legs(writing, event):
        row = core + [(one.label, _content(writing, one.value)) for one in leg]
        yield SimulatedRecord(Backend.SQL, event, tuple(row), table=table)


def _legs(writing: Writing, event: AccountedEvent) -> list[LegValues]:
    legs = writing.legs(event, Backend.SQL)
    return legs or [[]]


def _content(writing: Writing, value: HeldValue) -> FieldContent:
    return value.text if _keeps_null(writing, "acc_extra_nullable") else value.shown


def _keeps_null(writing: Writing, option: str) -> bool:
    """Return whether a missing value becomes NULL: if the option is set, and always in Kamailio's db_sqlite."""
    is_sqlite = str(writing.profile.option("db_url") or "").startswith("sqlite")
    return writing.profile.is_on(option) or (is_sqlite and writing.profile.product is Product.KAMAILIO)


def _table(writing: Writing, event: AccountedEvent) -> str:
    profile = writing.profile
    if event.kind is SimulatedKind.MISSED:
        return str(profile.option("db_table_missed_calls") or "missed_calls")
    own = profile.do_accounting.table if profile.uses_do_accounting else ""
    return own or str(profile.option("db_table_acc") or "acc")


def _time(writing: Writing, event: AccountedEvent) -> Fields:
    profile, clock = writing.profile, writing.clock
    fields: Fields = [(column_names(profile).get("time", "time"), clock.local(event.stamp))]
    mode = int(profile.option("time_mode") or 0)
    if profile.product is not Product.KAMAILIO or not mode:
        return fields
    attr, exten = str(profile.option("time_attr")), str(profile.option("time_exten"))
    layout = str(profile.option("time_format"))
    if mode == 1:
        return [*fields, (attr, clock.epoch(event.stamp)), (exten, clock.microseconds(event.stamp))]
    by_mode: dict[int, FieldContent] = {
        2: clock.moment(event.stamp),
        3: clock.local(event.stamp, layout),
        4: clock.utc(event.stamp, layout),
    }
    return [*fields, (attr, by_mode[mode])] if mode in by_mode else fields


def _dialog_times(writing: Writing, event: AccountedEvent) -> Fields:
    if not writing.has_dialog_times(event):
        return []
    created = writing.clock.local(event.created_at) if event.created_at is not None else _local_epoch(writing)
    fields: Fields = [("setuptime", writing.setuptime(event)), ("created", created)]
    if event.kind is SimulatedKind.MISSED:
        return fields
    is_record = event.kind is SimulatedKind.CALL_ENDED
    duration: Fields = [("duration", writing.whole_seconds(event) if is_record else 0)]
    if writing.profile.version >= _MILLISECONDS:
        duration.append(("ms_duration", writing.milliseconds(event) if is_record else 0))
    return [*duration, *fields]


def _local_epoch(writing: Writing) -> str:
    return writing.clock.local(-writing.clock.start.timestamp())


def _dialog_row(writing: Writing, event: AccountedEvent) -> SimulatedRecord:
    profile, clock = writing.profile, writing.clock
    start, end, duration = dialog_times(writing, event)
    if profile.version >= _DATE_TIMES:
        as_text = clock.utc if int(profile.option("time_mode") or 0) == 4 else clock.local
        start, end = as_text(event.started_at or 0.0), as_text(event.ended_at or 0.0)
    names = [str(profile.option(key)) for key in DIALOG_NAMES]
    number = float(duration)
    fields: Fields = list(zip(names, (start, end, number if profile.version >= _DATE_TIMES else duration), strict=True))
    is_nullable = _keeps_null(writing, "cdr_extra_nullable")
    for extra in writing.extras(event, Backend.SQL):
        fields.append((extra.label, extra.value.text if is_nullable else extra.value.shown))
    return SimulatedRecord(Backend.SQL, event, tuple(fields), table=str(profile.option("cdrs_table")))
