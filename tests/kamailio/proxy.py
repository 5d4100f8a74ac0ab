"""A real Kamailio on loopback, started with generated configuration.

It takes the program from the system (Debian: the packages below). ``kamailio -c`` would not do: it reads the
configuration without the start-up checks of the modules.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from proxyconf.profile import AccountingProfile
from proxyconf.render.acc_section import acc_section
from proxyconf.render.hints import routing_hints
from proxyconf.render.radius_dictionary import (
    CLIENT_DICTIONARY,
    CLIENT_SERVERS,
    client_configuration,
    client_dictionary,
    client_servers,
)
from proxyconf.vocabulary.layout import Backend
from tests.servers import program

PACKAGES = "kamailio kamailio-radius-modules kamailio-extra-modules kamailio-json-modules kamailio-sqlite-modules"
PATIENCE = 30  # seconds
CALLEE_TAG = "to-bob"

_SCRIPT = """\
#!KAMAILIO
debug=2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
modparam("tm", "retr_timer1", {patience})  # nothing gets lost here: who does not answer yet is busy
include_file "acc.cfg"
include_file "routing.cfg"
request_route {{
    if ($rm == "OPTIONS") {{
        sl_send_reply("200", "Here");
        exit;
    }}
    if ($rm == "INVITE") {{
        route(ACC_INVITE);
    }} else {{
        route(ACC_WITHIN_DIALOG);
    }}
    $du = "sip:127.0.0.1:" + $sp;  # back to the sender, which plays the callee too
    t_relay();
}}
"""


class Answer(NamedTuple):
    """What the callee answers: status code and reason phrase, and its tag."""

    status: str
    to_tag: str = CALLEE_TAG


ANSWERED = Answer("200 OK")


class DidNotStart(AssertionError):
    """The proxy ended instead of answering; the text is what it wrote."""


class Kamailio:
    """A running proxy."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self._process, self._log = process, log
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(0.1)
        self._port = self._socket.getsockname()[1]

    def log(self) -> str:
        """Return what the proxy has written so far."""
        return self._log.read_text(errors="replace")

    def wait_for(self, found: Callable[[], bool]) -> None:
        """Wait until ``found`` says yes; fail with the log if the proxy ends or it takes too long."""
        end = time.monotonic() + PATIENCE
        while not found():
            if self._process.poll() is not None or time.monotonic() > end:
                raise DidNotStart(self.log())
            time.sleep(0.02)

    def send(self, method: str, call_id: str, *, headers: str = "", to_tag: str = "", callee: Answer = ANSWERED) -> str:
        """Send a request until it is answered; return the final answer. What the proxy forwards ``callee`` answers."""
        request = self._request(method, call_id, headers, to_tag)
        branch = f";branch={_branch(method, call_id)}\r\n"
        answers: list[str] = []

        def answered() -> bool:
            try:
                self._socket.send(request)
                while not answers:
                    message = self._socket.recv(65_536).decode()
                    if not message.startswith("SIP/2.0"):
                        self._socket.send(_answered(message, callee).encode())
                    elif branch in message and not message.startswith("SIP/2.0 1"):  # else of one that was sent twice
                        answers.append(message)
            except (ConnectionRefusedError, TimeoutError):
                return False
            return True

        self.wait_for(answered)
        return answers[-1]

    def _request(self, method: str, call_id: str, headers: str, to_tag: str) -> bytes:
        lines = [
            f"{method} sip:bob@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch={_branch(method, call_id)}",
            "Max-Forwards: 70",
            "From: <sip:alice@127.0.0.1>;tag=from-alice",
            f"To: <sip:bob@127.0.0.1>{f';tag={to_tag}' if to_tag else ''}",
            f"Call-ID: {call_id}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:alice@127.0.0.1:{self._port}>",
            *filter(None, [headers]),
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def stop(self) -> None:
        """End the proxy and its workers: at once, for an orderly end that comes too early takes it a minute."""
        self._socket.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _branch(method: str, call_id: str) -> str:
    return f"z9hG4bK-{method}-{call_id}"


def _answered(request: str, answer: Answer) -> str:
    lines = [f"SIP/2.0 {answer.status}"]
    for line in request.splitlines()[1:]:
        name = line.partition(":")[0]
        if name == "To" and ";tag=" not in line:
            line += f";tag={answer.to_tag}" if answer.to_tag else ""
        if name in ("Via", "From", "To", "Call-ID", "CSeq", "Record-Route"):
            lines.append(line)
    return "\r\n".join([*lines, "Content-Length: 0", "", ""])


@contextmanager
def running(profile: AccountingProfile, folder: Path) -> Iterator[Kamailio]:
    """Start Kamailio with the section and the hints of a profile; raise ``DidNotStart`` if it ends before it answers.

    Its RADIUS client gets the generated files, its Diameter client a peer that takes connections.
    """
    with _peer() as peer_port:
        here = _in_folder(profile, folder, peer_port)
        with raw(acc_section(here), routing_hints(here), folder) as proxy:
            yield proxy


@contextmanager
def raw(section: str, hints: str, folder: Path) -> Iterator[Kamailio]:
    """Start Kamailio with a section and routes as they are."""
    port = free_port()
    (folder / "acc.cfg").write_text(section)
    (folder / "routing.cfg").write_text(hints)
    (folder / "kamailio.cfg").write_text(_SCRIPT.format(port=port, patience=PATIENCE * 1000))
    with started(folder, port) as proxy:
        yield proxy


@contextmanager
def started(folder: Path, port: int, *, ready: str = "") -> Iterator[Kamailio]:
    """Start Kamailio with the ``kamailio.cfg`` of a folder, which listens to the port.

    It has started when it answers an OPTIONS, or when its log holds ``ready``.
    """
    log = folder / "log.txt"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                program("kamailio", PACKAGES),
                "-DD",
                "-E",
                "-f",
                folder / "kamailio.cfg",
                "-Y",
                folder,
                "-w",
                folder,
                "-m",
                "32",
                "-M",
                "8",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=out,
            start_new_session=True,
        )
    proxy = Kamailio(process, port, log)
    try:
        if ready:
            proxy.wait_for(lambda: ready in proxy.log())
        else:
            proxy.send("OPTIONS", "are-you-there")
        yield proxy
    finally:
        proxy.stop()


def _in_folder(profile: AccountingProfile, folder: Path, peer_port: int) -> AccountingProfile:
    """Return the profile with its external files and peers on this machine, and write the files."""
    options = dict(profile.options)
    if Backend.RADIUS in profile.backends:
        options["radius_config"] = str(folder / "radiusclient.conf")
    if Backend.DIAMETER in profile.backends:
        options |= {"diameter_client_host": "127.0.0.1", "diameter_client_port": peer_port}
    here = replace(profile, options=options)
    (folder / "radiusclient.conf").write_text(client_configuration(here))
    (folder / CLIENT_DICTIONARY).write_text(client_dictionary(here))
    (folder / CLIENT_SERVERS).write_text(client_servers(here))
    return here


def free_port() -> int:
    """Return a UDP port of this machine that nothing uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _peer() -> Iterator[int]:
    """A TCP peer that takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        taken: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    taken.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for one in taken:
                one.close()
