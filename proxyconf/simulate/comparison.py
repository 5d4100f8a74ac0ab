"""Compare two simulations of a flow: which records only one of them writes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from proxyconf.simulate.record import SimulatedRecord
from proxyconf.simulate.simulation import Simulation
from proxyconf.vocabulary.layout import Backend


class Presence(StrEnum):
    BOTH = "both"
    LEFT = "left"
    RIGHT = "right"


class ComparedRecord(NamedTuple):
    """A record as text, and which of the two simulations writes it."""

    backend: Backend
    text: str
    presence: Presence


def record_text(record: SimulatedRecord) -> str:
    """Return a record as one line of text: log lines and JSON unchanged, others as ``name=value``."""
    if record.text and record.backend is not Backend.DIAMETER:
        return record.text
    pairs = ", ".join(f"{name}={'NULL' if value is None else value}" for name, value in record.fields)
    return f"{record.table}: {pairs}" if record.table else pairs


def compare(left: Simulation, right: Simulation) -> list[ComparedRecord]:
    """Return the records of both simulations, per backend in the order of writing."""
    return [
        one
        for backend in Backend
        for one in _compared(backend, *(list(map(record_text, side.of_backend(backend))) for side in (left, right)))
    ]


def _compared(backend: Backend, left: list[str], right: list[str]) -> Iterator[ComparedRecord]:
    for operation, i, j, k, m in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if operation == "equal":
            yield from (ComparedRecord(backend, text, Presence.BOTH) for text in left[i:j])
        else:
            yield from (ComparedRecord(backend, text, Presence.LEFT) for text in left[i:j])
            yield from (ComparedRecord(backend, text, Presence.RIGHT) for text in right[k:m])
