"""Take the screenshots of the documentation anew: ``python docs/screenshots.py``, with what the tests need installed.

The pages show the recorded calls of ``manage.py up --demo``, on a data folder that lasts as long as this.
"""

import os
import sys
import tempfile
import threading
from dataclasses import replace
from io import StringIO
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))
LOGIN = "admin"
PROXY = "demo-kamailio-extras"
OWN = "edge-1"
WIDE = {"width": 1400, "height": 860}


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

    from accweb.demo import RECORDED, load_demo
    from cdr.models import Call, ExportJob
    from cdr.tasks import write_exports

    call_command("migrate", verbosity=0)
    load_demo()
    user = User.objects.create_superuser(LOGIN, password=LOGIN)
    call_command("proxyconf", "import", PROXY, str(RECORDED / "12-extra-accounting" / "acc.cfg"), stdout=StringIO())
    import_own_configuration()
    ask_for = (("csv", "outcome=busy"), ("xlsx", "state=completed&caller=%2B4930*"), ("parquet", "state=stop_missing"))
    for kind, conditions in ask_for:
        ExportJob.objects.create(user=user, format=kind, conditions=conditions)
        write_exports()
    call = Call.objects.filter(legs__position=1).order_by("started_at").first()
    assert call is not None
    return f"/calls/{call.pk}/"


def import_own_configuration() -> None:
    """Import a configuration as people write them for ``OWN``, publish it, and add a field to the draft."""
    from django.core.management import call_command

    from proxyconf.models import Profile, Proxy
    from proxyconf.models.profile import profile_of, save_profile
    from proxyconf.profile import ExtraDefinition
    from proxyconf.vocabulary.layout import Backend, Role
    from tests.proxyconf.patch.configurations import KAMAILIO_TEXT

    proxy = Proxy.objects.create(name=OWN, product="kamailio", version="5.6")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kamailio.cfg"
        file.write_text(KAMAILIO_TEXT)
        call_command("proxyconf", "import", OWN, str(file), "--define", "WITH_ACCDB", stdout=StringIO())
    call_command("proxyconf", "publish", OWN, "--why", "as imported", "--despite-errors", stdout=StringIO())
    draft = profile_of(Profile.objects.get(proxy=proxy))
    labels = dict.fromkeys((Backend.SYSLOG, Backend.SQL), "ua")
    user_agent = ExtraDefinition(name="ua", variable="$ua", labels=labels, role=Role.USER_AGENT)
    save_profile(proxy, replace(draft, extras=(*draft.extras, user_agent)))


def take(base: str, call: str) -> None:
    from playwright.sync_api import Page, sync_playwright

    def expand(page: Page) -> None:
        page.locator(".expander").nth(1).click()
        page.locator("tr.inside :is(table, dl)").first.wait_for()

    def nothing(page: Page) -> None:
        pass

    calls = "/calls/?caller=%2B4930*&period=all"
    tried = "flow=busy-then-answered&profile=draft&without=bye"
    shots = (
        ("overview", "/?period=all", WIDE, "light", nothing),
        ("overview-dark", "/?period=all", WIDE, "dark", nothing),
        ("calls", calls, WIDE, "light", expand),
        ("call", call, {"width": 1400, "height": 1440}, "light", nothing),
        ("call-phone", call, {"width": 390, "height": 844}, "light", nothing),
        ("health", "/health/", WIDE, "light", nothing),
        ("exports", "/exports/", {"width": 1400, "height": 460}, "light", nothing),
        ("profile", f"/configuration/{PROXY}/edit/", {"width": 1400, "height": 1060}, "light", nothing),
        ("revision", f"/configuration/{OWN}/revisions/1/", {"width": 1400, "height": 1060}, "light", nothing),
        ("try", f"/configuration/{OWN}/try/?{tried}", {"width": 1400, "height": 1700}, "light", nothing),
        ("patch", f"/configuration/{OWN}/patch/", WIDE, "light", nothing),
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox"] if os.geteuid() == 0 else [],
        )
        for name, path, viewport, scheme, open_more in shots:
            page = browser.new_page(base_url=base, viewport=viewport, color_scheme=scheme, timezone_id="UTC")
            page.goto(path)
            page.get_by_label("Username").fill(LOGIN)
            page.get_by_label("Password").fill(LOGIN)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_load_state("networkidle")
            open_more(page)
            page.mouse.move(0, 0)
            page.screenshot(path=DOCS / f"{name}.png")
            page.context.close()
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
