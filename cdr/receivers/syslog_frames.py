"""Split a TCP stream into syslog messages (RFC 6587): counted (``57 <14>…``) or ended by a newline. Pure."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator

from cdr.formats.framing import MAX_LINE, lines

_COUNTED = re.compile(rb"([1-9]\d{0,9}) (?=<)")
_MAY_BE_COUNTED = re.compile(rb"[1-9]\d{0,9} ?")


class Frames:
    """Splits a stream into messages. The framing may change from message to message.

    A line that is longer than ``MAX_LINE`` is truncated, as in ``framing.lines``. A longer counted message cannot be
    skipped: ``lost_track`` is then true, and the connection must be closed. ``cut_off`` is the number of bytes of a
    counted message that the end of the connection left incomplete.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skipping = False
        self._searched = 0  # bytes of an incomplete line without LF
        self._needed = 0  # length of an incomplete counted message, including its count
        self.lost_track = False
        self.cut_off = 0

    @property
    def has_unfinished(self) -> bool:
        """Whether there is an incomplete message."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that ``data`` completes."""
        self._buffer += data
        if self._must_wait():
            return
        self._searched = self._needed = 0
        buffer = bytes(self._buffer)
        offset = 0
        while offset < len(buffer) and not self.lost_track:
            if self._skipping:
                offset = self._skipped(buffer, offset)
                continue
            counted = _COUNTED.match(buffer, offset)
            if counted is not None:
                start, end = counted.end(), counted.end() + int(counted[1])
                self.lost_track = end - start > MAX_LINE
                if self.lost_track or end > len(buffer):
                    self._needed = end - offset
                    break
                yield buffer[start:end]
                offset = end
                continue
            if _MAY_BE_COUNTED.fullmatch(buffer, offset):
                break
            end = self._end_of_lines(buffer, offset)
            if end == offset:
                if len(buffer) - offset <= MAX_LINE:
                    self._searched = len(buffer) - offset
                    break
                yield buffer[offset : offset + MAX_LINE + 1]
                self._skipping = True
                offset = len(buffer)
                continue
            yield from _messages(buffer[offset:end])
            offset = end
        del self._buffer[: len(buffer) if self.lost_track else offset]

    def _must_wait(self) -> bool:
        """Tell whether the message is still incomplete, without searching its earlier parts again."""
        if self._searched and len(self._buffer) <= MAX_LINE and self._buffer.find(b"\n", self._searched) < 0:
            self._searched = len(self._buffer)
            return True
        return len(self._buffer) < self._needed

    def rest(self) -> Iterable[bytes]:
        """Return the unfinished line when the sender has closed the connection."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self.cut_off = len(rest) if _COUNTED.match(rest) else 0
        return list(_messages(rest)) if rest and not self.cut_off and not self._skipping else []

    def _skipped(self, buffer: bytes, offset: int) -> int:
        end = buffer.find(b"\n", offset)
        self._skipping = end < 0
        return len(buffer) if end < 0 else end + 1

    @staticmethod
    def _end_of_lines(buffer: bytes, offset: int) -> int:
        """Return where the lines from ``offset`` end: before the next counted message, or after the last LF."""
        following = _AFTER_LINE.search(buffer, offset)
        return following.end() if following else buffer.rfind(b"\n", offset) + 1 or offset


_AFTER_LINE = re.compile(rb"\n(?=[1-9]\d{0,9} <)")


def _messages(data: bytes) -> Iterator[bytes]:
    return lines(io.BytesIO(data))
