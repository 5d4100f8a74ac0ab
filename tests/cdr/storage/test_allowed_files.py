"""The files that a source may name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cdr.storage import allowed_files
from cdr.storage.allowed_files import (
    IMPORTS,
    ForbiddenFile,
    allowed_data,
    allowed_path,
    allowed_tls_file,
    read_allowed,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(tmp_path: Path, settings: Any) -> Path:
    """The one folder that sources may read; accweb's own data folder is in it."""
    folder = tmp_path / "logs"
    (folder / "data" / IMPORTS).mkdir(parents=True)
    settings.FILE_ROOTS = [str(folder)]
    settings.DATA_DIR = folder / "data"
    settings.TLS_FOLDERS = [str(tmp_path / "certificates")]
    return folder


def written(path: Path, text: str = "text") -> str:
    """Write a file; return its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_a_file_below_a_root_is_allowed(root: Path) -> None:
    name = written(root / "kam1" / "acc.log")
    assert allowed_path(name) == Path(name).resolve()


def test_a_file_elsewhere_is_forbidden(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ForbiddenFile, match="ACCWEB_FILE_ROOTS"):
        allowed_path(written(tmp_path / "elsewhere"))


def test_whether_a_file_exists_elsewhere_stays_hidden(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ForbiddenFile, match="is in no folder that sources may read"):
        allowed_path(str(tmp_path / "missing"))


def test_a_missing_file_below_a_root_is_said_to_be_missing(root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        allowed_path(str(root / "missing"))


def test_a_folder_whose_name_begins_like_a_root_is_none(root: Path) -> None:
    with pytest.raises(ForbiddenFile):
        allowed_path(written(root.with_name("logs-private") / "acc.log"))


def test_no_dots_lead_out_of_a_root(root: Path, tmp_path: Path) -> None:
    written(tmp_path / "elsewhere")
    with pytest.raises(ForbiddenFile):
        allowed_path(f"{root}/../elsewhere")


def test_no_link_leads_out_of_a_root(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(written(tmp_path / "elsewhere"))
    with pytest.raises(ForbiddenFile):
        allowed_path(str(root / "link"))


def test_accwebs_own_data_is_forbidden_though_below_a_root(root: Path) -> None:
    with pytest.raises(ForbiddenFile):
        allowed_path(written(root / "data" / "secret_key"))


def test_imports_in_accwebs_own_data_are_allowed(root: Path) -> None:
    name = written(root / "data" / IMPORTS / "acc.log")
    assert allowed_path(name) == Path(name).resolve()


def test_a_folder_is_no_file(root: Path) -> None:
    with pytest.raises(ForbiddenFile, match="not a regular file"):
        allowed_path(str(root))


def test_a_pipe_is_refused_without_waiting_for_a_writer(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(ForbiddenFile, match="not a regular file"):
        read_allowed(str(root / "pipe"))


def test_data_is_not_read_from_the_folder_of_configurations(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = written(root / "etc" / "passwd")
    monkeypatch.setattr(allowed_files, "_CONFIGURATION", (root / "etc").resolve())
    assert allowed_path(name)
    with pytest.raises(ForbiddenFile, match="logs and databases are not read from there"):
        allowed_data(name)


def test_a_certificate_lies_in_a_folder_of_certificates_alone(root: Path, tmp_path: Path) -> None:
    name = written(tmp_path / "certificates" / "server.pem")
    assert allowed_tls_file(name) == Path(name).resolve()
    with pytest.raises(ForbiddenFile, match="ACCWEB_TLS_FOLDERS"):
        allowed_tls_file(written(root / "server.pem"))


def test_no_source_reads_a_folder_of_certificates(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ForbiddenFile):
        allowed_path(written(tmp_path / "certificates" / "server.key"))


def test_the_text_of_a_file_is_read_whatever_its_bytes(root: Path) -> None:
    (root / "text").write_bytes(b"caf\xc3\xa9 \xff")
    assert read_allowed(str(root / "text")) == "café \ufffd"


def test_a_large_file_is_not_read_as_text(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed_files, "_MOST_BYTES", 4)
    assert read_allowed(written(root / "small", "1234")) == "1234"
    with pytest.raises(ForbiddenFile, match="is larger than"):
        read_allowed(written(root / "large", "12345"))
