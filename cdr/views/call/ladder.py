"""The ladder diagram of a call, on its page and as a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.views.generic import View

from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin
from cdr.calls.correlate import Explained, explain
from cdr.correlation.record import CallState, Outcome, ReleasedBy, Rule
from cdr.display import wording
from cdr.display.ladder import Drawing, End, LadderEvent, LadderParty, Message, Side, Subject
from cdr.display.ladder_drawing import drawing
from cdr.display.ladder_svg import Words, svg
from cdr.events import EventKind
from cdr.models import Call, Event, Leg
from cdr.queries.visibility import Visibility, masked
from cdr.views.reader_zone import InZoneMixin
from proxyconf.vocabulary.layout import FieldLayout, Role

_ENDS = {CallState.STOP_MISSING: End.NO_STOP, CallState.ONGOING: End.ONGOING}
_SENDERS = {ReleasedBy.CALLER: LadderParty.CALLER, ReleasedBy.CALLEE: LadderParty.CALLEE}


class LadderFile(InZoneMixin, ShellMixin, View):
    """The ladder as an SVG file, with times in the zone of the URL or the user, which the title names."""

    permission_required = "cdr.view_call"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        visibility = Visibility.of(request.user)
        call = get_object_or_404(visibility.calls(), pk=pk)
        if visibility.numbers:
            record(request, Action.VIEWED, f"ladder of call {pk}", call_id=call.call_id)
        within = [used for used in explain(call) if visibility.reaches(used.event.proxy.name)]
        text = ladder_of(call, within, list(call.legs.all()), visibility, linked=False)
        return HttpResponse(
            '<?xml version="1.0" encoding="UTF-8"?>\n' + text,
            content_type="image/svg+xml; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="call-{pk}-ladder.svg"'},
        )


def ladder_of(
    call: Call, events: Iterable[Explained], legs: Sequence[Leg], visibility: Visibility, *, linked: bool = True
) -> SafeString:
    """Return the SVG of a call; call, events and legs must not be masked yet.

    ``linked``: its arrows link to the events of the page.
    """
    drawn = drawing(_subject(call, legs), ladder_events(used for used in events if used.call == call))
    caller, callee = call.caller, call.callee
    if not visibility.numbers:
        drawn, caller, callee = _masked(drawn, call, visibility), masked(caller), masked(callee)
    zone = timezone.get_current_timezone()
    words = Words(
        title=gettext("Ladder diagram of the call {caller} → {callee} (times: {zone})").format(
            caller=caller or "?", callee=callee or "?", zone=timezone.get_current_timezone_name()
        ),
        description=_in_words(drawn),
        sides={side: str(text) for side, text in wording.LADDER_SIDES.items()},
        notes={note: str(text) for note, text in wording.LADDER_NOTES.items()},
        unknown=gettext("not logged"),
        leg=gettext("leg"),
        linked=linked,
    )
    return mark_safe(svg(drawn, words, zone))  # noqa: S308  # svg() escapes all values


def _masked(drawn: Drawing, call: Call, visibility: Visibility) -> Drawing:
    """Return the drawing with masked parties, and masked numbers in messages."""
    columns = [
        column if column.side is Side.PROXY else column._replace(name=masked(column.name)) for column in drawn.columns
    ]
    rows = [
        replace(row, label=visibility.text(call, row.label)) if isinstance(row, Message) else row for row in drawn.rows
    ]
    return replace(drawn, columns=tuple(columns), rows=tuple(rows))


def _subject(call: Call, legs: Sequence[Leg]) -> Subject:
    return Subject(
        caller=call.caller,
        callee=call.callee,
        from_tag=call.from_tag,
        to_tag=call.to_tag,
        answered=call.outcome == Outcome.ANSWERED,
        end=End.SETTLED if call.settlement else _ENDS.get(CallState(call.state), End.RECORDED),
        released_by=_SENDERS.get(ReleasedBy(call.released_by)) if call.released_by else None,
        legs=tuple((leg.source, leg.destination) for leg in legs),
        ended_at=call.settlement.ended_at if call.settlement else None,
    )


def ladder_events(events: Iterable[Explained]) -> Iterator[LadderEvent]:
    """Yield the events in the form for the ladder."""
    layouts: dict[int, FieldLayout] = {}
    for event, use, _ in events:
        if event.proxy_id not in layouts:
            layouts[event.proxy_id] = event.proxy.field_layout
        yield _ladder_event(event, use.rule, layouts[event.proxy_id])


def _ladder_event(event: Event, rule: Rule, layout: FieldLayout) -> LadderEvent:
    return LadderEvent(
        event.pk,
        event.time,
        event.precision,
        EventKind(event.kind),
        event.method,
        event.code,
        event.reason,
        event.from_tag,
        event.to_tag,
        event.proxy.name,
        rule,
        _named(event, Role.CALLEE, layout),
        event.ended_at,
        _named(event, Role.GATEWAY, layout),
    )


def _named(event: Event, role: Role, layout: FieldLayout) -> str | None:
    return next((text for label, text in event.extra if text and layout.role_of(label) is role), None)


def _in_words(drawn: Drawing) -> str:
    """Describe the ladder for screen readers: the recorded messages in order."""
    names = [column.name or gettext("not logged") for column in drawn.columns]
    hops = [
        f"{row.label}: {names[hop.source]} → {names[hop.target]}"
        for row in drawn.rows
        if isinstance(row, Message)
        for hop in row.hops
        if hop.recorded
    ]
    return "; ".join(hops)
