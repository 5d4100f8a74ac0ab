"""Syslog over TCP: log lines per second from the first sent until the last is committed.

    python bench/syslog.py [--lines 200000] [--correlate] [--not-durable]

One connection, lines ended by a newline, as a proxy's rsyslog forwards them; five of six are accounting. Beside our
receiver, in the same run and on the same PostgreSQL server: rsyslog with mmnormalize and ompgsql, one batched INSERT
per event into a table of the same fields (where rsyslog and both modules are installed).
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import stand

TABLE = """CREATE TABLE IF NOT EXISTS peer_log (id bigserial PRIMARY KEY, time bigint, method text, from_tag text,
 to_tag text, callid text, sip_code text, sip_reason text, caller text, callee text, raw text)"""
HEAD = (
    "<29>Nov 22 23:53:30 kam1 kamailio[4711]: NOTICE: acc [acc.c:279]: acc_log_request(): ACC: transaction answered: "
)
NOISE = "<30>Nov 22 23:53:30 kam1 kamailio[4711]: INFO: <script>: new call from 192.0.2.17\n"
_MODULES = ("mmnormalize.so", "ompgsql.so", "imtcp.so")
_FOLDERS = (Path("/usr/lib/x86_64-linux-gnu/rsyslog"), Path("/usr/lib/rsyslog"), Path("/usr/lib64/rsyslog"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=200_000)
    stand.add_options(parser)
    options = parser.parse_args()
    with stand.database(durable=not options.not_durable) as url:
        with psycopg.connect(url) as connection:
            connection.execute(TABLE)
        port = _free_port()
        settings = {"listen": f"127.0.0.1:{port}", "transport": "tcp"}
        with stand.receiver("syslog", settings, correlate=options.correlate) as process:
            ours = _measure("accweb", port, process, options.lines, url, "cdr_event")
        if not _rsyslog_is_there():
            print("rsyslog with mmnormalize and ompgsql is not installed: nothing to compare with")
            return
        with _rsyslog(url, port := _free_port()) as process:
            theirs = _measure("rsyslog", port, process, options.lines, url, "peer_log")
    print(f"{ours / theirs:.1f} × the lines per second")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _measure(name: str, port: int, process: int, lines: int, url: str, table: str) -> float:
    data, events = _log(lines)
    load = stand.load()
    with psycopg.connect(url, autocommit=True) as connection, _connected(port) as sock:
        cpu, database, start = stand.cpu_of(process), stand.cpu_of_database(url), time.perf_counter()
        sock.sendall(data)
        stored = 0
        while stored < events:
            time.sleep(0.05)
            # Counting all of them each time would be the most that the server does.
            (last,) = connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone() or (0,)  # type: ignore[arg-type]
            if last >= events:
                (stored,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)  # type: ignore[arg-type]
            if time.perf_counter() - start > 600:
                sys.exit(f"{name}: {stored} of {events} events after ten minutes")
        seconds = time.perf_counter() - start
        cpu, database = stand.cpu_of(process) - cpu, stand.cpu_of_database(url) - database
    print(
        f"{name:8} {lines / seconds:8.0f} lines/s  CPU {cpu / lines * 1e6:5.1f} µs/line "
        f"and {database / lines * 1e6:5.1f} of the database  stored {stored} events  ({load} before)"
    )
    return lines / seconds


def _connected(port: int) -> socket.socket:
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionError:
            time.sleep(0.1)
    sys.exit(f"nobody listens at port {port}")


def _log(lines: int) -> tuple[bytes, int]:
    """Return so many lines of a log, and how many of them are accounting."""
    made, events = [], 0
    for number in range(lines):
        if number % 6 == 5:
            made.append(NOISE)
            continue
        events += 1
        call, stop = divmod(events, 2)
        made.append(
            f"{HEAD}timestamp={1_795_391_610 + number // 1000};method={'BYE' if stop else 'INVITE'};from_tag=f{call};"
            f"to_tag=t{call};call_id={call}-8d1f02@192.0.2.17;code=200;reason=OK;src_user=alice{call % 997};"
            f"dst_user=bob{call % 499}\n"
        )
    return "".join(made).encode(), events


def _rsyslog_is_there() -> bool:
    there = any(all((folder / module).exists() for module in _MODULES) for folder in _FOLDERS)
    return there and shutil.which("rsyslogd", path="/usr/sbin:/usr/bin") is not None


@contextmanager
def _rsyslog(url: str, port: int) -> Iterator[int]:
    found = stand.libpq(url)
    folder = Path(tempfile.mkdtemp(prefix="accweb-bench-rsyslog-"))
    (folder / "rules").write_text(
        "version=2\n"
        "rule=:%head:string-to:ACC: %ACC: transaction answered: timestamp=%ts:char-to:;%;method=%method:char-to:;%;"
        "from_tag=%ft:char-to:;%;to_tag=%tt:char-to:;%;call_id=%cid:char-to:;%;code=%code:char-to:;%;"
        "reason=%reason:char-to:;%;src_user=%src:char-to:;%;dst_user=%dst:rest%\n"
    )
    (folder / "conf").write_text(f"""
global(workDirectory="{folder}")
module(load="imtcp")
module(load="mmnormalize")
module(load="ompgsql")
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="acc")
template(name="insert" type="list" option.stdsql="on") {{
  constant(value="INSERT INTO peer_log (time, method, from_tag, to_tag, callid, sip_code, sip_reason, caller, callee, ")
  constant(value="raw) VALUES (") property(name="$!ts") constant(value=", '") property(name="$!method")
  constant(value="', '") property(name="$!ft") constant(value="', '") property(name="$!tt")
  constant(value="', '") property(name="$!cid") constant(value="', '") property(name="$!code")
  constant(value="', '") property(name="$!reason") constant(value="', '") property(name="$!src")
  constant(value="', '") property(name="$!dst") constant(value="', '") property(name="rawmsg") constant(value="')")
}}
ruleset(name="acc" queue.type="LinkedList" queue.size="1000000" queue.dequeueBatchSize="5000") {{
  action(type="mmnormalize" ruleBase="{folder}/rules" useRawMsg="off")
  if $parsesuccess == "OK" then {{
    action(type="ompgsql" server="{found["host"]}" port="{found["port"]}" user="{found["user"]}"
           pass="{found["password"]}" db="{found["database"]}" template="insert" queue.type="LinkedList"
           queue.size="1000000" queue.dequeueBatchSize="5000")
  }}
}}
""")
    program = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin") or "rsyslogd"
    with (folder / "log").open("wb") as log:
        command = [program, "-n", "-f", folder / "conf", "-i", folder / "pid"]
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        time.sleep(1)
        if server.poll() is not None:
            sys.exit((folder / "log").read_text())
        yield server.pid
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
