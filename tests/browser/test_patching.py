"""An administrator imports a configuration of several files, changes it, and takes the change away as a patch."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from proxyconf.models import Profile
from proxyconf.models.profile import profile_of
from proxyconf.vocabulary.layout import Backend, Role
from tests.browser.conftest import Open
from tests.browser.test_profile import WIDE, cell, rows, screenshot
from tests.factories import make_proxy
from tests.proxyconf.patch.applying import applied
from tests.proxyconf.patch.configurations import CONFIGURATIONS

pytestmark = pytest.mark.django_db(transaction=True)

SEVERAL = CONFIGURATIONS["kamailio of several files"]


def test_from_files_to_a_patch_of_them(opened: Open, tmp_path: Path) -> None:
    make_proxy("edge-1", product="kamailio", version="5.6")
    paths = []
    for file in SEVERAL.files:
        paths.append(tmp_path / file.name.rpartition("/")[2])
        paths[-1].write_text(file.text)
    admin = opened("/configuration/edge-1/import/", viewport=WIDE)
    admin.get_by_label("Files").set_input_files(paths)
    admin.get_by_role("button", name="Read").click()
    admin.get_by_label("WITH_ACCDB").check()
    admin.get_by_role("button", name="Read again").click()
    admin.get_by_role("button", name="Save as draft").click()

    # a variable that is chosen brings its name, its labels and its role
    admin.locator("[data-rows=extras] [data-add]").click()
    row = rows(admin, "extras").last
    cell(row, "variable").fill("$ua")
    cell(row, "variable").press("Tab")
    expect(cell(row, "name")).to_have_value("ua")
    expect(cell(row, "label_sql")).to_have_value("ua")
    expect(cell(row, "role")).to_have_value("user_agent")
    screenshot(admin, "profile-imported")

    # an output that is selected has its flags and labels before anything is saved
    admin.get_by_label("RADIUS").first.check()
    expect(cell(row, "label_radius")).to_have_value("Ua")
    expect(cell(rows(admin, "extras").first, "label_radius")).to_have_value("Src-User")
    expect(admin.locator("[name=flag_radius]")).to_have_value("20")
    expect(admin.locator("[name=missed_radius]")).to_have_value("21")
    expect(admin.locator("#preview .code")).to_contain_text("radius_flag")
    admin.get_by_label("RADIUS").first.uncheck()
    admin.get_by_role("button", name="Save draft").click()
    field = profile_of(Profile.objects.get()).extras[-1]
    assert (field.labels[Backend.SQL], field.role) == ("ua", Role.USER_AGENT)

    admin.goto("/configuration/edge-1/try/")
    expect(admin.get_by_text(";ua=").first).to_be_visible()

    # a finding is fixed where it is read, with what the form holds
    admin.goto("/configuration/edge-1/edit/")
    cell(rows(admin, "extras").last, "label_sql").fill("call id")
    finding = admin.locator("#findings .finding-error", has_text="call id")
    finding.get_by_role("button", name="Rename the label").click()
    expect(admin.get_by_text("The draft is saved with the fix")).to_be_visible()
    expect(cell(rows(admin, "extras").last, "label_sql")).to_have_value("call_id")
    cell(rows(admin, "extras").last, "label_sql").fill("ua")
    expect(admin.locator("#preview .code")).to_contain_text("ua=$ua")
    admin.get_by_role("button", name="Save and publish…").click()
    expect(admin.get_by_text("First revision")).to_be_visible()
    if admin.locator("[name=despite_errors]").count():
        admin.locator("[name=despite_errors]").check()
    admin.get_by_label("Reason").fill("the User-Agent too")
    admin.get_by_role("button", name="Publish", exact=True).click()
    expect(admin.get_by_text("Revision 1 is published.")).to_be_visible()

    admin.goto("/configuration/edge-1/")
    admin.get_by_role("link", name="Patch", exact=True).click()
    expect(admin.locator(".code.diff .added").first).to_contain_text("ua=$ua")
    expect(admin.locator(".code.diff .added")).to_have_count(2)
    screenshot(admin, "patch")
    with admin.expect_download() as download:
        admin.get_by_role("link", name="Download patch").click()
    patch = Path(download.value.path()).read_text()
    names = {one.name.rpartition("/")[2]: one for one in SEVERAL.files}
    files = applied(patch, [one._replace(name=name) for name, one in names.items()])
    assert sum(one.text.count("ua=$ua") for one in files) == 2
