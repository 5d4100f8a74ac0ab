"""Syslog messages in a TCP stream (RFC 6587): counted (``57 <14>…``) or ended by a newline. Pure."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator

from cdr.formats.framing import MAX_LINE, lines

_COUNTED = re.compile(rb"([1-9]\d{0,9}) (?=<)")
_MAY_BE_COUNTED = re.compile(rb"[1-9]\d{0,9} ?")


class Frames:
    """Cuts a stream into messages. Both ways of framing may change from message to message.

    A line that is longer than ``MAX_LINE`` is given cut, as ``framing.lines`` does. A longer counted message cannot be
    got past: ``lost_track`` is then true, and the connection of no more use. ``cut_off`` is the number of bytes of a
    counted message that the end of the connection left incomplete.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skipping = False
        self._searched = 0  # bytes of an incomplete line that hold no LF
        self._needed = 0  # length of an incomplete counted message with its count
        self.lost_track = False
        self.cut_off = 0

    @property
    def has_unfinished(self) -> bool:
        """Whether a message was begun and is not complete."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are complete now that ``data`` came."""
        self._buffer += data
        if self._must_wait():
            return
        self._searched = self._needed = 0
        buffer = bytes(self._buffer)
        at = 0
        while at < len(buffer) and not self.lost_track:
            if self._skipping:
                at = self._skipped(buffer, at)
                continue
            counted = _COUNTED.match(buffer, at)
            if counted is not None:
                start, end = counted.end(), counted.end() + int(counted[1])
                self.lost_track = end - start > MAX_LINE
                if self.lost_track or end > len(buffer):
                    self._needed = end - at
                    break
                yield buffer[start:end]
                at = end
                continue
            if _MAY_BE_COUNTED.fullmatch(buffer, at):
                break
            end = self._end_of_lines(buffer, at)
            if end == at:
                if len(buffer) - at <= MAX_LINE:
                    self._searched = len(buffer) - at
                    break
                yield buffer[at : at + MAX_LINE + 1]
                self._skipping = True
                at = len(buffer)
                continue
            yield from _messages(buffer[at:end])
            at = end
        del self._buffer[: len(buffer) if self.lost_track else at]

    def _must_wait(self) -> bool:
        """Tell whether what was begun is still incomplete, at a cost that does not grow with what came before."""
        if self._searched and len(self._buffer) <= MAX_LINE and self._buffer.find(b"\n", self._searched) < 0:
            self._searched = len(self._buffer)
            return True
        return len(self._buffer) < self._needed

    def rest(self) -> Iterable[bytes]:
        """Return what was begun when the sender closed the connection."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        self.cut_off = len(rest) if _COUNTED.match(rest) else 0
        return list(_messages(rest)) if rest and not self.cut_off and not self._skipping else []

    def _skipped(self, buffer: bytes, at: int) -> int:
        end = buffer.find(b"\n", at)
        self._skipping = end < 0
        return len(buffer) if end < 0 else end + 1

    @staticmethod
    def _end_of_lines(buffer: bytes, at: int) -> int:
        """Return where the lines end that begin at ``at``: before the next counted message, else after the last LF."""
        following = _AFTER_LINE.search(buffer, at)
        return following.end() if following else buffer.rfind(b"\n", at) + 1 or at


_AFTER_LINE = re.compile(rb"\n(?=[1-9]\d{0,9} <)")


def _messages(data: bytes) -> Iterator[bytes]:
    return lines(io.BytesIO(data))
