"""RADIUS accounting: requests answered per second, and how soon, each answered after the commit of its event.

    python bench/radius.py [--seconds 10] [--senders 2] [--outstanding 64] [--correlate] [--not-durable]

Senders keep so many requests outstanding each and send the next when one is answered. Beside our receiver, in the same
run and on the same PostgreSQL server: FreeRADIUS 3 with rlm_sql_postgresql, one INSERT per request into a table of
the same fields; where it is not installed, pyrad's Server with the same INSERT.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import stand

SECRET = b"testing123"
TABLE = """CREATE TABLE IF NOT EXISTS peer_acc (id bigserial PRIMARY KEY, status text, method text, from_tag text,
 to_tag text, callid text, sip_code text, time bigint, src_ip text, user_agent text)"""
INSERT = (
    "INSERT INTO peer_acc (status, method, from_tag, to_tag, callid, sip_code, time, src_ip, user_agent) VALUES "
    "('{Acct-Status-Type}', '{Sip-Method}', '{Sip-From-Tag}', '{Sip-To-Tag}', '{Acct-Session-Id}', "
    "'{Sip-Response-Code}', {Event-Timestamp}, '{Calling-Station-Id}', '{Connect-Info}')"
)
DICTIONARY = (
    "ATTRIBUTE Sip-Method 101 integer\nATTRIBUTE Sip-Response-Code 102 integer\n"
    "ATTRIBUTE Sip-From-Tag 105 string\nATTRIBUTE Sip-To-Tag 104 string\n"
)


class Result(NamedTuple):
    answered: int
    seconds: float
    delays: list[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--senders", type=int, default=2)
    parser.add_argument("--outstanding", type=int, default=64)
    stand.add_options(parser)
    options = parser.parse_args()
    with stand.database(durable=not options.not_durable) as url:
        with psycopg.connect(url) as connection:
            connection.execute(TABLE)
        port = free_port()
        settings = {"listen": f"127.0.0.1:{port}", "clients": ["127.0.0.1"], "secret": SECRET.decode()}
        with stand.receiver("radius", settings, correlate=options.correlate) as process:
            ours = _measure("accweb", port, [process], options, url, "SELECT count(*) FROM cdr_event")
        peer = _freeradius if shutil.which("freeradius", path=_PATH) else _pyrad
        with peer(url, port := free_port()) as process:
            name = peer.__name__.strip("_")
            theirs = _measure(name, port, [process], options, url, "SELECT count(*) FROM peer_acc")
    print(f"{ours[0] / theirs[0]:.1f} × the requests per second, {ours[1] / theirs[1]:.2f} × the p99")


_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _measure(
    name: str, port: int, processes: list[int], options: argparse.Namespace, url: str, count: str
) -> tuple[float, float]:
    load = stand.load()
    _send(port, 0, 1, 1.0)  # until it is there and warm
    stored, cpu, database = stand.rows(url, count), stand.cpu_of(*processes), stand.cpu_of_database(url)
    with multiprocessing.Pool(options.senders) as pool:
        work = [(port, number + 1, options.outstanding, options.seconds) for number in range(options.senders)]
        results = pool.starmap(_send, work)
    cpu, database = stand.cpu_of(*processes) - cpu, stand.cpu_of_database(url) - database
    answered = sum(result.answered for result in results)
    rate = answered / max(result.seconds for result in results)
    delays = sorted(delay for result in results for delay in result.delays)
    p50, p99 = (delays[int(len(delays) * part)] * 1000 for part in (0.5, 0.99))
    print(
        f"{name:12} {rate:8.0f} requests/s  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  "
        f"CPU {cpu / answered * 1e6:5.1f} µs/request "
        f"and {database / answered * 1e6:5.1f} of the database  "
        f"stored {stand.rows(url, count) - stored} of {answered}  ({load} before)"
    )
    return rate, p99


def _send(port: int, sender: int, outstanding: int, seconds: float) -> Result:
    """Keep ``outstanding`` requests under way for so long; send again what is not answered within a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(1.0)
        number, sent, delays, resent = 0, {}, [], 0
        packets: dict[int, bytes] = {}

        def another(identifier: int) -> None:
            nonlocal number
            number += 1
            packets[identifier] = packet = request(sender, number, identifier)
            sent[identifier] = time.perf_counter()
            sock.send(packet)

        for identifier in range(outstanding):
            another(identifier)
        start = time.perf_counter()
        end = start + seconds
        while (now := time.perf_counter()) < end or not delays:
            try:
                identifier = sock.recv(4096)[1]
            except (TimeoutError, ConnectionError):
                if resent > 200:
                    raise SystemExit(f"nobody answers at port {port}") from None
                resent += 1
                time.sleep(0.05)
                for packet in packets.values():
                    try:
                        sock.send(packet)
                    except ConnectionError:
                        continue
                continue
            if (begun := sent.pop(identifier, None)) is not None:
                delays.append(time.perf_counter() - begun)
                another(identifier)
        return Result(len(delays), now - start, delays)


def request(sender: int, number: int, identifier: int) -> bytes:
    """Return the START or STOP of a call, with extras as proxies usually send them."""
    call, stop = divmod(number, 2)
    pairs = (
        (40, (2 if stop else 1).to_bytes(4, "big")),
        (6, (15).to_bytes(4, "big")),
        (102, (200).to_bytes(4, "big")),
        (101, (8 if stop else 1).to_bytes(4, "big")),
        (55, (1_795_000_000 + number // 1000).to_bytes(4, "big")),
        (105, b"from-%d" % call),
        (104, b"to-%d" % call),
        (44, b"%d-%d-%d@192.0.2.17" % (os.getpid(), sender, call)),
        (31, b"192.0.2.17"),
        (77, b"PhoneMaker T42 (firmware 7.1.3)"),
        (5, (5060).to_bytes(4, "big")),
        (41, bytes(4)),
        (4, bytes((127, 0, 0, 1))),
    )
    body = b"".join(bytes((attribute, len(value) + 2)) + value for attribute, value in pairs)
    head = bytes((4, identifier)) + (20 + len(body)).to_bytes(2, "big")
    return head + hashlib.md5(head + bytes(16) + body + SECRET).digest() + body


@contextmanager
def _freeradius(url: str, port: int) -> Iterator[int]:
    found = stand.libpq(url)
    folder = Path(tempfile.mkdtemp(prefix="accweb-bench-radius-"))
    query = INSERT.replace("{", "%{")
    query = query.replace("%{Event-Timestamp}", "%{integer:Event-Timestamp}")
    # FreeRADIUS' own dictionary has another Sip-Method (of a vendor), and names must differ.
    query, own = (text.replace("Sip-", "Acc-Sip-") for text in (query, DICTIONARY))
    (folder / "dictionary").write_text(f"$INCLUDE /usr/share/freeradius/dictionary\n{own}")
    (folder / "radiusd.conf").write_text(f"""
libdir = /usr/lib/freeradius
run_dir = {folder}
logdir = {folder}
pidfile = {folder}/pid
max_request_time = 30
max_requests = 16384
security {{
  allow_core_dumps = no
}}
thread pool {{
  start_servers = 8
  max_servers = 32
  min_spare_servers = 4
  max_spare_servers = 16
}}
client local {{
  ipaddr = 127.0.0.1
  secret = {SECRET.decode()}
}}
modules {{
  expr {{
  }}
  sql {{
    driver = "rlm_sql_postgresql"
    dialect = "postgresql"
    server = "{found["host"]}"
    port = {found["port"]}
    login = "{found["user"]}"
    password = "{found["password"]}"
    radius_db = "{found["database"]}"
    acct_table1 = "peer_acc"
    acct_table2 = "peer_acc"
    delete_stale_sessions = no
    pool {{
      start = 8
      min = 8
      max = 32
      spare = 8
      uses = 0
      lifetime = 0
      idle_timeout = 0
    }}
    accounting {{
      reference = "%{{tolower:type.%{{Acct-Status-Type}}.query}}"
      type {{
        start {{
          query = "{query}"
        }}
        stop {{
          query = "{query}"
        }}
      }}
    }}
  }}
}}
server default {{
  listen {{
    type = acct
    ipaddr = 127.0.0.1
    port = {port}
  }}
  accounting {{
    sql
  }}
}}
""")
    program = shutil.which("freeradius", path=_PATH) or "freeradius"
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, "-f", "-l", "stdout", "-d", folder], stdout=log, stderr=log)
    try:
        time.sleep(2)
        if server.poll() is not None:
            sys.exit((folder / "log").read_text())
        yield server.pid
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


@contextmanager
def _pyrad(url: str, port: int) -> Iterator[int]:
    process = multiprocessing.Process(target=_serve_with_pyrad, args=(url, port))
    process.start()
    yield process.pid or 0
    process.terminate()
    process.join()


def _serve_with_pyrad(url: str, port: int) -> None:
    from pyrad.dictionary import Dictionary
    from pyrad.server import RemoteHost, Server

    with tempfile.NamedTemporaryFile("w") as file:
        standard = {40: "Acct-Status-Type", 55: "Event-Timestamp", 44: "Acct-Session-Id", 31: "Calling-Station-Id"}
        names = {**standard, 77: "Connect-Info"}
        file.write(DICTIONARY)
        for number, name in names.items():
            file.write(f"ATTRIBUTE {name} {number} {'integer' if number in (40, 55) else 'string'}\n")
        file.flush()
        dictionary = Dictionary(file.name)
    connection = psycopg.connect(url, autocommit=True)

    class Peer(Server):  # type: ignore[misc]
        def HandleAcctPacket(self, packet) -> None:  # type: ignore[no-untyped-def]  # noqa: N802
            values = {name: packet[name][0] for name in packet.keys() if name in INSERT}  # noqa: SIM118
            connection.execute(INSERT.format(**values))  # type: ignore[arg-type]
            self.SendReplyPacket(packet.fd, self.CreateReplyPacket(packet))

    server = Peer(dict=dictionary, authport=free_port(), acctport=port, coa_enabled=False)
    server.hosts["127.0.0.1"] = RemoteHost("127.0.0.1", SECRET, "local")
    server.BindToAddress("127.0.0.1")
    server.Run()


if __name__ == "__main__":
    main()
