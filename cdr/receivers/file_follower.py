"""Files that grow: read on where the last commit ended, across rotation, truncation and restarts.

The cursor holds inode, offset, and a fingerprint of the file's head. It is the head that tells files apart: a file of
another head is another file, whatever its inode (a truncated file keeps it, a new file may get an old one's). What was
not read of a file before it was rotated is looked for beside it: ``log`` becomes ``log.1`` or ``log-20261123``, by
renaming or by copying and truncating. Only a compressed one is out of reach, so ``delaycompress`` is the setting that
goes with a collector that may be down.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cdr.formats import framing, radius_detail
from cdr.formats.radius_dictionary import Dictionary
from cdr.formats.reading import Parsed, Rejection
from cdr.formats.syslog import LineParser
from cdr.receivers.service import Batch, Served, Service, commit
from cdr.storage.complaints import complain
from cdr.storage.dictionaries import dictionary_of
from cdr.storage.safe_parsing import parsed_safely

CHUNK = 1 << 20
_HEAD = 256
_ROTATED = re.compile(r"[.-]\d[\d.-]*")
_ROTATED_FOR = 2.0
"""Seconds without growth after which nobody is held to write to a renamed file any more."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file was read; ``head`` is the hash of its first ``head_length`` bytes."""

    inode: int
    offset: int
    head: str
    head_length: int

    @classmethod
    def after(cls, file: BinaryIO, offset: int) -> Position:
        length = min(_HEAD, offset)
        return cls(os.fstat(file.fileno()).st_ino, offset, head_of(file, length), length)

    @classmethod
    def of(cls, cursor: dict[str, Any]) -> Position | None:
        try:
            return cls(**cursor["file"])
        except (KeyError, TypeError):
            return None

    def cursor(self) -> dict[str, Any]:
        return {"file": asdict(self)}

    def fits(self, file: BinaryIO) -> bool:
        """Tell whether ``file`` is the one that was read so far."""
        found = os.fstat(file.fileno())
        if not self.offset:  # nothing read that could be compared
            return found.st_ino == self.inode
        return found.st_size >= self.offset and head_of(file, self.head_length) == self.head


def head_of(file: BinaryIO, length: int) -> str:
    return hashlib.blake2b(os.pread(file.fileno(), length, 0), digest_size=16).hexdigest()


class FileFollower(Service):
    """Follows the file of one source."""

    format = ""

    def __init__(self) -> None:
        super().__init__()
        self._file: BinaryIO | None = None
        self._is_current = True
        self._position: Position | None = None
        self._grown_at = 0.0

    def configure(self, sources: Sequence[Served]) -> None:
        path = self._served.settings.path if self.sources else None
        super().configure(sources)
        if path != self._served.settings.path:
            self.close()

    @property
    def _served(self) -> Served:
        return self.sources[0]

    @property
    def _path(self) -> Path:
        return Path(self._served.settings.path)

    def step(self, wait: float) -> int:
        if self._file is None:
            self._open()
        assert self._file is not None
        count = self._read(self._file)
        if count is None:
            self._at_end(self._file)
            time.sleep(wait)
        return count or 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._position = None

    def _open(self) -> None:
        """Open the file that is to be read next, at the place where reading goes on."""
        self._served.source.refresh_from_db(fields=["cursor"])
        known = Position.of(self._served.source.cursor)
        file = self._path.open("rb", buffering=0)
        if known is None:
            start = 0 if self._served.settings.from_start else os.fstat(file.fileno()).st_size
            self._go_on(file, start, is_current=True)
        elif known.fits(file):
            self._go_on(file, known.offset, is_current=True)
        elif predecessor := self._predecessor(known):
            file.close()
            self._go_on(predecessor, known.offset, is_current=False)
        else:
            complain(
                f"{self._path} was replaced", f"what stood behind byte {known.offset} of the old one was not found"
            )
            self._go_on(file, 0, is_current=True)

    def _go_on(self, file: BinaryIO, offset: int, *, is_current: bool) -> None:
        self._file, self._is_current = file, is_current
        self._position = Position.after(file, offset)
        self._grown_at = time.monotonic()

    def _predecessor(self, known: Position) -> BinaryIO | None:
        """Return the file, beside the one at the path, that was read up to ``known``."""
        for path in self._path.parent.glob(f"{_escaped(self._path.name)}*"):
            if path == self._path or not path.is_file():
                continue
            file = path.open("rb", buffering=0)
            if known.fits(file):
                return file
            file.close()
        return None

    def _read(self, file: BinaryIO) -> int | None:
        """Store the next records; return how many lines or records that was, or none where there are none yet."""
        position = self._position
        assert position is not None
        if not position.fits(file):  # truncated, and perhaps written anew since
            self._file = None
            file.close()
            return 0
        data = os.pread(file.fileno(), CHUNK, position.offset)
        self._served.backlog = os.fstat(file.fileno()).st_size - position.offset - len(data)
        end = self.end_of_records(data)
        if not end and len(data) == CHUNK:
            end = len(data)  # no record is that long: it is read as it is, and refused
        if not end:
            return None
        return self._store(file, position, data[:end])

    def _store(self, file: BinaryIO, position: Position, data: bytes) -> int:
        parsed = list(self.parse(data))
        moved = Position.after(file, position.offset + len(data))
        commit([Batch(self._served, parsed, self.format, moved.cursor())])
        self._position = moved
        self._grown_at = time.monotonic()
        return len(parsed)

    def _at_end(self, file: BinaryIO) -> None:
        """Go on with the next file where this one is no longer written to."""
        try:
            current = self._path.stat()
        except FileNotFoundError:
            return  # renamed, and the new one is not there yet
        if self._is_current and current.st_ino == os.fstat(file.fileno()).st_ino:
            return
        if time.monotonic() - self._grown_at < _ROTATED_FOR:
            return
        assert self._position is not None
        if rest := os.pread(file.fileno(), CHUNK, self._position.offset):
            self._store(file, self._position, rest)
        path = self._following(os.fstat(file.fileno()))
        following = path.open("rb", buffering=0)
        file.close()
        self._go_on(following, 0, is_current=path == self._path)
        # Noted at once: a restart must not look for the old file.
        commit([Batch(self._served, (), self.format, self._position.cursor())])

    def _following(self, ended: os.stat_result) -> Path:
        """Return the file that was written after the one that ended: rotation may have happened more than once."""
        rotated = []
        for path in self._path.parent.glob(f"{_escaped(self._path.name)}*"):
            if _ROTATED.fullmatch(path.name.removeprefix(self._path.name)):
                found = path.stat()
                if found.st_mtime_ns > ended.st_mtime_ns and found.st_ino != ended.st_ino:
                    rotated.append((found.st_mtime_ns, path))
        return min(rotated)[1] if rotated else self._path

    @abstractmethod
    def end_of_records(self, data: bytes) -> int:
        """Return how much of ``data`` is whole records."""

    @abstractmethod
    def parse(self, data: bytes) -> Iterator[Parsed]:
        """Yield what whole records say."""


class LogFollower(FileFollower):
    """Follows a log."""

    format = "syslog"

    def configure(self, sources: Sequence[Served]) -> None:
        super().configure(sources)
        self._parser = LineParser(self._served.reading)

    def end_of_records(self, data: bytes) -> int:
        return data.rfind(b"\n") + 1

    def parse(self, data: bytes) -> Iterator[Parsed]:
        for line in framing.lines(io.BytesIO(data)):
            yield parsed_safely(self._parser.parse, line)


class DetailFollower(FileFollower):
    """Follows a detail file of FreeRADIUS."""

    format = "radius-detail"

    def configure(self, sources: Sequence[Served]) -> None:
        super().configure(sources)
        self._dictionary: Dictionary | None = None
        try:
            self._dictionary = dictionary_of(self._served.settings.dictionary)
        except (OSError, ValueError) as error:
            self._served.setup_error = str(error)

    def step(self, wait: float) -> int:
        if self._served.setup_error:  # what is read without its dictionary would be read wrongly
            time.sleep(wait)
            return 0
        return super().step(wait)

    def end_of_records(self, data: bytes) -> int:
        return data.rfind(b"\n\n") + 2 if b"\n\n" in data else 0

    def parse(self, data: bytes) -> Iterator[Parsed]:
        records = radius_detail.read(io.BytesIO(data), self._served.reading, self._dictionary)
        try:
            yield from records
        except Exception as error:
            complain("detail records could not be read: this is a fault of accweb, please report it", exc_info=True)
            yield Rejection(data, f"a fault in reading it, to be reported: {type(error).__name__}: {error}")


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
