"""Shared parts of the measurements: a PostgreSQL server, CPU time of processes, our receivers."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

DATABASE = "accweb_bench"
_DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")
_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _CPU = 0, 10
"""Places in /proc/PID/stat, counted from the parent: the parent; user and system time, then those of ended children."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all measurements of receivers have."""
    parser.add_argument("--correlate", action="store_true", help="make calls of the events meanwhile")
    parser.add_argument(
        "--not-durable",
        action="store_true",
        help="no commit waits for the disk, for either side: to see what that costs",
    )


@contextmanager
def database(*, durable: bool = True) -> Iterator[str]:
    """Set up an empty database with our tables, on the server that DATABASE_URL names or one started for the run.

    ``durable``: commits are on the disk when they are told, as PostgreSQL does it by itself. What the server is and
    does is printed.
    """
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        from tests.servers import postgresql

        server = postgresql(durable=durable)
    with psycopg.connect(server, autocommit=True) as admin:
        shown = {name: _shown(admin, name) for name in ("server_version", *_DURABILITY)}
        print(f"PostgreSQL {', '.join(f'{name}={value}' for name, value in shown.items())}; {os.cpu_count()} cores")
        if durable and {shown[name] for name in _DURABILITY} != {"on"}:
            sys.exit("this server's commits are not durable: name another in DATABASE_URL, or measure --not-durable")
        admin.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        admin.execute(f"CREATE DATABASE {DATABASE}")
        url = urlunsplit(urlsplit(server)._replace(path=f"/{DATABASE}"))
        os.environ |= {
            "DATABASE_URL": url,
            "ACCWEB_DATA_DIR": tempfile.mkdtemp(prefix="accweb-bench-"),
            "DJANGO_SETTINGS_MODULE": "accweb.settings",
            "LOG_LEVEL": "WARNING",
        }
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connections

        call_command("migrate", verbosity=0)
        try:
            yield url
        finally:
            connections.close_all()
            admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def _shown(connection: psycopg.Connection[Any], name: str) -> str:
    (value,) = connection.execute(f"SHOW {name}").fetchone() or ("",)  # type: ignore[arg-type]
    return str(value)


def libpq(url: str) -> dict[str, str]:
    """Return host (a folder, for a socket), user, password, port and database of an address."""
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    return {
        "host": host,
        "user": parts.username or "",
        "password": parts.password or "",
        "port": str(parts.port or 5432),
        "database": parts.path[1:],
    }


@contextmanager
def receiver(kind: str, settings: dict[str, Any], *, correlate: bool) -> Iterator[int]:
    """Run what serves one source, and the scheduler too where ``correlate``; yield its process."""
    from accweb.runtime.collector import _schedule
    from accweb.runtime.supervisor import Fork
    from cdr.models import Source
    from cdr.receivers.services import SERVICES
    from cdr.receivers.serving import enabled_services, serve
    from proxyconf.models import Proxy

    proxy, _ = Proxy.objects.get_or_create(name="bench", defaults={"addresses": "127.0.0.1"})
    Source.objects.update(enabled=False)
    unlimited = {"rate": 0, **settings}
    Source.objects.create(proxy=proxy, name=f"{kind}-{Source.objects.count()}", kind=kind, settings=unlimited)
    (name,) = enabled_services()[0]
    programs: list[Callable[..., None]] = [partial(serve, name, SERVICES[kind])]
    if correlate:
        from django.conf import settings as ours

        programs.append(partial(_schedule, ours.CELERY_BEAT_SCHEDULE))
    running = [Fork("bench", program).start(Path()) for program in programs]
    try:
        yield running[0].pid
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def load() -> str:
    """Return the load of the machine: figures taken beside other work say little."""
    return f"load {os.getloadavg()[0]:.1f}"


def cpu_of(*processes: int) -> float:
    """Return the CPU seconds that processes have used so far, with their threads."""
    return sum(_cpu(process) for process in processes)


def cpu_of_database(url: str) -> float:
    """Return the CPU seconds that the PostgreSQL server at ``url``, on this machine, has used so far."""
    with psycopg.connect(url) as connection:
        server = _status(connection.info.backend_pid)[_PARENT]
    found = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        status = _status(int(folder.name))
        if folder.name == str(server):
            found += sum(status[_CPU : _CPU + 4]) / _TICKS  # with that of its processes that have ended
        elif status[_PARENT : _PARENT + 1] == [server]:
            found += sum(status[_CPU : _CPU + 2]) / _TICKS
    return found


def _cpu(process: int) -> float:
    return sum(_status(process)[_CPU : _CPU + 2]) / _TICKS


def _status(process: int) -> list[int]:
    """Return what /proc tells of a process, from its parent on; nothing where it has just ended."""
    try:
        return [int(word) for word in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1:]]
    except OSError:
        return []


def rows(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute(query).fetchone()  # type: ignore[arg-type]
    return int(found[0]) if found else 0
