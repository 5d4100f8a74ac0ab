"""Lines of a stream, whatever the stream holds."""

from __future__ import annotations

import io
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.formats.framing import MAX_LINE, Frame, frame_of, is_accounting_head, is_usual_head, lines, unwrap


class Measured(io.RawIOBase):
    """A stream of ``size`` bytes that are all alike, which knows the most that was asked of it at once."""

    def __init__(self, size: int, end: bytes = b"") -> None:
        self.left, self.end, self.most = size, end, 0

    def readline(self, size: int | None = -1, /) -> bytes:
        asked = self.left if size is None or size < 0 else size
        self.most = max(self.most, asked)
        if self.left:
            piece = b"x" * min(asked, self.left)
            self.left -= len(piece)
            return piece
        piece, self.end = self.end, b""
        return piece


def test_a_line_of_gigabytes_is_not_read_into_memory() -> None:
    stream = Measured(1 << 30, b"\n")
    (line,) = lines(stream)  # type: ignore[arg-type]

    assert len(line) == MAX_LINE + 1
    assert stream.most <= MAX_LINE + 1


def test_the_line_after_a_too_long_one_is_read() -> None:
    stream = io.BytesIO(b"x" * (3 * MAX_LINE) + b"\nnext\n")

    assert [len(line) for line in lines(stream)] == [MAX_LINE + 1, 5]


@pytest.mark.parametrize("hole", [1, 100, MAX_LINE + 1, 3 * MAX_LINE])
def test_a_hole_of_nul_bytes_is_skipped(hole: int) -> None:
    assert list(lines(io.BytesIO(b"first\n" + b"\0" * hole + b"second\n"))) == [b"first\n", b"second\n"]


@given(st.lists(st.binary(max_size=30).filter(lambda text: not {0, 10, 13} & set(text)), max_size=8))
def test_lines_are_those_of_the_stream(texts: list[bytes]) -> None:
    wanted = [text + b"\n" for text in texts]

    assert list(lines(io.BytesIO(b"".join(wanted)))) == wanted


@given(st.binary(max_size=200))
def test_no_byte_is_lost_but_nul(content: bytes) -> None:
    assert b"".join(lines(io.BytesIO(content))).replace(b"\0", b"") == content.replace(b"\0", b"")


def test_only_a_folded_accounting_line_is_joined() -> None:
    def joined(content: bytes) -> list[bytes]:
        stream: BinaryIO = io.BytesIO(content)
        return list(lines(stream))

    assert joined(b"ACC: x\r\n y\r\n\tz\nnext\n") == [b"ACC: x\r\n y\r\n\tz\n", b"next\n"]
    assert joined(b"ACC: x\n y\n") == [b"ACC: x\n", b" y\n"]
    assert joined(b"other\r\n y\n") == [b"other\r\n", b" y\n"]
    assert joined(b"ACC: x\r\n 1(23) NOTICE: y\r\n") == [b"ACC: x\r\n", b" 1(23) NOTICE: y\r\n"]


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        (b"<25>Nov 22 23:53:30 json_acc[21364]: {", Frame(37, b"json_acc", known=True)),
        (b"Nov 22 23:53:30 host json_acc[21364]: {", Frame(38, b"json_acc", known=True)),
        (b"<25>1 2026-11-22T23:54:54.794700+00:00 host json_acc 21823 - -  {", Frame(64, b"json_acc", known=True)),
        (b" 1(1326) NOTICE: x", Frame(9, b"", known=True)),
        (b"NOTICE: x", Frame(0, b"", known=False)),
        (b'{"log": "x"}', Frame(0, b"", known=False)),
        (b"", Frame(0, b"", known=False)),
    ],
)
def test_a_header_tells_where_the_message_starts_and_who_wrote_it(line: bytes, frame: Frame) -> None:
    assert frame_of(line) == frame


@given(st.binary(max_size=80))
def test_any_bytes_have_a_frame(line: bytes) -> None:
    assert 0 <= frame_of(line).start <= len(line)


@given(st.from_regex(rb"[ 0-9<>(){}\[\]:A-Za-z._-]{0,60}(NOTICE:|acc \[acc\.c:[0-9]{1,3}\]: )?", fullmatch=True))
def test_a_usual_head_is_one_whatever_its_digits(head: bytes) -> None:
    other = head.translate(bytes.maketrans(b"0123456789", b"9876543210"))

    assert is_usual_head(head, len(head)) == is_usual_head(other, len(other))
    assert is_accounting_head(head, len(head)) == is_accounting_head(other, len(other))


@given(st.binary(max_size=120) | st.text().map(lambda text: b'{"message": ' + repr(text).encode() + b"}"))
def test_unwrapping_never_fails(message: bytes) -> None:
    unwrap(message)
    unwrap(b'{"log": "' + message + b'"}')


@pytest.mark.parametrize(
    "message", [b"{", b"[]", b"{}", b'{"message": 1}', b'{"MESSAGE": [300]}', b"{" * 100_000, b'{"a":' * 100_000]
)
def test_what_holds_no_text_is_not_unwrapped(message: bytes) -> None:
    assert unwrap(message) is None


def test_bytes_that_are_no_utf_8_survive_the_unwrapping() -> None:
    found = unwrap(b'{"log": "\xff\xc3\xbc \\ud83d\\ude00"}')

    assert found is not None
    assert found.text == b"\xff\xc3\xbc \xf0\x9f\x98\x80"


def test_half_a_surrogate_pair_stays_visible() -> None:
    found = unwrap(b'{"log": "x\\ud800"}')

    assert found is not None
    assert found.text == b"x\\ud800"
