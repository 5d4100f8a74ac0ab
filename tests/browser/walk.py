"""A walk over pages in a real browser, which collects what is wrong with each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize
from playwright.sync_api import Error as PlaywrightError
from pytest_django.live_server_helper import LiveServer

from tests.browser.site import Place
from tests.identity import confirm

WIDE: ViewportSize = {"width": 1400, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


def _context(browser: Browser, server: LiveServer, user: str, **options: Any) -> BrowserContext:
    """A browser of its own in which ``user`` is logged in (nobody: not logged in)."""
    context = browser.new_context(base_url=server.url, viewport=WIDE, timezone_id="UTC", locale="en-GB", **options)
    context.set_default_timeout(10_000)
    context.route("**/favicon.ico", lambda route: route.fulfill(status=204))  # of answers that are no whole pages
    if user:
        client = Client()
        client.force_login(User.objects.get(username=user))
        confirm(client)
        value = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": server.url}])
    return context


class Walk:
    """Opens the pages one after the other and collects what is wrong with them, wide and on a phone."""

    def __init__(self, browser: Browser, server: LiveServer, *users: str, script: str = "", **options: Any) -> None:
        self.faults: dict[str, list[str]] = {}
        self._said: list[str] = []
        self._contexts = {user: _context(browser, server, user, **options) for user in users}
        for context in self._contexts.values():
            context.add_init_script(script)
        self._pages = {user: self._page(context) for user, context in self._contexts.items()}

    def _page(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.on("console", lambda said: self._said.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self._said.append(str(error)))
        return page

    def go(self, name: str, place: Place) -> Iterator[tuple[str, Page, str]]:
        """Open a page; yield its name, it, and nothing, wide and narrow; and the same after each thing that may be
        opened, with the part that changed.
        """
        page = self._pages[place.by]
        self._said.clear()
        answer = page.goto(place.address)
        page.wait_for_function(SETTLED)
        assert answer is not None
        if answer.status != place.status:
            self.note(name, f"status {answer.status}")
        elif place.status >= 400:  # the browser says so too
            self._said[:] = [said for said in self._said if f"status of {place.status}" not in said]
        page.evaluate(OPEN)
        yield from self._sized(name, page, "")
        for state in place.states:
            there = f"{name}, {state.name}"
            try:
                state.act(page)
            except PlaywrightError as error:
                self.note(there, f"does not open: {error.message}")
                continue
            yield from self._sized(there, page, state.within)

    def _sized(self, name: str, page: Page, within: str) -> Iterator[tuple[str, Page, str]]:
        for size in (PHONE, WIDE):
            page.set_viewport_size(size)
            page.evaluate("new Promise(requestAnimationFrame)")  # what follows the size has
            there = f"{name} ({size['width']} px)"
            self._look(there, page)
            yield there, page, within

    def _look(self, name: str, page: Page) -> None:
        for said in self._said:
            self.note(name, said)
        self._said.clear()
        wider = page.evaluate(WIDER)
        if wider > 0:
            self.note(name, f"{wider} pixels wider than the screen")

    def note(self, name: str, fault: str) -> None:
        self.faults.setdefault(name, []).append(fault)

    def close(self) -> None:
        for context in self._contexts.values():
            context.close()


# What comes by itself is there.
SETTLED = "document.readyState === 'complete' && !document.querySelector('.htmx-request, html[x-cloak]')"
# Pixels that a page is wider than its screen; a fragment, opened alone, has no style sheet and so no layout to hold.
WIDER = "document.styleSheets.length && document.documentElement.scrollWidth - document.documentElement.clientWidth"
# What folds, but for panels of which one hides the other.
OPEN = "for (const one of document.querySelectorAll('#main details:not([name], .picker)')) one.open = true"
