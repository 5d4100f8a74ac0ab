"""The step from simulated records to calls: another app knows how, and is named in the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from proxyconf.simulate.simulation import Simulation
from proxyconf.vocabulary.layout import Backend


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """A call as it will be shown: the members of an exported call, what pages call their values, and its ladder diagram
    as SVG.
    """

    members: Mapping[str, Any]
    words: Mapping[str, str]
    ladder: str = ""


@dataclass(frozen=True, slots=True)
class CallsReading:
    """The calls that a set of records makes. ``rejected`` are reasons why a record could not be read."""

    calls: tuple[SimulatedCall, ...]
    rejected: tuple[str, ...] = ()


CallReader = Callable[[Simulation, Sequence[Backend]], CallsReading]


def calls_of(simulation: Simulation, backends: Sequence[Backend] = ()) -> CallsReading:
    """Return the calls made of a simulation's records: those of ``backends``, by default of all together."""
    reader: CallReader = import_string(settings.SIMULATED_CALL_READER)
    return reader(simulation, tuple(backends) or simulation.profile.backends)
