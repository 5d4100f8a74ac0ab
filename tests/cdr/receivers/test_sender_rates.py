"""How many messages of one sender are accepted."""

from __future__ import annotations

from typing import Any

import pytest

from cdr.models import Source
from cdr.receivers import sender_rates
from cdr.receivers.diameter_server import DiameterServer
from cdr.receivers.sender_rates import BURST, SenderRates
from cdr.receivers.service import Served
from cdr.receivers.syslog_server import SyslogServer
from tests.cdr.receivers.diameter_connections import connected
from tests.cdr.receivers.diameter_connections import source as diameter_source
from tests.cdr.receivers.serving import idle, serving, step_until
from tests.cdr.receivers.test_diameter_server import request
from tests.cdr.receivers.test_syslog_server import connect, line, make_syslog, seen, send

pytestmark = pytest.mark.django_db


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def served(**settings: Any) -> Served:
    source: Source = make_syslog(**settings)
    return Served.of(source, source.parsed_settings())


def test_ten_seconds_worth_may_come_at_once_and_then_the_rate() -> None:
    clock, one = Clock(), served(rate=2)
    rates = SenderRates(clock)
    assert sum(rates.accepts(one, "10.0.0.1") for _ in range(50)) == 2 * BURST
    clock.now += 3
    assert sum(rates.accepts(one, "10.0.0.1") for _ in range(50)) == 6
    assert one.refused["messages dropped beyond the rate of their sender"] == 100 - 2 * BURST - 6
    assert "10.0.0.1 sends more than 2 messages a second" in one.warnings


def test_a_sender_does_not_use_up_what_is_for_another() -> None:
    one, rates = served(rate=1), SenderRates(Clock())
    while rates.accepts(one, "10.0.0.1"):
        pass
    assert rates.accepts(one, "10.0.0.2")


def test_without_a_limit_all_is_accepted() -> None:
    one, rates = served(rate=0), SenderRates(Clock())
    assert all(rates.accepts(one, "10.0.0.1") for _ in range(500))
    assert rates.pause_after(one, "10.0.0.1", 10_000_000) == 0.0


def test_a_stream_is_paused_for_as_long_as_it_was_ahead() -> None:
    one, rates = served(rate=10), SenderRates(Clock())
    assert rates.pause_after(one, "10.0.0.1", 100) == 0.0
    assert rates.pause_after(one, "10.0.0.1", 25) == 2.5
    assert one.refused["times that a sender was slowed down to its rate"] == 1


def test_many_addresses_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_rates, "_MOST_SENDERS", 10)
    one, rates = served(), SenderRates(Clock())
    for number in range(100):
        rates.accepts(one, f"10.0.0.{number}")
    assert len(rates._left) <= 10


def test_datagrams_beyond_the_rate_are_dropped() -> None:
    with serving(SyslogServer(), make_syslog(rate=1)) as server:
        send(server, *(line(f"{number}@x") for number in range(15)))
        step_until(server, 10)
        idle(server)
        assert server.sources[0].refused["messages dropped beyond the rate of their sender"] == 5
    assert len(seen()) == 10


def test_a_stream_beyond_the_rate_waits_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(SyslogServer(), make_syslog(rate=100)) as server, connect(server) as client:
        client.sendall(b"".join(line(f"{number}@x") + b"\n" for number in range(1010)))
        step_until(server, 1010)
        client.sendall(line("last@x") + b"\n")
        step_until(server, 1)
        assert server.sources[0].refused["times that a sender was slowed down to its rate"] >= 1
    assert len(seen()) == 1011


def test_a_diameter_connection_that_waits_gets_its_answers() -> None:
    with serving(DiameterServer(), diameter_source(rate=1)) as server, connected(server) as worker:
        for number in range(12):
            worker.sendall(request(f"{number}@x"))
        step_until(server, 12)
        assert server.sources[0].refused["times that a sender was slowed down to its rate"] >= 1
        assert len(worker.recv(65_536, 0x02)) > 0
