"""Where a file is written to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Sink(Protocol):
    """Takes a file's bytes in their order; nobody seeks in it."""

    def write(self, data: bytes, /) -> object: ...

    def flush(self) -> object: ...


class Output:
    """A sink as libraries want it: they also ask whether a file is closed, and close it."""

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
        """Take nothing more."""
        self._sink = None


@contextmanager
def whole_or_not(sink: Sink) -> Iterator[Output]:
    """Give the output that a library may write to; after an error nothing reaches ``sink`` any more.

    Libraries end a file in their destructors as well: half a file would look as if it were whole.
    """
    output = Output(sink)
    try:
        yield output
    except BaseException:
        output.give_up()
        raise
