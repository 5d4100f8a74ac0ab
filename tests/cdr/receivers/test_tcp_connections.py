from __future__ import annotations

import socket

import pytest

from cdr.receivers import tcp_connections
from cdr.receivers.tcp_connections import TcpConnection, stalled, surplus


class AnyConnection(TcpConnection):
    @property
    def has_unfinished(self) -> bool:
        return self.host == "unfinished"


@pytest.fixture(autouse=True)
def _limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_connections, "MOST", 5)
    monkeypatch.setattr(tcp_connections, "MOST_PER_ADDRESS", 3)


def connections(*hosts: str) -> list[AnyConnection]:
    """Connections that were of use one after the other."""
    return [AnyConnection(socket.socket(), host, useful_at=float(at)) for at, host in enumerate(hosts)]


def test_there_is_room_up_to_the_limits() -> None:
    assert surplus(connections("a", "a", "b", "b"), "a") is None


def test_an_address_at_its_limit_loses_its_own_longest_idle_connection() -> None:
    kept = connections("b", "a", "a", "a")
    assert surplus(kept, "a") is kept[1]


def test_a_full_listener_closes_the_longest_idle_connection_of_the_most_crowded_address() -> None:
    kept = connections("c", "a", "b", "a", "d")
    assert surplus(kept, "new") is kept[1]


def test_an_unfinished_message_is_overdue_after_a_while_and_an_idle_connection_after_the_given_time() -> None:
    unfinished, idle = connections("unfinished", "idle")
    now = 100.0
    assert stalled([unfinished, idle], now) == [unfinished]
    assert stalled([unfinished, idle], now, longest_idle=98.0) == [unfinished, idle]
    assert stalled([unfinished, idle], 30.0) == []
