"""The way of an operator whose proxy is in trouble: from the list to what was rejected, and to reading it again."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from cdr.models import Event, Source
from tests.browser.conftest import Open
from tests.factories import NOON, make_event, make_proxy, make_rejected, make_source

WIDE, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
LINE = b"ACC: transaction answered: timestamp=1780228800;method=BYE;from_tag=a;to_tag=b;call_id=c;code=200;reason=OK"


@pytest.fixture(autouse=True)
def trouble(transactional_db: None) -> None:
    """A proxy whose table lost a STOP, with input that waits, and one that nobody connected yet."""
    make_proxy("fresh")
    proxy = make_proxy("edge-1", layout={"extras": {"syslog": ["ua"]}, "legs": {"syslog": []}})
    log, tables = make_source(proxy=proxy, name="log", rejected=2), make_source(proxy=proxy, name="tables")
    for number in range(6):
        make_event(source=log, call_id=f"{number}@x", extra=[["ua", ""]])
        if number != 3:
            make_event(source=tables, backend="sql", call_id=f"{number}@x")
    Source.objects.update(events=6, last_event_at=NOON, last_received_at=NOON)
    make_rejected(source=log, raw=LINE)
    make_rejected(source=log, raw=b"ACC: transaction answered: timestamp=<script>alert(1)</script>\x1b[31m")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_from_the_list_to_what_was_rejected_and_read_again(opened: Open, scheme: str, viewport: dict[str, int]) -> None:
    page = opened("/health/", viewport=viewport, color_scheme=scheme)
    expect(page.locator(".proxy-card").first).to_contain_text("Rejecting input")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.get_by_role("link", name="edge-1").click()
    expect(page.locator("section:has(#drift)")).to_contain_text("empty in all of 6 events")
    expect(page.locator("section:has(#loss)")).to_contain_text("SQL lost 1 of the answers")
    expect(page.locator("section:has(#rejected) pre").first).to_contain_text("<script>alert(1)</script>")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.get_by_role("button", name="Read log again").click()
    expect(page.get_by_text("2 records were read again: 1 understood (1 new events)")).to_be_visible()
    assert Event.objects.filter(call_id="c").count() == 1


def test_a_proxy_that_is_not_connected_shows_its_lines(opened: Open) -> None:
    page = opened("/health/")
    page.get_by_role("link", name="Show configuration lines").first.click()
    expect(page.locator("details[open] pre").nth(1)).to_contain_text('modparam("acc", "log_flag", 1)')
    page.locator("summary", has_text="SQL").click()
    expect(page.locator("details", has=page.locator("summary", has_text="SQL"))).to_contain_text("db_url")


def test_chosen_input_is_read_again_from_the_list(opened: Open) -> None:
    page = opened("/admin/cdr/rejected/")
    page.locator("input.action-select").first.check()
    page.locator("input.action-select").last.check()
    page.locator("select[name=action]").first.select_option("read_again")
    page.locator("button[name=index]").first.click()
    expect(page.get_by_text("2 records were read again")).to_be_visible()
