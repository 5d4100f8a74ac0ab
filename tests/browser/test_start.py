"""The start page as people use it: a range, a figure and what it means, a bar, a ranking."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.factories import make_call, make_proxy

PHONE = {"width": 390, "height": 844}


def make_calls() -> None:
    now = timezone.now()
    for name in ("kam1", "kam2"):
        make_proxy(name)
    for hours in (1, 2, 2, 50):
        make_call(started_at=now - timedelta(hours=hours), caller="+4930123456", source_ip="192.0.2.7")
        make_call(
            started_at=now - timedelta(hours=hours),
            state="unanswered",
            outcome="busy",
            sip_code=486,
            proxies=["kam2"],
            caller="+4940999999",
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_from_the_range_over_a_figure_to_its_calls(opened: Open, scheme: str) -> None:
    make_calls()
    page = opened("/", color_scheme=scheme)
    expect(page.locator(".figure-calls .value")).to_have_text("6")
    page.get_by_role("link", name="7 days").click()
    expect(page.locator(".figure-calls .value")).to_have_text("8")
    page.locator(".figure-answered .value").click()
    expect(page.locator("tr[data-call], tr[data-href]")).to_have_count(4)


def test_the_keyboard_reaches_what_a_figure_means(opened: Open) -> None:
    make_calls()
    page = opened("/")
    page.get_by_role("button", name="What “ASR” means").focus()
    meaning = page.get_by_role("tooltip").filter(has_text="Answer-seizure ratio")
    expect(meaning).to_be_visible()
    page.keyboard.press("Escape")
    expect(meaning).to_be_hidden()


def test_who_is_busiest_comes_by_itself_and_leads_to_the_calls(opened: Open) -> None:
    make_calls()
    page = opened("/?period=7d")
    page.get_by_role("region", name="Busiest callers").get_by_role("link", name="+4930123456").click()
    expect(page.locator("tr[data-call], tr[data-href]")).to_have_count(4)


def test_a_choice_of_the_proxy_takes_effect_at_once(opened: Open) -> None:
    make_calls()
    page = opened("/?period=7d")
    page.locator('select[name="proxy"]').select_option("kam2")
    expect(page.locator(".figure-calls .value")).to_have_text("4")
    expect(page.locator(".figure-answered .value")).to_have_text("0")


def test_a_bar_leads_to_the_calls_of_its_time(opened: Open) -> None:
    make_calls()
    page = opened("/?period=7d&by=day")
    page.locator(".bar:has(rect:not(.hit))").first.click()
    expect(page.locator("tr[data-call], tr[data-href]")).to_have_count(2)


def test_a_phone_shows_it_all_without_scrolling_sideways(opened: Open) -> None:
    make_calls()
    page = opened("/", viewport=PHONE)
    expect(page.get_by_role("region", name="Busiest source IPs")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    page.locator(".histogram-table summary").click()
    expect(page.locator(".histogram-table tbody tr").first).to_be_visible()
