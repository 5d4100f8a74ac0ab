from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from proxyconf.models import ImportedConfiguration, Profile, Proxy
from proxyconf.models.profile import profile_of, save_profile
from proxyconf.profile import ExtraDefinition
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_proxy
from tests.proxyconf.patch.applying import applied
from tests.proxyconf.patch.configurations import CONFIGURATIONS, KAMAILIO_TEXT
from tests.proxyconf.views.conftest import Login

pytestmark = pytest.mark.django_db

SEVERAL = CONFIGURATIONS["kamailio of several files"]
DEFINES = ["WITH_ACCDB"]


def imported(editor: Client, proxy: Proxy, data: dict[str, object]) -> None:
    """Import files as a person does, in two pages."""
    page = editor.post(reverse("proxyconf:import", args=[proxy.name]), data)
    answer = {"sealed": page.context["sealed"], "defines": DEFINES, "take": "1"}
    editor.post(reverse("proxyconf:import", args=[proxy.name]), answer)


def uploads() -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(one.name.rpartition("/")[2], one.text.encode()) for one in SEVERAL.files]


def zipped(files: dict[str, bytes]) -> SimpleUploadedFile:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return SimpleUploadedFile("config.zip", held.getvalue())


def add_field(proxy: Proxy) -> None:
    value = profile_of(Profile.objects.get(proxy=proxy))
    field = ExtraDefinition("ua", "$ua", {Backend.SQL: "ua"})
    save_profile(proxy, replace(value, extras=(*value.extras, field)))


def test_files_that_include_each_other_are_read_together(editor: Client) -> None:
    proxy = make_proxy("new")
    imported(editor, proxy, {"file": uploads()})
    assert profile_of(Profile.objects.get(proxy=proxy)).backends == (Backend.SYSLOG, Backend.SQL)


def test_a_zip_of_the_folder_is_read_with_its_paths(editor: Client) -> None:
    proxy = make_proxy("new")
    files = {f"kamailio/{one.name}": one.text.encode() for one in SEVERAL.files}
    imported(editor, proxy, {"file": zipped(files)})
    add_field(proxy)
    patch = editor.get(reverse("proxyconf:patch-file", args=[proxy.name])).content.decode()
    assert patch.startswith("--- a/conf.d/acc-db.cfg\n")


def test_a_file_that_was_not_given_is_named(editor: Client) -> None:
    page = editor.post(reverse("proxyconf:import", args=[make_proxy("new").name]), {"file": uploads()[:1]})
    remarks = [one.text for one in page.context["found"].remarks if "this file is missing" in one.why]
    assert remarks == ["include_file conf.d/acc-db.cfg", '#!include_file "routes.cfg"']


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"a.cfg": b"0" * 1_000_001}, "larger than 1 MB"),
        ({f"{n}.cfg": b"0" * 900_000 for n in range(5)}, "more than 200 files or 4 MB"),
        ({f"{n}.cfg": b"" for n in range(201)}, "more than 200 files"),
        ({}, "contains no files"),
    ],
)
def test_a_zip_has_limits(editor: Client, files: dict[str, bytes], problem: str) -> None:
    page = editor.post(reverse("proxyconf:import", args=[make_proxy("new").name]), {"file": zipped(files)})
    upload = SimpleUploadedFile("broken.zip", b"PK\x03\x04 nonsense")
    broken = editor.post(reverse("proxyconf:import", args=["new"]), {"file": upload})
    if files:
        assert problem in page.text
    assert "is not a valid ZIP file" in broken.text


def test_the_patch_is_shown_without_passwords_and_downloaded_with_them(editor: Client) -> None:
    proxy = make_proxy("new")
    imported(editor, proxy, {"text": KAMAILIO_TEXT})
    value = profile_of(Profile.objects.get(proxy=proxy))
    assert value.macros == {"db_url": "DBURL"}
    save_profile(proxy, replace(value, options={"db_url": "mysql://u:new-secret@h/d"}, macros={}))
    page = editor.get(reverse("proxyconf:patch", args=[proxy.name])).text
    assert "new-secret" not in page
    assert "u:********@h" in page
    patch = editor.get(reverse("proxyconf:patch-file", args=[proxy.name]))
    assert patch.headers["Content-Disposition"] == 'attachment; filename="new.patch"'
    assert '+modparam("acc", "db_url", "mysql://u:new-secret@h/d")' in patch.content.decode()


def test_the_patch_applies_to_what_was_imported(editor: Client) -> None:
    proxy = make_proxy("new")
    imported(editor, proxy, {"file": [SimpleUploadedFile("kamailio.cfg", KAMAILIO_TEXT.encode())]})
    add_field(proxy)
    patch = editor.get(reverse("proxyconf:patch-file", args=[proxy.name])).content.decode()
    files = applied(patch, CONFIGURATIONS["kamailio with a database"].files)
    assert 'dst_domain=$rd;ua=$ua")\n#!endif' in files[0].text


def test_after_the_patch_is_applied_nothing_is_left_to_change(editor: Client) -> None:
    proxy = make_proxy("new")
    imported(editor, proxy, {"text": KAMAILIO_TEXT})
    add_field(proxy)
    editor.post(reverse("proxyconf:patch-applied", args=[proxy.name]))
    assert "there is nothing to change" in editor.get(reverse("proxyconf:patch", args=[proxy.name])).text


def test_the_files_are_stored_encrypted(editor: Client) -> None:
    imported(editor, make_proxy("new"), {"text": KAMAILIO_TEXT})
    assert "log_flag" not in ImportedConfiguration.objects.get().files


def test_without_an_import_the_page_says_how_to_get_a_patch(editor: Client, proxy: Proxy) -> None:
    assert "Import kamailio.cfg or opensips.cfg" in editor.get(reverse("proxyconf:patch", args=[proxy.name])).text
    assert editor.get(reverse("proxyconf:patch-file", args=[proxy.name])).status_code == 404


def test_a_viewer_sees_the_patch_and_cannot_download_it(login: Login, editor: Client) -> None:
    viewer = login("view_profile")
    proxy = make_proxy("new")
    imported(editor, proxy, {"text": KAMAILIO_TEXT})
    add_field(proxy)
    assert viewer.get(reverse("proxyconf:patch", args=[proxy.name])).status_code == 200
    assert viewer.get(reverse("proxyconf:patch-file", args=[proxy.name])).status_code == 403
