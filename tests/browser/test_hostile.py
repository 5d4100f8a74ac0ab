"""Nothing that a proxy sends runs in the browser of who looks at it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from tests.browser.site import LIST, Place
from tests.browser.walk import Walk
from tests.hostile import addresses, shortly, store

pytestmark = pytest.mark.django_db(transaction=True)
NO_PAGES = ("/file/", "/reports/file.", "/ladder.svg", "/metrics", "/api/")
TELL = "window.harmed = []; for (const name of ['alert', 'confirm', 'prompt']) window[name] = () => harmed.push(name)"


def test_no_script_of_theirs_runs_on_any_page_and_none_breaks(browser: Browser, live_server: LiveServer) -> None:
    ann = User.objects.create_superuser("ann", password="correct-horse-7")
    call = store(ann)
    walk = Walk(browser, live_server, "ann", script=TELL)
    for address in addresses(call, ann):
        if any(part in address for part in NO_PAGES):
            continue
        states = LIST if address == "/calls/?period=all" else ()
        for there, page, _ in walk.go(shortly(address), Place(address, states=states)):
            if page.evaluate("window.harmed.length"):
                walk.note(there, "a script of theirs ran")
    walk.close()
    assert walk.faults == {}
