"""Files and streams that a person hands in: packed or not, whole or damaged."""

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
    """What buffered streams have: at most one read of what lies below."""

    def read1(self, size: int, /) -> bytes: ...


class _Tapped(io.RawIOBase):
    """A stream that tells how many bytes were read from it, and ends where it is damaged instead of raising."""

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
    """An open input: its unpacked bytes, its first kilobytes, and (once it is read) what broke it off."""

    stream: BinaryIO
    head: bytes
    _taps: tuple[_Tapped, ...]

    @property
    def damage(self) -> Exception | None:
        return next((tap.damage for tap in self._taps if tap.damage), None)


@contextmanager
def open_input(name: str, on_bytes: Callable[[int], object] = lambda count: None) -> Iterator[Input]:
    """Open a file, or standard input for ``-``; gzip is recognised by its first bytes and unpacked.

    ``on_bytes`` is told the bytes read as they lie in the file. What can be read before damage (a cut gzip file, a
    disk that fails) is read; ``damage`` tells of it. Raise ``OSError`` where the file cannot be opened.
    """
    with _raw(name) as file:
        outer = _Tapped(file, on_bytes)
        packed = io.BufferedReader(outer, _HEAD)
        if packed.peek(len(_GZIP))[: len(_GZIP)] != _GZIP:
            yield Input(packed, packed.peek(_HEAD), (outer,))
            return
        inner = _Tapped(gzip.GzipFile(fileobj=packed))
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
    """Return the bytes of a file; none for standard input and what cannot be asked."""
    try:
        return Path(name).stat().st_size if name != STDIN else None
    except OSError:
        return None
