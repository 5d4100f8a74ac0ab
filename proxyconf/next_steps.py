"""The steps that remain after publishing; the app named in the setting ``NEXT_STEPS_READER`` determines them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.utils.module_loading import import_string

from proxyconf.models import Proxy


class StepState(StrEnum):
    DONE = "done"
    CURRENT = "current"  # the one to do now
    OPEN = "open"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step after publishing; ``url`` is the page where it is done, or empty."""

    title: str
    state: StepState
    about: str = ""
    url: str = ""


StepsReader = Callable[[Proxy], Sequence[NextStep]]


def next_steps(proxy: Proxy) -> Sequence[NextStep]:
    """Return the steps between a published profile and its first events, in order."""
    reader: StepsReader = import_string(settings.NEXT_STEPS_READER)
    return reader(proxy)
