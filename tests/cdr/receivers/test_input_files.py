from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from cdr.receivers.input_files import open_input, size_of

TEXT = b"".join(b"line %d\n" % number for number in range(50_000))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "acc.log"


def test_a_plain_file_is_read_as_it_is(file: Path) -> None:
    file.write_bytes(TEXT)
    with open_input(str(file)) as given:
        assert given.head == TEXT[: len(given.head)]
        assert given.stream.read() == TEXT
        assert given.damage is None


def test_a_gzip_file_is_unpacked_whatever_its_name(file: Path) -> None:
    file.write_bytes(gzip.compress(TEXT[:1000]) + gzip.compress(TEXT[1000:]))
    with open_input(str(file)) as given:
        assert given.head.startswith(b"line 0\n")
        assert given.stream.read() == TEXT
        assert given.damage is None


@pytest.mark.parametrize("cut", [3, 200, 60_000])
def test_what_precedes_the_cut_of_a_gzip_file_is_read_and_the_cut_is_told(cut: int, file: Path) -> None:
    file.write_bytes(gzip.compress(TEXT)[:cut])
    with open_input(str(file)) as given:
        assert TEXT.startswith(given.stream.read())
        assert given.damage is not None


def test_rubbish_after_a_gzip_file_is_told(file: Path) -> None:
    file.write_bytes(gzip.compress(TEXT) + b"rubbish")
    with open_input(str(file)) as given:
        assert given.stream.read() == TEXT
        assert given.damage is not None


def test_standard_input_is_read_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    standard = io.TextIOWrapper(io.BufferedReader(io.BytesIO(TEXT)))
    monkeypatch.setattr(sys, "stdin", standard)
    with open_input("-") as given:
        assert given.stream.read() == TEXT
    assert not standard.closed


def test_progress_is_told_in_bytes_of_the_file(file: Path) -> None:
    file.write_bytes(gzip.compress(TEXT))
    told: list[int] = []
    with open_input(str(file), told.append) as given:
        given.stream.read()
    assert sum(told) == file.stat().st_size == size_of(str(file))


def test_an_empty_file_has_no_head(file: Path) -> None:
    file.touch()
    with open_input(str(file)) as given:
        assert given.head == b""
        assert given.damage is None
