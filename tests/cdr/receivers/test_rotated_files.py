"""Rotated files of a log: their order, and which of them was being read."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st

from cdr.receivers.rotated_files import HEAD, FollowedFile, Position, following, predecessor, rotated, since
from cdr.storage.allowed_files import ForbiddenFile

SECOND = 1_000_000_000  # nanoseconds


@pytest.fixture
def log(tmp_path: Path, settings: LazySettings) -> Path:
    """The path of a log, not written yet, in a folder that sources may read."""
    settings.FILE_ROOTS = [str(tmp_path)]
    return tmp_path / "acc.log"


def write(path: Path, data: bytes = b"line\n", modified: int = 0) -> Path:
    """Write a file, compressed if its name says so, last modified at ``modified`` seconds."""
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    os.utime(path, ns=(modified * SECOND, modified * SECOND))
    return path


def beside(log: Path, suffix: str) -> Path:
    return log.with_name(log.name + suffix)


def position_in(path: Path, offset: int) -> Position:
    file = FollowedFile(path)
    try:
        return Position.after(file, offset)
    finally:
        file.close()


def fits(position: Position, path: Path) -> bool:
    file = FollowedFile(path)
    try:
        return position.fits(file)
    finally:
        file.close()


# the order of rotated files


def test_rotated_files_are_listed_from_the_oldest(log: Path) -> None:
    newest, oldest = write(beside(log, ".1"), modified=20), write(beside(log, ".2"), modified=10)
    write(log, modified=30)
    assert rotated(log) == [oldest, newest]


def test_of_numbered_files_of_one_time_the_highest_number_is_the_oldest(log: Path) -> None:
    paths = [write(beside(log, suffix)) for suffix in (".1", ".2.gz", ".10.gz")]
    assert rotated(log) == paths[::-1]


def test_of_dated_files_of_one_time_the_earliest_date_is_the_oldest(log: Path) -> None:
    paths = [write(beside(log, suffix)) for suffix in ("-20261123", "-20261124.gz", "-20261201")]
    assert rotated(log) == paths


@pytest.mark.parametrize("suffix", ["", ".bak", ".1.bak", "2", ".x1", ".gz", "-old", ".1.bz2"])
def test_other_files_beside_a_log_are_not_rotated_ones(log: Path, suffix: str) -> None:
    write(beside(log, suffix))
    assert rotated(log) == []


def test_a_folder_is_no_rotated_file(log: Path) -> None:
    beside(log, ".1").mkdir()
    assert rotated(log) == []


def test_a_file_that_is_being_compressed_is_listed_once(log: Path) -> None:
    plain = write(beside(log, ".1"))
    write(beside(log, ".1.gz"))
    assert rotated(log) == [plain]


def test_a_name_with_wildcards_matches_itself_alone(log: Path) -> None:
    odd = log.with_name("acc[1]*.log")
    own = write(beside(odd, ".1"))
    write(log.with_name("acc1x.log.1"))
    assert rotated(odd) == [own]


def test_since_leaves_out_files_that_were_last_written_before(log: Path) -> None:
    write(beside(log, ".3"), modified=10)
    kept = [write(beside(log, ".2"), modified=20), write(beside(log, ".1"), modified=30)]
    assert since(log, 20 * SECOND) == kept


# reading


@given(data=st.binary(max_size=2000), offset=st.integers(0, 2100), length=st.integers(0, 2100))
def test_a_compressed_file_reads_like_the_plain_one(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, offset: int, length: int
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.conf.settings.FILE_ROOTS", [str(folder)])
        files = [FollowedFile(write(folder / name, data)) for name in ("log.1", "log.2.gz")]
    for file in files:
        assert file.read(offset, length) == data[offset : offset + length]
        file.close()


def test_the_size_of_a_compressed_file_is_unknown(log: Path) -> None:
    assert FollowedFile(write(log, b"12345")).size == 5
    assert FollowedFile(write(beside(log, ".1.gz"), b"12345")).size is None


def test_a_damaged_compressed_file_ends_at_the_damage_and_says_so(log: Path) -> None:
    path = write(beside(log, ".1.gz"), os.urandom(5000))
    path.write_bytes(path.read_bytes()[:2000])
    file = FollowedFile(path)
    assert len(file.read(0, 5000)) < 5000
    assert file.damage.startswith("acc.log.1.gz is damaged: ")


def test_a_file_outside_the_permitted_folders_is_not_opened(log: Path, settings: LazySettings) -> None:
    settings.FILE_ROOTS = [str(log.parent / "elsewhere")]
    with pytest.raises(ForbiddenFile):
        FollowedFile(write(log))


# the position


def test_a_position_survives_its_cursor(log: Path) -> None:
    position = position_in(write(log, b"one\ntwo\n", modified=7), 4)
    assert Position.of(position.cursor()) == position
    assert position.modified == 7 * SECOND


@pytest.mark.parametrize("cursor", [{}, {"file": None}, {"file": {"inode": 1}}, {"file": {"unknown": 1}}])
def test_a_cursor_of_another_form_has_no_position(cursor: dict[str, object]) -> None:
    assert Position.of(cursor) is None


def test_a_file_that_grew_is_still_the_one_being_read(log: Path) -> None:
    position = position_in(write(log, b"one\n"), 4)
    assert fits(position, write(log, b"one\ntwo\n"))


def test_a_file_shorter_than_what_was_read_is_another_file(log: Path) -> None:
    position = position_in(write(log, b"one\ntwo\n"), 8)
    assert not fits(position, write(log, b"one\n"))


def test_a_file_with_the_same_inode_and_another_head_is_another_file(log: Path) -> None:
    position = position_in(write(log, b"one\n"), 4)
    assert not fits(position, write(log, b"two\nthree\n"))


def test_a_copy_with_another_inode_is_the_file_that_was_read(log: Path) -> None:
    position = position_in(write(log, b"one\n"), 4)
    assert fits(position, write(beside(log, ".1"), b"one\ntwo\n"))


def test_a_compressed_copy_is_the_file_that_was_read(log: Path) -> None:
    data = b"x" * HEAD + b"one\n"
    position = position_in(write(log, data), len(data))
    assert fits(position, write(beside(log, ".1.gz"), data + b"two\n"))


def test_a_compressed_file_shorter_than_what_was_read_is_another_file(log: Path) -> None:
    data = b"x" * HEAD + b"one\n"
    position = position_in(write(log, data), len(data))
    assert not fits(position, write(beside(log, ".1.gz"), data[:-1]))


def test_of_unread_files_only_the_inode_tells_which_was_open(log: Path) -> None:
    position = position_in(write(log, b"one\n"), 0)
    assert fits(position, log)
    assert not fits(position, write(beside(log, ".1"), b"one\n"))


# finding the file again


def test_the_renamed_file_is_found_again(log: Path) -> None:
    position = position_in(write(log, b"one\n"), 4)
    log.rename(beside(log, ".1"))
    write(log, b"two\n")
    file = predecessor(log, position)
    assert file is not None
    assert file.path == beside(log, ".1")


def test_of_a_plain_and_a_compressed_copy_the_plain_one_is_taken(log: Path) -> None:
    position = position_in(write(log, b"one\n"), 4)
    write(beside(log, ".1.gz"), b"one\n")
    plain = write(beside(log, ".2"), b"one\n")
    file = predecessor(log, position)
    assert file is not None
    assert file.path == plain


def test_no_file_is_found_again_where_it_was_deleted(log: Path) -> None:
    position = position_in(write(log, b"one\n"), 4)
    write(beside(log, ".1"), b"other\n")
    assert predecessor(log, position) is None


def test_a_file_that_may_not_be_read_does_not_hide_the_right_one(
    log: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    position = position_in(write(log, b"one\n"), 4)
    beside(log, ".1").symlink_to(write(tmp_path_factory.mktemp("private") / "secret", b"one\n"))
    right = write(beside(log, ".2"), b"one\n")
    file = predecessor(log, position)
    assert file is not None
    assert file.path == right


def test_the_file_after_a_rotated_one_is_the_next_younger(log: Path) -> None:
    oldest, middle = write(beside(log, ".2"), modified=10), write(beside(log, ".1"), modified=20)
    write(log, modified=30)
    assert following(log, FollowedFile(oldest)) == middle
    assert following(log, FollowedFile(middle)) == log


def test_the_file_after_a_deleted_one_is_the_first_written_later(log: Path) -> None:
    deleted = write(beside(log, ".3"), modified=10)
    ended = FollowedFile(deleted)
    write(beside(log, ".2"), modified=5)
    younger = write(beside(log, ".1"), modified=20)
    deleted.unlink()
    assert following(log, ended) == younger
