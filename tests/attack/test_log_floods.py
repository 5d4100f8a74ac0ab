"""Senders that make the log grow."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from diameter.message import Message

from accweb import log
from accweb.log import OneLine, RateLimit
from tests.cdr.formats.test_diameter import message


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def written(clock: Clock) -> Iterator[io.StringIO]:
    """What the root logger writes, as the service has it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine("{message}", style="{"))
    handler.addFilter(RateLimit(clock))
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def flood(count: int) -> None:
    for number in range(count):
        logging.getLogger("hostile").warning("packet %d makes no sense", number)


def test_a_flood_is_cut_and_counted(written: io.StringIO, clock: Clock) -> None:
    flood(5_000)
    clock.now += log.WINDOW
    flood(1)

    lines = written.getvalue().splitlines()
    assert len(lines) == log.MOST + 1
    assert lines[-2].endswith("(more like this are left out for up to 10 s)")
    assert lines[-1] == f"packet 0 makes no sense ({5_000 - log.MOST} more like this were left out)"


def test_a_flood_costs_no_other_record(written: io.StringIO) -> None:
    flood(5_000)
    logging.getLogger("calm").warning("the disk is nearly full")
    assert written.getvalue().splitlines()[-1] == "the disk is nearly full"


def test_a_diameter_message_of_odd_attributes_writes_few_lines(written: io.StringIO) -> None:
    raw = message([(263, b"\xff\xfe"), *[(268, b"odd")] * 5_000], application=3)
    Message.from_bytes(raw)
    assert len(written.getvalue().splitlines()) <= 2 * log.MOST
