"""Receivers and services that are started again, or started twice."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accweb.management.commands import up
from cdr.models import Source
from cdr.receivers import datagrams
from cdr.receivers.activated_sockets import activated_sockets, descriptors
from cdr.receivers.held_sockets import HeldSockets, udp_addresses
from cdr.receivers.radius_server import RadiusServer
from cdr.receivers.service import Served
from cdr.receivers.serving import note_closed
from cdr.receivers.syslog_server import SyslogServer
from cdr.sources.setting import ListenAddress
from tests.cdr.receivers.serving import serving, step_until
from tests.cdr.receivers.test_syslog_server import line, make_syslog, seen
from tests.factories import make_source


@pytest.fixture
def address() -> ListenAddress:
    """An address that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return ListenAddress("127.0.0.1", taken.getsockname()[1])


@pytest.fixture
def held() -> Iterator[HeldSockets]:
    sockets = HeldSockets()
    yield sockets
    sockets.hold({})


def fork(held: HeldSockets, source: Source) -> None:
    """Give this process copies of the held sockets, as a fork has them."""
    copies = HeldSockets()
    for address, original in held._sockets.items():
        copies._sockets[address] = original.dup()
        copies._sockets[address].setblocking(False)
    copies.hand_over([source])


@pytest.mark.django_db
def test_datagrams_that_come_while_no_receiver_runs_are_stored_by_the_next(
    address: ListenAddress, held: HeldSockets
) -> None:
    source = make_syslog(listen=str(address), transport="udp")
    held.hold({"syslog": [source]})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as proxy:
        fork(held, source)
        with serving(SyslogServer(), source) as first:
            proxy.sendto(line("a@x"), address)
            step_until(first, 1)
        proxy.sendto(line("b@x"), address)  # nobody serves it
        fork(held, source)
        with serving(SyslogServer(), source) as second:
            proxy.sendto(line("c@x"), address)
            step_until(second, 2)
    assert seen() == ["a@x", "b@x", "c@x"]


@pytest.mark.django_db
def test_an_address_that_no_source_uses_any_longer_is_free(address: ListenAddress, held: HeldSockets) -> None:
    source = make_source(
        kind=Source.Kind.RADIUS, settings={"listen": str(address), "clients": "127.0.0.1", "secret": "x" * 16}
    )
    held.hold({"radius": [source]})
    fork(held, source)
    with serving(RadiusServer(), source) as server:
        assert server.port == address.port
    held.hold({})
    with closing(datagrams.bind(address)) as other:
        assert other.getsockname()[1] == address.port


@pytest.mark.django_db
def test_an_address_that_a_running_service_takes_up_is_left_to_it(address: ListenAddress, held: HeldSockets) -> None:
    held.hold({"syslog": [make_syslog(listen=str(address), transport="tcp")]})
    changed = make_syslog("kam2", listen=str(address), transport="both")
    held.hold({"syslog": [changed]})
    with serving(SyslogServer(), changed) as server:
        assert server.ports == (address.port, address.port)


@pytest.mark.django_db
def test_what_has_no_udp_address_is_not_held() -> None:
    tcp_only = make_syslog(listen="127.0.0.1:5140", transport="tcp")
    any_port = make_syslog("kam2", listen="127.0.0.1:0")
    diameter = make_source(kind=Source.Kind.DIAMETER, settings={"listen": "127.0.0.1:3868"})
    assert udp_addresses([tcp_only, any_port, diameter]) == set()


@pytest.mark.django_db
def test_the_time_that_an_address_was_closed_is_told(
    address: ListenAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datagrams, "closed_before", {})
    source = make_syslog(listen=str(address), transport="udp")
    first = HeldSockets(tmp_path / "udp")
    first.hold({"syslog": [source]})
    first.close()
    assert datagrams.closed_before == {}
    seven_seconds_ago = time.time() - 7
    os.utime(tmp_path / "udp", (seven_seconds_ago, seven_seconds_ago))
    second = HeldSockets(tmp_path / "udp")
    second.hold({"syslog": [source]})
    second.close()
    assert datagrams.closed_before[address] >= 7

    served = Served.of(source, source.parsed_settings())
    note_closed(served)
    assert served.refused["seconds that its UDP address was closed before the last start"] >= 7
    assert "its UDP address was closed for about" in served.warnings


@pytest.mark.django_db
def test_datagrams_that_come_while_the_whole_service_restarts_are_stored_where_systemd_holds_the_socket(
    address: ListenAddress,
) -> None:
    source = make_syslog(listen=str(address), transport="udp")
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as of_systemd,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as proxy,
    ):
        of_systemd.bind(address)
        passed = range(of_systemd.fileno(), of_systemd.fileno() + 1)
        for call_id in ("a@x", "b@x"):
            proxy.sendto(line(call_id), address)  # nothing of the service runs
            sockets = HeldSockets(activated=activated_sockets(passed))
            sockets.hold({"syslog": [source]})
            fork(sockets, source)
            sockets.close()
            with serving(SyslogServer(), source) as server:
                step_until(server, 1)
    assert seen() == ["a@x", "b@x"]


@pytest.mark.parametrize(
    ("environment", "count"),
    [
        ({}, 0),
        ({"LISTEN_PID": "1", "LISTEN_FDS": "2"}, 0),
        ({"LISTEN_PID": "own", "LISTEN_FDS": "2"}, 2),
        ({"LISTEN_PID": "parent", "LISTEN_FDS": "1"}, 1),
        ({"LISTEN_PID": "own", "LISTEN_FDS": "many"}, 0),
    ],
)
def test_sockets_are_taken_that_systemd_passed_to_this_process_or_its_parent(
    environment: dict[str, str], count: int
) -> None:
    processes = {"own": str(os.getpid()), "parent": str(os.getppid())}
    given = {name: processes.get(value, value) for name, value in environment.items()}
    assert list(descriptors(given)) == list(range(3, 3 + count))


@pytest.mark.django_db
def test_a_listener_with_tls_has_no_udp_address() -> None:
    assert udp_addresses([make_syslog(listen="127.0.0.1:6514", transport="tls", certificate="/c.pem")]) == set()


def test_a_second_service_on_the_same_data_folder_says_so_and_ends(
    tmp_path: Path, settings: pytest.FixtureRequest
) -> None:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    with up._only_one(tmp_path), pytest.raises(CommandError, match=f"already runs on the data folder {tmp_path}"):
        call_command("up", "--port", "1")
    with up._only_one(tmp_path):
        pass
