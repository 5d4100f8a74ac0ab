"""A person chooses how to read: the zone of times, the language of pages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.walk import PHONE, WIDE
from tests.factories import make_call

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_chosen_zone_and_language_hold_on_every_page(opened: Open, scheme: str, viewport: dict[str, int]) -> None:
    make_call()
    page = opened("/account/", viewport=viewport, color_scheme=scheme)
    page.get_by_label("Time zone").select_option("Europe/Madrid")
    page.get_by_label("Language").select_option("es")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.goto("/calls/")
    expect(page.locator("h1")).to_contain_text("Llamadas")
    expect(page.locator("td.col-started_at")).to_contain_text("2026-05-31 14:00:00")
