"""What is left to do after publishing; another app knows what became of it, and is named in the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.utils.module_loading import import_string

from proxyconf.models import Proxy


class StepState(StrEnum):
    """How far a step is."""

    DONE = "done"
    CURRENT = "current"  # the one to do now
    OPEN = "open"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class NextStep:
    """One step: what to do, how far it is, and where to do it (an address, or empty)."""

    title: str
    state: StepState
    about: str = ""
    url: str = ""


StepsReader = Callable[[Proxy], Sequence[NextStep]]


def next_steps(proxy: Proxy) -> Sequence[NextStep]:
    """Return the steps between a published profile and its first events, in order."""
    reader: StepsReader = import_string(settings.NEXT_STEPS_READER)
    return reader(proxy)
