from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import Permission, User

from tests.mail_server import Mailbox, mail_server


class Posted(NamedTuple):
    """A request that the webhook got."""

    path: str
    headers: dict[str, str]
    body: bytes


class Webhook:
    """What a webhook got; it answers ``status``."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.status = 204
        self.url = ""


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    """A mail server that the settings name."""
    with mail_server() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.MAIL_IS_SET_UP, settings.EMAIL_HOST, settings.EMAIL_PORT = True, "127.0.0.1", box.port
        settings.DEFAULT_FROM_EMAIL = "accweb@example.net"
        yield box


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A web server that takes what is posted to it."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server's name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posted.append(Posted(self.path, dict(self.headers), body))
            self.send_response(hook.status)
            if 300 <= hook.status < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Write nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    hook.url = f"http://localhost:{server.server_port}/reports?from=accweb"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield hook
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def owner(db: None) -> User:
    """A user who may export calls with full numbers."""
    user = User.objects.create_user("clerk", is_staff=True)
    names = ["view_call", "view_numbers", "export_call"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user
