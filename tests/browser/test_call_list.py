"""A person with a browser at the list of calls."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from accweb.web.models import Preferences
from cdr.calls.correlate import correlate_pending, mark_all
from tests.browser.conftest import Open
from tests.factories import NOON, make_call, make_event, make_proxy, make_source

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(autouse=True)
def calls(transactional_db: None) -> None:
    """A call of its events, and enough others for a second page, a second apart, the day before."""
    source = make_source(proxy=make_proxy(name="edge-1", timezone="Europe/Berlin"))
    parties = [["src_user", "alice"], ["dst_user", "bob"], ["gw", "vienna"]]
    make_event(source=source, call_id="whole@host", extra=parties)
    make_event(source=source, call_id="whole@host", kind="bye", method="BYE", time=NOON + timedelta(seconds=42))
    mark_all()
    correlate_pending(now=NOON + timedelta(days=1))
    for second in range(60):
        make_call(caller=f"caller-{second:02}", started_at=NOON - timedelta(days=1, seconds=second), sip_code=486)


def rows(page: Page) -> int:
    return page.locator("table.call-table tbody tr").count()


def search(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Search").fill(text)
    page.keyboard.press("Enter")


def test_conditions_and_pages_change_the_list_in_place_and_the_address_follows(opened: Open) -> None:
    page = opened("/calls/")
    page.evaluate("window.same = true")
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".tally")).to_contain_text("51–61 of 61")
    search(page, "caller:caller-0")
    expect(page.locator(".tally")).to_contain_text("1–10 of 10")
    assert page.url.endswith("/calls/?caller=caller-0")
    page.locator("summary", has_text="Outcome").click()
    page.get_by_label("busy").check()
    page.locator("fieldset:visible button").click()
    expect(page.get_by_role("heading", name="No matching calls")).to_be_visible()
    assert page.evaluate("window.same")  # the page itself was loaded once
    page.go_back()
    expect(page.locator(".tally")).to_contain_text("1–10 of 10")
    page.get_by_role("link", name="Caller caller-0").click()
    expect(page.locator(".tally")).to_contain_text("1–50 of 61")


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_list_stays_in_place_when_the_histogram_arrives(
    opened: Open, language: str, viewport: dict[str, int]
) -> None:
    page = opened("/account/", viewport=viewport)
    Preferences.objects.create(user=User.objects.get(), language=language)
    waiting: list[Route] = []
    page.route("**/calls/histogram/**", lambda route: waiting.append(route))
    with page.expect_request("**/calls/histogram/**"):
        page.goto("/calls/")
    page.evaluate("document.fonts.ready")
    before = page.locator(".tally").bounding_box()
    waiting.pop().continue_()
    expect(page.locator(".over-time figure")).to_be_visible()
    assert page.locator(".tally").bounding_box() == before


def test_a_word_is_read_and_another_reading_is_one_click_away(opened: Open) -> None:
    page = opened("/calls/")
    expect(page.locator(".call-table.ready")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("486")
    page.keyboard.press("Enter")
    expect(page.locator(".tally")).to_contain_text("of 60")
    expect(page.locator(".understood")).to_contain_text("interpreted as: SIP response 486")
    page.get_by_role("link", name="number contains “486”").click()
    expect(page.get_by_role("heading", name="No matching calls")).to_be_visible()


def test_the_help_of_the_search_opens_by_keyboard_and_closes_with_escape(opened: Open) -> None:
    page = opened("/calls/")
    page.get_by_role("textbox", name="Search").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("a SIP response, a class of responses, an outcome or a state")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("a SIP response, a class of responses, an outcome or a state")).to_be_hidden()


def test_a_range_is_given_in_one_place(opened: Open) -> None:
    page = opened("/calls/")
    page.locator(".segments summary").click()
    page.get_by_label("From", exact=True).fill("2026-05-31T00:00")
    page.locator(".time-panel button").click()
    expect(page.locator(".tally")).to_contain_text("1–1 of 1")
    expect(page.locator(".chip")).to_have_text(re.compile("From 2026-05-31 00:00:00 UTC"))


def test_the_zone_is_switched_for_the_whole_page_with_its_range(opened: Open) -> None:
    page = opened("/calls/?since=2026-05-31T11:00")
    expect(page.locator("td.col-started_at")).to_contain_text("2026-05-31 12:00:00")
    page.get_by_label("Zone").select_option("Europe/Berlin")
    expect(page.locator("td.col-started_at")).to_contain_text("2026-05-31 14:00:00")
    expect(page.locator(".chip")).to_contain_text("13:00:00 CEST")
    page.locator(".segments summary").click()
    expect(page.get_by_label("From", exact=True)).to_have_value("2026-05-31T13:00")
    page.keyboard.press("Escape")
    page.locator("td.col-started_at a").click()
    expect(page).to_have_url(re.compile("zone=Europe%2FBerlin"))


def test_a_cell_has_a_menu_to_ask_for_only_its_value_or_all_others(opened: Open) -> None:
    page = opened("/calls/", permissions=["clipboard-read", "clipboard-write"])
    page.locator("td.col-who", has_text="alice").click()
    menu = page.get_by_role("menu")
    menu.get_by_role("menuitem", name="Copy").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == "alice"
    page.locator("td.col-who", has_text="alice").click()
    menu.get_by_role("menuitem", name="Filter for").first.click()
    expect(page.locator(".tally")).to_contain_text("1–1 of 1")
    expect(page).to_have_url(re.compile(r"\?caller=%3Dalice$"))
    page.locator("td.col-state").click()
    menu.get_by_role("menuitem", name="Filter out").click()
    expect(page.get_by_role("heading", name="No matching calls")).to_be_visible()
    expect(page.locator(".chip-not")).to_contain_text("not")


def test_rows_cells_and_menus_work_by_keyboard(opened: Open) -> None:
    page = opened("/calls/")
    expect(page.locator(".call-table.ready")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    expect(page.locator(".call-table tbody tr").nth(1)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".call-table tbody tr").nth(1).locator("td.col-who")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(page.locator(".call-table tbody tr").nth(1).locator("td.col-who")).to_be_focused()
    page.keyboard.press(" ")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("not_caller=%3Dcaller-00"))
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".call-parties")).to_contain_text("alice")


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_row_opens_in_place_to_its_events_and_closes_again(opened: Open, viewport: dict[str, int]) -> None:
    page = opened("/calls/", viewport=viewport)
    button = page.get_by_role("button", name="Legs, attempts and events").first
    expect(button).to_have_attribute("aria-expanded", "false")
    button.press("Enter")
    expect(page.locator("tr.inside")).to_contain_text("STOP")
    expect(button).to_have_attribute("aria-expanded", "true")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    button.press("Enter")
    expect(page.locator("tr.inside")).to_have_count(0)
    expect(button).to_have_attribute("aria-expanded", "false")


def test_columns_are_chosen_and_put_in_order(opened: Open) -> None:
    page = opened("/calls/?caller=alice")
    page.locator("summary", has_text="Columns").click()
    page.get_by_role("checkbox", name="gw", exact=True).check()
    for label in ("State", "Duration", "Outcome", "Released by", "Proxy", "Flags"):
        page.get_by_role("checkbox", name=label, exact=True).uncheck()
    page.get_by_role("button", name="Caller → callee: move up").press("Enter")
    page.get_by_role("button", name="Save as my default").click()
    expect(page.locator(".call-table thead th")).to_contain_text(["Details", "Caller → callee", "Started", "gw"])
    expect(page.locator(".call-table thead th")).to_have_count(4)
    expect(page.locator("td.col-extra")).to_have_text("vienna")


def test_a_view_is_saved_chosen_and_deleted(opened: Open) -> None:
    page = opened("/calls/?caller=caller-0")
    page.locator("summary", has_text="Views").click()
    page.get_by_label("Save current filters as").fill("Ten calls")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The view “Ten calls” was saved.")).to_be_visible()
    page.goto("/calls/")
    page.locator("summary", has_text="Views").click()
    page.get_by_role("link", name="Ten calls").click()
    expect(page.locator(".tally")).to_contain_text("1–10 of 10")
    page.locator("details.views > summary", has_text="Ten calls").click()
    page.locator("summary[aria-label='Change the view Ten calls']").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The view “Ten calls” was deleted.")).to_be_visible()


def test_a_drag_over_the_histogram_zooms_in(opened: Open) -> None:
    page = opened("/calls/")
    bars = page.locator(".over-time .bar")
    expect(bars.first).to_be_attached()
    first, last = bars.first.locator(".hit").bounding_box(), bars.nth(bars.count() // 2).locator(".hit").bounding_box()
    assert first
    assert last
    page.mouse.move(first["x"] + 1, first["y"] + 20)
    page.mouse.down()
    page.mouse.move(last["x"] + 1, last["y"] + 20, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("since=.*until="))
    expect(page.locator(".tally")).to_contain_text("of 60")


def test_a_group_of_the_legend_takes_the_place_of_the_list(opened: Open) -> None:
    page = opened("/calls/")
    page.locator(".histogram-legend a").first.click()
    expect(page).to_have_url(re.compile("outcome="))
    expect(page.locator(".call-table")).to_have_count(1)


def test_new_calls_are_told_without_moving_what_one_reads(opened: Open) -> None:
    page = opened("/calls/")
    page.get_by_role("link", name="Go live").click()
    expect(page.locator(".live-switch.on")).to_be_visible()
    make_call(caller="late", started_at=NOON + timedelta(hours=1))
    page.evaluate("htmx.ajax('GET', document.getElementById('new-calls').getAttribute('hx-get'), '#new-calls')")
    expect(page.locator("#new-calls")).to_contain_text("1 new call")
    expect(page.locator(".call-table tbody tr").first).to_contain_text("alice")
    page.get_by_role("link", name="1 new call").click()
    expect(page.locator(".call-table tbody tr").first).to_contain_text("late")
    expect(page.locator(".call-table")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"live=1$"))


def test_escape_closes_a_panel_and_gives_the_focus_back(opened: Open) -> None:
    page = opened("/calls/")
    flags = page.locator("summary", has_text="Flags")
    flags.press("Enter")
    expect(page.get_by_label("Late STOP")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Late STOP")).to_be_hidden()
    expect(flags).to_be_focused()


def test_the_list_works_without_javascript(opened: Open) -> None:
    page = opened("/calls/", java_script_enabled=False)
    page.get_by_role("link", name="Older").click()
    assert rows(page) == 11
    page.get_by_role("textbox", name="Search").fill("caller-0")
    page.get_by_role("button", name="Search").click()
    assert rows(page) == 10
    assert page.url.endswith("/calls/?number=caller-0&word=caller-0")
    page.locator("table.call-table tbody a").first.click()
    expect(page.locator(".call-parties")).to_contain_text("caller-0")


def test_htmx_keeps_no_calls_in_the_browsers_storage(opened: Open) -> None:
    page = opened("/calls/")
    page.get_by_role("link", name="Older").click()
    expect(page.locator(".tally")).to_contain_text("51–61 of 61")
    assert page.evaluate("localStorage.getItem('htmx-history-cache')") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_panel_is_wider_than_the_screen(opened: Open, scheme: str, viewport: dict[str, int]) -> None:
    page = opened(
        "/calls/?zone=Europe/Berlin&columns=call_id,from_tag,extra.gw", viewport=viewport, color_scheme=scheme
    )
    for summary in page.locator("#calls details.picker > summary").all():
        summary.click()
        panel = page.locator("details.picker[open] > .panel").bounding_box()
        assert panel
        assert panel["x"] >= 0
        assert panel["x"] + panel["width"] <= viewport["width"]
        page.keyboard.press("Escape")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
