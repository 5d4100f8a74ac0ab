"""What receivers that start while the database is away know of their sources."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cdr.models import Source
from cdr.models.source import reveal
from cdr.receivers.known_sources import keep_sources, kept_sources
from cdr.receivers.service import signature
from tests.factories import make_proxy, make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Source:
    settings = {"listen": "127.0.0.1:0", "secret": "testing123"}
    return make_source(proxy=make_proxy(timezone="Europe/Berlin"), kind=Source.Kind.RADIUS, settings=settings)


def test_sources_that_were_kept_are_served_as_those_of_the_database(source: Source, tmp_path: Path) -> None:
    keep_sources([source], tmp_path)
    (kept,) = kept_sources(tmp_path)
    assert signature([kept]) == signature([source])
    assert (kept.pk, str(kept), kept.proxy.pk) == (source.pk, str(source), source.proxy.pk)
    assert reveal(kept.parsed_settings().secret) == b"testing123"  # type: ignore[attr-defined]


def test_the_file_is_the_services_own_and_holds_no_secret_in_plain_text(source: Source, tmp_path: Path) -> None:
    keep_sources([source], tmp_path)
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "testing123" not in file.read_text()


def test_without_a_change_the_file_is_not_written(source: Source, tmp_path: Path) -> None:
    keep_sources([source], tmp_path)
    (file,) = tmp_path.iterdir()
    before = file.stat().st_ino
    keep_sources([source], tmp_path)
    assert file.stat().st_ino == before
    source.name = "renamed"
    keep_sources([source], tmp_path)
    assert kept_sources(tmp_path)[0].name == "renamed"


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"id": 1}]', '[{"proxy": {}}]'])
def test_a_damaged_file_gives_no_source(content: str, tmp_path: Path) -> None:
    (tmp_path / "known-sources.json").write_text(content)
    assert kept_sources(tmp_path) == []
    assert kept_sources(tmp_path / "elsewhere") == []


def test_a_disk_that_takes_nothing_more_keeps_nobody_from_the_work(
    source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keep_sources([source], tmp_path / "missing")
    assert "cannot be kept" in caplog.text
