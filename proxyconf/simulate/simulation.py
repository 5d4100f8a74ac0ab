"""Simulate a flow with a profile: the accounted events, and the records that each backend writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from proxyconf.profile import AccountingProfile
from proxyconf.simulate.dialogs import dialog_events, with_dialog_times
from proxyconf.simulate.event import AccountedEvent, SimulatedKind
from proxyconf.simulate.flow import Flow
from proxyconf.simulate.record import FlowClock, SimulatedRecord
from proxyconf.simulate.script import Script
from proxyconf.simulate.transactions import accounted_events
from proxyconf.simulate.writers import diameter, json_objects, radius, sql, syslog
from proxyconf.simulate.writers.common import Writing
from proxyconf.vocabulary.layout import Backend

USUAL_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""The default start of a simulated call."""

_WRITERS: Mapping[Backend, Callable[[Writing, AccountedEvent], Iterator[SimulatedRecord]]] = {
    Backend.SYSLOG: syslog.write,
    Backend.SQL: sql.write,
    Backend.RADIUS: radius.write,
    Backend.DIAMETER: diameter.write,
    Backend.JSON: json_objects.write,
    Backend.EVENTS: json_objects.write_notification,
}


@dataclass(frozen=True, slots=True)
class Simulation:
    """The accounting of a flow by a proxy. ``died_at`` is when the proxy crashes, if it does."""

    profile: AccountingProfile
    flow: Flow
    script: Script
    clock: FlowClock
    events: tuple[AccountedEvent, ...]
    records: tuple[SimulatedRecord, ...]
    died_at: float | None = None

    def of_backend(self, backend: Backend) -> tuple[SimulatedRecord, ...]:
        """Return the records of one backend, in the order of writing."""
        return tuple(record for record in self.records if record.backend is backend)


def simulate(
    profile: AccountingProfile,
    flow: Flow,
    script: Script | None = None,
    *,
    start: datetime = USUAL_START,
    zone: tzinfo = UTC,
) -> Simulation:
    """Simulate a flow. ``script`` defaults to the generated routes, called as their comments say.

    ``start`` is when the flow begins, ``zone`` the time zone of the proxy process.
    """
    script = script or Script.generated(profile)
    writing = Writing(profile, flow, FlowClock(start, zone))
    events = [
        *with_dialog_times(profile, flow, script, accounted_events(profile, flow, script)),
        *dialog_events(profile, flow, script),
    ]
    events.sort(key=_order)
    died_at = _death(profile, events)
    if died_at is not None:
        events = [event for event in events if event.at <= died_at]
    records = [
        record
        for event in events
        for backend in Backend
        if backend in event.backends and not (backend is Backend.JSON and event.at == died_at)
        for record in _WRITERS[backend](writing, event)
    ]
    return Simulation(profile, flow, script, writing.clock, tuple(events), tuple(records), died_at)


def _order(event: AccountedEvent) -> tuple[float, int]:
    """Sort a dialog CDR after the BYE, but between the missed and the failed event of a failed call."""
    if event.kind is SimulatedKind.MISSED:
        return event.at, 0
    is_failure = event.code >= 300 and event.method == "INVITE"
    return event.at, (1 if is_failure else 3) if event.kind is SimulatedKind.DIALOG else 2


def _death(profile: AccountingProfile, events: list[AccountedEvent]) -> float | None:
    """Return when Kamailio crashes: ``acc_json`` crashes with an event that has a leg."""
    if Backend.JSON not in profile.backends or not profile.leg_labels(Backend.JSON):
        return None
    return next((event.at for event in events if event.request.legs and Backend.JSON in event.backends), None)
