"""An administrator tries a configuration on a call before the proxy runs with it."""

from __future__ import annotations

import json
import os

import pytest
from playwright.sync_api import Page, expect

from proxyconf.models import SavedFlow
from proxyconf.models.profile import save_profile, suggested
from proxyconf.models.revision import publish
from proxyconf.vocabulary.layout import Backend
from tests.browser.conftest import Open
from tests.factories import make_proxy

pytestmark = pytest.mark.django_db(transaction=True)
WIDE = {"width": 1440, "height": 1000}


def screenshot(page: Page, name: str) -> None:
    """Keep a picture for the documentation, if the environment says where."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_a_call_is_tried_compared_edited_and_saved(opened: Open) -> None:
    proxy = make_proxy("edge-1", product="kamailio", version="5.6")
    publish(save_profile(proxy, suggested(proxy, [Backend.SYSLOG])), by=None)
    save_profile(proxy, suggested(proxy, [Backend.SYSLOG, Backend.SQL, Backend.RADIUS]))
    page = opened("/configuration/edge-1/", viewport=WIDE)
    page.get_by_role("link", name="Try it").click()
    expect(page.get_by_text("Nothing of this call is lost")).to_be_visible()

    page.get_by_label("Call flow").select_option("busy-then-answered")
    page.get_by_label("does not account the BYE").check()
    page.get_by_role("button", name="Try it").click()
    lost = page.get_by_role("region", name="Missing or wrong").or_(page.locator("section[aria-labelledby=h-lost]"))
    expect(lost.first).to_contain_text("The end of the call is not in the log, SQL and RADIUS")
    expect(page.locator("svg.ladder")).to_be_visible()
    expect(page.get_by_role("heading", name="missed_calls")).to_be_visible()
    screenshot(page, "try")

    page.get_by_label("does not account the BYE").uncheck()
    page.get_by_label("Compare with").select_option("published")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("tr.try-left")).to_have_count(6)  # rows and packets of three events
    screenshot(page, "try-compared")

    page.get_by_text("Edit the call flow").click()
    text = page.locator("#flow-text")
    flow = json.loads(text.input_value())
    flow["call_id"] = "mine@example.com"
    text.fill(json.dumps(flow))
    page.get_by_role("button", name="Try this flow").click()
    expect(page.locator(".try-lines").first).to_contain_text("call_id=mine@example.com")
    page.get_by_text("Edit the call flow").click()
    page.get_by_label("Name", exact=True).fill("my-busy")
    page.get_by_role("button", name="Save call flow").click()
    expect(page.get_by_text("The call flow my-busy is saved.")).to_be_visible()
    assert SavedFlow.objects.get().flow["call_id"] == "mine@example.com"
