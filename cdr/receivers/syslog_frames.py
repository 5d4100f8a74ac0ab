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
        self._buffer = b""
        self._skipping = False
        self.lost_track = False
        self.cut_off = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the messages that are complete now that ``data`` came."""
        buffer = self._buffer + data if self._buffer else data
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
                    break
                yield buffer[start:end]
                at = end
                continue
            if _MAY_BE_COUNTED.fullmatch(buffer, at):
                break
            end = self._end_of_lines(buffer, at)
            if end == at:
                if len(buffer) - at <= MAX_LINE:
                    break
                yield buffer[at : at + MAX_LINE + 1]
                self._skipping = True
                at = len(buffer)
                continue
            yield from _messages(buffer[at:end])
            at = end
        self._buffer = b"" if self.lost_track else buffer[at:]

    def rest(self) -> Iterable[bytes]:
        """Return what was begun when the sender closed the connection."""
        rest, self._buffer = self._buffer, b""
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
