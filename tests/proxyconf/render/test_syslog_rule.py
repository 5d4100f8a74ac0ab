"""The syslog rules: what a real rsyslog sends on with them, and what it keeps to itself."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyconf.profile import AccountingProfile
from proxyconf.render.syslog_rule import Daemon, Transport, line_patterns, syslog_rule, writes_json
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests import servers
from tests.proxyconf.strategies import profiles
from tests.rsyslog import rsyslog
from tests.servers import program

KAMAILIO = AccountingProfile(backends=(Backend.SYSLOG,))
KAMAILIO_ALL = AccountingProfile(backends=(Backend.SYSLOG, Backend.JSON), options={"cdr_enable": 1})
OPENSIPS = AccountingProfile(Product.OPENSIPS, Version(3, 6), (Backend.SYSLOG,))
OPENSER = AccountingProfile(Product.OPENSER, Version(1, 3), (Backend.SYSLOG,))
ACC = "acc [acc.c:279]: acc_log_request(): ACC: transaction answered: timestamp=1795389825;method=INVITE"
LAST = "kamailio[9]: NOTICE: acc [acc.c:279]: acc_log_request(): ACC: call missed: timestamp=1;method=LAST"
OPENSIPS_LAST = "opensips[9]: NOTICE:ACC: call missed: timestamp=1;method=LAST"


def header_of_the_host(line: str) -> str:
    """Return a line as a program writes it to the local socket: without the host's name."""
    return re.sub(r"^(<\d+>)?(\w{3} [ \d]\d \d\d:\d\d:\d\d) \S+ ", r"\2 ", line)


def recorded_lines(folder: Path) -> list[str]:
    return [header_of_the_host(line) for line in (folder / "syslog_traditional.txt").read_text().splitlines()]


def sent_on(profile: AccountingProfile, lines: list[str], last: str, transport: Transport = Transport.TCP) -> list[str]:
    """Return the messages that arrive of ``lines``, the header cut off."""
    kind = socket.SOCK_STREAM if transport is Transport.TCP else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(servers.PATIENCE)
        if transport is Transport.TCP:
            receiver.listen()
        rule = syslog_rule(profile, port=receiver.getsockname()[1], transport=transport)
        with rsyslog(rule) as log:
            write([*lines, last], log)
            arrived = frames(receiver) if transport is Transport.TCP else datagrams(receiver)
    return [re.sub(r"^<\d+>1 (?:\S+ ){4}\S+ - ?", "", line).strip() for line in arrived[:-1]]


def write(lines: list[str], log: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as program_side:
        program_side.connect(str(log))
        program_side.settimeout(servers.PATIENCE)
        for line in lines:
            program_side.send((line if line.startswith("<") else f"<30>{line}").encode())


def frames(receiver: socket.socket) -> list[str]:
    """Read octet-counted frames (RFC 6587) until the last line has come."""
    connection, _address = receiver.accept()
    connection.settimeout(servers.PATIENCE)
    found: list[str] = []
    with connection, connection.makefile("rb") as stream:
        while not (found and "LAST" in found[-1]):
            digits = b""
            while (one := stream.read(1)) != b" ":
                digits += one
            found.append(stream.read(int(digits)).decode())
    return found


def datagrams(receiver: socket.socket) -> list[str]:
    found: list[str] = []
    while not (found and "LAST" in found[-1]):
        found.append(receiver.recv(65536).decode())
    return found


def test_rsyslog_sends_on_the_accounting_lines_of_a_kamailio_and_no_others(recorded: Path) -> None:
    lines = recorded_lines(recorded / "12-extra-accounting-syslog")
    wanted = [line.partition("]: ")[2] for line in lines if " ACC: " in line]
    assert sent_on(KAMAILIO, lines, LAST) == wanted
    assert len(wanted) == 14


def test_rsyslog_sends_on_the_accounting_lines_of_an_opensips_and_no_others(recorded: Path) -> None:
    lines = recorded_lines(recorded / "opensips-01-answered-caller-hangup-syslog")
    wanted = [line.partition("]: ")[2] for line in lines if ":ACC: " in line]
    assert sent_on(OPENSIPS, lines, OPENSIPS_LAST) == wanted
    assert len(wanted) == 4


def test_rsyslog_sends_on_dialog_records_and_json_objects_where_the_profile_has_them(recorded: Path) -> None:
    records = [
        "kamailio[7]: " + line.partition(") ")[2]
        for line in (recorded / "18-dialog-cdrs/syslog.txt").read_text().splitlines()
        if "acc_cdr.c" in line
    ]
    objects = (recorded / "01j-json-answered/acc_json_syslog.txt").read_text().splitlines()
    wanted = [line.partition("]: ")[2] for line in [*records, *objects]]
    assert sent_on(KAMAILIO_ALL, [*records, *objects], LAST) == wanted
    assert len(records) == 3
    assert len(objects) == 4
    assert sent_on(KAMAILIO, [*records, *objects], LAST) == []


def test_rsyslog_sends_on_by_udp_too() -> None:
    assert sent_on(KAMAILIO, [f"kamailio[7]: NOTICE: {ACC}"], LAST, Transport.UDP) == [f"NOTICE: {ACC}"]


MATCHING = {
    "kamailio": (KAMAILIO, f" NOTICE: {ACC}"),
    "kamailio, another level": (KAMAILIO, f" INFO: {ACC}"),
    "kamailio, without function name": (
        KAMAILIO,
        " NOTICE: acc [acc.c:1]: ACC: call missed: timestamp=1;method=INVITE",
    ),
    "kamailio, log_prefix": (KAMAILIO, f" NOTICE: {{1 INVITE abc@x}} {ACC}"),
    "kamailio, manual": (KAMAILIO, " NOTICE: acc [acc.c:9]: acc_log_request(): ACC: request accounted: timestamp=1;m"),
    "openser": (OPENSER, " ACC: request acknowledged: timestamp=1;method=ACK"),
    "opensips with its level": (OPENSIPS, " NOTICE:ACC: call ended: created=1;call_start_time=1;duration=2"),
    "opensips with log_prefix": (OPENSIPS, " sbc-1 NOTICE:ACC: call ended: created=1;call_start_time=1"),
}
OTHER = {
    "text of the script": (KAMAILIO, f" INFO: <script>: agent {ACC}"),
    "another module": (KAMAILIO, " ERROR: acc [acc.c:496]: acc_db_request(): failed to insert into database"),
    "another program": (KAMAILIO, " Invalid user ACC: transaction answered: timestamp=1;method=INVITE"),
    "the failed statement of acc_request()": (KAMAILIO, " ERROR: db [x.c:1]: insert into ACC: request accounted:  (m"),
    "inside another message": (OPENSER, " new call from ACC: transaction answered: timestamp=1;method=INVITE"),
    "opensips: after a value": (OPENSIPS, " INFO:x:y: ua=NOTICE:ACC: transaction answered: timestamp=1;method=INVITE"),
    "no time": (OPENSIPS, " NOTICE:ACC: transaction answered: hello"),
}


def matches(profile: AccountingProfile, message: str) -> bool:
    # Python warns of the bracket in a bracket expression that POSIX wants
    found = {
        text: pattern.replace("[[]", r"\[").replace("[]]", r"\]") for text, pattern in line_patterns(profile).items()
    }
    return any(text in message and re.search(pattern, message) for text, pattern in found.items())


@pytest.mark.parametrize(("profile", "message"), MATCHING.values(), ids=MATCHING.keys())
def test_what_the_module_wrote_is_accounting(profile: AccountingProfile, message: str) -> None:
    assert matches(profile, message)


@pytest.mark.parametrize(("profile", "message"), OTHER.values(), ids=OTHER.keys())
def test_what_others_wrote_is_not(profile: AccountingProfile, message: str) -> None:
    assert not matches(profile, message)


def test_json_goes_out_unless_it_is_turned_off() -> None:
    off = {"acc_json.acc_output_syslog": 0}
    assert writes_json(AccountingProfile(backends=(Backend.JSON,)))
    assert not writes_json(AccountingProfile(backends=(Backend.JSON,), options=off))
    assert not writes_json(KAMAILIO)


def test_a_profile_without_syslog_has_nothing_to_send() -> None:
    assert "writes no accounting to syslog" in syslog_rule(AccountingProfile(backends=(Backend.SQL,)))


@settings(max_examples=20, deadline=None)
@given(profile=profiles(backends=(Backend.SYSLOG, Backend.JSON, Backend.SQL)), host=st.sampled_from(["::1", "a.b-c.d"]))
def test_rsyslog_accepts_the_rule_of_any_profile(profile: AccountingProfile, host: str) -> None:
    file = servers.folder() / "rule.conf"
    file.write_text(syslog_rule(profile, host=host) + 'action(type="omfile" file="/dev/null")\n')
    done = subprocess.run(
        [program("rsyslogd", "rsyslog"), "-N1", "-f", str(file)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (0, 2), done.stderr


def test_syslog_ng_gets_one_filter_with_all_patterns() -> None:
    rule = syslog_rule(KAMAILIO_ALL, Daemon.SYSLOG_NG, host="accweb.example.net", port=601)
    for pattern in line_patterns(KAMAILIO_ALL).values():
        assert f"match('{pattern}' value(\"MESSAGE\"))" in rule
    assert "program('^json_acc$')" in rule
    assert 'syslog("accweb.example.net" transport("tcp") port(601))' in rule


@pytest.mark.parametrize("host", ["", "a b", 'x" target="evil', "x\n"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="not a valid host name"):
        syslog_rule(KAMAILIO, host=host)


@pytest.mark.parametrize("port", [0, 65536])
def test_what_is_no_port_is_refused(port: int) -> None:
    with pytest.raises(ValueError, match="not a valid port"):
        syslog_rule(KAMAILIO, port=port)
