"""Every page with the recorded calls, light and dark, wide and on a phone: usable by everybody."""

from __future__ import annotations

import gettext
from collections.abc import Mapping

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.contrib.auth.models import User
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from accweb.web.models import Preferences
from tests.browser.site import Place, build, places
from tests.browser.walk import Walk
from tests.conftest import ROOT

USERS = ("ann", "visitor", "")


@pytest.fixture
def site(transactional_db: None) -> Mapping[str, Place]:
    build()
    return places()


AXE = """async ([within, rules]) => {
  const options = { resultTypes: ["violations"], preload: false, ...(rules && { runOnly: rules }) };
  const { violations } = await axe.run(within || document, options);
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map((one) => [id, `${one.target}`, one.failureSummary]));
}"""
# What is left to others: the rule, a part of the address of the element.
# Swagger UI puts a button to copy an address into the one that opens an operation; both work by keyboard.
OF_OTHERS = {("nested-interactive", ".opblock-summary-control")}


# What is dark differs in its colours alone.
@pytest.mark.parametrize(("scheme", "rules"), [("light", None), ("dark", ["color-contrast"])])
def test_every_page_can_be_used_by_everybody(
    scheme: str, rules: list[str] | None, browser: Browser, live_server: LiveServer, site: Mapping[str, Place]
) -> None:
    walk = Walk(browser, live_server, *USERS, color_scheme=scheme)
    for name, place in site.items():
        for there, page, within in walk.go(name, place):
            if page.evaluate("!window.axe"):
                page.evaluate(AXE_SCRIPT)
            for rule, element, why in page.evaluate(AXE, [within, rules]):
                if not any(rule == left and part in element for left, part in OF_OTHERS):
                    walk.note(there, f"{rule}: {element} {why}")
    walk.close()
    assert walk.faults == {}


# What the frame and our pages say by themselves: where one is, what one may do, what stands below.
SAID = """() => [...document.querySelectorAll(
    "h1, h2, h3, th, nav a, label, button, summary, legend, dt, caption, title"
  )]
  .flatMap((one) => [...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE))
  .map((node) => node.textContent.trim().replace(/\\s+/g, " "))
  .filter(Boolean)"""


def test_every_page_speaks_the_language_of_its_reader(
    browser: Browser, live_server: LiveServer, site: Mapping[str, Place]
) -> None:
    for user in User.objects.all():
        Preferences.objects.create(user=user, language="es")
    with (ROOT / "accweb/locale/es/LC_MESSAGES/django.mo").open("rb") as file:
        texts = gettext.GNUTranslations(file)
    walk = Walk(browser, live_server, *USERS)
    for name, place in site.items():
        if not place.by:  # who is not known yet has chosen no language
            continue
        for there, page, _within in walk.go(name, place):
            if page.evaluate("document.documentElement.lang") != "es":
                walk.note(there, "is in another language")
            for said in page.evaluate(SAID):
                if not place.address.startswith("/admin/") and texts.gettext(said) != said:
                    walk.note(there, f"says {said!r} in English")
    walk.close()
    assert walk.faults == {}
