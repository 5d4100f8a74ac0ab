"""Configurations are pasted or uploaded: as files or as a ZIP, within limits."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import RequestFactory

from proxyconf.models.imported import RawFile, sealed_files
from proxyconf.views.uploads import LARGEST, files_of


def zipped(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def upload(*files: tuple[str, bytes], **data: str) -> HttpRequest:
    uploads = [SimpleUploadedFile(name, content) for name, content in files]
    return RequestFactory().post("/", {"file": uploads, **data} if uploads else data)


def read(*files: tuple[str, bytes], **data: str) -> list[RawFile]:
    return files_of(upload(*files, **data), "pasted.cfg")


def refusal(*files: tuple[str, bytes], **data: str) -> str:
    with pytest.raises(ValueError) as error:  # noqa: PT011  # the text is returned
        read(*files, **data)
    return str(error.value)


def test_pasted_text_is_a_file_with_the_line_ends_of_unix() -> None:
    assert read(text="route {\r\n}\r\n") == [RawFile("pasted.cfg", b"route {\n}\n")]


def test_an_uploaded_file_keeps_its_bytes() -> None:
    assert read(("kamailio.cfg", b"\xff\r\n")) == [RawFile("kamailio.cfg", b"\xff\r\n")]


def test_several_files_can_be_uploaded() -> None:
    files = [("kamailio.cfg", b"a"), ("acc.cfg", b"b")]
    assert read(*files) == [RawFile(*file) for file in files]


def test_uploaded_files_take_precedence_over_pasted_text() -> None:
    assert read(("kamailio.cfg", b"a"), text="b") == [RawFile("kamailio.cfg", b"a")]


def test_the_files_of_the_previous_page_are_decrypted() -> None:
    files = [RawFile("kamailio.cfg", b"\x00\xff")]
    assert read(sealed=sealed_files(files)) == files


def test_the_files_of_the_previous_page_are_lost_with_the_key(settings: Any) -> None:
    sealed = sealed_files([RawFile("kamailio.cfg", b"a")])
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", []
    assert "Paste it again" in refusal(sealed=sealed)


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_nothing_pasted_and_nothing_uploaded_is_refused(text: str) -> None:
    assert refusal(text=text) == "Paste the configuration, or choose its file."


def test_a_text_of_one_megabyte_is_read_and_a_larger_one_is_refused() -> None:
    assert len(read(text="x" * LARGEST)[0].raw) == LARGEST
    assert "larger than 1 MB" in refusal(text="x" * (LARGEST + 1))


def test_a_file_of_one_megabyte_is_read_and_a_larger_one_is_refused_by_name() -> None:
    assert len(read(("a.cfg", b"x" * LARGEST))[0].raw) == LARGEST
    assert refusal(("a.cfg", b"x" * (LARGEST + 1))).startswith("a.cfg is larger than 1 MB")


def test_a_zip_is_read_whatever_its_name_is() -> None:
    assert read(("etc.dat", zipped({"kamailio.cfg": b"a", "acc.cfg": b"b"}))) == [
        RawFile("kamailio.cfg", b"a"),
        RawFile("acc.cfg", b"b"),
    ]


def test_the_folder_that_contains_all_files_of_a_zip_is_removed() -> None:
    archive = zipped({"etc/kamailio.cfg": b"a", "etc/inc/acc.cfg": b"b"})
    assert [file.name for file in read(("etc.zip", archive))] == ["kamailio.cfg", "inc/acc.cfg"]


def test_the_folders_of_a_zip_with_several_stay() -> None:
    archive = zipped({"etc/kamailio.cfg": b"a", "inc/acc.cfg": b"b"})
    assert [file.name for file in read(("etc.zip", archive))] == ["etc/kamailio.cfg", "inc/acc.cfg"]


def test_folders_and_the_notes_of_macos_are_not_files() -> None:
    archive = zipped({"etc/": b"", "etc/kamailio.cfg": b"a", "__MACOSX/etc/._kamailio.cfg": b"x"})
    assert read(("etc.zip", archive)) == [RawFile("kamailio.cfg", b"a")]


def test_a_zip_without_files_is_refused() -> None:
    assert refusal(("etc.zip", zipped({"etc/": b""}))) == "etc.zip contains no files."


def test_a_broken_zip_is_refused() -> None:
    broken = zipped({"kamailio.cfg": b"a"})[:30]
    assert refusal(("etc.zip", broken)) == "etc.zip is not a valid ZIP file."


def test_a_small_zip_of_a_large_file_is_refused() -> None:
    archive = zipped({"bomb.cfg": b"0" * (LARGEST + 1)})
    assert len(archive) < LARGEST
    assert refusal(("etc.zip", archive)).startswith("bomb.cfg is larger than 1 MB")


def test_a_small_zip_of_many_large_files_is_refused() -> None:
    archive = zipped({f"{number}.cfg": b"0" * LARGEST for number in range(5)})
    assert "200 files or 4 MB" in refusal(("etc.zip", archive))


def test_two_hundred_files_are_read_and_one_more_is_refused() -> None:
    files = {f"{number}.cfg": b"" for number in range(200)}
    assert len(read(("etc.zip", zipped(files)))) == 200
    assert refusal(("etc.zip", zipped({**files, "more.cfg": b""}))).startswith("etc.zip contains more than 200 files")


def test_two_files_of_the_same_name_are_refused() -> None:
    assert "the same name" in refusal(("acc.cfg", b"a"), ("acc.cfg", b"b"))
