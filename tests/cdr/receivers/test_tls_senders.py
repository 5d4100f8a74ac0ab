"""Real senders over TLS: rsyslog, and radsecproxy for a RADIUS client that speaks UDP."""

from __future__ import annotations

import hashlib
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cdr.models import Event
from cdr.receivers.radsec_server import RadSecServer
from cdr.receivers.syslog_server import SyslogServer
from proxyconf.profile import AccountingProfile
from proxyconf.render.radsecproxy import radsecproxy_conf
from proxyconf.render.syslog_rule import syslog_rule
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests import servers
from tests.cdr.receivers.serving import serving, step_until
from tests.cdr.receivers.test_radius_server import start
from tests.cdr.receivers.test_syslog_server import make_syslog
from tests.certificates import Authority
from tests.factories import make_source
from tests.rsyslog import rsyslog

pytestmark = pytest.mark.django_db
ACC = (
    "acc [acc.c:279]: acc_log_request(): ACC: transaction answered: timestamp=1795391610;method=INVITE;"
    "from_tag=f;to_tag=t;call_id=a@x;code=200;reason=OK"
)
SECRET = "a-secret-of-this-host"
_USER_NAME = (1, b"alice@example.net")  # radsecproxy routes by it


@pytest.fixture
def authority(settings: Any) -> Authority:
    folder = servers.folder()
    settings.TLS_FOLDERS = [str(folder)]
    return Authority(folder)


def test_rsyslog_with_the_generated_rule_sends_over_tls(authority: Authority) -> None:
    profile = AccountingProfile.suggested(Product.KAMAILIO, Version.parse("5.6"), [Backend.SYSLOG])
    source = make_syslog(transport="tls", certificate=str(authority.issue("localhost")))
    with serving(SyslogServer(), source) as server:
        rule = syslog_rule(profile, host="localhost", port=server.ports[1], transport="tls", ca=str(authority.file))
        with rsyslog(rule) as log, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as program:
            program.sendto(f"<29>Nov 22 23:53:30 kamailio[7]: NOTICE: {ACC}".encode(), str(log))
            step_until(server, 1)
    assert Event.objects.get().call_id == "a@x"


def test_radsecproxy_with_the_generated_configuration_is_answered(authority: Authority, tmp_path: Path) -> None:
    own = {"listen": "127.0.0.1:0", "client_ca": str(authority.file), "certificate": str(authority.issue("localhost"))}
    source = make_source(kind="radsec", settings={**own, "client_names": "kam1.example.net"})
    folder = _files_of_the_host(authority, tmp_path)
    with serving(RadSecServer(), source) as server, _radsecproxy(server.port, folder) as client:
        packet = _with_user_name(start("a@x"))
        answer = b""
        while not answer:
            client.send(packet)
            for _ in range(20):
                server.step(0.05)
            try:
                answer = client.recv(4096)
            except (BlockingIOError, ConnectionError):  # radsecproxy is not there yet, or has no connection
                continue
    assert answer[:2] == b"\x05\x07"
    assert Event.objects.get().call_id == "a@x"


def _files_of_the_host(authority: Authority, folder: Path) -> Path:
    own = authority.issue("kam1.example.net").read_bytes()
    for name, content in (("ca.pem", authority.file.read_bytes()), ("proxy.pem", own), ("proxy.key", own)):
        (folder / name).write_bytes(content)
    return folder


@contextmanager
def _radsecproxy(port: int, folder: Path) -> Iterator[socket.socket]:
    """Run radsecproxy; give the socket of a RADIUS client that sends to it."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as free:
        free.bind(("127.0.0.1", 0))
        listen = free.getsockname()[1]
    configuration = folder / "radsecproxy.conf"
    configuration.write_text(radsecproxy_conf(host="localhost", port=port, folder=str(folder), listen=str(listen)))
    command = [servers.program("radsecproxy", "radsecproxy"), "-f", "-c", str(configuration)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as running:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.connect(("127.0.0.1", listen))
                client.setblocking(False)
                yield client
        finally:
            running.terminate()


def _with_user_name(packet: bytes) -> bytes:
    body = bytes((_USER_NAME[0], len(_USER_NAME[1]) + 2)) + _USER_NAME[1] + packet[20:]
    head = packet[:2] + (20 + len(body)).to_bytes(2, "big")
    return head + hashlib.md5(head + bytes(16) + body + SECRET.encode()).digest() + body
