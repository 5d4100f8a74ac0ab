"""The lines of a file that keeps one record, or one attribute, per line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

MAX_LINE = 1 << 18
"""The longest line that is read, in bytes; a packet of 64 KiB takes half of it in hexadecimal."""


def lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines without their ends, in constant memory: of a longer line than ``MAX_LINE`` only the beginning."""
    while line := stream.readline(MAX_LINE):
        rest = line
        while not rest.endswith(b"\n") and (rest := stream.readline(MAX_LINE)):
            pass
        yield line.rstrip(b"\r\n")
