from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.record import Rule
from cdr.display.ladder import (
    Drawing,
    End,
    Gap,
    LadderEvent,
    LadderNote,
    LadderParty,
    LadderRemark,
    Message,
    Side,
    Subject,
)
from cdr.display.ladder_drawing import MOST_BRANCHES, MOST_MESSAGES, drawing, in_order
from cdr.events import MILLISECOND, SECOND, EventKind

NOON = datetime(2026, 5, 31, 12, tzinfo=UTC)
SUBJECT = Subject("alice", "bob", "a", "b", answered=True, released_by=LadderParty.CALLER)
_ids = count(1)


def told(
    rule: Rule, kind: EventKind, method: str = "INVITE", code: int = 200, at: float = 0, **fields: Any
) -> LadderEvent:
    values: dict[str, Any] = {"precision": SECOND, "reason": "", "from_tag": "a", "to_tag": "b", "proxy": "edge"}
    return LadderEvent(
        id=next(_ids),
        time=NOON + timedelta(seconds=at),
        kind=kind,
        method=method,
        code=code,
        rule=rule,
        **values | fields,
    )


def start(at: float = 0, **fields: Any) -> LadderEvent:
    return told(Rule.START, EventKind.ANSWERED, at=at, **fields)


def stop(at: float = 42, **fields: Any) -> LadderEvent:
    return told(Rule.STOP, EventKind.BYE, "BYE", at=at, **fields)


def missed(code: int, at: float = 0, **fields: Any) -> LadderEvent:
    rule = fields.pop("rule", Rule.ATTEMPT)
    return told(rule, EventKind.MISSED, code=code, at=at, **{"to_tag": f"x{code}"} | fields)


def lines(drawn: Drawing) -> list[str]:
    """The ladder as one may read it: told hops with ``->``, inferred ones with ``..``."""
    return [_line(row, drawn) for row in drawn.rows]


def _line(row: Message | Gap | LadderRemark, drawn: Drawing) -> str:
    if isinstance(row, Gap):
        return f"({row.length.total_seconds():g} s)"
    if isinstance(row, LadderRemark):
        return f"[{row.note}]"
    names = [column.name or "?" for column in drawn.columns]
    arrow = {True: "->", False: ".."}
    return f"{row.label}: " + ", ".join(f"{names[h.source]} {arrow[h.recorded]} {names[h.target]}" for h in row.hops)


def test_start_and_stop_imply_the_messages_around_them() -> None:
    assert lines(drawing(SUBJECT, [start(), stop()])) == [
        "INVITE: alice .. edge, edge .. bob",
        "200: bob .. edge, edge -> alice",
        "ACK: alice .. edge, edge .. bob",
        "(42 s)",
        "BYE: alice -> edge, edge .. bob",
        "200: bob .. edge, edge -> alice",
    ]


def test_a_bye_of_the_callee_comes_from_the_right() -> None:
    drawn = drawing(replace(SUBJECT, released_by=LadderParty.CALLEE), [start(), stop(from_tag="b", to_tag="a")])
    assert lines(drawn)[-2:] == ["BYE: bob -> edge, edge .. alice", "200: alice .. edge, edge -> bob"]


def test_a_bye_whose_sender_is_not_known_has_no_direction() -> None:
    drawn = drawing(replace(SUBJECT, released_by=None), [start(), stop()])
    assert [row.directed for row in drawn.rows if isinstance(row, Message)] == [True, True, True, False, False]


def test_what_is_inferred_has_no_time_and_speaks_of_no_event() -> None:
    event = start()
    inferred = [row for row in drawing(SUBJECT, [event]).rows if isinstance(row, Message) and not row.events]
    assert [row.label for row in inferred] == ["INVITE", "ACK"]
    assert {row.time for row in inferred} == {None}


def test_each_branch_that_failed_has_a_column_before_who_answered() -> None:
    drawn = drawing(SUBJECT, [missed(486, callee="desk"), missed(480, at=1, callee="mobile"), start(at=2)])
    assert [(column.side, column.name) for column in drawn.columns] == [
        (Side.CALLER, "alice"),
        (Side.PROXY, "edge"),
        (Side.BRANCH, "desk"),
        (Side.BRANCH, "mobile"),
        (Side.CALLEE, "bob"),
    ]
    assert lines(drawn) == [
        "INVITE: alice .. edge, edge .. desk",
        "486: desk -> edge",
        "INVITE: edge .. mobile",
        "480: mobile -> edge",
        "INVITE: edge .. bob",
        "200: bob .. edge, edge -> alice",
        "ACK: alice .. edge, edge .. bob",
    ]


def test_a_failure_is_told_by_the_branch_and_to_the_caller() -> None:
    unanswered = replace(SUBJECT, answered=False)
    final = told(Rule.FINAL, EventKind.FAILED, code=486, to_tag="x486")
    assert lines(drawing(unanswered, [missed(486), final])) == [
        "INVITE: alice .. edge, edge .. bob",
        "486: bob -> edge",
        "486: edge -> alice",
    ]
    assert lines(drawing(unanswered, [final]))[-1] == "486: bob .. edge, edge -> alice"
    assert lines(drawing(unanswered, [missed(486, rule=Rule.FINAL)]))[-1] == "486: edge .. alice"


def test_a_timeout_is_no_reply_of_the_phone() -> None:
    drawn = drawing(replace(SUBJECT, answered=False), [missed(408, at=9, to_tag="")])
    assert lines(drawn) == ["INVITE: alice .. edge, edge .. bob", "[timed_out]", "CANCEL: edge .. bob"]


def test_after_a_challenge_the_caller_comes_again() -> None:
    challenge = told(Rule.ATTEMPT, EventKind.FAILED, code=407, to_tag="x")
    assert lines(drawing(SUBJECT, [challenge, start()]))[:3] == [
        "INVITE: alice .. edge",
        "407: edge -> alice",
        "INVITE: alice .. edge, edge .. bob",
    ]


def test_a_cancel_stands_before_the_487_of_its_second() -> None:
    cancel = told(Rule.CANCEL, EventKind.CANCEL, "CANCEL", to_tag="")
    drawn = drawing(replace(SUBJECT, answered=False), [missed(487), cancel])
    assert lines(drawn)[1:] == ["CANCEL: alice -> edge, edge .. bob", "487: bob -> edge"]


def test_early_media_and_a_told_ack_are_drawn_as_told() -> None:
    early = told(Rule.EARLY, EventKind.EARLY, code=183, to_tag="b")
    ack = told(Rule.ACK, EventKind.ACK, "ACK")
    assert lines(drawing(SUBJECT, [ack, early, start()])) == [
        "INVITE: alice .. edge, edge .. bob",
        "183: bob .. edge, edge -> alice",
        "200: bob .. edge, edge -> alice",
        "ACK: alice -> edge, edge .. bob",
    ]


def test_a_start_known_from_its_ack_alone_leaves_the_answer_inferred() -> None:
    drawn = drawing(SUBJECT, [told(Rule.START, EventKind.ACK, "ACK")])
    assert lines(drawn)[1:] == ["200: bob .. edge, edge .. alice", "ACK: alice -> edge, edge .. bob"]


def test_a_reinvite_of_the_callee_comes_from_the_right() -> None:
    again = told(Rule.REINVITE, EventKind.ANSWERED, at=1, from_tag="b", to_tag="a")
    assert lines(drawing(SUBJECT, [start(), again]))[-2:] == [
        "re-INVITE: bob -> edge, edge .. alice",
        "200: alice .. edge, edge -> bob",
    ]


@pytest.mark.parametrize(
    ("end", "note"),
    [(End.NO_STOP, LadderNote.NO_STOP), (End.ONGOING, LadderNote.ONGOING), (End.SETTLED, LadderNote.SETTLED)],
)
def test_an_end_that_nobody_told_is_said(end: End, note: LadderNote) -> None:
    assert drawing(replace(SUBJECT, end=end), [start()]).rows[-1] == LadderRemark(note)


def test_a_stop_without_start_says_that_the_answer_was_not_accounted() -> None:
    assert lines(drawing(SUBJECT, [stop()]))[:2] == ["[no_start]", "BYE: alice -> edge, edge .. bob"]


def test_a_dialog_record_draws_what_no_event_tells() -> None:
    record = told(Rule.CDR, EventKind.CDR, ended_at=NOON + timedelta(seconds=9))
    assert lines(drawing(SUBJECT, [record])) == [
        "INVITE: alice .. edge, edge .. bob",
        "200: bob .. edge, edge -> alice",
        "(9 s)",
        "[record_ended]",
    ]
    assert lines(drawing(SUBJECT, [start(), stop(), record])) == lines(drawing(SUBJECT, [start(), stop()]))


def test_several_accounts_of_one_message_are_one_arrow() -> None:
    drawn = drawing(
        SUBJECT, [start(), told(Rule.SAME, EventKind.ANSWERED, at=0.5, precision=MILLISECOND, proxy="core")]
    )
    (answer,) = [row for row in drawn.rows if isinstance(row, Message) and row.events]
    assert len(answer.events) == 2
    assert [drawn.columns[at].name for at in answer.proxy_columns] == ["edge", "core"]
    assert (answer.time, answer.precision) == (NOON + timedelta(seconds=0.5), MILLISECOND)


def test_legs_join_the_columns_of_those_they_name() -> None:
    legs = (("alice", "bob"), ("bob", "carol"))
    drawn = drawing(replace(SUBJECT, legs=legs), [start()])
    assert [column.name for column in drawn.columns] == ["alice", "edge", "bob", "carol"]
    assert drawn.columns[2].side is Side.FORWARDER
    assert drawn.legs == ((0, 2), (2, 3))


def test_a_leg_for_each_forwarding_names_the_branch_that_failed() -> None:
    legs = (("alice", "desk"), ("alice", "mobile"))
    drawn = drawing(replace(SUBJECT, legs=legs), [missed(486), start(at=1)])
    assert [column.name for column in drawn.columns] == ["alice", "edge", "desk", "mobile"]
    assert drawn.legs == ((0, 2), (0, 3))


def test_an_hour_of_reinvites_and_a_hundred_branches_are_cut() -> None:
    again = [told(Rule.REINVITE, EventKind.ANSWERED, at=60 * minute) for minute in range(1, 200)]
    branches = [missed(486, to_tag=f"x{number}") for number in range(100)]
    drawn = drawing(SUBJECT, [start(), *again, *branches])
    assert sum(isinstance(row, Message) for row in drawn.rows) <= MOST_MESSAGES + 2
    assert drawn.rows[-1] == LadderRemark(LadderNote.CUT)
    assert len(drawn.columns) == MOST_BRANCHES + 3


@pytest.mark.parametrize("events", list(permutations([start(), told(Rule.ACK, EventKind.ACK, "ACK"), stop(at=0)])))
def test_within_a_second_the_start_comes_first(events: tuple[LadderEvent, ...]) -> None:
    assert [one.rule for one in in_order(events)] == [Rule.START, Rule.ACK, Rule.STOP]


def test_clocks_that_divide_the_second_decide() -> None:
    bye, reinvite = (
        stop(at=0.2, precision=MILLISECOND),
        told(Rule.REINVITE, EventKind.ANSWERED, at=0.4, precision=MILLISECOND),
    )
    assert in_order([reinvite, bye]) == [bye, reinvite]


_any = st.builds(
    told,
    rule=st.sampled_from(Rule),
    kind=st.sampled_from(EventKind),
    method=st.sampled_from(["INVITE", "BYE", "ACK", "CANCEL", "INFO", ""]),
    code=st.sampled_from([0, 183, 200, 302, 407, 408, 486, 487]),
    at=st.integers(0, 9),
    from_tag=st.sampled_from(["a", "b", ""]),
    to_tag=st.sampled_from(["a", "b", "c", ""]),
    proxy=st.sampled_from(["edge", "core"]),
)


@given(
    st.lists(_any, max_size=12),
    st.booleans(),
    st.lists(st.tuples(st.none() | st.text(max_size=2), st.none() | st.text(max_size=2)), max_size=4),
)
def test_whatever_the_events_every_arrow_joins_two_columns(
    events: list[LadderEvent], answered: bool, legs: list[tuple[str | None, str | None]]
) -> None:
    drawn = drawing(replace(SUBJECT, answered=answered, legs=tuple(legs)), events)
    ends = [(hop.source, hop.target) for row in drawn.rows if isinstance(row, Message) for hop in row.hops]
    for source, target in [*ends, *drawn.legs]:
        assert source != target
        assert min(source, target) >= 0
        assert max(source, target) < len(drawn.columns)


@given(st.lists(_any, max_size=8).flatmap(lambda events: st.tuples(st.just(events), st.permutations(events))))
def test_the_order_of_the_events_does_not_matter(both: tuple[list[LadderEvent], list[LadderEvent]]) -> None:
    assert drawing(SUBJECT, both[0]) == drawing(SUBJECT, both[1])
