"""Which stored call a call is."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.matching import identity_of, match
from cdr.correlation.record import CallRecord, CallState
from tests.cdr.correlation.telling import NOON


class Old(NamedTuple):
    id: int
    identity: bytes
    from_tag: str = "alice"
    superseded: bool = False
    scope: tuple[object, ...] = ("", "call@x")


class New(NamedTuple):
    identity: bytes
    from_tag: str = "alice"
    scope: tuple[object, ...] = ("", "call@x")


def test_the_same_identity_is_the_same_call() -> None:
    old, new = [Old(1, b"a"), Old(2, b"b")], [New(b"b"), New(b"a")]

    assert match(old, new) == ([(old[1], new[0]), (old[0], new[1])], [], [])


def test_a_new_identity_takes_the_row_of_the_same_caller_first() -> None:
    old, new = [Old(1, b"a", "bob"), Old(2, b"b", "alice")], [New(b"c", "alice")]

    assert match(old, new) == ([(old[1], new[0])], [], [old[0]])


def test_without_the_same_caller_any_row_of_the_call_id_will_do() -> None:
    old, new = [Old(1, b"a", "bob")], [New(b"c", "alice")]

    assert match(old, new) == ([(old[0], new[0])], [], [])


def test_a_row_of_another_call_id_is_no_candidate() -> None:
    old, new = [Old(1, b"a", scope=("", "other@x"))], [New(b"c")]

    assert match(old, new) == ([], new, old)


def test_a_superseded_row_is_the_last_choice_and_still_one() -> None:
    old = [Old(1, b"a", superseded=True), Old(2, b"b")]

    assert match(old, [New(b"c")]) == ([(old[1], New(b"c"))], [], [old[0]])
    assert match(old[:1], [New(b"c")]) == ([(old[0], New(b"c"))], [], [])


def test_names_do_not_run_into_each_other() -> None:
    calls = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("a", "', '", "b")]

    assert len({identity_of(CallRecord(*call, "f", "t", CallState.ONGOING, None, NOON)) for call in calls}) == len(
        calls
    )


IDENTITIES = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
TAGS = st.sampled_from(["alice", "bob"])
OLD = st.lists(st.tuples(IDENTITIES, TAGS, st.booleans()), unique_by=lambda row: row[0])
NEW = st.lists(st.builds(New, IDENTITIES, TAGS, st.just(("", "call@x"))), unique_by=lambda call: call.identity)


@given(OLD, NEW, st.randoms(use_true_random=False))
def test_every_call_is_accounted_for_once_whatever_the_order(
    rows: list[tuple[bytes, str, bool]], new: list[New], random: Random
) -> None:
    old = [Old(number, *row) for number, row in enumerate(rows)]

    pairs, added, left = match(old, new)

    assert sorted([one for one, _ in pairs] + left) == sorted(old)
    assert sorted([call for _, call in pairs] + added) == sorted(new)
    assert not (added and left)
    random.shuffle(old)
    random.shuffle(new)
    again, added_again, left_again = match(old, new)
    assert (set(again), set(added_again), set(left_again)) == (set(pairs), set(added), set(left))
