"""States, outcomes, flags and durations of a call as badges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Protocol

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from cdr.correlation.record import CallState, DurationKind, Flag, Outcome, ReleasedBy, Rule
from cdr.display import wording
from cdr.display.clocks import clock
from cdr.display.markup import NOTHING, arrow, icon, party, visible

_LONGEST_CALL_ID = 48


class SettledEnd(Protocol):
    """The end of a call that a user set; ``None``: permanently unknown."""

    @property
    def ended_at(self) -> datetime | None: ...


class PublishedCall(Protocol):
    """The values of a call that its row in a list shows."""

    @property
    def call_id(self) -> str: ...
    @property
    def caller(self) -> str | None: ...
    @property
    def callee(self) -> str | None: ...
    @property
    def state(self) -> str: ...
    @property
    def outcome(self) -> str | None: ...
    @property
    def released_by(self) -> str | None: ...
    @property
    def sip_code(self) -> int | None: ...
    @property
    def answered_at(self) -> datetime | None: ...
    @property
    def duration(self) -> timedelta | None: ...
    @property
    def duration_kind(self) -> str: ...
    @property
    def flags(self) -> Iterable[str]: ...
    @property
    def settlement(self) -> SettledEnd | None: ...


_STATE_ICONS: Mapping[CallState, str] = {
    CallState.SETUP: "more_horiz",
    CallState.ONGOING: "call",
    CallState.COMPLETED: "check",
    CallState.STOP_MISSING: "warning",
    CallState.START_MISSING: "help",
    CallState.UNANSWERED: "close",
}


def duration_sign(call: PublishedCall) -> str:
    """Return the sign before a duration that is not exactly measured: ≥, ≤ or ≈."""
    match call.duration_kind:
        case DurationKind.AT_LEAST:
            return "≥"
        case DurationKind.AT_MOST:
            return "≤"
        case _:
            return "≈" if wording.DOUBTFUL.intersection(call.flags) else ""


def duration(call: PublishedCall) -> SafeString:
    """Show the duration of a call, with ≥, ≤ or ≈ if it is not exactly measured."""
    if call.answered_at is None and call.state == CallState.UNANSWERED:
        return NOTHING
    if call.duration is None and call.settlement and call.settlement.ended_at and call.answered_at:
        return format_html(
            '<span class="duration by-hand" title="{}"><span class="sr-only">{} </span>{}</span>',
            wording.SETTLED.meaning,
            wording.SETTLED.label,
            clock(call.settlement.ended_at - call.answered_at),
        )
    if call.duration is None:
        return format_html('<span class="muted">{}</span>', wording.DURATIONS[DurationKind.UNKNOWN].label)
    sign = duration_sign(call)
    kind = wording.DURATIONS[DurationKind(call.duration_kind)]
    if not sign:
        return format_html('<span class="duration">{}</span>', clock(call.duration))
    spoken = gettext("about") if sign == "≈" else kind.label
    return format_html(
        '<span class="duration" title="{}"><span aria-hidden="true">{}</span><span class="sr-only">{} </span>{}</span>',
        kind.meaning,
        f"{sign}\u2009",
        spoken,
        clock(call.duration),
    )


def state_badge(state: str) -> SafeString:
    """Show a state as text, icon and colour."""
    return _state_badge(state, get_language())


@cache  # lists repeat the same few badges, whose look depends on the language
def _state_badge(state: str, language: str | None) -> SafeString:
    word = wording.STATES[CallState(state)]
    return format_html(
        '<span class="state state-{}" title="{}">{}{}</span>',
        state,
        word.meaning,
        icon(_STATE_ICONS[CallState(state)]),
        word.label,
    )


def state_of(call: PublishedCall) -> SafeString:
    """Show the state of a call, or that its end was set manually."""
    return _settled_badge(get_language()) if call.settlement else state_badge(call.state)


@cache
def _settled_badge(language: str | None) -> SafeString:
    word = wording.SETTLED
    return format_html(
        '<span class="state state-settled" title="{}">{}{}</span>', word.meaning, icon("person_check"), word.label
    )


def outcome(call: PublishedCall) -> SafeString:
    """Show the outcome, with the response code unless the call was answered."""
    word = wording.OUTCOMES[Outcome(call.outcome)] if call.outcome else None
    code = call.sip_code if call.outcome != Outcome.ANSWERED else None
    if word is None:
        return NOTHING
    return format_html(
        '<span class="outcome" title="{}">{}{}</span>',
        word.meaning,
        word.label,
        format_html(' <span class="code">{}</span>', code) if code else "",
    )


def released_by(call: PublishedCall) -> SafeString:
    """Show who released the call."""
    if not call.released_by:
        return NOTHING
    word = wording.RELEASED[ReleasedBy(call.released_by)]
    css = "muted" if call.released_by == ReleasedBy.UNKNOWN else "party"
    return format_html('<span class="{}" title="{}">{}</span>', css, word.meaning, word.label)


def _flag_word(flag: str) -> wording.Word:
    """Return label and meaning of a flag; a flag of a later version has no meaning here."""
    return wording.FLAGS[Flag(flag)] if flag in set(Flag) else wording.Word(flag.replace("_", " "), "")


def flag_badges(flags: Iterable[str]) -> SafeString:
    """Show flags as labels with their meanings as tooltips."""
    return format_html_join(
        " ",
        '<span class="flag" title="{}">{}</span>',
        ((word.meaning, word.label) for word in map(_flag_word, flags)),
    )


def flag_words(flags: Iterable[str]) -> list[wording.Word]:
    """Return label and meaning of each flag."""
    return [_flag_word(flag) for flag in flags]


def rule_word(rule: str) -> wording.Word:
    return wording.RULES[Rule(rule)]


def parties(call: PublishedCall) -> SafeString:
    """Show caller and callee; if one was not logged, add the Call-ID to identify the row."""
    markup = party(None)
    if call.caller or call.callee:
        markup = format_html('<span class="parties">{} {} {}</span>', party(call.caller), arrow(), party(call.callee))
    if call.caller and call.callee:
        return markup
    call_id = visible(call.call_id, _LONGEST_CALL_ID)
    return format_html(
        '<span class="who">{} <span class="call-id" title="{}">{}</span></span>', markup, _("Call-ID"), call_id
    )
