"""Take the screenshots of the documentation anew: ``python docs/screenshots.py``, with what the tests need installed.

The pages show the recorded calls of ``manage.py up --demo``, on a data folder that lasts as long as this.
"""

import os
import sys
import tempfile
import threading
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))
LOGIN = "admin"


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def prepare() -> str:
    """Fill the database; return the path of the call to show: a forwarded one, with legs."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from accweb.demo import load_demo
    from cdr.models import Call

    call_command("migrate", verbosity=0)
    load_demo()
    User.objects.create_superuser(LOGIN, password=LOGIN)
    call = Call.objects.filter(legs__position=1).order_by("started_at").first()
    assert call is not None
    return f"/calls/{call.pk}/"


def take(base: str, call: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        page = browser.new_page(base_url=base, viewport={"width": 1440, "height": 860}, timezone_id="UTC")
        page.goto("/")
        page.get_by_label("Username").fill(LOGIN)
        page.get_by_label("Password").fill(LOGIN)
        page.get_by_role("button", name="Log in").click()
        for name, path in (("start", "/"), ("calls", "/calls/?caller=%2B4930*&period=all"), ("call", call)):
            page.goto(path)
            page.wait_for_load_state("networkidle")
            if name == "call":
                page.set_viewport_size({"width": 1440, "height": 1640})
            page.screenshot(path=DOCS / f"{name}.png")
        browser.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"DJANGO_SETTINGS_MODULE": "accweb.settings", "ACCWEB_DATA_DIR": folder, "LOG_LEVEL": "ERROR"}
        os.environ.pop("DATABASE_URL", None)
        call = prepare()
        from accweb.wsgi import application

        with make_server("127.0.0.1", 0, application, server_class=Server, handler_class=Quiet) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            take(f"http://127.0.0.1:{server.server_port}", call)
            server.shutdown()


if __name__ == "__main__":
    main()
