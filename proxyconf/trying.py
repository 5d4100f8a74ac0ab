"""Try a profile on a call flow: select profile and flow, return the result as plain data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from proxyconf.models import Proxy, Revision
from proxyconf.models.imported import imported_files, patchable_files
from proxyconf.models.profile import profile_of
from proxyconf.models.revision import latest_revision
from proxyconf.models.saved_flow import flows_of, saved_script
from proxyconf.parse import actions_of_script
from proxyconf.patch import make_patch
from proxyconf.profile import AccountingProfile
from proxyconf.simulate.comparison import record_text
from proxyconf.simulate.findings import SimulationFinding, findings_of
from proxyconf.simulate.flow import Flow
from proxyconf.simulate.record import SimulatedRecord
from proxyconf.simulate.script import Marks, Script
from proxyconf.simulate.simulation import Simulation, simulate
from proxyconf.simulated_calls import calls_of
from proxyconf.vocabulary.messages import message as _

DRAFT, PUBLISHED = "draft", "published"
GENERATED = "generated"
"""The routes that are taken: the generated ones, where an imported script has others."""
WITHOUT = ("bye", "next_attempt", "record_route")
"""The parts that can be left out of the script: accounting of the BYE, of the next attempt, Record-Route."""
MAX_FLOW = 200_000
"""Maximum length of a flow's JSON in characters."""


def profile_named(proxy: Proxy, which: str) -> AccountingProfile:
    """Return a proxy's ``draft``, the ``published`` profile, or a revision by its number; raise ``ValueError``."""
    if which == DRAFT:
        draft = getattr(proxy, "profile", None)
        if draft is None:
            raise ValueError(_("{proxy} has no draft", proxy=proxy.name))
        return profile_of(draft)
    if which == PUBLISHED:
        revision = latest_revision(proxy)
    else:
        number = int(which) if which.isascii() and which.isdigit() and len(which) < 9 else 0
        revision = Revision.objects.filter(proxy=proxy, number=number).first()
    if revision is None:
        raise ValueError(
            _(
                "{proxy} has no published revision {which!r}; use draft, published or a revision number",
                proxy=proxy.name,
                which=which,
            )
        )
    return revision.value


def flow_named(proxy: Proxy, name: str) -> Flow:
    """Return a built-in or a saved flow; raise ``ValueError`` that lists the names."""
    flows = flows_of(proxy)
    if name not in flows:
        raise ValueError(_("{name!r} is not a call flow; use one of {flows}", name=name, flows=", ".join(flows)))
    return flows[name]


def flow_from_text(text: str) -> Flow:
    """Parse a flow's JSON; raise ``ValueError`` with the reason."""
    return Flow.from_json(_json(text, _("the flow")))


def script_from_text(text: str) -> Script:
    """Parse the JSON of the script's accounting; raise ``ValueError`` with the reason."""
    return Script.from_json(_json(text, _("the script's part")))


def _json(text: str, what: str) -> Any:
    if len(text) > MAX_FLOW:
        raise ValueError(
            _("{what} has {count} characters; the maximum is {maximum}", what=what, count=len(text), maximum=MAX_FLOW)
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(_("{what} is not valid JSON: {error}", what=what, error=error)) from error


def imported_script(proxy: Proxy, profile: AccountingProfile) -> Script | None:
    """Return what the script that was imported for a proxy does once the patch to ``profile`` is applied; None if
    there is none, or if its routes cannot be read.
    """
    files, defines = imported_files(proxy)
    if not files:
        return None
    patched = make_patch(patchable_files(files), profile, defines).files
    actions = actions_of_script(patched, profile.product, defines)
    return None if actions is None else Script.written(profile, actions)


def script_of(
    proxy: Proxy, profile: AccountingProfile, without: Sequence[str] = (), routes: str = "", flow: str = ""
) -> Script:
    """Return the script's part for a profile, without the parts in ``without``.

    ``routes`` is ``generated``, or empty: the part that was saved with ``flow``, else the imported script where there
    is one. Raise ``ValueError`` for an unknown name.
    """
    if routes not in ("", GENERATED):
        raise ValueError(_("{name!r} are no routes; use {generated}", name=routes, generated=GENERATED))
    if not routes and (saved := saved_script(proxy, flow)) is not None:
        return _without(saved, without)
    script = None if routes == GENERATED else imported_script(proxy, profile)
    return _without(script or Script.generated(profile), without)


def _without(script: Script, without: Sequence[str]) -> Script:
    for name in without:
        if name == "record_route":
            script = replace(script, record_route=False)
        elif name == "bye":
            script = replace(script, bye=Marks())
        elif name == "next_attempt":
            script = replace(script, next_attempt=Marks())
        else:
            raise ValueError(
                _(
                    "{name!r} is not a part that can be left out; use one of {parts}",
                    name=name,
                    parts=", ".join(WITHOUT),
                )
            )
    return script


def tried(
    proxy: Proxy,
    profile: AccountingProfile,
    flow: Flow,
    without: Sequence[str] = (),
    script: Script | None = None,
    routes: str = "",
) -> Simulation:
    """Simulate a flow with a profile of a proxy, in the proxy's time zone. The result contains no password.

    ``script`` is the accounting that the script requests; by default that of ``script_of``.
    """
    script = script or script_of(proxy, profile, without, routes, flow.name)
    return simulate(profile.masked(), flow, script, zone=ZoneInfo(proxy.timezone))


def simulation_json(simulation: Simulation) -> dict[str, Any]:
    """Return records, calls and findings as plain data."""
    reading = calls_of(simulation)
    return {
        "product": str(simulation.profile.product),
        "version": str(simulation.profile.version),
        "flow": simulation.flow.name,
        "records": [_record(record, simulation) for record in simulation.records],
        "calls": [dict(call.members) for call in reading.calls],
        "unreadable": list(reading.rejected),
        "findings": [_finding(finding) for finding in findings_of(simulation)],
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
