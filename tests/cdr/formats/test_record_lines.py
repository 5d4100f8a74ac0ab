"""Lines of a file, whatever their length."""

from __future__ import annotations

import io

import pytest

from cdr.formats.record_lines import MAX_LINE, lines


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", []),
        (b"a\nb\r\n\nc", [b"a", b"b", b"", b"c"]),
        (b"x" * MAX_LINE + b"\ny\n", [b"x" * MAX_LINE, b"y"]),
        (b"x" * (3 * MAX_LINE + 7) + b"\ny\n", [b"x" * MAX_LINE, b"y"]),
        (b"x" * (2 * MAX_LINE), [b"x" * MAX_LINE]),
    ],
)
def test_every_line_comes_once_and_a_long_one_cut(content: bytes, found: list[bytes]) -> None:
    assert list(lines(io.BytesIO(content))) == found
