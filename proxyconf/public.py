"""The names that other apps may import from this one, beyond its vocabulary and its models."""

from __future__ import annotations

from proxyconf.artefacts import find_artefact
from proxyconf.next_steps import NextStep, StepState
from proxyconf.profile import AccountingProfile
from proxyconf.profile_layout import layout_of
from proxyconf.render.acc_section import acc_section
from proxyconf.render.hints import routing_hints
from proxyconf.render.radsecproxy import radsecproxy_conf
from proxyconf.render.syslog_rule import syslog_rule
from proxyconf.simulate.event import SimulatedKind
from proxyconf.simulate.record import FieldContent, SimulatedRecord
from proxyconf.simulate.simulation import Simulation
from proxyconf.simulated_calls import CallsReading, SimulatedCall

__all__ = [
    "AccountingProfile",
    "CallsReading",
    "FieldContent",
    "NextStep",
    "SimulatedCall",
    "SimulatedKind",
    "SimulatedRecord",
    "Simulation",
    "StepState",
    "acc_section",
    "find_artefact",
    "layout_of",
    "radsecproxy_conf",
    "routing_hints",
    "syslog_rule",
]
