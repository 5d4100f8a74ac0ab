"""Open files and streams given to a command: compressed or not, complete or damaged."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STDIN = "-"
_HEAD = 8192
_GZIP = b"\x1f\x8b"


class Readable(Protocol):
    """The part of a buffered stream that is used here: at most one read of the stream below."""

    def read1(self, size: int, /) -> bytes: ...


class _MeteredStream(io.RawIOBase):
    """A stream that reports the bytes read, and ends where it is damaged instead of raising an exception."""

    def __init__(self, stream: Readable, on_bytes: Callable[[int], object] = lambda count: None) -> None:
        self._stream = stream
        self._on_bytes = on_bytes
        self.damage: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer).cast("B")
        try:
            data = self._stream.read1(len(room))
        except (OSError, EOFError, zlib.error) as error:
            self.damage = error
            return 0
        room[: len(data)] = data
        self._on_bytes(len(data))
        return len(data)


@dataclass(frozen=True, slots=True)
class Input:
    """An open input: its decompressed bytes, its first kilobytes, and (after reading) the damage that ended it."""

    stream: BinaryIO
    head: bytes
    _streams: tuple[_MeteredStream, ...]

    @property
    def damage(self) -> Exception | None:
        return next((stream.damage for stream in self._streams if stream.damage), None)


@contextmanager
def open_input(name: str, on_bytes: Callable[[int], object] = lambda count: None) -> Iterator[Input]:
    """Open a file, or standard input for ``-``; decompress gzip, which is recognised by its first bytes.

    ``on_bytes`` is called with the number of bytes read from the file. Everything before damage (a truncated gzip file,
    a failing disk) is read; ``damage`` then has the error. Raise ``OSError`` if the file cannot be opened.
    """
    with _raw(name) as file:
        outer = _MeteredStream(file, on_bytes)
        packed = io.BufferedReader(outer, _HEAD)
        if packed.peek(len(_GZIP))[: len(_GZIP)] != _GZIP:
            yield Input(packed, packed.peek(_HEAD), (outer,))
            return
        inner = _MeteredStream(gzip.GzipFile(fileobj=packed))
        stream = io.BufferedReader(inner, _HEAD)
        yield Input(stream, stream.peek(_HEAD), (outer, inner))


@contextmanager
def _raw(name: str) -> Iterator[Readable]:
    """Open the input; standard input stays open afterwards."""
    if name == STDIN:
        yield cast(io.BufferedReader, sys.stdin.buffer)
    else:
        with Path(name).open("rb") as file:
            yield file


def size_of(name: str) -> int | None:
    """Return the size of a file in bytes; ``None`` for standard input, and if it is unknown."""
    try:
        return Path(name).stat().st_size if name != STDIN else None
    except OSError:
        return None
