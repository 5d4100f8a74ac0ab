"""Serve the pages and the API alone."""

from __future__ import annotations

import os
import socket
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.wsgi import get_wsgi_application

from accweb.runtime.supervisor import stop_on_signals
from accweb.runtime.web_server import serve


class Command(BaseCommand):
    help = "Serve the pages and the API until SIGTERM. Any number of these may share a database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to serve at (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="default: PORT, else 8000")
        parser.add_argument("--threads", type=int, default=8, help="requests that are worked on at once (default 8)")
        parser.add_argument("--fd", type=int, help="a listening socket to use in place of host and port")

    def handle(self, *args: Any, host: str, port: int, threads: int, fd: int | None, **options: Any) -> None:
        with socket.socket(fileno=os.dup(fd)) if fd is not None else listening(host, port) as listener:
            serve(get_wsgi_application(), listener, stop_on_signals(), threads=threads)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raise ``CommandError`` with the remedy."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise CommandError(
            f"cannot listen on port {port} of {host}: {reason}; stop the process that uses it, or choose another port: "
            f"PORT={port % 65535 + 1} or --port",
        ) from error
