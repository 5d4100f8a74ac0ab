from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError

from cdr.models import Event, Rejected, Source
from cdr.receivers import file_follower
from cdr.receivers.file_follower import DetailFollower, FileFollower, LogFollower
from tests.cdr.receivers.serving import idle, serving, step_until
from tests.cdr.receivers.test_syslog_server import line, seen
from tests.factories import make_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "acc.log"


@pytest.fixture(autouse=True)
def _no_waiting_for_late_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_follower, "_ROTATED_FOR", 0.0)


@pytest.fixture
def source(log: Path) -> Source:
    return make_source(name="file", kind=Source.Kind.FILE, settings={"path": str(log)})


def add(log: Path, *call_ids: str) -> None:
    with log.open("ab") as file:
        file.write(b"".join(line(call_id) + b"\n" for call_id in call_ids))


def follow(source: Source) -> Any:
    return serving(LogFollower(), source)


def test_what_is_there_and_what_is_added_is_read(log: Path, source: Source) -> None:
    add(log, "a@x", "b@x")
    with follow(source) as follower:
        step_until(follower, 2)
        add(log, "c@x")
        step_until(follower, 1)
    assert seen() == ["a@x", "b@x", "c@x"]


def test_a_line_is_read_when_it_is_whole(log: Path, source: Source) -> None:
    log.write_bytes(line("a@x")[:-5])
    with follow(source) as follower:
        idle(follower)
        log.write_bytes(line("a@x") + b"\n")
        step_until(follower, 1)
    assert seen() == ["a@x"]


def test_after_a_restart_reading_goes_on_exactly_where_it_ended(log: Path, source: Source) -> None:
    add(log, "a@x", "b@x")
    with follow(source) as follower:
        step_until(follower, 2)
    add(log, "c@x")
    with follow(source) as follower:
        step_until(follower, 1)
        idle(follower)
    source.refresh_from_db()
    assert (source.events, source.duplicates) == (3, 0)


def test_the_cursor_stays_where_the_events_could_not_be_stored(
    log: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise DatabaseError("the server went away")

    add(log, "a@x")
    with follow(source) as follower:
        with monkeypatch.context() as broken:
            broken.setattr(file_follower, "commit", fail)
            with pytest.raises(DatabaseError):
                step_until(follower, 1)
        step_until(follower, 1)
    assert seen() == ["a@x"]


def _renamed(log: Path) -> None:
    log.rename(log.with_name("acc.log.1"))
    log.touch()


def _copied_and_truncated(log: Path) -> None:
    shutil.copy(log, log.with_name("acc.log.1"))
    log.write_bytes(b"")


ROTATIONS = pytest.mark.parametrize("rotate", [_renamed, _copied_and_truncated])


@ROTATIONS
def test_a_rotated_file_is_read_to_its_end_and_the_new_one_from_its_beginning(
    rotate: Callable[[Path], None], log: Path, source: Source
) -> None:
    add(log, "a@x")
    with follow(source) as follower:
        step_until(follower, 1)
        add(log, "b@x")
        rotate(log)
        add(log, "c@x")
        step_until(follower, 2)
        idle(follower)
    assert seen() == ["a@x", "b@x", "c@x"]
    source.refresh_from_db()
    assert source.duplicates == 0


@ROTATIONS
def test_rotations_during_a_stop_lose_nothing(rotate: Callable[[Path], None], log: Path, source: Source) -> None:
    add(log, "a@x")
    with follow(source) as follower:
        step_until(follower, 1)
    add(log, "b@x")
    rotate(log)
    add(log, "c@x")
    log.with_name("acc.log.1").rename(log.with_name("acc.log.2"))
    rotate(log)
    add(log, "d@x")
    with follow(source) as follower:
        step_until(follower, 3)
        idle(follower)
    assert seen() == ["a@x", "b@x", "c@x", "d@x"]


def test_what_is_still_written_into_the_renamed_file_is_read(log: Path, source: Source) -> None:
    add(log, "a@x")
    with follow(source) as follower:
        step_until(follower, 1)
        log.rename(log.with_name("acc.log.1"))
        add(log.with_name("acc.log.1"), "b@x")
        step_until(follower, 1)
        add(log, "c@x")
        step_until(follower, 1)
    assert seen() == ["a@x", "b@x", "c@x"]


def test_a_file_that_was_truncated_and_grew_past_the_old_place_is_read_from_its_beginning(
    log: Path, source: Source
) -> None:
    add(log, "a@x")
    with follow(source) as follower:
        step_until(follower, 1)
        log.write_bytes(b"")
        add(log, "b@x", "c@x")
        step_until(follower, 2)
    assert seen() == ["a@x", "b@x", "c@x"]


def test_a_file_that_is_not_there_yet_is_waited_for(log: Path, source: Source) -> None:
    with follow(source) as follower:
        with pytest.raises(FileNotFoundError, match="acc"):
            follower.step(0.0)
        add(log, "a@x")
        step_until(follower, 1)
    assert seen() == ["a@x"]


def test_what_was_there_before_may_be_left_out(log: Path, source: Source) -> None:
    source.settings["from_start"] = False
    source.save()
    add(log, "a@x")
    with follow(source) as follower:
        idle(follower)
        add(log, "b@x")
        step_until(follower, 1)
    assert seen() == ["b@x"]


def test_a_file_without_a_newline_does_not_stop_the_reading(
    log: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_follower, "CHUNK", 1024)
    log.write_bytes(b"x" * 3000 + b"\n")
    add(log, "a@x")
    with follow(source) as follower:
        step_until(follower, 4)  # three pieces of what is no line, and one
    assert seen() == ["a@x"]


@pytest.fixture
def detail(tmp_path: Path, recorded: Path) -> Iterator[tuple[FileFollower, Path, list[bytes]]]:
    file = tmp_path / "detail"
    source = make_source(name="detail", kind=Source.Kind.DETAIL, settings={"path": str(file)})
    records = (recorded / "freeradius_detail.txt").read_bytes().strip(b"\n").split(b"\n\n")
    with serving(DetailFollower(), source) as follower:
        yield follower, file, [record + b"\n\n" for record in records]


def test_records_of_a_detail_file_are_read_when_they_are_whole(
    detail: tuple[FileFollower, Path, list[bytes]],
) -> None:
    follower, file, records = detail
    file.write_bytes(records[0] + records[1][:100])
    step_until(follower, 1)
    idle(follower)
    with file.open("ab") as more:
        more.write(records[1][100:] + b"".join(records[2:]))
    step_until(follower, len(records) - 1)
    assert not Rejected.objects.exists()
    assert Event.objects.count() == len(records)


def _compress(path: Path) -> None:
    """As gzip does: the file's time is kept."""
    status = path.stat()
    compressed = path.with_name(path.name + ".gz")
    compressed.write_bytes(gzip.compress(path.read_bytes()))
    os.utime(compressed, ns=(status.st_atime_ns, status.st_mtime_ns))
    path.unlink()


def _rotate(log: Path, generations: int, compressed_from: int) -> None:
    """Rotate as logrotate does with ``compress`` (and ``delaycompress`` where ``compressed_from`` is 2)."""
    for number in range(generations, 0, -1):
        for suffix in ("", ".gz"):
            path = log.with_name(f"{log.name}.{number}{suffix}")
            if path.exists():
                path.rename(log.with_name(f"{log.name}.{number + 1}{suffix}"))
    log.rename(log.with_name(f"{log.name}.1"))
    for number in range(compressed_from, generations + 2):
        if (path := log.with_name(f"{log.name}.{number}")).exists():
            _compress(path)


@pytest.mark.parametrize("compressed_from", [1, 2, 9])
def test_every_rotated_file_that_is_left_is_read_oldest_first(compressed_from: int, log: Path, source: Source) -> None:
    add(log, "0@x")
    with follow(source) as follower:
        step_until(follower, 1)
    for number in range(1, 5):
        add(log, f"{number}a@x", f"{number}b@x")
        _rotate(log, number, compressed_from)
    add(log, "5@x")
    with follow(source) as follower:
        step_until(follower, 9)
        idle(follower)
        assert not follower.sources[0].warning
    assert seen() == ["0@x", "1a@x", "1b@x", "2a@x", "2b@x", "3a@x", "3b@x", "4a@x", "4b@x", "5@x"]
    source.refresh_from_db()
    assert source.duplicates == 0


@pytest.mark.parametrize("compressed_from", [1, 9])
def test_a_rotated_file_that_is_gone_is_a_gap_that_is_counted_and_shown_and_costs_no_other(
    compressed_from: int, log: Path, source: Source
) -> None:
    add(log, "0@x")
    with follow(source) as follower:
        step_until(follower, 1)
    for number in range(1, 4):
        add(log, f"{number}@x")
        _rotate(log, number, compressed_from)
    (lost,) = log.parent.glob("acc.log.3*")
    lost.unlink()
    add(log, "4@x")
    with follow(source) as follower:
        step_until(follower, 3)
        served = follower.sources[0]
        assert served.refused["gaps: rotated files that could not be read"] == 1
        assert "a gap in" in served.warning
    assert seen() == ["0@x", "2@x", "3@x", "4@x"]


@pytest.mark.parametrize(("kept_bytes", "readable"), [(-8, ["4@x"]), (4, [])], ids=["cut", "nothing left"])
def test_a_damaged_compressed_file_is_a_gap_and_costs_no_other(
    kept_bytes: int, readable: list[str], log: Path, source: Source
) -> None:
    add(log, "0@x")
    with follow(source) as follower:
        step_until(follower, 1)
        add(log, "1@x")
        _rotate(log, 1, 9)
        add(log, "2@x")
        step_until(follower, 2)
    add(log, "3@x")
    _rotate(log, 2, 9)
    add(log, "4@x")
    _rotate(log, 3, 1)
    (damaged,) = log.parent.glob("acc.log.1.gz")
    damaged.write_bytes(damaged.read_bytes()[:kept_bytes])
    add(log, "5@x")
    with follow(source) as follower:
        step_until(follower, 2 + len(readable))
        assert follower.sources[0].refused["gaps: rotated files that could not be read"] == 1
    assert seen() == ["0@x", "1@x", "2@x", "3@x", *readable, "5@x"]


def test_a_transaction_holds_a_limited_number_of_lines(
    log: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_follower, "MOST_RECORDS", 3)
    add(log, *(f"{number}@x" for number in range(7)))
    with follow(source) as follower:
        assert [follower.step(0.0) for _ in range(3)] == [3, 3, 1]
    assert len(seen()) == 7
