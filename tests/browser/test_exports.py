"""Exports as a person makes them: from the list to the file."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cdr.models import ExportJob
from cdr.tasks import write_exports
from cdr.views.exports import export_pages as exports
from tests.browser.conftest import Open
from tests.browser.test_browsing import PHONE, WIDE
from tests.factories import NOON, make_call


@pytest.fixture(autouse=True)
def calls(transactional_db: None) -> None:
    for minute in range(3):
        make_call(caller=f"caller-{minute}", started_at=NOON + timedelta(minutes=minute), extra={"ua": "Snom"})
    make_call(outcome="busy", state="unanswered", sip_code=486)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_from_the_list_to_a_file_of_chosen_columns(
    opened: Open, scheme: str, viewport: dict[str, int], tmp_path: Path
) -> None:
    page = opened("/calls/?state=completed", viewport=viewport, color_scheme=scheme)
    page.locator("#calls").get_by_role("link", name="Export").click()
    expect(page.locator("#which")).to_contain_text("3 calls")
    expect(page.locator(".chip")).to_have_text("State Completed")
    page.get_by_role("button", name="None", exact=True).click()
    for name in ("started_at", "caller", "extra.ua"):
        page.get_by_label(name, exact=True).check()
    while page.locator(".column-list input").first.get_attribute("value") != "started_at":
        page.get_by_role("button", name="Move to front: started_at").click()
    page.get_by_label("Time zone").fill("Europe/Berlin")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    file = tmp_path / "calls.csv"
    download.value.save_as(file)
    with file.open(newline="") as lines:
        assert list(csv.reader(lines)) == [
            ["started_at", "caller", "extra.ua"],
            ["2026-05-31T14:00:00+02:00", "caller-0", "Snom"],
            ["2026-05-31T14:01:00+02:00", "caller-1", "Snom"],
            ["2026-05-31T14:02:00+02:00", "caller-2", "Snom"],
        ]


def test_only_what_a_format_has_can_be_chosen(opened: Open) -> None:
    page = opened("/exports/new/")
    zone, columns = page.get_by_label("Time zone"), page.locator(".columns-card")
    for name, has_zone, has_columns in (("JSON Lines", False, False), ("XLSX", True, True), ("Parquet", False, True)):
        page.get_by_role("radio", name=name).check()
        expect(zone).to_be_visible(visible=has_zone)
        expect(columns).to_be_visible(visible=has_columns)


@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_large_export_shows_how_far_it_is_until_its_file_is_there(
    opened: Open, viewport: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 1)
    page = opened("/exports/new/?state=completed", viewport=viewport)
    page.get_by_role("button", name="Create file").click()
    expect(page.locator(".col-state")).to_contain_text("queued")
    job = ExportJob.objects.get()
    ExportJob.objects.update(state=ExportJob.ExportState.RUNNING, matches=3, written=1)
    expect(page.locator(".col-state")).to_contain_text("1 of 3 calls")
    ExportJob.objects.update(state=ExportJob.ExportState.QUEUED)
    assert write_exports()
    expect(page.locator(".col-state")).to_contain_text("3 calls")
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    with page.expect_download() as download:
        page.locator(".col-deeds").get_by_role("link", name="Download").click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 4
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No exports yet")).to_be_visible()
    assert not ExportJob.objects.filter(pk=job.pk).exists()
