"""The fast path for calls of one START and one STOP gives what the general way gives, or declines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.clean import clean_call
from cdr.correlation.record import Flag, Observed, ReleasedBy
from cdr.events import EventKind
from proxyconf.vocabulary.layout import Backend
from tests.cdr.correlation.telling import POLICIES, after, bye, calls, cancel, invite, told

START, STOP = invite("a", "b", 0), bye("a", "b", 42)


def test_the_order_of_start_and_stop_does_not_matter() -> None:
    assert clean_call(START, STOP, POLICIES) == clean_call(STOP, START, POLICIES) is not None


@pytest.mark.parametrize(
    ("stop", "released_by"),
    [
        (bye("a", "b", 42), ReleasedBy.CALLER),
        (bye("b", "a", 42), ReleasedBy.CALLEE),
        (bye("b", "a", 42, 481), ReleasedBy.CALLEE),
    ],
)
def test_the_sender_of_the_bye_released_the_call(stop: Observed, released_by: ReleasedBy) -> None:
    made = clean_call(START, stop, POLICIES)
    assert made is not None
    assert made.released_by is released_by


def test_where_the_proxy_writes_tags_in_one_order_nobody_is_known_to_have_released_the_call() -> None:
    made = clean_call(invite("a", "b", 0, proxy="directed"), bye("a", "b", 42, proxy="directed"), POLICIES)
    assert made is not None
    assert made.released_by is ReleasedBy.UNKNOWN


SPECIAL: dict[str, tuple[Observed, Observed]] = {
    "two starts": (START, invite("a", "b", 42)),
    "two stops": (STOP, bye("b", "a", 43)),
    "no answer": (invite("a", "b", 0, 486), STOP),
    "another request": (told(EventKind.ANSWERED, "SUBSCRIBE", "a", "b", 0), STOP),
    "a cancel": (START, cancel("a", 1)),
    "another dialog": (START, bye("a", "c", 42)),
    "another call": (START, bye("a", "b", 42, call_id="other@example")),
    "another proxy": (START, bye("a", "b", 42, proxy="q")),
    "another backend": (START, bye("a", "b", 42, backend=Backend.SQL)),
    "legs": (invite("a", "b", 0, legs=((("src", "x"),),)), STOP),
    "a flag": (invite("a", "b", 0, flags=(Flag.TRUNCATED,)), STOP),
    "a flag of the stop": (START, bye("a", "b", 42, flags=(Flag.TRUNCATED,))),
    "a creation time": (invite("a", "b", 0, created_at=after(-3)), STOP),
    "no tag": (invite("a", "", 0), bye("a", "", 42)),
    "equal tags": (invite("a", "a", 0), bye("a", "a", 42)),
    "a stop before its start": (START, bye("a", "b", -1)),
    "too long a call": (START, bye("a", "b", 4 * 3600 + 1)),
}


@pytest.mark.parametrize("events", SPECIAL.values(), ids=SPECIAL)
def test_everything_special_is_left_to_the_general_way(events: tuple[Observed, Observed]) -> None:
    assert clean_call(*events, POLICIES) is None


PROXIES = st.sampled_from(["p", "q", "directed", "opensips", "elsewhere"])
EXTRAS = st.lists(
    st.tuples(st.sampled_from(["src_user", "dst_user", "ua", "x"]), st.text("ab1", max_size=3)), max_size=3
)


@given(
    PROXIES,
    st.integers(0, 4 * 3600),
    st.booleans(),
    EXTRAS,
    EXTRAS,
    st.sampled_from([Backend.SYSLOG, Backend.RADIUS]),
)
def test_the_fast_path_gives_the_call_of_the_general_way(
    proxy: str,
    seconds: int,
    by_callee: bool,
    extra: list[tuple[str, str]],
    more: list[tuple[str, str]],
    backend: Backend,
) -> None:
    about: dict[str, Any] = {"proxy": proxy, "backend": backend}
    start = invite("a", "b", 0, extra=tuple(extra), **about)
    sender = ("b", "a") if by_callee else ("a", "b")
    stop = bye(*sender, seconds, extra=tuple(more), **about)
    made = clean_call(start, stop, POLICIES)
    # A repeated event keeps the fold from the fast path, and changes nothing else.
    (expected,) = calls(start, stop, start)
    assert made == expected
