"""The page of a call, as a person with a keyboard or a phone meets it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from cdr.calls.correlate import correlate_pending, mark_all
from cdr.models import Call
from tests.browser.conftest import Open
from tests.factories import NOON, make_event, make_proxy, make_source

LOOKS: list[dict[str, Any]] = [
    {"viewport": {"width": 1400, "height": 900}, "color_scheme": "light"},
    {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
]


def call_without_stop() -> str:
    """Return the address of a call whose STOP never came."""
    make_event(source=make_source(proxy=make_proxy("edge-1", timezone="Europe/Berlin")))
    mark_all()
    correlate_pending(now=NOON + timedelta(days=1))
    return f"/calls/{Call.objects.get().pk}/"


@pytest.mark.parametrize("look", LOOKS, ids=["wide and light", "narrow and dark"])
def test_a_refused_end_is_explained_in_place_and_no_input_is_lost(opened: Open, look: dict[str, Any]) -> None:
    page = opened(call_without_stop(), **look)
    page.get_by_text("Set end time").click()
    page.get_by_label("End time").fill("2020-01-01T10:00:00")
    page.get_by_label("Reason").fill("the carrier's bill")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("The end time is before the answer")
    expect(page.get_by_label("Reason")).to_have_value("the carrier's bill")
    page.get_by_label("End time").fill("2026-05-31T12:00:42")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".call-head")).to_contain_text("End set manually")


@pytest.mark.parametrize("look", LOOKS, ids=["wide and light", "narrow and dark"])
def test_the_parts_of_the_page_the_zone_and_an_event_are_reached_by_keyboard(
    opened: Open, look: dict[str, Any]
) -> None:
    page = opened(call_without_stop(), **look)
    page.get_by_role("link", name="Original records").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Original records")).to_be_in_viewport()
    page.get_by_role("link", name="event 1", exact=True).first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("tr.event").first).to_be_in_viewport()
    page.get_by_role("link", name="Europe/Berlin (edge-1)").focus()
    page.keyboard.press("Enter")
    expect(page.locator("tr.event").first).to_contain_text("2026-05-31 14:00:00")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
