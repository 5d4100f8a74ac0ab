"""A spool, whatever was written and wherever it was cut or killed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.receivers import spool as spool_module
from cdr.receivers.spool import Spool, SpoolFull

LIMIT = 1 << 20
RECORDS = st.lists(st.tuples(st.integers(0, 2**64 - 1), st.binary(max_size=60)), max_size=8)


@pytest.fixture(scope="module", autouse=True)
def quick_disk() -> Iterator[None]:
    """Spare these many small files the wait for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


def contents(spool: Spool) -> list[tuple[int, bytes]]:
    return [(record.time, record.data) for record in spool.records()]


@given(RECORDS, RECORDS, st.integers(0, 8))
def test_what_was_appended_is_read_in_order_after_a_kill_and_what_is_done_with_is_not(
    before: list[tuple[int, bytes]], after: list[tuple[int, bytes]], done: int
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "spool")
        first = Spool(path, LIMIT)
        for record in before:
            first.append(*record)
        for stored in list(first.records())[:done]:
            first.advance(stored.end)
        os.close(first._file)  # as a kill does: nothing else is done
        second = Spool(path, LIMIT)
        assert second.cut_off == 0
        for record in after:
            second.append(*record)
        assert contents(second) == before[done:] + after
        second.close()
        assert path.exists() is bool(before[done:] + after)


@given(RECORDS, RECORDS, st.data())
def test_a_file_cut_anywhere_gives_its_whole_records_and_can_be_appended_to(
    records: list[tuple[int, bytes]], more: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "spool")
        spool = Spool(path, LIMIT)
        for record in records:
            spool.append(*record)
        ends = [record.end for record in spool.records()]
        os.close(spool._file)
        cut = data.draw(st.integers(0, path.stat().st_size))
        os.truncate(path, cut)
        spool = Spool(path, LIMIT)
        whole = records[: sum(end <= cut for end in ends)]
        assert contents(spool) == whole
        for record in more:
            spool.append(*record)
        assert contents(spool) == whole + more
        spool.close()


@given(RECORDS.filter(bool), st.data())
def test_a_damaged_byte_gives_no_record_that_was_not_written(
    records: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "spool")
        spool = Spool(path, LIMIT)
        for record in records:
            spool.append(*record)
        start = next(spool.records()).end - len(records[0][1]) - 16
        os.close(spool._file)
        damaged = bytearray(path.read_bytes())
        damaged[data.draw(st.integers(start, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(damaged)
        spool = Spool(path, LIMIT)
        assert contents(spool) == records[: len(contents(spool))]
        spool.close()


@given(RECORDS, st.binary(min_size=12, max_size=12))
def test_a_lost_cursor_gives_all_records_again(records: list[tuple[int, bytes]], cursor: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "spool")
        spool = Spool(path, LIMIT)
        for record in records:
            spool.append(*record)
        os.pwrite(spool._file, cursor, len(spool_module._MAGIC))
        os.close(spool._file)
        spool = Spool(path, LIMIT)
        assert contents(spool) == records
        spool.close()


@given(RECORDS, st.binary(max_size=60), st.sampled_from([OSError, KeyboardInterrupt]))
def test_an_append_that_fails_leaves_nothing(
    records: list[tuple[int, bytes]], lost: bytes, error: type[BaseException]
) -> None:
    def fail(_: int) -> None:
        raise error

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder, "spool")
        spool = Spool(path, LIMIT)
        for record in records:
            spool.append(*record)
        patch.setattr(os, "fsync", fail)
        with pytest.raises(error):
            spool.append(0, lost)
        patch.undo()
        assert contents(spool) == records
        os.close(spool._file)
        spool = Spool(path, LIMIT)
        assert (contents(spool), spool.cut_off) == (records, 0)
        spool.close()


def test_a_full_spool_takes_nothing_more_and_keeps_what_it_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 200)
    spool.append(1, b"x" * 100)
    with pytest.raises(SpoolFull, match="is full"):
        spool.append(2, b"y" * 100)
    assert contents(spool) == [(1, b"x" * 100)]
    spool.close()


def test_a_lower_limit_costs_nothing_that_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1000)
    spool.append(1, b"x" * 100)
    spool.close()
    spool = Spool(tmp_path / "spool", 10)
    assert contents(spool) == [(1, b"x" * 100)]
    spool.close()


def test_one_process_has_a_spool_open_at_a_time(tmp_path: Path) -> None:
    first = Spool(tmp_path / "spool", LIMIT)
    with pytest.raises(OSError, match="temporarily unavailable"):
        Spool(tmp_path / "spool", LIMIT)
    first.close()
    Spool(tmp_path / "spool", LIMIT).close()


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"something else that is long enough")
    with pytest.raises(OSError, match="is not a spool of this version"):
        Spool(tmp_path / "spool", LIMIT)
    assert (tmp_path / "spool").read_bytes() == b"something else that is long enough"
