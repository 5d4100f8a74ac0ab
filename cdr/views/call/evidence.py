"""Explain how the values of a call are known: in words, with the events behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from cdr.correlation.evidence import near
from cdr.correlation.record import CallState, DurationKind, Flag, ReleasedBy, Rule
from cdr.display import wording
from cdr.display.wording import Text
from cdr.events import EventKind
from cdr.models import Call, Event
from cdr.views.call.timeline import Used


@dataclass(frozen=True, slots=True)
class Known:
    """How a value is known, and the events behind it, in order."""

    text: Text
    events: Sequence[Used] = ()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """How times, duration and releasing party of a call are known; ``None`` if there is nothing to explain."""

    started: Known
    answered: Known | None
    ended: Known
    duration: Known | None
    released: Known | None


def knowledge(call: Call, events: Sequence[Used]) -> Knowledge:
    """Return how the values of ``call`` are known; ``events`` is its timeline."""
    own = [used for used in events if used.here]
    answered, ended = _answered(call, own), _ended(call, own)
    return Knowledge(_started(call, own), answered, ended, _duration(call, own, answered, ended), _released(call, own))


def _with(own: Sequence[Used], matches: Callable[[Used], bool]) -> list[Used]:
    return [used for used in own if matches(used)]


def _reporting(own: Sequence[Used], rule: Rule) -> list[Used]:
    """Return the event that ``rule`` used, and its reports through other backends or proxies."""
    chosen = next((used for used in own if used.rule is rule), None)
    if chosen is None:
        return []

    def reports_same(used: Used) -> bool:
        event, other = used.event, chosen.event
        same = used.rule is Rule.SAME and (event.method, event.code) == (other.method, other.code)
        return used is chosen or (same and near(event.time, other.time))

    return _with(own, reports_same)


def _records(own: Sequence[Used], matches: Callable[[Event], bool] = lambda event: True) -> list[Used]:
    """Return the proxies' own records of the dialog."""
    return _with(own, lambda used: used.rule is Rule.CDR and matches(used.event))


def _started(call: Call, own: Sequence[Used]) -> Known:
    if created := _with(own, lambda used: used.event.created_at == call.started_at):
        return Known(_("INVITE time recorded by the proxy."), created)
    first = _with(own, lambda used: used.event.time == call.started_at)
    return Known(_("Time of the first event. INVITE time not recorded."), first)


def _answered(call: Call, own: Sequence[Used]) -> Known | None:
    if call.state in (CallState.UNANSWERED, CallState.SETUP):
        return None
    starts = _reporting(own, Rule.START)
    if starts and starts[0].event.kind == EventKind.ACK:
        return Known(wording.FLAGS[Flag.ACK_START].meaning, starts)
    records = _records(own, lambda event: event.time == call.answered_at)
    if starts and (call.answered_at == starts[0].event.time or not records):
        return Known(_("Time at which the proxy forwarded the 2xx to the INVITE."), starts)
    if call.answered_at is not None and records:
        return Known(_("The proxy's dialog record starts with the answer."), [*starts, *records])
    return Known(_("Answer time not recorded."))


def _ended(call: Call, own: Sequence[Used]) -> Known:
    if call.settlement:
        return Known(_("End time not recorded; it was set manually."))
    if call.state in (CallState.UNANSWERED, CallState.SETUP):
        return _given_up(call, own)
    stops = _reporting(own, Rule.STOP)
    records = _records(own, lambda event: event.ended_at == call.ended_at)
    if stops and (call.ended_at == stops[0].event.time or not records):
        return Known(_("The first BYE of the dialog, regardless of the response."), stops)
    if call.ended_at is not None and records:
        return Known(_("End time of the proxy's dialog record."), [*stops, *records])
    return Known(_("No BYE was recorded."))


def _given_up(call: Call, own: Sequence[Used]) -> Known:
    if call.ended_at is None:
        return Known(_("Only provisional events so far."))
    if final := _with(own, lambda used: used.rule is Rule.FINAL):
        return Known(_("The last failure response ended the attempt."), final)
    if cancels := _with(own, lambda used: used.rule is Rule.CANCEL):
        return Known(_("The caller's CANCEL."), cancels)
    return Known(_("The proxy's record of a dialog that was never answered."), _records(own))


def _duration(call: Call, own: Sequence[Used], answered: Known | None, ended: Known) -> Known | None:
    if answered is None:
        return None
    if call.settlement:
        return Known(wording.SETTLED.meaning)
    text = wording.DURATIONS[DurationKind(call.duration_kind)].meaning
    if call.duration_kind == DurationKind.AT_LEAST:
        alive = _with(own, lambda used: used.rule in (Rule.REINVITE, Rule.ACK, Rule.IN_DIALOG))
        return Known(
            text, [*answered.events[:1], *(alive[-1:] if not ended.events else [*alive[:1], *ended.events[:1]])]
        )
    records = _records(own, lambda event: _lasted(event, call))
    between = [] if call.duration is None else [*answered.events[:1], *ended.events[:1]]
    return Known(
        text, sorted({used.number: used for used in (records or between)}.values(), key=lambda used: used.number)
    )


def _lasted(event: Event, call: Call) -> bool:
    return (
        event.duration_us is not None
        and call.duration is not None
        and event.duration_us == round(call.duration.total_seconds() * 1_000_000)
    )


def _released(call: Call, own: Sequence[Used]) -> Known | None:
    if not call.released_by:
        return None
    stops = _reporting(own, Rule.STOP)
    match ReleasedBy(call.released_by):
        case ReleasedBy.CALLER if stops:
            return Known(_("The caller sent the BYE: its From tag is the caller's tag."), stops)
        case ReleasedBy.CALLEE if stops:
            return Known(_("The callee sent the BYE: its From tag is the callee's tag."), stops)
        case ReleasedBy.CALLER:
            return Known(
                _("The caller cancelled the call before an answer."), _with(own, lambda used: used.rule is Rule.CANCEL)
            )
    return Known(wording.RELEASED[ReleasedBy(call.released_by)].meaning, stops)
