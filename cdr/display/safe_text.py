"""Make hostile text and bytes fully visible, without effect on the writing direction.

Input from a proxy may contain control characters, marks that reverse the writing direction, and bytes that are not
text. They are split into *pieces*: plain text, and marks that a page shows as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Controls (C0, DEL, C1), soft hyphen, zero-width and direction marks, line separators, invisible operators, isolates,
# byte order mark, interlinear annotations, variation selectors, tags: the Unicode categories Cc, Cf, Zl, Zp and
# characters without a glyph.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff9-\ufffb\ufe00-\ufe0f\U000e0000-\U000e01ef\ud800-\udfff]"
)
_WELL_KNOWN = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}
HEX_WIDTH = 16
"""Bytes in a line of a dump."""
_HEAD = 4
_LARGEST_SHARE_OF_ODD_BYTES = 0.3


class Piece(NamedTuple):
    """Visible text or (``hidden``) the mark of one invisible character or byte."""

    text: str
    hidden: bool = False


def pieces(text: str) -> Iterator[Piece]:
    """Split ``text`` at invisible characters."""
    end = 0
    for match in _HIDDEN.finditer(text):
        if match.start() > end:
            yield Piece(text[end : match.start()])
        yield Piece(_mark(match[0]), hidden=True)
        end = match.end()
    if end < len(text):
        yield Piece(text[end:])


def is_plain(text: str) -> bool:
    """Tell whether ``text`` has no invisible characters."""
    return _HIDDEN.search(text) is None


def _mark(character: str) -> str:
    code = ord(character)
    return _WELL_KNOWN.get(character) or (f"\\x{code:02x}" if code < 0x80 else f"U+{code:04X}")


def one_line(text: str, longest: int = 64) -> str:
    """Return the start of ``text`` for a place without markup (a title), with marks for invisible characters."""
    shown = "".join(piece.text for piece in pieces(text[: longest + 1]))
    return shown if len(shown) <= longest else f"{shown[:longest]}…"


def raw_pieces(raw: bytes) -> Iterator[Piece]:
    """Split input at bytes that are not UTF-8 (marked ``\\xff``) and at invisible characters; keep line breaks."""
    text = raw.decode("utf-8", "surrogateescape")
    for piece in re.split("([\udc80-\udcff]|\n)", text):
        if piece == "\n":
            yield Piece(_mark(piece), hidden=True)
            yield Piece(piece)
        elif piece and "\udc80" <= piece[0] <= "\udcff":
            yield Piece(f"\\x{ord(piece[0]) - 0xDC00:02x}", hidden=True)
        else:
            yield from pieces(piece)


def is_binary(raw: bytes) -> bool:
    """Tell whether input is a packet rather than text.

    RADIUS and Diameter have a control character among their first four bytes (the packet's length, the version); any
    other input is a packet if much of it is not printable UTF-8.
    """
    text = raw.decode("utf-8", "surrogateescape")
    odd = [
        position for position, character in enumerate(text) if character not in "\t\r\n" and not character.isprintable()
    ]
    return bool(odd) and (odd[0] < _HEAD or len(odd) > _LARGEST_SHARE_OF_ODD_BYTES * len(text))


def ascii_text(raw: bytes) -> str:
    """Return the text column of a hex dump, with a dot for each byte that is not printable ASCII."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in raw)


def hex_rows(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield offset and bytes of each line of a dump."""
    for start in range(0, len(raw), HEX_WIDTH):
        yield start, raw[start : start + HEX_WIDTH]
