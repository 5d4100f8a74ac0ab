"""The page of one call: what happened, and how we know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import islice
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.shell import ShellMixin
from cdr import wording
from cdr.correlate import Explained, explain
from cdr.correlation.record import DurationKind, Outcome, ReleasedBy, State
from cdr.filters import LONGEST_TEXT
from cdr.ladder import in_order
from cdr.markup import changed, duration_sign
from cdr.models import Call, CallRevision, Event, Leg
from cdr.paging import capped_count
from cdr.settling import look_up
from cdr.tracer import address
from cdr.views.handwork import NoteForm, SettlementForm
from cdr.views.ladder import ladder_of, told_of
from cdr.wording import Text
from proxyconf.models import Proxy

MOST_EVENTS = 200
MOST_RELATED = 50
MOST_NOTES = 500
MOST_SEARCHED = 5_000
AROUND = timedelta(minutes=5)

_FIELD_LABELS: Mapping[str, Text] = {
    "started_at": _("started"),
    "answered_at": _("answered"),
    "ended_at": _("ended"),
    "duration_kind": _("duration is"),
    "released_by": _("hung up"),
    "sip_code": _("SIP code"),
    "sip_reason": _("reason"),
    "source_ip": _("source IP"),
    "user_agent": _("user agent"),
    "to_tag": _("callee's tag"),
    "from_tag": _("caller's tag"),
    "stop_due_at": _("STOP was due"),
    "events": _("number of events"),
    "proxies": _("seen by"),
    "backends": _("told through"),
    "extra": _("extra fields"),
    "settlement": _("end settled by hand"),
}


@dataclass(frozen=True, slots=True)
class Used:
    """An event of the Call-ID, and what it was used as: in this call (``here``), in another one, or in none."""

    event: Event
    rule: wording.Word
    here: bool
    other: Call | None
    fields: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """What a revision changed in one field."""

    field: Text
    before: SafeString
    after: SafeString


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone that times are shown in, and whose clock runs in it."""

    name: str
    zone: tzinfo
    proxies: str


class CallPage(ShellMixin, TemplateView):
    permission_required = "cdr.view_call"
    template_name = "cdr/call.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        call = Call.objects.filter(pk=self.kwargs["pk"]).first()
        if call is None:
            raise Http404
        legs = list(call.legs.all())
        explained = explain(call)
        uses = _uses(call, explained)
        related, around = list(_related(call)[:MOST_RELATED]), _around(call)
        look_up([*related, *around.calls])
        return super().get_context_data(
            title=_("Call"),
            call=call,
            state=wording.SETTLED if call.settlement else wording.STATES[State(call.state)],
            outcome=wording.OUTCOMES[Outcome(call.outcome)] if call.outcome else None,
            duration=wording.SETTLED if call.settlement else wording.DURATIONS[DurationKind(call.duration_kind)],
            duration_sign=duration_sign(call),
            released=wording.RELEASED[ReleasedBy(call.released_by)] if call.released_by else None,
            times=_times(call),
            zones=_zones(call),
            zone_name=timezone.get_current_timezone_name(),
            legs=legs,
            route=_route(legs),
            attempts=list(call.attempts.all()),
            ladder=ladder_of(call, explained, legs),
            events=list(islice(uses, MOST_EVENTS)),
            more_events=sum(1 for _ in uses),
            revisions=[(revision, _changes(revision)) for revision in call.revisions.all()],
            calls_of_caller=_calls_of(caller=call.caller),
            calls_of_callee=_calls_of(callee=call.callee),
            related=related,
            around=around,
            notes=list(call.notes.select_related("author")[:MOST_NOTES]),
            note_form=NoteForm(),
            settlements=list(call.settlements.select_related("by", "revoked_by")),
            settlement_form=SettlementForm(),
            tracer=_tracer(call),
            **kwargs,
        )


def _uses(call: Call, explained: list[Explained]) -> Iterator[Used]:
    """Yield the events in the order in which they must have come about."""
    by_id = {one.event.pk: one for one in explained}
    for told in in_order(told_of(explained)):
        event, use, used_in = by_id[told.id]
        here = used_in == call
        yield Used(event, wording.RULES[use.rule], here, None if here else used_in, _fields(event))


def _fields(event: Event) -> list[tuple[str, str]]:
    """Return what was taken from the input, in the order in which the proxies write it."""
    return [
        ("timestamp", str(int(event.time.timestamp()))),
        ("method", event.method),
        ("from_tag", event.from_tag),
        ("to_tag", event.to_tag),
        ("call_id", event.call_id),
        ("code", str(event.code or "")),
        ("reason", event.reason),
        *((label, text) for label, text in event.extra),
        *((label, text) for leg in event.legs for label, text in leg),
    ]


def _times(call: Call) -> list[tuple[Text, datetime | None, Text]]:
    """What happened when; for a time that is missing, why."""
    unanswered = call.state in (State.UNANSWERED, State.SETUP)
    if call.state == State.ONGOING:
        no_end: Text = _("not yet")
    elif call.settlement:
        no_end = _("no STOP came; settled by hand, see below")
    else:
        no_end = _("not known: no STOP came")
    return [
        (_("Started"), call.started_at, ""),
        (_("Answered"), call.answered_at, _("not answered") if unanswered else _("not known: the START is missing")),
        (_("Ended"), call.ended_at, no_end),
    ]


def _zones(call: Call) -> list[Zone]:
    """The reader's zone, and those of the proxies' clocks that differ from it."""
    reader = Zone(timezone.get_current_timezone_name(), timezone.get_current_timezone(), "")
    names: dict[str, list[Proxy]] = {}
    for proxy in Proxy.objects.filter(name__in=call.proxies):
        names.setdefault(proxy.timezone, []).append(proxy)
    clocks = [Zone(name, proxies[0].zone, ", ".join(p.name for p in proxies)) for name, proxies in names.items()]
    return [reader, *(clock for clock in clocks if clock.name != reader.name)]


def _route(legs: list[Leg]) -> list[str | None]:
    """The hops of a forwarded call, A → B → C: each leg's source where the leg before did not lead to it."""
    hops: list[str | None] = []
    for leg in legs:
        if not hops or hops[-1] != leg.source:
            hops.append(leg.source)
        hops.append(leg.destination)
    return hops


def _changes(revision: CallRevision) -> list[Change]:
    return [
        Change(_FIELD_LABELS.get(field, field.replace("_", " ")), changed(field, before), changed(field, after))
        for field, (before, after) in revision.changes.items()
    ]


def _calls_of(**party: str | None) -> str:
    """Return the address of the list of a party's calls; a number that no list can be asked for gives all."""
    return reverse("cdr:call-list", query={name: text[:LONGEST_TEXT] for name, text in party.items() if text})


def _related(call: Call) -> QuerySet[Call]:
    return Call.objects.filter(call_key=call.call_key, call_id=call.call_id).exclude(pk=call.pk)


class Around(NamedTuple):
    """Calls of the same parties, either way round, close in time. ``whole``: all calls of that time were looked at."""

    calls: list[Call]
    whole: bool


def _around(call: Call) -> Around:
    """Return the calls between the call's parties within ``AROUND`` of its start, in time order.

    No index has both parties, so the calls next in time are looked through, and no more than ``MOST_SEARCHED`` of them
    on each side.
    """
    if not call.caller and not call.callee:
        return Around([], True)
    same = Q(caller=call.caller, callee=call.callee) | Q(caller=call.callee, callee=call.caller)
    at = call.started_at
    earlier = Call.objects.filter(started_at__gte=at - AROUND, started_at__lt=at).order_by("-started_at", "-id")
    later = Call.objects.filter(started_at__gte=at, started_at__lte=at + AROUND).order_by("started_at", "id")
    found: list[Call] = []
    for side in (earlier, later):
        near = side[:MOST_SEARCHED].values("pk")
        others = Call.objects.filter(same, pk__in=near, superseded=False)
        found += others.exclude(call_key=call.call_key, call_id=call.call_id)[:MOST_RELATED]
    whole = all(capped_count(side, MOST_SEARCHED) <= MOST_SEARCHED for side in (earlier, later))
    return Around(sorted(found, key=lambda other: (other.started_at, other.pk)), whole)


def _tracer(call: Call) -> str:
    """Return where the installation's tracer shows the call's messages; empty where it has none."""
    if not settings.TRACER_URL:
        return ""
    last = call.ended_at or call.answered_at or call.started_at
    return address(settings.TRACER_URL, call.call_id, call.started_at, max(last, call.started_at))
