"""Targets that files are written to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Sink(Protocol):
    """Takes the bytes of a file in order, without seeking."""

    def write(self, data: bytes, /) -> object: ...

    def flush(self) -> object: ...


class Output:
    """A sink with the methods of files that libraries need: they also close it, and ask whether it is closed."""

    def __init__(self, sink: Sink) -> None:
        self._sink: Sink | None = sink
        self.closed = False

    def write(self, data: bytes) -> int:
        if self._sink is not None:
            self._sink.write(data)
        return len(data)

    def flush(self) -> None:
        if self._sink is not None:
            self._sink.flush()

    def close(self) -> None:
        self.closed = True

    def give_up(self) -> None:
        """Drop everything written from now on."""
        self._sink = None


@contextmanager
def whole_or_not(sink: Sink) -> Iterator[Output]:
    """Give the file object for a library; after an error nothing more reaches ``sink``.

    Libraries also finish a file in their destructors: half a file would look complete.
    """
    output = Output(sink)
    try:
        yield output
    except BaseException:
        output.give_up()
        raise
