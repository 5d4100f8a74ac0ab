"""Diameter accounting over real sockets: stored first, answered then, in both dialects."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from diameter.message import Message
from diameter.message import constants as numbers
from diameter.message.avp import Avp
from diameter.message.commands import AccountingRequest, DeviceWatchdogAnswer
from diameter.node import Node
from diameter.node.application import Application
from django.db import DatabaseError

from cdr.calls import correlate
from cdr.formats import diameter
from cdr.models import Call, Event, Rejected
from cdr.receivers import diameter_server, stream_server
from cdr.receivers.diameter_server import DiameterServer
from tests.background import in_background
from tests.cdr.formats.test_diameter import acc_diameter, core, message, opensips_avps
from tests.cdr.receivers.diameter_connections import answered, capabilities, connected, received, source
from tests.cdr.receivers.serving import idle, serving, step_until
from tests.factories import make_proxy
from tests.recorded_scenarios import DIAMETER, SCENARIOS, Scenario
from tests.servers import PATIENCE

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[DiameterServer]:
    with serving(DiameterServer(), source()) as made:
        yield made


@pytest.fixture
def worker(server: DiameterServer) -> Iterator[socket.socket]:
    """A connection as a worker of Kamailio has one."""
    with connected(server) as made:
        yield made


def request(call_id: str = "1@x", number: int = 1) -> bytes:
    made = [(code, number.to_bytes(4, "little") if code == 406 else data) for code, data in core(call_id=call_id)]
    return acc_diameter(made=made)


def silent(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        sock.recv(1)
    except BlockingIOError:
        return True
    finally:
        sock.settimeout(PATIENCE)
    return False


# Kamailio's acc_diameter


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one.has(DIAMETER)], ids=str)
def test_recorded_messages_are_answered_as_recorded_and_give_the_answered_calls(
    scenario: Scenario, server: DiameterServer
) -> None:
    content = scenario.bytes_of("diameter.jsonl")
    assert content is not None
    messages = [json.loads(line) for line in content.splitlines()]
    with ExitStack() as stack:
        workers: dict[str, socket.socket] = {}
        for one in messages:
            if one["source"] not in workers:
                workers[one["source"]] = stack.enter_context(connected(server))
            raw = bytes.fromhex(one["raw"])
            workers[one["source"]].sendall(raw)
            assert received(server, workers[one["source"]]) == diameter.answer(raw)

    correlate.correlate_pending()

    answered = [call for call in scenario.expected if call["outcome"] == "answered"]
    assert sorted(
        Call.objects.values_list("call_id", "from_tag", "to_tag", "state", "sip_code", "released_by")
    ) == sorted(
        (one["call_id"], one["from_tag"], one["to_tag"], "completed", 200, one["hung_up_by"]) for one in answered
    )


def test_no_answer_goes_out_before_the_commit(
    server: DiameterServer, worker: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(batches: object) -> None:
        raise DatabaseError("the disk is full")

    worker.sendall(request())
    with monkeypatch.context() as failing:
        failing.setattr(stream_server, "commit", fails)
        with pytest.raises(DatabaseError):
            step_until(server, 1)
        assert silent(worker)

    step_until(server, 1)

    assert worker.recv(4096) == diameter.answer(request())
    assert Event.objects.count() == 1


def test_requests_of_many_workers_are_stored_by_one_commit(
    server: DiameterServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        workers = [stack.enter_context(connected(server)) for _ in range(8)]
        idle(server, 16)  # all are accepted
        for number, worker in enumerate(workers):
            worker.sendall(request(f"{number}@x", number))
        assert server.step(1.0) == 8

        assert [worker.recv(4096) for worker in workers] == [
            diameter.answer(request(f"{number}@x", number)) for number in range(8)
        ]
    assert Event.objects.count() == 8


def test_a_request_may_come_in_pieces_and_several_at_once(server: DiameterServer, worker: socket.socket) -> None:
    stream = request("1@x") + request("2@x", 2) + request("3@x", 3)
    worker.sendall(stream[:200])
    step_until(server, 1)
    worker.sendall(stream[200:])
    step_until(server, 2)

    assert worker.recv(65_536) == b"".join(diameter.answer(request(number=number)) for number in (1, 2, 3))


def test_a_request_whose_worker_left_is_stored(server: DiameterServer) -> None:
    with connected(server) as worker:
        worker.sendall(request())

    step_until(server, 1)

    assert Event.objects.count() == 1
    idle(server)


def test_the_time_is_when_it_came(server: DiameterServer, worker: socket.socket) -> None:
    before = datetime.now(UTC)
    worker.sendall(request())
    step_until(server, 1)

    assert before <= Event.objects.get().time <= datetime.now(UTC)


def test_what_cannot_be_understood_is_kept_and_answered(server: DiameterServer, worker: socket.socket) -> None:
    strange = acc_diameter(made=[*core(code="2x0")])
    worker.sendall(strange)

    assert received(server, worker) == diameter.answer(strange)
    assert "552" in Rejected.objects.get().reason


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.0\r\nHost: accweb\r\n\r\n",
        b"\x01\xff\xff\xff\x80\x00\x01\x0f" + bytes(12),
        message([(551, b"INVITE")]),
        message(opensips_avps(), application=3),
        message([], command=272, application=4)[:-1] + b"\x01",
    ],
    ids=["http", "too long", "without id", "accounting before capabilities", "credit control"],
)
def test_what_makes_no_sense_ends_its_connection_and_no_other(
    sent: bytes, server: DiameterServer, worker: socket.socket
) -> None:
    with connected(server) as stranger:
        stranger.sendall(sent)
        answer = received(server, stranger)
        assert not answer or Message.from_bytes(answer).header.is_error

    worker.sendall(request())
    assert received(server, worker) == diameter.answer(request())
    assert Event.objects.count() == 1


def test_a_proxy_that_no_source_names_is_refused() -> None:
    with serving(DiameterServer(), source(senders="10.0.0.0/8")) as server, connected(server) as stranger:
        stranger.sendall(request())

        assert received(server, stranger) == b""
        assert server.sources[0].refused == {"connections of unknown senders": 1}
    assert not Event.objects.exists()


def test_changed_settings_keep_connections(server: DiameterServer, worker: socket.socket) -> None:
    worker.sendall(request())
    received(server, worker)
    server.configure(server.sources)
    worker.sendall(request("2@x"))

    assert received(server, worker) == diameter.answer(request("2@x"))


# Peers of RFC 6733


class Proxy(Application):
    """What OpenSIPS' aaa_diameter is to us: a client of accounting."""

    def __init__(self) -> None:
        super().__init__(numbers.APP_DIAMETER_BASE_ACCOUNTING, is_acct_application=True)

    def handle_request(self, message: Message) -> None:
        raise AssertionError(message)


@contextmanager
def peer(server: DiameterServer) -> Iterator[tuple[Node, Proxy]]:
    """Connect python-diameter's node."""
    node = Node("proxy.example.net", "example.net")
    node.wakeup_interval = 1
    proxy = Proxy()
    known = node.add_peer(
        f"aaa://accweb.localdomain:{server.port}", "example.net", ip_addresses=["127.0.0.1"], is_persistent=True
    )
    node.add_application(proxy, [known])
    node.start()
    try:
        yield node, proxy
    finally:
        node.stop(force=True)


def accounting(*avps: tuple[int, bytes]) -> AccountingRequest:
    made = AccountingRequest()
    made.session_id, made.origin_host, made.origin_realm = "proxy;1;2", b"proxy.example.net", b"example.net"
    made.destination_realm = b"example.net"
    made.accounting_record_type, made.accounting_record_number = 1, 0
    made.acct_application_id = 3
    for code, data in avps or opensips_avps():
        if code < 256 and code != 55:
            made.append_avp(Avp(code, payload=data, flags=0x40))
    made.event_timestamp = datetime(2026, 11, 22, 23, 59, 26)
    return made


def served(server: DiameterServer, function: Any) -> Any:
    """Serve while ``function`` runs beside; return what it returns."""
    working = in_background(function)
    while not working.done():
        server.step(0.05)
    return working.result()


def test_python_diameter_exchanges_capabilities_and_its_accounting_is_answered(tmp_path: Path) -> None:
    given = source(identity="accweb.localdomain", realm="example.net")
    given.proxy.product, given.proxy.version = "opensips", "3.6"
    given.proxy.save()
    with serving(DiameterServer(), given) as server, peer(server) as (_, proxy):
        served(server, lambda: proxy.wait_for_ready(PATIENCE))

        answer = served(server, lambda: proxy.send_request(accounting(), PATIENCE))

        assert (answer.result_code, answer.session_id) == (2001, "proxy;1;2")
        assert (answer.accounting_record_type, answer.accounting_record_number) == (1, 0)
        assert (answer.origin_host, answer.origin_realm) == (b"accweb.localdomain", b"example.net")
        event = Event.objects.get()
        assert (event.kind, event.call_id, event.backend) == ("answered", "a84b4c76e66710", "diameter")

        again = served(server, lambda: proxy.send_request(accounting(), PATIENCE))
        assert again.result_code == 2001
        assert Event.objects.count() == 1


@pytest.mark.parametrize("application", [3, 0xFFFF_FFFF])
def test_accounting_and_relays_are_welcome(application: int, server: DiameterServer, worker: socket.socket) -> None:
    answer = answered(server, worker, capabilities(application))

    assert (answer.result_code, answer.acct_application_id) == (2001, [3])
    assert answer.header.hop_by_hop_identifier == 7


def test_other_applications_are_not(server: DiameterServer, worker: socket.socket) -> None:
    assert answered(server, worker, capabilities(4)).result_code == 5010


def test_the_watchdog_is_answered(server: DiameterServer, worker: socket.socket) -> None:
    answered(server, worker, capabilities())
    question = message([(264, b"proxy.example.net"), (296, b"example.net")], command=280, application=0)

    answer = answered(server, worker, question)

    assert (answer.header.command_code, answer.header.is_request, answer.result_code) == (280, False, 2001)


def test_a_silent_peer_is_asked_and_given_up_if_it_says_nothing(
    server: DiameterServer, worker: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(server, worker, capabilities())
    monkeypatch.setattr(diameter_server, "WATCHDOG", 0.01)
    question = Message.from_bytes(received(server, worker))

    assert (question.header.command_code, question.header.is_request) == (280, True)
    assert received(server, worker) == b""


def test_a_silent_peer_that_answers_stays(
    server: DiameterServer, worker: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(server, worker, capabilities())
    with monkeypatch.context() as impatient:
        impatient.setattr(diameter_server, "WATCHDOG", 0.0)
        question: Any = Message.from_bytes(received(server, worker))
    answer: DeviceWatchdogAnswer = question.to_answer()
    answer.result_code, answer.origin_host, answer.origin_realm = 2001, b"proxy.example.net", b"example.net"
    worker.sendall(answer.as_bytes())
    idle(server)

    assert answered(server, worker, bytes(identified(accounting()).as_bytes())).result_code == 2001


def identified(made: Message) -> Message:
    made.header.application_id = 3
    made.header.hop_by_hop_identifier = made.header.end_to_end_identifier = 9
    return made


def test_a_disconnecting_peer_is_let_go(server: DiameterServer, worker: socket.socket) -> None:
    answered(server, worker, capabilities())
    avps = [(264, b"proxy.example.net"), (296, b"example.net"), (273, b"\0\0\0\0")]

    assert answered(server, worker, message(avps, command=282, application=0)).result_code == 2001


def test_other_commands_are_answered_as_unsupported(server: DiameterServer, worker: socket.socket) -> None:
    answered(server, worker, capabilities())
    answer = answered(server, worker, message([(263, b"s;1")], command=4711, application=3))

    assert answer.header.is_error
    assert answer.find_avps((numbers.AVP_RESULT_CODE, 0))[0].value == 3001


def test_legs_keep_the_order_in_which_they_came(tmp_path: Path) -> None:
    dictionary = tmp_path / "dictionary"
    dictionary.write_text("ATTRIBUTE src 215 string\nATTRIBUTE dst 216 string\n")
    proxy = make_proxy(product="opensips", version="3.6", layout={"legs": {"radius": ["src", "dst"]}})
    given = source(dictionary=str(dictionary))
    assert given.proxy == proxy
    legs = [(215, b"alice"), (215, b"bob"), (216, b"bob"), (216, b"carol")]
    with serving(DiameterServer(), given) as server, connected(server) as worker:
        answered(server, worker, capabilities())
        answered(server, worker, message(opensips_avps(1, 1, 200, *legs), application=3))

    stored = Event.objects.get().legs
    assert stored == [[["src", "alice"], ["dst", "bob"]], [["src", "bob"], ["dst", "carol"]]]


def test_a_dictionary_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with serving(DiameterServer(), source(dictionary=str(tmp_path / "nowhere"))) as server:
        assert "nowhere" in server.sources[0].setup_error


# Connections that break


def reset(connection: socket.socket) -> None:
    """Close with a reset, as a killed process with unread answers does."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_connection_reset_with_answers_unsent_costs_no_other(server: DiameterServer, worker: socket.socket) -> None:
    stranger = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    stranger.sendall(request())
    step_until(server, 1)
    connection = next(one for one in server._connections if one.socket.getpeername() == stranger.getsockname())
    while not connection.unsent:  # until the kernel takes no more
        server.send([(connection, bytes(1 << 16))])
    reset(stranger)

    worker.sendall(request("2@x", 2))

    assert received(server, worker) == diameter.answer(request("2@x", 2))


def test_a_request_sent_again_on_another_connection_is_one_event(server: DiameterServer) -> None:
    again = bytearray(request())
    again[4] |= 0x10  # the T flag
    for sent in (request(), bytes(again)):
        with connected(server) as worker:
            worker.sendall(sent)
            assert received(server, worker) == diameter.answer(sent)

    assert Event.objects.count() == 1


def test_the_time_of_a_request_that_waited_unread_is_imprecise_by_the_wait(
    server: DiameterServer, worker: socket.socket
) -> None:
    idle(server)
    worker.sendall(request())
    server._read_at -= 90  # as if the database had been away
    step_until(server, 1)

    assert Event.objects.get().precision >= 90_000_000


def test_the_time_of_a_request_that_did_not_wait_is_precise(server: DiameterServer, worker: socket.socket) -> None:
    idle(server)
    worker.sendall(request())
    step_until(server, 1)

    assert Event.objects.get().precision == 1
