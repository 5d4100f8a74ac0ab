"""Millions of calls in PostgreSQL, made by SQL alone: what bench/browse.py looks at."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

DATABASE = "accweb_browse"
DAYS = 90
NUMBERS = 100_000
_SETTLED = 200
_STEP = 1_000_000
_MEMORY = ("shared_buffers=1GB", "maintenance_work_mem=1GB", "max_wal_size=8GB", "checkpoint_timeout=1h")
"""What any administrator of ten million calls sets; everything else is as PostgreSQL has it by itself."""

# The parts of a day: few calls at night, most at noon (the density is 1 / (1 + 0.8 cos)). The four dice are the same in
# each run. Callers and callees are ranks cubed: few numbers make most calls, some are hardly ever seen.
_CALLS = f"""
INSERT INTO cdr_call (
    cluster, call_id, call_key, identity, from_tag, to_tag, caller, callee, source_ip, user_agent, state, outcome,
    started_at, answered_at, ended_at, duration, duration_kind, released_by, sip_code, sip_reason, extra, flags,
    proxies, backends, events, stop_due_at, superseded, revision, updated_at
)
SELECT
    '', digest || '@192.0.2.' || proxy, key, decode(digest, 'hex'), left(digest, 12), right(digest, 12),
    '+4930' || lpad((9000000 - caller * 71)::text, 8, '0'), '+4989' || lpad((1000000 + callee * 71)::text, 8, '0'),
    '198.51.100.' || (caller %% 50)::int,
    (ARRAY['Linphone/5', 'Yealink T46', 'snom D785', 'FreeSWITCH'])[1 + caller %% 4],
    state, outcome, started,
    CASE WHEN outcome = 'answered' THEN started + interval '4 seconds' END,
    CASE WHEN state = 'completed' THEN started + interval '4 seconds' + length
         WHEN state = 'unanswered' THEN started + interval '9 seconds' END,
    CASE WHEN state = 'completed' THEN length END,
    CASE WHEN state = 'completed' THEN 'measured' ELSE 'unknown' END,
    CASE WHEN state = 'completed' THEN CASE WHEN third < 0.5 THEN 'caller' ELSE 'callee' END END,
    code, reason, jsonb_build_object('account', 'customer-' || (caller %% 900)::int),
    CASE WHEN fourth < 0.01 THEN ' late_stop ' WHEN fourth < 0.02 THEN ' clock_skew ' WHEN fourth < 0.06
         THEN ' early_media ' ELSE '' END,
    CASE WHEN fourth > 0.97 THEN ' edge-1 core-1 ' ELSE ' edge-' || proxy || ' ' END,
    CASE WHEN proxy = 1 THEN ' syslog sql ' ELSE ' syslog ' END, CASE WHEN state = 'completed' THEN 2 ELSE 1 END,
    CASE WHEN state = 'ongoing' THEN started + interval '4 hours' END, false, 1,
    started + coalesce(length, interval '9 seconds')
FROM (
    SELECT
        drawn.*, 1 + (fourth * 4)::int AS proxy, floor(power(second, 3) * {NUMBERS})::bigint AS caller,
        floor(power(third, 3) * {NUMBERS})::bigint AS callee,
        CASE WHEN kind.outcome <> 'answered' THEN 'unanswered'
             WHEN started + length > %(end)s THEN 'ongoing'
             WHEN fourth BETWEEN 0.5 AND 0.505 THEN 'stop_missing'
             ELSE 'completed' END AS state,
        kind.outcome, kind.code, kind.reason
    FROM (
        SELECT
            digest, ('x' || substr(digest, 1, 16))::bit(64)::bigint AS key,
            %(end)s - interval '1 day' * ({DAYS} * (1 - part)) + interval '1 day' * (0.8 * sin(2 * pi() * {DAYS} * part)
                / (2 * pi())) AS started,
            random() AS first, random() AS second, random() AS third, random() AS fourth,
            interval '1 second' * floor(-150 * ln(1 - random()) + 1) AS length
        FROM generate_series(%(begin)s::bigint, %(to)s::bigint) AS n,
            md5(n::text) AS digest, LATERAL (SELECT n::float / %(calls)s AS part) AS placed
    ) AS drawn
    JOIN (VALUES
        (0.00, 0.58, 'answered', 200, 'OK'), (0.58, 0.70, 'no_answer', 480, 'Temporarily Unavailable'),
        (0.70, 0.80, 'cancelled', 487, 'Request Terminated'), (0.80, 0.88, 'busy', 486, 'Busy Here'),
        (0.88, 0.91, 'not_found', 404, 'Not Found'), (0.91, 0.935, 'declined', 603, 'Decline'),
        (0.935, 0.975, 'failed', 503, 'Service Unavailable'), (0.975, 0.985, 'failed', 500, 'Server Internal Error'),
        (0.985, 0.995, 'unauthorized', 403, 'Forbidden'), (0.995, 1.01, 'redirected', 302, 'Moved Temporarily')
    ) AS kind (low, high, outcome, code, reason) ON first >= low AND first < high
) AS told
"""
_SETTLEMENTS = f"""
INSERT INTO cdr_settlement (call_id, ended_at, reason, by_id, at)
SELECT id, started_at + interval '1 minute', 'asked the customer', (SELECT min(id) FROM auth_user), now()
FROM (
    SELECT id, started_at FROM cdr_call WHERE state = 'stop_missing' ORDER BY started_at DESC LIMIT {_SETTLED}
) AS newest
"""


@contextmanager
def filled(calls: int, keep: Path | None) -> Iterator[str]:
    """Set up Django on a database with so many calls, and yield its address. With ``keep`` it stays in that folder, and
    is taken from there where it is there already.
    """
    named = os.environ.get("DATABASE_URL", "")
    server = named if named.startswith("postgres") else _server(keep)
    with psycopg.connect(server, autocommit=True) as admin:
        _tell(admin)
        kept = admin.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is not None
        if not kept:
            admin.execute(f"CREATE DATABASE {DATABASE}")
        url = urlunsplit(urlsplit(server)._replace(path=f"/{DATABASE}"))
        _setup(url)
        from django.db import connections

        try:
            if not kept:
                _fill(calls)
                kept = keep is not None
            yield url
        finally:
            connections.close_all()
            if not kept:
                admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def _tell(admin: psycopg.Connection[Any]) -> None:
    found = admin.execute(
        "SELECT current_setting('server_version'), current_setting('shared_buffers'),"
        " EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm')"
    ).fetchone()
    version, buffers, trigrams = found or ("", "", False)
    print(f"PostgreSQL {version}, shared_buffers={buffers}, {'with' if trigrams else 'WITHOUT'} pg_trgm", end="; ")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def _setup(url: str) -> None:
    os.environ |= {
        "DATABASE_URL": url,
        "ACCWEB_DATA_DIR": tempfile.mkdtemp(prefix="accweb-bench-"),
        "DJANGO_SETTINGS_MODULE": "accweb.settings",
        "LOG_LEVEL": "ERROR",
    }
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _fill(calls: int) -> None:
    """Make proxies, users and calls. Indexes that do not hold a constraint come last, which is much quicker."""
    from django.apps import apps
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group
    from django.db import connection

    from cdr.models import Source
    from proxyconf.models import Proxy

    begun = time.monotonic()
    reader = get_user_model().objects.create_user("bench", is_staff=True)
    reader.groups.add(Group.objects.get(name="analyst"))
    for name in ("edge-1", "edge-2", "edge-3", "edge-4", "edge-5", "core-1"):
        Source.objects.create(proxy=Proxy.objects.create(name=name), name="syslog", kind=Source.Kind.SYSLOG)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'cdr_call' AND indexname NOT IN"
            " (SELECT conname FROM pg_constraint)"
        )
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SELECT now(), setseed(0.42)")
        end, _ = cursor.fetchone()
        for begin in range(1, calls + 1, _STEP):
            to = min(calls, begin + _STEP - 1)
            cursor.execute(_CALLS, {"begin": begin, "to": to, "calls": calls, "end": end})
            print(f"\r{to:,} calls after {time.monotonic() - begun:.0f} s", end="", file=sys.stderr, flush=True)
        for _name, definition in indexes:
            cursor.execute(definition)
            print(f"\nafter {time.monotonic() - begun:.0f} s: {definition}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        cursor.execute(_SETTLEMENTS)
    import_module("cdr.migrations.0007_volumes_of_stored_calls").count_stored_calls(apps, None)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(f"filled within {time.monotonic() - begun:.0f} s", file=sys.stderr)


def _server(keep: Path | None) -> str:
    """Start a server: the system's where it has pg_trgm, else that of the test dependencies. Return its address."""
    from tests import servers

    owner = servers._unprivileged()
    home = keep or servers.folder()
    home.mkdir(parents=True, exist_ok=True)
    if owner:
        shutil.chown(home, owner["user"], owner["group"])
    programs = next(_with_trigrams(), None) or servers._programs(home, owner)
    if not (home / "data").exists():
        made: list[str | Path] = ["-D", home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]
        servers._run([programs / "initdb", *made], home, owner)
    command: list[str | Path] = [programs / "postgres", "-D", home / "data", "-k", home, "-h", ""]
    for setting in _MEMORY:
        command += ["-c", setting]
    started = servers._start(command, home, owner)
    url = f"postgresql://postgres@/postgres?host={quote(str(home), safe='')}"
    servers._wait(started, home, lambda: psycopg.connect(url).close(), psycopg.OperationalError)
    return url


def _with_trigrams() -> Iterator[Path]:
    """Yield the folders of the system's PostgreSQL programs that have pg_trgm, the newest first."""
    for config in sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_config"), reverse=True):
        shared = subprocess.run([config, "--sharedir"], capture_output=True, text=True, check=True).stdout.strip()
        if (Path(shared) / "extension" / "pg_trgm.control").exists():
            yield config.parent
