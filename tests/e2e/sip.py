"""SIP phones played by SIPp, and what they saw: the truth that the calls of accweb are held against."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.servers import program

SCENARIOS = Path(__file__).parent / "scenarios"
PATIENCE = 60  # seconds
_HEADING = re.compile(
    rb"^-{20,} ([\d-]+ [\d:.]+)\nUDP message (sent|received)[^\n]*\n\n(.*?)(?=^-{20,}|\Z)", re.MULTILINE | re.DOTALL
)


@dataclass
class Seen:
    """A call as its caller saw it. Times are UTC."""

    call_id: str
    dialled: str
    from_tag: str
    to_tag: str = ""
    code: int = 0
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    released_by: str | None = None
    cancelled: bool = False


@dataclass
class Message:
    at: datetime
    sent: bool
    start: str
    headers: dict[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")

    def tag(self, name: str) -> str:
        found = re.search(r";tag=([^;>\s]+)", self.header(name))
        return found[1] if found else ""


def free_port() -> int:
    """Return a UDP port of the loopback that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def callee(scenario: str, folder: Path) -> Iterator[int]:
    """Run a phone that is called, on a port that is given."""
    port = free_port()
    phone = subprocess.Popen(
        [_program(), "-sf", SCENARIOS / f"{scenario}.xml", "-i", "127.0.0.1", "-p", str(port), "-nostdin"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        phone.kill()
        phone.wait()


def call(scenario: str, dialled: str, proxy: int, folder: Path, *, count: int = 1) -> list[Seen]:
    """Make ``count`` calls to ``dialled`` through the proxy at that port, and return what the caller saw."""
    log = folder / f"{scenario}-{dialled}.log"
    done = subprocess.run(
        [
            *(_program(), f"127.0.0.1:{proxy}", "-sf", SCENARIOS / f"{scenario}.xml", "-s", dialled),
            *("-i", "127.0.0.1", "-p", str(free_port()), "-m", str(count), "-r", "5", "-nostdin"),
            *("-timeout", str(PATIENCE), "-timeout_error", "-trace_msg", "-message_file", log),
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "TZ": "UTC"},  # the log has local times
        timeout=PATIENCE * 2,
        check=False,
    )
    assert done.returncode == 0, f"{scenario} to {dialled} failed:\n{done.stderr.decode()}\n{log.read_text()}"
    return _seen(_messages(log.read_bytes()), dialled)


def is_there(port: int) -> bool:
    """Tell whether something answers an OPTIONS at that port within half a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        asking.connect(("127.0.0.1", port))
        lines = [
            "OPTIONS sip:127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{asking.getsockname()[1]};branch=z9hG4bK-there",
            "From: <sip:test@127.0.0.1>;tag=there",
            "To: <sip:127.0.0.1>",
            "Call-ID: there",
            "CSeq: 1 OPTIONS",
            "Max-Forwards: 5",
            "Content-Length: 0",
        ]
        try:
            asking.send("\r\n".join([*lines, "", ""]).encode())
            return asking.recv(2048).startswith(b"SIP/2.0 200")
        except (ConnectionRefusedError, TimeoutError):
            return False


def _program() -> str:
    return program("sipp", "sip-tester")


def _messages(log: bytes) -> Iterator[Message]:
    for heading in _HEADING.finditer(log.replace(b"\r\n", b"\n")):
        start, *lines = heading[3].decode().strip().split("\n")
        at = datetime.fromisoformat(heading[1].decode()).replace(tzinfo=UTC)
        message = Message(at, heading[2] == b"sent", start)
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                message.headers.setdefault(name.strip().lower(), value.strip())
        yield message


def _seen(messages: Iterator[Message], dialled: str) -> list[Seen]:
    calls: dict[str, Seen] = {}
    for message in messages:
        call_id = message.header("Call-ID")
        one = calls.setdefault(call_id, Seen(call_id, dialled, message.tag("From")))
        method = message.header("CSeq").split()[-1]
        if message.start.startswith("SIP/2.0"):
            _answer(one, message, method, int(message.start.split()[1]))
        elif message.start.startswith("CANCEL"):
            one.cancelled = True
        elif message.start.startswith("BYE") and one.released_by is None:
            one.ended_at, one.released_by = message.at, "caller" if message.sent else "callee"
    return list(calls.values())


def _answer(one: Seen, message: Message, method: str, code: int) -> None:
    if method != "INVITE" or code < 200 or message.sent:
        return
    one.code, one.to_tag = code, message.tag("To")
    if code < 300:
        one.answered_at = message.at
    else:
        one.ended_at = message.at
