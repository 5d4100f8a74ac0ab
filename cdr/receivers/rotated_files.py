"""Find the rotated files of a log, plain or gzip, and recognise the one that was being read.

``log`` becomes ``log.1``, ``log-20261123``, ``log.2.gz``…, by renaming or by copying and truncating. A file with
another head is another file, whatever its inode: a truncated file keeps its inode, and a new file may get an old one.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cdr.storage.allowed_files import allowed_data

HEAD = 256
"""Number of bytes at the start of a file that identify it."""

_ROTATED = re.compile(r"[.-](\d[\d.-]*?)(?:\.gz)?")
_LONGEST_NUMBER = 4  # digits of ``log.1``; more are a date


class FollowedFile:
    """An open file. Offsets in a gzip file are those of its decompressed content."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw = allowed_data(str(path)).open("rb", buffering=0)
        self._content = gzip.GzipFile(fileobj=self._raw) if path.suffix == ".gz" else None
        self._head: bytes | None = None
        self.damage = ""

    @property
    def status(self) -> os.stat_result:
        return os.fstat(self._raw.fileno())

    @property
    def size(self) -> int | None:
        """Bytes of the content; ``None`` for a gzip file."""
        return self.status.st_size if self._content is None else None

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; a damaged gzip file ends at the damage."""
        if self._content is None:
            return os.pread(self._raw.fileno(), length, offset)
        data = b""
        try:
            self._content.seek(offset)
            while len(data) < length and (more := self._content.read1(length - len(data))):
                data += more
        except (EOFError, OSError, zlib.error) as error:
            self.damage = f"{self.path.name} is damaged: {error}"
        return data

    def head(self, length: int) -> str:
        """Return the hash of the first ``length`` bytes."""
        if self._content is None:
            first_bytes = self.read(0, length)
        else:  # once, because seeking back in a gzip file means reading it again
            if self._head is None and length:
                self._head = self.read(0, HEAD)
            first_bytes = (self._head or b"")[:length]
        return hashlib.blake2b(first_bytes, digest_size=16).hexdigest()

    def close(self) -> None:
        self._raw.close()


@dataclass(frozen=True, slots=True)
class Position:
    """The position up to which a file was read.

    ``head`` is the hash of its first ``head_length`` bytes, ``modified`` its modification time then (nanoseconds).
    """

    inode: int
    offset: int
    head: str
    head_length: int
    modified: int = 0

    @classmethod
    def after(cls, file: FollowedFile, offset: int) -> Position:
        length = min(HEAD, offset)
        status = file.status
        return cls(status.st_ino, offset, file.head(length), length, status.st_mtime_ns)

    @classmethod
    def of(cls, cursor: dict[str, Any]) -> Position | None:
        try:
            return cls(**cursor["file"])
        except (KeyError, TypeError):
            return None

    def cursor(self) -> dict[str, Any]:
        return {"file": asdict(self)}

    def fits(self, file: FollowedFile) -> bool:
        """Tell whether ``file`` is the one that was being read."""
        if not self.offset:  # nothing was read that could be compared
            return file.status.st_ino == self.inode
        if file.size is not None and file.size < self.offset:
            return False
        if file.head(self.head_length) != self.head:
            return False
        return file.size is not None or len(file.read(self.offset - 1, 1)) == 1


def rotated(log: Path) -> list[Path]:
    """Return the rotated files of ``log``, oldest first."""
    age_of: dict[Path, tuple[int, int]] = {}
    for path in _beside(log):
        match = _ROTATED.fullmatch(path.name.removeprefix(log.name))
        if match and not (path.suffix == ".gz" and path.with_suffix("").exists()):  # otherwise it is being compressed
            age_of[path] = path.stat().st_mtime_ns, _age(match[1])
    return sorted(age_of, key=lambda path: age_of[path])


def predecessor(log: Path, position: Position) -> FollowedFile | None:
    """Return the file next to ``log`` that was read up to ``position``; skip files that cannot be read."""
    for path in sorted(_beside(log), key=lambda path: path.suffix == ".gz"):  # plain files are faster to check
        try:
            file = FollowedFile(path)
            if position.fits(file):
                return file
        except OSError:
            continue
        file.close()
    return None


def following(log: Path, ended: FollowedFile) -> Path:
    """Return the file that was written after ``ended``; there may have been several rotations since."""
    paths = rotated(log)
    inode, modified = ended.status.st_ino, ended.status.st_mtime_ns
    for index, path in enumerate(paths):
        if path.stat().st_ino == inode:
            return [*paths, log][index + 1]
    return next((path for path in paths if path.stat().st_mtime_ns > modified), log)


def since(log: Path, modified: int) -> list[Path]:
    """Return the rotated files of ``log`` that were written to at ``modified`` (nanoseconds) or later."""
    return [path for path in rotated(log) if path.stat().st_mtime_ns >= modified]


def _beside(log: Path) -> Iterator[Path]:
    name = "".join(f"[{letter}]" if letter in "*?[" else letter for letter in log.name)
    return (path for path in log.parent.glob(f"{name}*") if path != log and path.is_file())


def _age(suffix: str) -> int:
    """Sort key of files with the same time: ``log.2`` is older than ``log.1``, an earlier date than a later one."""
    digits = re.sub(r"\D", "", suffix)
    return -int(digits) if len(digits) < _LONGEST_NUMBER else int(digits)
