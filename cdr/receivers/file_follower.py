"""Files that grow: read on where the last commit ended, across rotation, truncation and restarts.

What was not read of a file before it was rotated is looked for beside it (``cdr.receivers.rotated_files``), also where
rotation happened several times and compressed what it made. A file that is not found is a gap: counted, and shown as
the source's warning.
"""

from __future__ import annotations

import io
import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from cdr.formats import framing, radius_detail
from cdr.formats.radius_dictionary import Dictionary
from cdr.formats.reading import Parsed, Rejection
from cdr.formats.syslog import LineParser
from cdr.receivers.rotated_files import FollowedFile, Position, following, predecessor, since
from cdr.receivers.service import Batch, Served, Service, commit
from cdr.storage.complaints import complain
from cdr.storage.dictionaries import dictionary_of
from cdr.storage.safe_parsing import parsed_safely

CHUNK = 1 << 20
MOST_RECORDS = 20_000
"""Bytes read at once, and records stored by one transaction."""

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
        """Open the file that is to be read next, at the place where reading goes on."""
        self._served.source.refresh_from_db(fields=["cursor"])
        position = Position.of(self._served.source.cursor)
        file = FollowedFile(self._path)
        if position is None:
            start = 0 if self._served.settings.from_start else file.status.st_size
            self._go_on(file, start)
        elif position.fits(file):
            self._go_on(file, position.offset)
        else:
            file.close()
            self._go_back(position)

    def _go_back(self, position: Position) -> None:
        """Go on in the rotated file that ``position`` is in; without it, in the oldest one written to since."""
        if file := predecessor(self._path, position):
            self._go_on(file, position.offset)
            return
        paths = since(self._path, position.modified)
        if position.offset or not paths:
            self._note_gap(
                f"what followed byte {position.offset} of the file read last was not found: it was removed,"
                " moved elsewhere, or is in a format other than gzip"
            )
        self._go_on(FollowedFile(paths[0] if paths else self._path), 0)

    def _go_on(self, file: FollowedFile, offset: int) -> None:
        self._file, self._is_current = file, file.path == self._path
        self._position = Position.after(file, offset)
        self._grown_at = time.monotonic()

    def _note_gap(self, what: str) -> None:
        complain(f"{self._path}: a gap", what)
        self._served.refused["gaps: rotated files that could not be read"] += 1
        self._served.warning = f"a gap in {self._path}: {what}"

    def _read(self, file: FollowedFile) -> int | None:
        """Store the next records; return how many lines or records that was, or none where there are none yet."""
        position = self._position
        assert position is not None
        if not position.fits(file):  # truncated, and perhaps written anew since
            self._file = None
            file.close()
            return 0
        data = file.read(position.offset, CHUNK)
        self._served.backlog = (file.size or 0) - position.offset - len(data) if file.size else 0
        end = self.end_of_records(data)
        if not end and len(data) == CHUNK:
            end = len(data)  # no record is that long: it is read as it is, and refused
        if not end:
            return None
        return self._store(file, position, data[:end])

    def _store(self, file: FollowedFile, position: Position, data: bytes) -> int:
        read = list(self.parse(data))
        parsed = [one for one in read if self._served.keeps(one)]
        moved = Position.after(file, position.offset + len(data))
        commit([Batch(self._served, parsed, self.format, moved.cursor())])
        self._position = moved
        self._grown_at = time.monotonic()
        return len(read)

    def _at_end(self, file: FollowedFile) -> None:
        """Go on with the next file where this one is no longer written to."""
        try:
            current = self._path.stat()
        except FileNotFoundError:
            return  # renamed, and the new one is not there yet
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
        self._go_on(next_file, 0)
        # Noted at once: a restart must not look for the old file.
        commit([Batch(self._served, (), self.format, self._position.cursor())])

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
        if self._served.setup_error:  # what is read without its dictionary would be read wrongly
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
            complain("detail records could not be read: this is a fault of accweb, please report it", exc_info=True)
            yield Rejection(data, f"a fault in reading it, to be reported: {type(error).__name__}: {error}")


def _end_of_records(data: bytes, separator: bytes) -> int:
    """Return where the last whole record ends, or the last of the first ``MOST_RECORDS``."""
    *records, incomplete = data.split(separator, MOST_RECORDS)
    if len(records) < MOST_RECORDS:
        return len(data) - len(incomplete)
    return sum(len(record) + len(separator) for record in records)
