"""A file that queues records: appended with fsync, read in order, verified by checksums.

The file starts with a cursor: the offset up to which records are done, and a checksum. A record consists of its length,
a checksum, a time and its bytes. An incomplete last record after a crash was never acknowledged and is cut off. If a
crash loses the cursor, records are delivered again, so their consumer must ignore duplicates. The file is deleted when
it is drained, so no cursor outlives its records.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MAGIC = b"accweb spool 1\n\0"
_CURSOR = struct.Struct(">QI")
_RECORD = struct.Struct(">IIQ")
_START = len(_MAGIC) + _CURSOR.size


class SpoolFull(OSError):
    """The spool has reached its size limit; no more input may be acknowledged."""


class SpoolRecord(NamedTuple):
    """``time`` is in microseconds since 1970; ``end`` is the offset for ``advance`` when the record is done."""

    time: int
    data: bytes
    end: int


class Waiting(NamedTuple):
    """How many bytes wait in a spool, and when the oldest of them came, in microseconds since 1970."""

    size: int
    time: int | None


def look_into(path: Path) -> Waiting | None:
    """Return what waits in a spool that another process may have open; none where there is no spool."""
    try:
        with path.open("rb") as file:
            head = file.read(_START)
            size = os.fstat(file.fileno()).st_size
            if not head.startswith(_MAGIC):
                return None
            cursor = _offset(head[len(_MAGIC) :], size)
            file.seek(cursor)
            record = file.read(_RECORD.size)
    except OSError:
        return None
    return Waiting(size - cursor, _RECORD.unpack(record)[2] if len(record) == _RECORD.size else None)


class Spool:
    """An open spool of at most ``limit`` bytes. Only one process can have it open; others get ``OSError``."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.fstat(self._file).st_nlink:
                raise OSError(f"{path} was just removed by the process that drained it")
            self.cut_off = self._recover()
        except BaseException:
            os.close(self._file)
            raise

    @property
    def length(self) -> int:
        """The number of bytes not done yet."""
        return self._end - self._cursor

    def has_room(self, size: int) -> bool:
        """Tell whether a record of ``size`` bytes fits."""
        return self._end + _RECORD.size + size <= self._limit

    def append(self, time: int, data: bytes) -> None:
        """Append a record and sync it to disk; after an ``OSError`` nothing was appended."""
        if not self.has_room(len(data)):
            raise SpoolFull(f"the spool {self._path} is full ({self._limit >> 20} MiB)")
        record = _RECORD.pack(len(data), _checksum(time, data), time) + data
        try:
            _write(self._file, record, self._end)
            os.fsync(self._file)
        except BaseException:  # also that of a time limit
            os.ftruncate(self._file, self._end)
            raise
        self._end += len(record)

    def records(self) -> Iterator[SpoolRecord]:
        """Yield the records not done yet, oldest first."""
        offset = self._cursor
        while (record := self._record(offset)) is not None:
            yield record
            offset = record.end

    def advance(self, end: int) -> None:
        """Mark all records up to ``end`` as done."""
        os.pwrite(self._file, _cursor(end), len(_MAGIC))
        self._cursor = end

    def close(self) -> None:
        """Close the file, and delete it if it is drained."""
        if not self.length:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def _recover(self) -> int:
        """Find cursor and end; cut off what follows the last complete record; return the number of bytes cut off."""
        size = os.fstat(self._file).st_size
        head = os.pread(self._file, _START, 0)
        if not head.startswith(_MAGIC):
            if size >= _START and head.strip(b"\0"):
                raise OSError(f"{self._path} is not a spool of this version; move it away")
            # New, or killed before its first record was on disk.
            os.ftruncate(self._file, 0)
            _write(self._file, _MAGIC + _cursor(_START), 0)
            _sync_folder(self._path.parent)
            size, head = _START, _MAGIC + _cursor(_START)
        self._cursor = self._end = _offset(head[len(_MAGIC) :], size)
        for record in self.records():
            self._end = record.end
        os.ftruncate(self._file, self._end)
        return max(size - self._end, 0)

    def _record(self, offset: int) -> SpoolRecord | None:
        head = os.pread(self._file, _RECORD.size, offset)
        if len(head) < _RECORD.size:
            return None
        length, checksum, time = _RECORD.unpack(head)
        if offset + _RECORD.size + length > os.fstat(self._file).st_size:  # also protects from reading a damaged length
            return None
        data = os.pread(self._file, length, offset + _RECORD.size)
        if _checksum(time, data) != checksum:
            return None
        return SpoolRecord(time, data, offset + _RECORD.size + length)


def _checksum(time: int, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(time.to_bytes(8, "big"), len(data)))


def _cursor(offset: int) -> bytes:
    return _CURSOR.pack(offset, zlib.crc32(offset.to_bytes(8, "big")))


def _offset(packed: bytes, size: int) -> int:
    """Return the cursor; if its checksum is wrong, the offset of the first record."""
    if len(packed) < _CURSOR.size:
        return _START
    offset, _ = _CURSOR.unpack(packed)
    return int(offset) if _cursor(offset) == packed and _START <= offset <= size else _START


def _write(file: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
