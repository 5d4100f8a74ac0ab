"""Run all processes of accweb on one machine."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from accweb.demo import load_demo
from accweb.first_login import make_first_login
from accweb.runtime.supervisor import Program, stop_on_signals, supervise

_PATIENCE = 8.0


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
        with _only_one(settings.DATA_DIR), _listen(host, int(port)) as listener:
            call_command("migrate", verbosity=0, interactive=False)
            login = make_first_login(settings.DATA_DIR / "admin-password", show_password=self.stdout.isatty())
            if demo:
                self._load_demo()
            connections.close_all()
            self.stdout.write(f"accweb runs at http://{_shown(host)}:{port}/  (Ctrl-C ends it)\n{login}")
            self.stdout.flush()
            supervise(programs(listener.fileno()), settings.BASE_DIR, stop, patience=_PATIENCE)

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


def _listen(host: str, port: int) -> socket.socket:
    """Bind the port before anything else is done; the web server inherits the socket, so the port cannot be in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise CommandError(
            f"cannot listen on port {port} of {host}: {reason}; stop the process that uses it, or choose another port: "
            f"PORT={port % 65535 + 1} or --port",
        ) from error


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def programs(listener: int) -> list[Program]:
    """Return the programs of the service; the web server accepts connections on the socket ``listener``."""
    python = (sys.executable, "-m")
    level = settings.LOG_LEVEL.lower()
    web = Program(
        "web",
        (
            *python,
            "gunicorn",
            "accweb.wsgi",
            f"--bind=fd://{listener}",
            "--worker-class=gthread",
            "--workers=2",
            "--threads=8",
            "--graceful-timeout=5",
            "--no-control-socket",
            "--log-level=warning",
        ),
        pass_fds=(listener,),
    )
    collect = Program("collect", (sys.executable, "manage.py", "collect"))
    if not settings.REDIS_URL:
        return [web, collect]
    celery = (*python, "celery", "--app=accweb")
    worker = Program("worker", (*celery, "worker", f"--loglevel={level}", "--concurrency=2"))
    beat = Program(
        "beat",
        (*celery, "beat", f"--loglevel={level}", "--pidfile=", f"--schedule={settings.DATA_DIR / 'beat-schedule'}"),
    )
    return [web, collect, worker, beat]
