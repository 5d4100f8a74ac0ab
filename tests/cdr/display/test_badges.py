"""How a row of the list shows state, outcome, duration and parties of a call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.correlation.record import CallState, DurationKind, Flag, Outcome, ReleasedBy, Rule
from cdr.display import badges, wording
from cdr.display.markup import NOTHING

ANSWERED_AT = datetime(2026, 5, 31, 12, tzinfo=UTC)


@dataclass(frozen=True)
class ManualEnd:
    ended_at: datetime | None


@dataclass(frozen=True)
class ShownCall:
    """A completed call of 42 seconds."""

    call_id: str = "c1@example.net"
    caller: str | None = "alice"
    callee: str | None = "bob"
    state: str = CallState.COMPLETED
    outcome: str | None = Outcome.ANSWERED
    released_by: str | None = ReleasedBy.CALLER
    sip_code: int | None = 200
    answered_at: datetime | None = ANSWERED_AT
    duration: timedelta | None = timedelta(seconds=42)
    duration_kind: str = DurationKind.MEASURED
    flags: Iterable[str] = ()
    settlement: ManualEnd | None = None


def text_of(markup: str) -> str:
    """Return the text of markup, for screen readers too."""
    return unescape(re.sub("<[^>]*>", "", markup))


def test_a_measured_duration_has_no_sign() -> None:
    assert badges.duration(ShownCall()) == '<span class="duration">0:42</span>'


@pytest.mark.parametrize(
    ("kind", "flags", "sign"),
    [
        (DurationKind.MEASURED, [], ""),
        (DurationKind.MEASURED, sorted(wording.DOUBTFUL)[:1], "≈"),
        (DurationKind.AT_LEAST, [], "≥"),
        (DurationKind.AT_MOST, [], "≤"),
        (DurationKind.AT_LEAST, sorted(wording.DOUBTFUL), "≥"),
        (DurationKind.AT_MOST, sorted(wording.DOUBTFUL), "≤"),
    ],
)
def test_the_sign_says_how_exact_a_duration_is(kind: DurationKind, flags: list[str], sign: str) -> None:
    assert badges.duration_sign(ShownCall(duration_kind=kind, flags=flags)) == sign


@pytest.mark.parametrize("flag", sorted(set(Flag) - set(wording.DOUBTFUL)))
def test_a_flag_that_says_nothing_of_the_duration_adds_no_sign(flag: Flag) -> None:
    assert badges.duration_sign(ShownCall(flags=[flag])) == ""


@pytest.mark.parametrize("kind", [DurationKind.AT_LEAST, DurationKind.AT_MOST])
def test_screen_readers_get_a_word_for_the_sign(kind: DurationKind) -> None:
    shown = badges.duration(ShownCall(duration_kind=kind))
    assert f'<span class="sr-only">{wording.DURATIONS[kind].label} </span>0:42' in shown


def test_screen_readers_hear_about_of_a_doubtful_duration() -> None:
    assert '<span class="sr-only">about </span>' in badges.duration(ShownCall(flags=sorted(wording.DOUBTFUL)))


def test_an_unanswered_call_has_no_duration() -> None:
    call = ShownCall(state=CallState.UNANSWERED, answered_at=None, duration=None, duration_kind=DurationKind.UNKNOWN)
    assert badges.duration(call) == NOTHING


def test_an_unknown_duration_is_called_unknown() -> None:
    call = ShownCall(state=CallState.STOP_MISSING, duration=None, duration_kind=DurationKind.UNKNOWN)
    assert text_of(badges.duration(call)) == str(wording.DURATIONS[DurationKind.UNKNOWN].label)


def test_a_manually_set_end_gives_the_duration() -> None:
    end = ManualEnd(ANSWERED_AT + timedelta(minutes=5))
    call = ShownCall(state=CallState.STOP_MISSING, duration=None, settlement=end)
    assert text_of(badges.duration(call)) == f"{wording.SETTLED.label} 5:00"


@pytest.mark.parametrize(
    ("end", "answered_at"), [(None, ANSWERED_AT), (ANSWERED_AT + timedelta(minutes=5), None)], ids=["end", "answer"]
)
def test_a_manually_set_end_gives_no_duration_without_both_ends(
    end: datetime | None, answered_at: datetime | None
) -> None:
    call = ShownCall(
        state=CallState.STOP_MISSING,
        duration=None,
        duration_kind=DurationKind.UNKNOWN,
        answered_at=answered_at,
        settlement=ManualEnd(end),
    )
    assert text_of(badges.duration(call)) == str(wording.DURATIONS[DurationKind.UNKNOWN].label)


def test_a_recorded_duration_wins_over_a_manually_set_end() -> None:
    end = ManualEnd(ANSWERED_AT + timedelta(minutes=5))
    assert text_of(badges.duration(ShownCall(settlement=end))) == "0:42"


@pytest.mark.parametrize("state", list(CallState))
def test_a_state_has_its_own_colour_and_icon_and_its_label(state: CallState) -> None:
    badge = badges.state_badge(state)
    assert f'class="state state-{state}"' in badge
    assert "material-symbols-outlined" in badge
    assert text_of(badge).endswith(str(wording.STATES[state].label))


def test_no_two_states_look_the_same() -> None:
    assert len({re.findall(r"icon[^>]*>([a-z_]+)<", badges.state_badge(state))[0] for state in CallState}) == len(
        CallState
    )


def test_a_state_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="gone"):
        badges.state_badge("gone")


def test_a_settled_call_shows_that_its_end_was_set() -> None:
    badge = badges.state_of(ShownCall(state=CallState.STOP_MISSING, settlement=ManualEnd(None)))
    assert "state-settled" in badge
    assert text_of(badge).endswith(str(wording.SETTLED.label))


def test_another_call_shows_its_state() -> None:
    assert badges.state_of(ShownCall(state=CallState.ONGOING)) == badges.state_badge(CallState.ONGOING)


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.ANSWERED}))
def test_an_outcome_without_answer_shows_the_sip_code(outcome: Outcome) -> None:
    shown = badges.outcome(ShownCall(outcome=outcome, sip_code=486))
    assert text_of(shown) == f"{wording.OUTCOMES[outcome].label} 486"


def test_the_code_of_an_answer_is_not_shown() -> None:
    assert text_of(badges.outcome(ShownCall(sip_code=200))) == str(wording.OUTCOMES[Outcome.ANSWERED].label)


def test_an_outcome_without_code_shows_its_label_alone() -> None:
    assert text_of(badges.outcome(ShownCall(outcome=Outcome.FAILED, sip_code=None))) == "Failed"


def test_a_call_without_outcome_shows_a_dash() -> None:
    assert badges.outcome(ShownCall(outcome=None)) == NOTHING


@pytest.mark.parametrize("who", list(ReleasedBy))
def test_who_released_a_call_is_muted_only_if_unknown(who: ReleasedBy) -> None:
    shown = badges.released_by(ShownCall(released_by=who))
    assert ('class="muted"' in shown) == (who == ReleasedBy.UNKNOWN)
    assert text_of(shown) == str(wording.RELEASED[who].label)


@pytest.mark.parametrize("who", [None, ""])
def test_a_call_that_nobody_released_shows_a_dash(who: str | None) -> None:
    assert badges.released_by(ShownCall(released_by=who)) == NOTHING


@pytest.mark.parametrize("flag", list(Flag))
def test_a_flag_shows_its_label_with_its_meaning(flag: Flag) -> None:
    assert badges.flag_words([flag]) == [wording.FLAGS[flag]]
    assert text_of(badges.flag_badges([flag])) == str(wording.FLAGS[flag].label)


def test_flags_keep_their_order() -> None:
    assert re.findall(">([^<]*)</span>", badges.flag_badges(["second_one", "first"])) == ["second one", "first"]


def test_no_flags_are_no_badges() -> None:
    assert badges.flag_badges([]) == ""


def test_every_rule_has_a_word() -> None:
    assert [badges.rule_word(rule) for rule in Rule] == [wording.RULES[rule] for rule in Rule]


def test_both_parties_identify_a_row() -> None:
    shown = badges.parties(ShownCall())
    assert text_of(shown) == "alice →to bob"
    assert "call-id" not in shown


@pytest.mark.parametrize(
    ("caller", "callee", "text"),
    [
        ("alice", None, "alice →to not logged c1@example.net"),
        (None, "bob", "not logged →to bob c1@example.net"),
        ("", "bob", "not logged →to bob c1@example.net"),
        (None, None, "not logged c1@example.net"),
    ],
)
def test_the_call_id_identifies_a_row_without_both_parties(caller: str | None, callee: str | None, text: str) -> None:
    assert text_of(badges.parties(ShownCall(caller=caller, callee=callee))) == text


def test_a_long_call_id_is_cut() -> None:
    shown = text_of(badges.parties(ShownCall(caller=None, call_id="x" * 100)))
    assert shown.endswith(" " + "x" * 48 + "…")


@given(st.text(max_size=30), st.text(max_size=30), st.lists(st.text(max_size=12), max_size=3))
def test_no_text_from_a_proxy_becomes_markup(caller: str, call_id: str, flags: list[str]) -> None:
    call = ShownCall(caller=f"<b>{caller}", callee=None, call_id=f"<i>{call_id}")
    markup = badges.parties(call) + badges.flag_badges([f'"><u>{flag}' for flag in flags])
    assert set(re.findall("<([a-z]+)", markup)) <= {"span", "bdi"}
