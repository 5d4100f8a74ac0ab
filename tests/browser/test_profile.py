"""An administrator describes a proxy's accounting in a real browser, from nothing to the files."""

from __future__ import annotations

import io
import os
import re
import zipfile

import pytest
from playwright.sync_api import Locator, Page, expect

from proxyconf.models import Profile, Revision
from proxyconf.models.profile import profile_of
from proxyconf.vocabulary.layout import Backend
from tests.browser.conftest import Open
from tests.factories import make_proxy

pytestmark = pytest.mark.django_db(transaction=True)


WIDE = {"width": 1440, "height": 1000}


def rows(page: Page, name: str) -> Locator:
    return page.locator(f"[data-rows={name}] [data-row]:not([hidden])")


def cell(row: Locator, name: str) -> Locator:
    return row.locator(f"[name$=-{name}]")


def add_row(page: Page, name: str, variable: str, called: str) -> None:
    page.locator(f"[data-rows={name}] [data-add]").click()
    row = rows(page, name).last
    cell(row, "variable").fill(variable)
    cell(row, "name").fill(called)


def screenshot(page: Page, name: str) -> None:
    """Keep a picture for the documentation, if the environment says where."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


def test_a_profile_from_nothing_to_the_files(opened: Open) -> None:
    make_proxy("edge-1", product="kamailio", version="5.6")
    admin = opened("/configuration/", viewport=WIDE)
    code = admin.locator("#preview .code")
    admin.get_by_role("link", name="Create profile").click()
    admin.get_by_label("SQL").check()
    admin.get_by_role("button", name="Create profile").click()

    # what one types is in the preview, and nowhere else yet
    admin.locator("#id_option_db_url").fill("mysql://acc:geheim@db.example.net/acc")
    add_row(admin, "extras", "$fU", "src_user")
    expect(code).to_contain_text('"src_user=$fU"')
    add_row(admin, "extras", "$rU", "dst_user")
    expect(code).to_contain_text('"src_user=$fU;"')
    add_row(admin, "legs", "$avp(leg_src)", "leg_src")
    add_row(admin, "legs", "$avp(leg_dst)", "leg_dst")
    expect(code).to_contain_text('"leg_dst=$avp(leg_dst)"')
    expect(code).to_contain_text("mysql://acc:********@db.example.net/acc")
    assert profile_of(Profile.objects.get()).extras == ()

    # the order is that of the rows
    rows(admin, "extras").last.get_by_role("button", name="Move up").click()
    expect(code).to_contain_text(re.compile(r'"dst_user=\$rU;"\s+"src_user=\$fU"'))

    # a wrong label is found, leads to its field, and goes when it is mended
    label = cell(rows(admin, "extras").first, "label_syslog")
    label.fill("dst=user")
    finding = admin.locator("#findings .finding-error", has_text="dst=user")
    expect(finding).to_be_visible()
    expect(label).to_have_class(re.compile("found-error"))
    finding.get_by_role("link").click()
    expect(label).to_be_focused()
    screenshot(admin, "profile")
    label.fill("dst_user")
    expect(finding).to_have_count(0)
    expect(label).not_to_have_class(re.compile("found-error"))

    # another file of the same profile
    admin.locator("#preview").get_by_text("postgresql.sql").click()
    expect(code).to_contain_text('ADD COLUMN IF NOT EXISTS "dst_user"')

    admin.get_by_role("button", name="Save and publish…").click()
    expect(admin.get_by_text("First revision")).to_be_visible()
    admin.get_by_label("Reason").fill("who calls whom")
    if admin.locator("[name=despite_errors]").count():
        admin.locator("[name=despite_errors]").check()
    admin.get_by_role("button", name="Publish", exact=True).click()
    expect(admin.get_by_text("Revision 1 is published.")).to_be_visible()
    screenshot(admin, "revision")

    with admin.expect_download() as download:
        admin.get_by_role("link", name="Download all").click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert '"dst_user=$rU;"\n    "src_user=$fU"' in files["edge-1/acc.cfg"]
    assert "acc:geheim@db.example.net" in files["edge-1/acc.cfg"]
    assert '"leg_src"' in files["edge-1/postgresql.sql"]

    revision = Revision.objects.get()
    assert (revision.author, revision.why) == ("ann", "who calls whom")
    revision.proxy.refresh_from_db()
    assert revision.proxy.field_layout.extras[Backend.SYSLOG] == ("dst_user", "src_user")


def test_rows_are_moved_and_removed_with_the_keyboard_and_the_mouse(opened: Open) -> None:
    make_proxy("edge-1", product="kamailio", version="5.6")
    admin = opened("/configuration/edge-1/", viewport=WIDE)
    code = admin.locator("#preview .code")
    admin.get_by_role("button", name="Create profile").click()
    for variable, name in (("$fU", "one"), ("$rU", "two"), ("$si", "three")):
        add_row(admin, "extras", variable, name)
    cell(rows(admin, "extras").nth(2), "variable").press("Alt+ArrowUp")
    expect(code).to_contain_text(re.compile(r'"one=\$fU;"\s+"three=\$si;"\s+"two=\$rU"'))
    rows(admin, "extras").nth(2).locator("[data-handle]").drag_to(
        rows(admin, "extras").nth(0), target_position={"x": 40, "y": 2}
    )
    expect(code).to_contain_text(re.compile(r'"two=\$rU;"\s+"one=\$fU;"\s+"three=\$si"'))
    rows(admin, "extras").nth(1).get_by_role("button", name="Remove").press("Enter")
    expect(code).to_contain_text(re.compile(r'"two=\$rU;"\s+"three=\$si"'))
    admin.get_by_role("button", name="Save draft").click()
    expect(admin.get_by_text("The draft is saved.")).to_be_visible()
    assert [one.name for one in profile_of(Profile.objects.get()).extras] == ["two", "three"]


def test_what_a_backend_needs_is_shown_with_the_backend(opened: Open) -> None:
    make_proxy("edge-1", product="kamailio", version="5.6")
    admin = opened("/configuration/edge-1/", viewport=WIDE)
    admin.get_by_role("button", name="Create profile").click()
    expect(admin.locator("#id_option_db_url")).to_be_hidden()
    admin.get_by_role("checkbox", name="SQL").check()
    expect(admin.locator("#id_option_db_url")).to_be_visible()
    expect(admin.locator("#preview").get_by_text("mysql.sql")).to_be_visible()


def test_the_preview_stands_below_the_form_on_a_narrow_screen(opened: Open) -> None:
    make_proxy("edge-1", product="opensips", version="3.6")
    admin = opened("/configuration/edge-1/", viewport={"width": 480, "height": 800})
    admin.get_by_role("button", name="Create profile").click()
    form, preview = admin.locator("#profile-form").bounding_box(), admin.locator("#preview").bounding_box()
    assert form is not None
    assert preview is not None
    assert preview["y"] >= form["y"] + form["height"]
    assert admin.evaluate("document.documentElement.scrollWidth") <= 480
