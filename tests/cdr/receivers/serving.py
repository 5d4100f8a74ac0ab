"""A service in the test's own process, stepped by the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from cdr.models import Source
from cdr.receivers.service import Served, Service

Made = TypeVar("Made", bound=Service)


@contextmanager
def serving(service: Made, *sources: Source) -> Iterator[Made]:
    """Configure ``service`` with ``sources`` and let go of its sockets and files at the end."""
    service.configure([Served.of(source, source.parsed_settings()) for source in sources])
    try:
        yield service
    finally:
        service.close()


def step_until(service: Service, count: int) -> None:
    """Step until ``count`` records were stored."""
    done = 0
    for _ in range(1000):
        done += service.step(0.1)
        if done >= count:
            return
    raise AssertionError(f"{done} of {count} records came")


def idle(service: Service, steps: int = 3) -> None:
    """Step where nothing is expected to be stored."""
    assert sum(service.step(0.05) for _ in range(steps)) == 0
