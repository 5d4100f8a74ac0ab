import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.display.safe_text import Piece, is_binary, pieces, raw_pieces


@given(st.text())
def test_nothing_that_is_shown_is_a_control_or_a_format_character(text: str) -> None:
    shown = "".join(piece.text for piece in pieces(text))
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs")]


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"])))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert "".join(piece.text for piece in pieces(text)) == text


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("\x00", r"\x00"),
        ("\r", r"\r"),
        ("\x7f", r"\x7f"),
        ("\u202e", "U+202E"),
        ("\u200b", "U+200B"),
        ("\U000e0041", "U+E0041"),
    ],
)
def test_a_character_that_nobody_would_see_becomes_a_mark(text: str, mark: str) -> None:
    assert list(pieces(f"a{text}b")) == [Piece("a"), Piece(mark, hidden=True), Piece("b")]


def test_a_byte_that_is_no_utf8_is_marked_and_its_neighbours_stay() -> None:
    assert list(raw_pieces(b"ua=\xff\xc3\xa9")) == [Piece("ua="), Piece("\\xff", hidden=True), Piece("é")]


def test_the_same_characters_written_out_are_no_mark() -> None:
    assert list(raw_pieces(rb"ua=\xff")) == [Piece(r"ua=\xff")]


def test_line_ends_are_marked_and_still_break_the_line() -> None:
    assert list(raw_pieces(b"a\r\nb")) == [
        Piece("a"),
        Piece(r"\r", hidden=True),
        Piece(r"\n", hidden=True),
        Piece("\n"),
        Piece("b"),
    ]


@given(st.binary())
def test_of_any_input_only_line_breaks_are_left_unmarked(raw: bytes) -> None:
    shown = "".join(piece.text for piece in raw_pieces(raw)).replace("\n", "")
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs")]


def test_a_log_line_is_text_and_a_packet_is_binary() -> None:
    assert not is_binary(b"ACC: transaction answered: timestamp=1795391827;method=INVITE;ua=\xff\n")
    assert is_binary(bytes.fromhex("0401006c5d3a1f00000000000000000000000000000000002806000000011f07616c696365"))
