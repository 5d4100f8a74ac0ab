from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

PASSWORD = "correct-horse-7"
Open = Callable[..., Page]


def wait_for_parts(page: Page) -> None:
    """Wait for what a page loads after itself (hx-trigger="load"): its arrival may move what a test clicks on."""
    page.wait_for_load_state()
    expect(page.locator("[hx-trigger=load]")).to_have_count(0)


@pytest.fixture
def opened(browser: Browser, live_server: LiveServer, transactional_db: None) -> Iterator[Open]:
    """Open a page as a logged-in administrator; keywords as for a browser's context. No page may report an error."""
    User.objects.create_superuser("ann", password=PASSWORD)
    contexts, errors = [], []

    def open_page(path: str = "/", **options: object) -> Page:
        context = browser.new_context(base_url=live_server.url, timezone_id="UTC", locale="en-GB", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path)
        page.get_by_label("Username").fill("ann")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        if options.get("java_script_enabled", True):
            wait_for_parts(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
