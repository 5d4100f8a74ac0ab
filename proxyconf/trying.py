"""Trying a profile on a call flow: which profile, which flow, and the result as plain data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from proxyconf.models import Proxy, Revision
from proxyconf.models.profile import profile_of
from proxyconf.models.revision import latest_revision
from proxyconf.models.saved_flow import flows_of
from proxyconf.profile import AccountingProfile
from proxyconf.simulate.comparison import record_text
from proxyconf.simulate.findings import SimulationFinding, findings_of
from proxyconf.simulate.flow import Flow
from proxyconf.simulate.record import SimulatedRecord
from proxyconf.simulate.script import Marks, Script
from proxyconf.simulate.simulation import Simulation, simulate
from proxyconf.simulated_calls import calls_of

DRAFT, PUBLISHED = "draft", "published"
WITHOUT = ("bye", "next_attempt", "record_route")
"""What a script may lack: the accounting of the BYE, that of the next attempt, Record-Route."""
MAX_FLOW = 200_000
"""Characters of a flow's JSON."""


def profile_named(proxy: Proxy, which: str) -> AccountingProfile:
    """Return a proxy's ``draft``, what is ``published``, or a revision by its number; raise ``ValueError``."""
    if which == DRAFT:
        draft = getattr(proxy, "profile", None)
        if draft is None:
            raise ValueError(f"{proxy} has no draft")
        return profile_of(draft)
    if which == PUBLISHED:
        revision = latest_revision(proxy)
    else:
        number = int(which) if which.isascii() and which.isdigit() and len(which) < 9 else 0
        revision = Revision.objects.filter(proxy=proxy, number=number).first()
    if revision is None:
        raise ValueError(f"{proxy} has nothing published as {which!r}; name draft, published or a revision's number")
    return revision.value


def flow_named(proxy: Proxy, name: str) -> Flow:
    """Return a built-in or a saved flow; raise ``ValueError`` that lists the names."""
    flows = flows_of(proxy)
    if name not in flows:
        raise ValueError(f"there is no call flow {name!r}; there are {', '.join(flows)}")
    return flows[name]


def flow_from_text(text: str) -> Flow:
    """Read a flow's JSON; raise ``ValueError`` that says what is wrong with it."""
    return Flow.from_json(_json(text, "the flow"))


def script_from_text(text: str) -> Script:
    """Read the JSON of a script's part; raise ``ValueError`` that says what is wrong with it."""
    return Script.from_json(_json(text, "the script's part"))


def _json(text: str, what: str) -> Any:
    if len(text) > MAX_FLOW:
        raise ValueError(f"{what} has {len(text)} characters; {MAX_FLOW} are allowed")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} is no JSON: {error}") from error


def script_without(profile: AccountingProfile, without: Sequence[str]) -> Script:
    """Return the generated routes, lacking what ``without`` names; raise ``ValueError`` for an unknown name."""
    script = Script.generated(profile)
    for name in without:
        if name == "record_route":
            script = replace(script, record_route=False)
        elif name == "bye":
            script = replace(script, bye=Marks())
        elif name == "next_attempt":
            script = replace(script, next_attempt=Marks())
        else:
            raise ValueError(f"{name!r} is nothing that a script can lack; name {', '.join(WITHOUT)}")
    return script


def tried(
    proxy: Proxy, profile: AccountingProfile, flow: Flow, without: Sequence[str] = (), script: Script | None = None
) -> Simulation:
    """Play a flow through a profile of a proxy, with the proxy's zone. No password gets into the result.

    ``script`` is what the script asks for; by default the generated routes, lacking what ``without`` names.
    """
    shown = profile.masked()
    return simulate(shown, flow, script or script_without(shown, without), zone=ZoneInfo(proxy.timezone))


def simulation_json(simulation: Simulation) -> dict[str, Any]:
    """Return records, calls and findings as plain data."""
    reading = calls_of(simulation)
    return {
        "product": str(simulation.profile.product),
        "version": str(simulation.profile.version),
        "flow": simulation.flow.name,
        "records": [_record(one, simulation) for one in simulation.records],
        "calls": [dict(call.members) for call in reading.calls],
        "unreadable": list(reading.rejected),
        "findings": [_finding(one) for one in findings_of(simulation)],
    }


def _record(record: SimulatedRecord, simulation: Simulation) -> dict[str, Any]:
    return {
        "backend": str(record.backend),
        "table": record.table,
        "at": simulation.clock.moment(record.event.at),
        "fields": [list(pair) for pair in record.fields],
        "text": record_text(record),
    }


def _finding(finding: SimulationFinding) -> dict[str, Any]:
    return {
        "severity": str(finding.severity),
        "text": finding.text,
        "setting": finding.setting,
        "backends": [str(one) for one in finding.backends],
    }
