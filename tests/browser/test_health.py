"""The pages of data collection in a browser: from an unhealthy proxy to its rejected input and to re-parsing it."""

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
def test_rejected_input_of_an_unhealthy_proxy_is_found_and_re_parsed(
    opened: Open, scheme: str, viewport: dict[str, int]
) -> None:
    page = opened("/health/", viewport=viewport, color_scheme=scheme)
    expect(page.locator(".health-table tbody").first).to_contain_text("Rejecting input")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.get_by_role("link", name="edge-1").click()
    expect(page.locator("section:has(#drift)")).to_contain_text("empty in all 6 events")
    expect(page.locator("section:has(#loss)")).to_contain_text("SQL lost 1 event")
    expect(page.locator("section:has(#rejected) pre").first).to_contain_text("<script>alert(1)</script>")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.get_by_role("button", name="Re-parse log").click()
    expect(page.get_by_text("2 records were re-parsed: 1 accepted (1 new events)")).to_be_visible()
    assert Event.objects.filter(call_id="c").count() == 1


def test_an_unconnected_proxy_shows_its_configuration_lines(opened: Open) -> None:
    page = opened("/health/")
    page.get_by_role("link", name="Show configuration lines").first.click()
    expect(page.locator("details[open] pre").nth(1)).to_contain_text('modparam("acc", "log_flag", 20)')
    page.locator("summary", has_text="SQL").click()
    expect(page.locator("details", has=page.locator("summary", has_text="SQL"))).to_contain_text("db_url")


def test_selected_input_is_re_parsed_from_the_list(opened: Open) -> None:
    page = opened("/admin/cdr/rejected/")
    page.locator("input.action-select").first.check()
    page.locator("input.action-select").last.check()
    page.locator("select[name=action]").first.select_option("read_again")
    page.locator("button[name=index]").first.click()
    expect(page.get_by_text("2 records were re-parsed")).to_be_visible()
