from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from cdr.models import Event, Source
from cdr.receivers.service import Hold
from cdr.receivers.syslog_server import SyslogServer
from tests.background import in_background, wait_until_blocked
from tests.cdr.receivers.serving import idle, serving, step_until
from tests.factories import make_proxy, make_source
from tests.servers import PATIENCE

pytestmark = pytest.mark.django_db


def line(call_id: str, host: str = "kam1") -> bytes:
    return (
        f"<29>Nov 22 23:53:30 {host} kamailio[4711]: NOTICE: acc [acc.c:279]: acc_log_request(): "
        f"ACC: transaction answered: timestamp=1795391610;method=INVITE;from_tag=f;to_tag=t;call_id={call_id};"
        "code=200;reason=OK"
    ).encode()


def make_syslog(proxy: str = "kam1", **settings: Any) -> Source:
    return make_source(
        proxy=make_proxy(proxy),
        name="syslog",
        kind=Source.Kind.SYSLOG,
        settings={"listen": "127.0.0.1:0", **settings},
    )


@pytest.fixture
def server() -> Iterator[SyslogServer]:
    with serving(SyslogServer(), make_syslog()) as made:
        yield made


def send(server: SyslogServer, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for datagram in datagrams:
            client.sendto(datagram, ("127.0.0.1", server.ports[0]))


def connect(server: SyslogServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.ports[1]), PATIENCE)


def seen() -> list[str]:
    return sorted(Event.objects.values_list("call_id", flat=True))


def test_a_datagram_is_a_line(server: SyslogServer) -> None:
    send(server, line("a@x"), line("b@x") + b"\n")
    step_until(server, 2)
    assert seen() == ["a@x", "b@x"]


def test_lines_over_tcp_end_with_a_newline(server: SyslogServer) -> None:
    with connect(server) as client:
        client.sendall(line("a@x") + b"\n" + line("b@x") + b"\n")
        step_until(server, 2)
    assert seen() == ["a@x", "b@x"]


def test_messages_over_tcp_may_be_counted(server: SyslogServer) -> None:
    with connect(server) as client:
        for call_id in ("a@x", "b@x"):
            client.sendall(b"%d %b" % (len(line(call_id)), line(call_id)))
        step_until(server, 2)
    assert seen() == ["a@x", "b@x"]


def test_a_line_in_pieces_is_put_together(server: SyslogServer) -> None:
    with connect(server) as client:
        client.sendall(line("a@x")[:60])
        idle(server)
        client.sendall(line("a@x")[60:] + b"\n")
        step_until(server, 1)
    assert seen() == ["a@x"]


def test_the_last_line_before_the_end_of_the_connection_needs_no_newline(server: SyslogServer) -> None:
    with connect(server) as client:
        client.sendall(line("a@x"))
    step_until(server, 1)
    assert seen() == ["a@x"]


def test_what_could_not_be_stored_is_held_and_stored_later(
    server: SyslogServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise DatabaseError("the server went away")

    send(server, line("a@x"))
    with monkeypatch.context() as broken:
        broken.setattr(Hold, "finish", fail)
        with pytest.raises(DatabaseError):
            step_until(server, 1)
    step_until(server, 1)
    assert seen() == ["a@x"]


def test_the_name_in_the_line_tells_whose_it_is() -> None:
    first, second = make_syslog(senders=["kam1"]), make_syslog("kam2", senders="kam2@127.0.0.1")
    with serving(SyslogServer(), first, second) as server:
        send(server, line("a@x", "kam1"), line("b@x", "kam2"), line("c@x", "kam3"))
        step_until(server, 2)
        idle(server)
        assert [one.refused for one in server.sources] == [{"messages of unknown senders": 1}] * 2
    assert Event.objects.get(call_id="a@x").source == first
    assert Event.objects.get(call_id="b@x").source == second


def test_the_senders_address_tells_whose_it_is() -> None:
    far, near = make_syslog(senders=["10.0.0.0/8"]), make_syslog("kam2", senders=["127.0.0.1"])
    with serving(SyslogServer(), far, near) as server:
        send(server, line("a@x"))
        with connect(server) as client:
            client.sendall(line("b@x") + b"\n")
            step_until(server, 2)
    assert {event.source for event in Event.objects.select_related("source")} == {near}


def test_a_connection_of_an_unknown_sender_is_refused() -> None:
    with serving(SyslogServer(), make_syslog(senders=["10.0.0.0/8"])) as server, connect(server) as client:
        idle(server)
        assert client.recv(1) == b""
        assert server.sources[0].refused == {"messages of unknown senders": 1}


def test_a_message_announced_as_too_long_ends_the_connection(server: SyslogServer) -> None:
    with connect(server) as client:
        client.sendall(b"99999999 <29>")
        idle(server)
        assert client.recv(1) == b""
    assert server.sources[0].refused == {"overlong messages": 1}


def test_lines_that_are_no_accounting_are_counted_as_ignored(server: SyslogServer) -> None:
    send(server, b"<29>Nov 22 23:53:30 kam1 cron[1]: nothing of interest")
    step_until(server, 1)
    assert Source.objects.get().ignored == 1


def test_objects_of_acc_json_come_the_same_way(server: SyslogServer, recorded: Path) -> None:
    lines = (recorded / "01j-json-answered" / "acc_json_syslog.txt").read_bytes().splitlines()
    send(server, *lines)
    step_until(server, len(lines))
    assert set(Event.objects.values_list("backend", flat=True)) == {"json"}


@pytest.mark.parametrize("name", ["syslog_traditional.txt", "syslog_iso.txt", "syslog_rfc5424.txt"])
@pytest.mark.parametrize("counted", [True, False], ids=["counted", "newline"])
def test_recorded_lines_give_their_events(name: str, counted: bool, server: SyslogServer, recorded: Path) -> None:
    lines = (recorded / "04-serial-fork-answered-syslog" / name).read_bytes().splitlines()
    with connect(server) as client:
        for one in lines:
            client.sendall(b"%d <29>%b" % (len(one) + 4, one) if counted else one + b"\n")
        step_until(server, len(lines))
    assert [Event.objects.filter(kind=kind).count() for kind in ("answered", "bye", "missed")] == [2, 2, 2]


def test_new_settings_are_taken_over_while_connections_stay(server: SyslogServer) -> None:
    with connect(server) as client:
        client.sendall(line("a@x") + b"\n")
        step_until(server, 1)
        server.configure(server.sources)
        client.sendall(line("b@x") + b"\n")
        step_until(server, 1)
    assert seen() == ["a@x", "b@x"]


def test_lines_of_a_source_that_was_removed_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise DatabaseError("the source is gone")

    removed, other = make_syslog(senders=["kam1"]), make_syslog("kam2", senders=["kam2"])
    with serving(SyslogServer(), removed, other) as server:
        send(server, line("a@x", "kam1"), line("b@x", "kam2"))
        with monkeypatch.context() as broken:
            broken.setattr(Hold, "finish", fail)
            with pytest.raises(DatabaseError):
                step_until(server, 2)
        removed.delete()
        server.configure(server.sources[1:])
        step_until(server, 1)
    assert seen() == ["b@x"]


if connection.vendor == "postgresql":

    @pytest.mark.django_db(transaction=True)
    def test_lines_that_come_while_others_are_stored_are_stored_next(server: SyslogServer) -> None:
        with connect(server) as client:
            with transaction.atomic():
                Source.objects.select_for_update().get()
                client.sendall(line("a@x") + b"\n")
                stepping = in_background(step_until, server, 3)
                wait_until_blocked()
                client.sendall(line("b@x") + b"\n")
                send(server, line("c@x"))
            stepping.result(PATIENCE)
        assert seen() == ["a@x", "b@x", "c@x"]


def test_a_counted_message_cut_off_by_the_end_of_its_connection_is_counted(server: SyslogServer) -> None:
    with connect(server) as client:
        client.sendall(b"%d %b" % (len(line("a@x")), line("a@x")[:60]))
        idle(server)
    idle(server)
    assert server.sources[0].refused == {"messages cut off by the end of the connection": 1}
    assert not seen()
