"""Read the lines of a file with one record, or one attribute, per line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

MAX_LINE = 1 << 18
"""Maximum size of a line in bytes; a packet of 64 KiB takes half of it in hexadecimal."""


def lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines without line endings, truncated to ``MAX_LINE``, in constant memory."""
    while line := stream.readline(MAX_LINE):
        rest = line
        while not rest.endswith(b"\n") and (rest := stream.readline(MAX_LINE)):
            pass
        yield line.rstrip(b"\r\n")
