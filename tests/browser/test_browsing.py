"""A person with a browser: what the pages do that no answer of the server alone can show."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from cdr.calls.correlate import correlate_pending, mark_all
from cdr.models import Call
from tests.browser.conftest import Open
from tests.factories import NOON, make_call, make_event, make_proxy, make_source

PLAIN = "http://accweb.example.net"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(autouse=True)
def calls(transactional_db: None) -> None:
    """A completed call and one whose STOP never came, of their events, and enough others for a second page."""
    source = make_source(proxy=make_proxy(name="edge-1", timezone="Europe/Berlin"))
    parties = [["src_user", "alice"], ["dst_user", "bob"]]
    stop = {"kind": "bye", "method": "BYE", "time": NOON + timedelta(seconds=42)}
    make_event(source=source, call_id="whole@host", extra=parties)
    make_event(source=source, call_id="whole@host", **stop)
    make_event(
        source=source, call_id="lost@host", extra=parties, raw=b"method=INVITE;ua=\xff<script>alert(1)</script>\n"
    )
    mark_all()
    correlate_pending(now=NOON + timedelta(days=1))
    for second in range(60):
        make_call(caller=f"caller-{second:02}", started_at=NOON - timedelta(days=1, seconds=second))


def rows(page: Page) -> int:
    return page.locator("table.call-table tbody tr").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_from_the_login_to_the_events_of_a_call_without_stop(
    opened: Open, scheme: str, viewport: dict[str, int]
) -> None:
    page = opened("/", viewport=viewport, color_scheme=scheme)
    expect(page.locator("html:not([x-cloak])")).to_have_count(1)  # the theme's script has run
    assert page.evaluate("document.documentElement.classList.contains('dark')") == (scheme == "dark")
    page.locator(".figure-stop_missing").get_by_role("link").first.click()
    expect(page.locator("table.call-table tbody tr")).to_have_count(1)
    page.locator("table.call-table tbody a").click()
    expect(page.locator(".call-parties")).to_contain_text("alice")
    expect(page.locator(".call-facts")).to_contain_text("No STOP")
    expect(page.locator(".raw-event pre")).to_contain_text(r"ua=\xff<script>alert(1)</script>")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_the_sidebar_and_the_menu_of_the_user_open_by_keyboard(opened: Open) -> None:
    page = opened("/calls/", viewport=PHONE)
    page.get_by_role("button", name="Toggle sidebar").and_(page.locator(":visible")).press("Enter")
    expect(page.get_by_role("link", name="phone_missed No STOP")).to_be_visible()


def test_the_keyboard_can_skip_the_sidebar(opened: Open) -> None:
    page = opened("/calls/")
    expect(page.locator("h1")).to_contain_text("Calls")
    expect(page.locator(".skip-link")).to_be_attached()  # the page's script has run
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def test_the_call_id_can_be_copied(opened: Open) -> None:
    page = opened("/calls/?call_id=whole@host", permissions=["clipboard-read", "clipboard-write"])
    page.locator("table.call-table tbody a").click()
    page.get_by_role("button", name="Copy", exact=True).first.click()
    assert page.evaluate("navigator.clipboard.readText()") == "whole@host"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_an_end_is_settled_on_the_page_of_its_call(opened: Open, scheme: str, viewport: dict[str, int]) -> None:
    page = opened("/calls/?call_id=lost@host", viewport=viewport, color_scheme=scheme)
    page.locator("table.call-table tbody a").click()
    page.get_by_text("Set end time").click()
    page.get_by_label("End time").fill("2026-05-31T12:01:35")
    page.get_by_label("Reason").fill("the carrier's record")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".call-facts")).to_contain_text("End set manually")
    expect(page.locator(".ladder")).to_contain_text("01:35")
    page.get_by_role("textbox", name="Note").fill("asked the carrier")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".note-list").last).to_contain_text("asked the carrier")
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator(".call-facts")).to_contain_text("No STOP")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


def test_an_arrow_of_the_ladder_leads_to_its_event(opened: Open) -> None:
    page = opened("/calls/?call_id=whole@host")
    page.locator("table.call-table tbody a").click()
    page.locator(".ladder a.message").last.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".event:target")).to_contain_text("BYE")


def test_copying_works_over_plain_http_where_browsers_offer_no_clipboard(opened: Open, live_server: LiveServer) -> None:
    call = Call.objects.get(call_id="whole@host")
    page = opened("/calls/", permissions=["clipboard-read", "clipboard-write"])

    def serve(route: Route) -> None:
        answer = page.context.request.get(live_server.url + route.request.url.removeprefix(PLAIN))
        headers = {name: text for name, text in answer.headers.items() if not name.startswith("cross-origin-")}
        route.fulfill(status=answer.status, headers=headers, body=answer.body())  # such headers are for HTTPS alone

    page.context.route(f"{PLAIN}/**", serve)
    page.goto(f"{PLAIN}/calls/{call.pk}/")
    assert page.evaluate("[isSecureContext, typeof navigator.clipboard]") == [False, "undefined"]
    page.get_by_role("button", name="Copy", exact=True).first.click()
    expect(page.get_by_role("button", name="Copied").first).to_be_visible()
    page.get_by_label("New note").focus()
    page.keyboard.press("Control+V")
    expect(page.get_by_label("New note")).to_have_value("whole@host")
