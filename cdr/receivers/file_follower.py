"""Follow growing files from where the last commit ended, across rotation, truncation and restarts.

The unread rest of a rotated file is searched next to it (``cdr.receivers.rotated_files``), even after several
compressing rotations. If it is not found, the gap is counted and shown as the source's warning.
"""

from __future__ import annotations

import io
import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from cdr.formats import framing, radius_detail
from cdr.formats.radius_dictionary import Dictionary
from cdr.formats.reading import Parsed
from cdr.formats.syslog import LineParser
from cdr.receivers.rotated_files import FollowedFile, Position, following, predecessor, since
from cdr.receivers.service import Batch, Served, Service, commit
from cdr.storage.complaints import complain
from cdr.storage.dictionaries import dictionary_of
from cdr.storage.safe_parsing import fault_of_parser, parsed_safely

CHUNK = 1 << 20
"""Bytes per read."""

MOST_RECORDS = 20_000
"""Records per transaction."""

_ROTATED_FOR = 2.0
"""Seconds without growth after which no writer is assumed to hold a renamed file any longer."""


class FileFollower(Service):
    """Follows the file of one source."""

    format = ""

    def __init__(self) -> None:
        super().__init__()
        self._file: FollowedFile | None = None
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
        """Open the file to read next, at the position where reading continues."""
        self._served.source.refresh_from_db(fields=["cursor"])
        position = Position.of(self._served.source.cursor)
        file = FollowedFile(self._path)
        if position is None:
            start = 0 if self._served.settings.from_start else file.status.st_size
            self._continue_in(file, start)
        elif position.fits(file):
            self._continue_in(file, position.offset)
        else:
            file.close()
            self._find_rotated(position)

    def _find_rotated(self, position: Position) -> None:
        """Continue in the rotated file of ``position``; if it is gone, in the oldest one written to since."""
        if file := predecessor(self._path, position):
            self._continue_in(file, position.offset)
            return
        paths = since(self._path, position.modified)
        if position.offset or not paths:
            self._note_gap(
                f"the rest of the previous file, from byte {position.offset}, was not found: it was removed,"
                " moved elsewhere, or is in a format other than gzip"
            )
        self._continue_in(FollowedFile(paths[0] if paths else self._path), 0)

    def _continue_in(self, file: FollowedFile, offset: int) -> None:
        self._file, self._is_current = file, file.path == self._path
        self._position = Position.after(file, offset)
        self._grown_at = time.monotonic()

    def _note_gap(self, reason: str) -> None:
        complain(f"{self._path}: a gap", reason)
        self._served.refused["gaps: rotated files that could not be read"] += 1
        self._served.warning = f"a gap in {self._path}: {reason}"

    def _read(self, file: FollowedFile) -> int | None:
        """Store the next records; return how many, or ``None`` if there is no complete record yet."""
        position = self._position
        assert position is not None
        if not position.fits(file):  # truncated, and perhaps written to again
            self._file = None
            file.close()
            return 0
        data = file.read(position.offset, CHUNK)
        self._served.backlog = (file.size or 0) - position.offset - len(data) if file.size else 0
        end = self.end_of_records(data)
        if not end and len(data) == CHUNK:
            end = len(data)  # no valid record is that long; it will be rejected
        if not end:
            return None
        return self._store(file, position, data[:end])

    def _store(self, file: FollowedFile, position: Position, data: bytes) -> int:
        read = list(self.parse(data))
        parsed = [one for one in read if self._served.keeps(one)]
        new_position = Position.after(file, position.offset + len(data))
        commit([Batch(self._served, parsed, self.format, new_position.cursor())])
        self._position = new_position
        self._grown_at = time.monotonic()
        return len(read)

    def _at_end(self, file: FollowedFile) -> None:
        """Continue with the next file if this one is no longer written to."""
        try:
            current = self._path.stat()
        except FileNotFoundError:
            return  # renamed, and the new one does not exist yet
        if self._is_current and current.st_ino == file.status.st_ino:
            return
        if time.monotonic() - self._grown_at < _ROTATED_FOR:
            return
        assert self._position is not None
        if rest := file.read(self._position.offset, CHUNK):
            self._store(file, self._position, rest)
        if file.damage:
            self._note_gap(file.damage)
        next_file = FollowedFile(following(self._path, file))
        file.close()
        self._continue_in(next_file, 0)
        # Committed immediately, so that a restart does not search the old file.
        commit([Batch(self._served, (), self.format, self._position.cursor())])

    @abstractmethod
    def end_of_records(self, data: bytes) -> int:
        """Return the number of bytes of ``data`` that are complete records."""

    @abstractmethod
    def parse(self, data: bytes) -> Iterator[Parsed]:
        """Parse complete records."""


class LogFollower(FileFollower):
    """Follows a log."""

    format = "syslog"

    def configure(self, sources: Sequence[Served]) -> None:
        super().configure(sources)
        self._parser = LineParser(self._served.reading)

    def end_of_records(self, data: bytes) -> int:
        return _end_of_records(data, b"\n")

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
        if self._served.setup_error:  # without the dictionary, records would be parsed wrongly
            time.sleep(wait)
            return 0
        return super().step(wait)

    def end_of_records(self, data: bytes) -> int:
        return _end_of_records(data, b"\n\n")

    def parse(self, data: bytes) -> Iterator[Parsed]:
        records = radius_detail.read(io.BytesIO(data), self._served.reading, self._dictionary)
        try:
            yield from records
        except Exception as error:
            complain("a parser failed: this is a fault of accweb, please report it", exc_info=True)
            yield fault_of_parser(data, error)


def _end_of_records(data: bytes, separator: bytes) -> int:
    """Return where the last complete record ends, or the last of the first ``MOST_RECORDS``."""
    *records, incomplete = data.split(separator, MOST_RECORDS)
    if len(records) < MOST_RECORDS:
        return len(data) - len(incomplete)
    return sum(len(record) + len(separator) for record in records)
