"""The API's documentation and tokens in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.factories import make_call

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_the_documentation_is_drawn_from_this_server_alone_and_can_be_tried(
    scheme: str, width: int, opened: Open
) -> None:
    call = make_call(caller="+4930")
    page = opened("/api/v1/docs/", color_scheme=scheme, viewport={"width": width, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    operation = page.locator("#operations-calls-calls_get")
    operation.get_by_role("button").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_placeholder("id").fill(str(call.pk))
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(operation.locator(".live-responses-table")).to_contain_text("+4930")
    here = page.evaluate("location.origin")
    assert asked
    assert not [url for url in asked if not url.startswith((here, "data:", "blob:"))]


def test_what_changes_something_can_be_tried_too(opened: Open) -> None:
    page = opened("/api/v1/docs/")
    operation = page.locator("#operations-exports-exports_create")
    operation.get_by_role("button").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.locator("textarea").fill('{"format": "csv"}')
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("201")


@pytest.mark.parametrize("width", [1400, 390])
def test_a_token_is_made_and_revoked(width: int, opened: Open) -> None:
    page = opened("/account/tokens/", viewport={"width": width, "height": 900})
    page.get_by_label("Name").fill("billing")
    page.get_by_label("View calls, numbers masked").check()
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("#new-token")).to_contain_text("accweb_")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name=re.compile("Revoke.*billing")).click()
    expect(page.get_by_text("The token “billing” was revoked.")).to_be_visible()
    expect(page.get_by_text("No tokens yet")).to_be_visible()
