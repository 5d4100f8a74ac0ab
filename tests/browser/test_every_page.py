"""Every page with the recorded calls, light and dark, wide and on a phone: usable by everybody."""

from __future__ import annotations

import gettext
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import Error as PlaywrightError
from pytest_django.live_server_helper import LiveServer

from accweb.models import Preferences
from tests.browser.site import Place, build, places
from tests.conftest import ROOT

WIDE, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture
def site(transactional_db: None) -> Mapping[str, Place]:
    build()
    return places()


def _context(browser: Browser, server: LiveServer, user: str, **options: Any) -> BrowserContext:
    """A browser of its own in which ``user`` is logged in (nobody: not logged in)."""
    context = browser.new_context(base_url=server.url, timezone_id="UTC", locale="en-GB", **options)
    context.set_default_timeout(5000)
    if user:
        client = Client()
        client.force_login(User.objects.get(username=user))
        value = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": server.url}])
    return context


class Walk:
    """Opens the pages one after the other and collects what is wrong with them."""

    def __init__(self, browser: Browser, server: LiveServer, **options: Any) -> None:
        self.faults: dict[str, list[str]] = {}
        self._said: list[str] = []
        self._contexts = {user: _context(browser, server, user, **options) for user in ("ann", "visitor", "")}
        self._pages = {user: self._page(context) for user, context in self._contexts.items()}

    def _page(self, context: BrowserContext) -> Page:
        page = context.new_page()
        page.on("console", lambda said: self._said.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self._said.append(str(error)))
        return page

    def go(self, name: str, place: Place) -> Iterator[tuple[Page, str]]:
        """Open a page; yield it, and again after each thing that may be opened, with the part that changed."""
        page = self._pages[place.by]
        self._said.clear()
        answer = page.goto(place.address)
        page.wait_for_function(SETTLED)
        assert answer is not None
        if answer.status != place.status:
            self.note(name, f"status {answer.status}")
        if place.status >= 400:  # the browser says so too
            self._said[:] = [said for said in self._said if f"status of {place.status}" not in said]
        page.evaluate(OPEN)
        self._look(name, page)
        yield page, ""
        for state in place.states:
            try:
                state.act(page)
            except PlaywrightError as error:
                self.note(f"{name}, {state.name}", f"does not open: {error.message}")
                continue
            self._look(f"{name}, {state.name}", page)
            yield page, state.within

    def _look(self, name: str, page: Page) -> None:
        for said in self._said:
            self.note(name, said)
        self._said.clear()
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wider > 0:
            self.note(name, f"{wider} pixels wider than the screen")

    def note(self, name: str, fault: str) -> None:
        self.faults.setdefault(name, []).append(fault)

    def close(self) -> None:
        for context in self._contexts.values():
            context.close()


# What comes by itself is there.
SETTLED = "document.readyState === 'complete' && !document.querySelector('.htmx-request, html[x-cloak]')"
# What folds, but for panels of which one hides the other.
OPEN = "for (const one of document.querySelectorAll('#main details:not([name], .picker)')) one.open = true"
AXE = """async (within) => {
  const { violations } = await axe.run(within || document, { resultTypes: ["violations"] });
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map((one) => [id, `${one.target}`, one.failureSummary]));
}"""
# What is left to others: the rule, a part of the address of the element.
# Swagger UI puts a button to copy an address into the one that opens an operation; both work by keyboard.
OF_OTHERS = {("nested-interactive", ".opblock-summary-control")}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_page_can_be_used_by_everybody(
    scheme: str, viewport: dict[str, int], browser: Browser, live_server: LiveServer, site: Mapping[str, Place]
) -> None:
    walk = Walk(browser, live_server, color_scheme=scheme, viewport=viewport)
    for name, place in site.items():
        for page, within in walk.go(name, place):
            if page.evaluate("!window.axe"):
                page.evaluate(AXE_SCRIPT)
            for rule, element, why in page.evaluate(AXE, within):
                if not any(rule == left and part in element for left, part in OF_OTHERS):
                    walk.note(name, f"{rule}: {element} {why}")
    walk.close()
    assert walk.faults == {}


# What the frame and our pages say by themselves: where one is, what one may do, what stands below.
SAID = """() => [...document.querySelectorAll(
    "h1, h2, h3, th, nav a, label, button, summary, legend, dt, caption, title"
  )]
  .flatMap((one) => [...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE))
  .map((node) => node.textContent.trim().replace(/\\s+/g, " "))
  .filter(Boolean)"""


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_page_speaks_the_language_of_its_reader(
    viewport: dict[str, int], browser: Browser, live_server: LiveServer, site: Mapping[str, Place]
) -> None:
    for user in User.objects.all():
        Preferences.objects.create(user=user, language="es")
    with (ROOT / "accweb/locale/es/LC_MESSAGES/django.mo").open("rb") as file:
        texts = gettext.GNUTranslations(file)
    walk = Walk(browser, live_server, viewport=viewport)
    for name, place in site.items():
        if not place.by:  # who is not known yet has chosen no language
            continue
        for page, _within in walk.go(name, place):
            if page.evaluate("document.documentElement.lang") != "es":
                walk.note(name, "is in another language")
            for said in page.evaluate(SAID):
                if not place.address.startswith("/admin/") and texts.gettext(said) != said:
                    walk.note(name, f"says {said!r} in English")
    walk.close()
    assert walk.faults == {}
