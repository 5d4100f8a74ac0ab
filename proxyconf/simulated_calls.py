"""From simulated records to calls, by the app that the setting ``SIMULATED_CALL_READER`` names."""

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
    """A call for display: the members of its export record, the labels of their values, its ladder diagram as SVG."""

    members: Mapping[str, Any]
    words: Mapping[str, str]
    ladder: str = ""


@dataclass(frozen=True, slots=True)
class CallsReading:
    """The calls made from a set of records. ``rejected`` holds the reasons why records could not be read."""

    calls: tuple[SimulatedCall, ...]
    rejected: tuple[str, ...] = ()


CallReader = Callable[[Simulation, Sequence[Backend]], CallsReading]


def calls_of(simulation: Simulation, backends: Sequence[Backend] = ()) -> CallsReading:
    """Return the calls made from a simulation's records of ``backends``, by default of all backends together."""
    reader: CallReader = import_string(settings.SIMULATED_CALL_READER)
    return reader(simulation, tuple(backends) or simulation.profile.backends)
