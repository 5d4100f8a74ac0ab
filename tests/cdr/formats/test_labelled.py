"""Splitting ``;label=value`` where values may contain anything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdr.formats.labelled import holds_separator, pairs, split, split_legs

LABELS = [b"ua", b"src_ip", b"price"]
SAFE = st.text(alphabet="abc =,:/", max_size=8).map(str.encode)


def joined(values: list[bytes]) -> bytes:
    return b"".join(b";" + label + b"=" + value for label, value in zip(LABELS, values, strict=False))


def test_the_text_before_the_first_label_is_returned() -> None:
    found = split(b"OK;ua=x;src_ip=1;price=2", LABELS)
    assert (found.before, found.values, found.cut) == (
        b"OK",
        [(b"ua", b"x"), (b"src_ip", b"1"), (b"price", b"2")],
        False,
    )


def test_a_label_may_be_missing_in_the_middle() -> None:
    found = split(b";ua=x;price=2", LABELS)
    assert (found.values, found.cut) == ([(b"ua", b"x"), (b"price", b"2")], False)


def test_a_missing_last_label_shows_a_cut() -> None:
    assert split(b"OK;ua=x;src_ip=1", LABELS).cut
    assert split(b"OK", LABELS).cut


def test_without_labels_nothing_is_split_and_nothing_is_cut() -> None:
    assert split(b"OK;ua=x", []) == (b"OK;ua=x", [], False)


def test_labels_in_another_order_belong_to_the_value_before() -> None:
    assert split(b";src_ip=1;ua=x", [b"ua", b"src_ip"]).values == [(b"ua", b"x")]


def test_an_unknown_label_is_part_of_the_value() -> None:
    assert split(b";ua=x;evil=1;price=2", [b"ua", b"price"]).values == [(b"ua", b"x;evil=1"), (b"price", b"2")]


def test_a_hostile_value_cannot_change_a_field_before_it() -> None:
    hostile = b";src_ip=192.0.2.1;ua=x;src_ip=6.6.6.6;ua=y"
    assert split(hostile, [b"src_ip", b"ua"]).values[0] == (b"src_ip", b"192.0.2.1")


def test_another_separator_can_be_used() -> None:
    assert split(b"x; a=1; b=2", [b"a", b"b"], b"; ") == (b"x", [(b"a", b"1"), (b"b", b"2")], False)


@given(st.lists(SAFE, min_size=3, max_size=3), SAFE)
def test_values_without_a_semicolon_come_back_unchanged(values: list[bytes], before: bytes) -> None:
    found = split(before + joined(values), LABELS)
    assert (found.before, [value for _, value in found.values], found.cut) == (before, values, False)


@given(st.binary(max_size=60))
def test_splitting_loses_no_byte(text: bytes) -> None:
    found = split(text, LABELS)
    rebuilt = found.before + b"".join(b";" + label + b"=" + value for label, value in found.values)
    assert rebuilt == text


# --- legs

LEG_LABELS = [b"src", b"dst"]


def test_each_leg_repeats_all_labels() -> None:
    found = split_legs(b"a;dst=b;src=b;dst=c", LEG_LABELS)
    assert found == ([[(b"src", b"a"), (b"dst", b"b")], [(b"src", b"b"), (b"dst", b"c")]], False)


def test_an_incomplete_leg_shows_a_cut_and_loses_its_last_value() -> None:
    found = split_legs(b"a;dst=b;src=b", LEG_LABELS)
    assert found == ([[(b"src", b"a"), (b"dst", b"b")]], True)


def test_a_leg_of_one_label_is_repeated_by_that_label() -> None:
    assert split_legs(b"a;src=b", [b"src"]) == ([[(b"src", b"a")], [(b"src", b"b")]], False)


@given(st.lists(st.tuples(SAFE, SAFE), min_size=1, max_size=5))
def test_complete_legs_come_back_unchanged(legs: list[tuple[bytes, bytes]]) -> None:
    text = b"".join(b";src=" + source + b";dst=" + target for source, target in legs)
    found = split_legs(text.removeprefix(b";src="), LEG_LABELS)
    assert [tuple(value for _, value in leg) for leg in found.sets] == legs
    assert not found.cut


# --- separators inside of values


def test_only_a_known_label_counts_as_a_separator() -> None:
    assert holds_separator([b"x;ua=1"], {b"ua"})
    assert holds_separator([b"x; ua =1"], {b"ua"})
    assert not holds_separator([b"x;other=1"], {b"ua"})
    assert not holds_separator([b"ua=1", b"x;ua"], {b"ua"})


def test_bytes_that_are_no_text_stay_visible() -> None:
    assert pairs([(b"ua", b"\xff")]) == (("ua", "\\xff"),)
