"""The command ``manage.py proxyconf simulate``."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, OutputWrapper

from proxyconf.models import Proxy
from proxyconf.models.saved_flow import flows_of
from proxyconf.simulate.comparison import Presence, compare, record_text
from proxyconf.simulate.findings import findings_of
from proxyconf.simulate.flow import Flow
from proxyconf.simulate.script import Script
from proxyconf.simulate.simulation import Simulation
from proxyconf.simulated_calls import calls_of
from proxyconf.trying import (
    DRAFT,
    GENERATED,
    MAX_FLOW,
    WITHOUT,
    flow_from_text,
    flow_named,
    profile_named,
    script_from_text,
    script_of,
    simulation_json,
    tried,
)

_USAGE = 2
_SIGNS = {Presence.BOTH: " ", Presence.LEFT: "-", Presence.RIGHT: "+"}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("proxy", metavar="PROXY")
    parser.add_argument("flow", metavar="FLOW", nargs="?", help="name of a call flow; default: list the call flows")
    parser.add_argument("--flow-file", metavar="FILE", help="read the call flow from a JSON file; - is standard input")
    parser.add_argument("--show-flow", action="store_true", help="write the flow as JSON, for editing, and exit")
    parser.add_argument("--script-file", metavar="FILE", help="JSON file with the accounting that the script requests")
    parser.add_argument("--show-script", action="store_true", help="write that JSON for the routes, and exit")
    parser.add_argument(
        "--profile", default=DRAFT, metavar="WHICH", help="draft (default), published or a revision number"
    )
    parser.add_argument("--against", metavar="[PROXY:]WHICH", help="compare with this profile, also of another proxy")
    parser.add_argument(
        "--without", action="append", default=[], choices=WITHOUT, help="omit a part of the script; may be repeated"
    )
    parser.add_argument(
        "--routes", default="", choices=[GENERATED], help="use the generated routes, also if a script was imported"
    )
    parser.add_argument("--json", action="store_true", help="write one JSON object")


def run(stdout: OutputWrapper, proxy: Proxy, options: dict[str, Any]) -> None:
    """Simulate a call flow; write records, calls and findings."""
    try:
        flow = _flow(proxy, options)
        if options["show_script"]:
            profile = profile_named(proxy, options["profile"])
            script = script_of(proxy, profile, options["without"], options["routes"])
            stdout.write(json.dumps(script.to_json(), indent=1))
        elif flow is None:
            for listed in flows_of(proxy).values():
                stdout.write(f"{listed.name}\t{listed.title}")
        elif options["show_flow"]:
            stdout.write(json.dumps(flow.to_json(), indent=1, ensure_ascii=False))
        else:
            _write(stdout, proxy, flow, options)
    except ValueError as error:
        raise CommandError(str(error), returncode=_USAGE) from error


def _flow(proxy: Proxy, options: dict[str, Any]) -> Flow | None:
    if options["flow_file"] is None:
        return flow_named(proxy, options["flow"]) if options["flow"] else None
    return flow_from_text(_text("--flow-file", options["flow_file"]))


def _script(options: dict[str, Any]) -> tuple[Script | None, str]:
    """Return the script of a file, and whose routes are taken without one."""
    file = options["script_file"]
    return None if file is None else script_from_text(_text("--script-file", file)), options["routes"]


def _text(option: str, file: str) -> str:
    try:
        return sys.stdin.read(MAX_FLOW + 1) if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{option}: {error}", returncode=_USAGE) from error


def _write(stdout: OutputWrapper, proxy: Proxy, flow: Flow, options: dict[str, Any]) -> None:
    simulation = tried(proxy, profile_named(proxy, options["profile"]), flow, options["without"], *_script(options))
    other = _against(proxy, flow, options)
    if options["json"]:
        both = {"against": simulation_json(other)} if other else {}
        stdout.write(json.dumps(simulation_json(simulation) | both, indent=1, ensure_ascii=False))
    elif other is not None:
        for compared in compare(simulation, other):
            stdout.write(f"{_SIGNS[compared.presence]} {compared.backend}: {compared.text}")
        _write_calls(stdout, simulation, "- ")
        _write_calls(stdout, other, "+ ")
    else:
        for record in simulation.records:
            stdout.write(f"{record.backend}: {record_text(record)}")
        _write_calls(stdout, simulation)
        for finding in findings_of(simulation):
            setting = f" [{finding.setting}]" if finding.setting else ""
            stdout.write(f"{finding.severity}: {finding.text}{setting}")


def _against(proxy: Proxy, flow: Flow, options: dict[str, Any]) -> Simulation | None:
    if not options["against"]:
        return None
    name, colon, which = options["against"].rpartition(":")
    other = Proxy.objects.filter(name=name).first() if colon else proxy
    if other is None:
        raise ValueError(f"--against: there is no proxy {name!r}; see: manage.py proxy list")
    return tried(other, profile_named(other, which), flow, options["without"], *_script(options))


def _write_calls(stdout: OutputWrapper, simulation: Simulation, sign: str = "") -> None:
    for call in calls_of(simulation).calls:
        members = {name: value for name, value in call.members.items() if value not in (None, "", [], {})}
        stdout.write(f"{sign}call: {json.dumps(members, ensure_ascii=False)}")
