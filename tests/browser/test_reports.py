"""Reports as people use them: group, sort, follow a row, fetch a file, have it sent every Monday."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from accweb.demo import load_demo
from cdr.models import Call, ReportSchedule
from tests.browser.conftest import Open
from tests.browser.test_browsing import PHONE, WIDE
from tests.generated_calls import make_thirty_days


@pytest.fixture(autouse=True)
def _stored_calls(transactional_db: None) -> None:
    """The recorded calls, and those of thirty days."""
    load_demo()
    make_thirty_days(timezone.now(), calls_per_day=6)


def open_reports(page: Page) -> None:
    """Open the reports from the menu of the overview, which a phone hides at first."""
    expect(page.locator(".figure-calls .value")).to_be_visible()
    link = page.get_by_role("link", name="bar_chart Reports").and_(page.locator(":visible"))
    if not link.count():
        page.get_by_role("button", name="Toggle sidebar").and_(page.locator(":visible")).first.click()
    link.first.click()
    expect(page).to_have_url(re.compile("/reports/$"))


def number_in(page: Page, column: str, row: str) -> int:
    """Return the number that a column of the report has in the row that begins with a text."""
    headings = [text.strip() for text in page.locator(".report-table thead th").all_inner_texts()]
    place = next(at for at, heading in enumerate(headings) if heading.startswith(column))
    cells = page.locator(".report-table tbody tr", has=page.locator("th", has_text=row)).first.locator("th, td")
    return int(re.sub(r"\D", "", cells.nth(place).inner_text()))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_group_leads_to_its_calls_and_back_to_the_report(opened: Open, scheme: str, viewport: dict[str, int]) -> None:
    page = opened("/", viewport=viewport, color_scheme=scheme)
    open_reports(page)
    page.get_by_label("Group by").select_option("account")
    expect(page).to_have_url(re.compile("group=account"))
    page.locator('select[name="per"]').select_option("")
    expect(page.locator(".report-table tbody th", has_text="acme")).to_be_visible()
    calls = number_in(page, "Calls", "acme")
    assert calls == Call.objects.filter(extra__account="acme").count() > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.locator(".report-table tbody").get_by_role("link", name="acme").click()
    expect(page.locator(".chip", has_text="Account")).to_contain_text("acme")
    expect(page.locator(".tally")).to_contain_text(f"of {calls}")
    page.locator(".list-line").get_by_role("link", name="Report").click()
    expect(page.locator(".report-table")).to_be_visible()
    expect(page.locator(".chip", has_text="Account")).to_contain_text("acme")


def test_a_click_on_a_heading_sorts_and_again_turns_the_order(opened: Open) -> None:
    page = opened("/reports/?group=account&period=30d")
    page.get_by_role("link", name="Minutes", exact=True).click()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    expect(page).to_have_url(re.compile("sort=-minutes"))
    page.locator("th[aria-sort] a").click()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")


def test_a_report_is_fetched_as_a_workbook(opened: Open, tmp_path: Path) -> None:
    page = opened("/reports/?group=account&period=30d")
    with page.expect_download() as download:
        page.get_by_role("link", name="XLSX").click()
    download.value.save_as(tmp_path / "report.xlsx")
    sheet = load_workbook(tmp_path / "report.xlsx")["Report"]
    assert sheet.cell(1, 1).value == "account"
    assert "acme" in [sheet.cell(row, 1).value for row in range(2, sheet.max_row + 1)]


def test_minutes_per_account_per_day_arrive_every_monday_without_a_manual(opened: Open, settings: Any) -> None:
    settings.MAIL_IS_SET_UP = True
    page = opened("/")
    open_reports(page)
    page.get_by_role("link", name="Minutes per account per day").first.click()
    expect(page.locator('select[name="group"]').first).to_have_value("account")
    page.get_by_role("link", name="Schedule", exact=True).click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Minutes per account per day")
    expect(page.get_by_label("Calls of", exact=True)).to_have_value("last_month")
    expect(page.get_by_label("Format", exact=True)).to_have_value("xlsx")
    page.get_by_label("Send", exact=True).select_option("weekly")
    expect(page.get_by_label("on", exact=True)).to_have_value("1")
    page.get_by_label("Recipients").fill("billing@example.net")
    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    schedule = ReportSchedule.objects.get()
    assert (schedule.interval, schedule.weekday, schedule.format) == ("weekly", 1, "xlsx")
    assert (schedule.period, schedule.recipients) == ("last_month", ["billing@example.net"])
    assert schedule.next_at is not None
    assert schedule.next_at.isoweekday() == 1


def test_the_overview_loads_trends_and_shows_the_time_before(opened: Open) -> None:
    page = opened("/?period=7d")
    expect(page.locator(".trend-card")).to_have_count(3)
    expect(page.locator(".figure-calls .earlier").first).to_contain_text("before:")
    page.locator(".head-links").get_by_role("link", name="Report").click()
    expect(page).to_have_url(re.compile(r"/reports/\?period=7d$"))
