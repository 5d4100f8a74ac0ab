"""Run all processes of accweb on one machine."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, connections

from accweb.demo import load_demo
from accweb.first_login import make_first_login
from accweb.management.commands.web import listening
from accweb.runtime.supervisor import Program, Supervisor, stop_on_signals
from cdr.receivers.activated_sockets import descriptors
from cdr.receivers.known_sources import kept_sources
from cdr.storage import database_probe

_PATIENCE = 8.0
_WEB = 2
"""Processes of the web server."""

_RETRY = 2.0
"""Seconds between looks whether the database is back."""

_COLLECT = Program("collect", (sys.executable, "manage.py", "collect"), pass_fds=tuple(descriptors()))


class Command(BaseCommand):
    help = (
        "Run all processes on this machine: migrate the database, create the first login, serve the pages, collect and "
        "correlate. With REDIS_URL Celery does the periodic work, else a scheduler. SIGTERM ends all processes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="load recorded calls, unless they are loaded already")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", default=str(settings.PORT), help="port to listen on (default: PORT, else 8000)")

    def handle(self, *, demo: bool, host: str, port: str, **options: Any) -> None:
        if not port.isascii() or not port.isdecimal() or not 1 <= int(port) <= 65535:
            raise CommandError(
                f"--port: {port!r} is not a number from 1 to 65535; use, for example, 8000", returncode=2
            )
        stop = stop_on_signals()
        with _only_one(settings.DATA_DIR), listening(host, int(port)) as listener:
            supervisor = Supervisor(settings.BASE_DIR)
            if not self._migrate(supervisor, stop):
                return
            login = make_first_login(settings.DATA_DIR / "admin-password", show_password=self.stdout.isatty())
            if demo:
                self._load_demo()
            connections.close_all()
            self.stdout.write(f"accweb runs at http://{_shown(host)}:{port}/  (Ctrl-C ends it)\n{login}")
            self.stdout.flush()
            supervisor.want(programs(listener.fileno()), patience=_PATIENCE)
            supervisor.run(stop, patience=_PATIENCE)

    def _migrate(self, supervisor: Supervisor, stop: Callable[[], bool]) -> bool:
        """Bring the database up to date; while it is away, receive into the spools. Tell whether to go on then."""
        while True:
            try:
                call_command("migrate", verbosity=0, interactive=False)
                return True
            except (OperationalError, InterfaceError) as error:
                if database_probe.answers() or not kept_sources():
                    raise
                reason = " ".join(f"{error}".split())
            connections.close_all()
            if not supervisor.is_busy:
                self.stderr.write(f"the database is away ({reason}); receiving only, until it answers")
                supervisor.want([_COLLECT], patience=_PATIENCE)
            retry_at = time.monotonic() + _RETRY
            supervisor.tend_until(lambda at=retry_at: stop() or time.monotonic() >= at)  # type: ignore[misc]
            if stop():
                supervisor.end(_PATIENCE)
                return False

    def _load_demo(self) -> None:
        try:
            if load_demo():
                self.stdout.write("demo calls loaded (proxies named demo-…)")
        except FileNotFoundError as error:
            raise CommandError(
                f"--demo: the recorded calls are missing: {error}; run this command from a checkout"
            ) from error


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Lock the data folder, which only one ``up`` may use; the kernel releases the lock when the process ends."""
    with (folder / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CommandError(
                f"accweb already runs on the data folder {folder} (process {lock.read().strip() or 'unknown'}); "
                "stop it first, or set ACCWEB_DATA_DIR to another folder"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def programs(listener: int) -> list[Program]:
    """Return the processes that make up the service; those of the web server take connections from ``listener``."""
    level = settings.LOG_LEVEL.lower()
    web = (sys.executable, "manage.py", "web", f"--fd={listener}")
    common = [*(Program(f"web-{number}", web, pass_fds=(listener,)) for number in range(1, _WEB + 1)), _COLLECT]
    if not settings.REDIS_URL:
        return common
    celery = (sys.executable, "-m", "celery", "--app=accweb")
    worker = Program("worker", (*celery, "worker", f"--loglevel={level}", "--concurrency=2"))
    beat = Program(
        "beat",
        (*celery, "beat", f"--loglevel={level}", "--pidfile=", f"--schedule={settings.DATA_DIR / 'beat-schedule'}"),
    )
    return [*common, worker, beat]
