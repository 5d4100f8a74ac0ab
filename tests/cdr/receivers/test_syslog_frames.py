from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.formats.framing import MAX_LINE
from cdr.receivers.syslog_frames import Frames

_MESSAGE = st.binary(max_size=40).map(lambda text: b"<13>" + text.replace(b"\n", b"").replace(b"\r", b""))


@given(messages=st.lists(st.tuples(_MESSAGE, st.booleans())), cuts=st.lists(st.integers(0, 400)))
def test_however_a_stream_is_cut_its_messages_are_the_same(messages: list[tuple[bytes, bool]], cuts: list[int]) -> None:
    stream = b"".join(b"%d %b" % (len(text), text) if counted else text + b"\n" for text, counted in messages)
    ends = sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)})
    frames, found, before = Frames(), [], 0
    for end in ends:
        found += frames.feed(stream[before:end])
        before = end
    assert [one.removesuffix(b"\n") for one in [*found, *frames.rest()]] == [text for text, _ in messages]


@given(st.lists(st.binary(max_size=60)))
def test_no_stream_is_too_strange(pieces: list[bytes]) -> None:
    frames = Frames()
    for piece in pieces:
        list(frames.feed(piece))
    list(frames.rest())


def test_a_line_without_end_is_cut_and_the_next_one_read() -> None:
    frames = Frames()
    found = list(frames.feed(b"<13>" + b"x" * (MAX_LINE + 10)))
    found += frames.feed(b"still the same\n<13>next\n")
    assert [len(one) for one in found] == [MAX_LINE + 1, 9]
    assert found[1] == b"<13>next\n"


def test_a_count_that_no_proxy_can_mean_loses_track() -> None:
    frames = Frames()
    assert list(frames.feed(b"9999999 <13>")) == []
    assert frames.lost_track


def test_a_counted_message_that_the_end_cuts_off_is_known_as_such() -> None:
    frames = Frames()
    assert not list(frames.feed(b"5 <1>ab40 <29>Nov 22 23"))[1:]
    assert not list(frames.rest())
    assert frames.cut_off == len(b"40 <29>Nov 22 23")


@pytest.mark.parametrize("begun", [b"<13>", b"524000 <13>"], ids=["line", "counted"])
def test_a_message_in_very_many_pieces_is_not_looked_at_again_with_each(begun: bytes) -> None:
    frames = Frames()
    assert list(frames.feed(begun)) == []
    frames._end_of_lines = None  # type: ignore[assignment]  # a look at the whole of it would fail
    for _ in range(400):
        assert list(frames.feed(b"x" * 1000)) == []
    assert frames.has_unfinished
