"""The page of a call: what happened, and how it is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin
from cdr.calls.correlate import explain
from cdr.calls.settlement import attach_settlements
from cdr.correlation.record import CallState, Outcome, ReleasedBy
from cdr.display import wording
from cdr.display.badges import duration_sign
from cdr.display.revisions import changed
from cdr.display.tracer import address
from cdr.display.wording import Text
from cdr.models import Call, CallRevision, Leg, Note, Settlement
from cdr.monitoring.zones import wrong_zones
from cdr.queries.conditions import LONGEST_TEXT
from cdr.queries.paging import capped_count
from cdr.queries.patterns import read_network
from cdr.queries.visibility import Visibility
from cdr.views.addresses import LIST, ZONE
from cdr.views.call.call_forms import NoteForm, SettlementForm
from cdr.views.call.evidence import Known, knowledge
from cdr.views.call.ladder import ladder_of
from cdr.views.call.linked_calls import linked_calls
from cdr.views.call.neighbours import neighbours
from cdr.views.call.summary import summary
from cdr.views.call.timeline import Used, timeline
from cdr.views.reader_zone import InZoneMixin, zone_choices
from proxyconf.models import Proxy
from proxyconf.vocabulary.layout import Role

MOST_EVENTS = 200
MOST_RELATED = 50
MOST_NOTES = 500
MOST_SEARCHED = 5_000
MOST_OPEN = 8
"""Up to this number of original records are shown unfolded."""
AROUND = timedelta(minutes=5)
_LISTED_ROLES = {Role.ACCOUNT: "account", Role.GATEWAY: "gateway"}

_FIELD_LABELS: Mapping[str, Text] = {
    "started_at": _("started"),
    "answered_at": _("answered"),
    "ended_at": _("ended"),
    "duration_kind": _("duration kind"),
    "released_by": _("released by"),
    "sip_code": _("SIP response"),
    "sip_reason": _("reason"),
    "source_ip": _("source IP"),
    "user_agent": _("user agent"),
    "to_tag": _("callee's tag"),
    "from_tag": _("caller's tag"),
    "stop_due_at": _("STOP due"),
    "events": _("number of events"),
    "proxies": _("proxy"),
    "backends": _("accounting output"),
    "extra": _("extra fields"),
    "settlement": _("end set manually"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one field in a revision."""

    field: Text
    before: SafeString
    after: SafeString


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone to choose, and the proxies that use it."""

    name: str
    zone: tzinfo
    proxies: str


class Moment(NamedTuple):
    """One of the call's times, why it is missing, and how it is known."""

    label: Text
    at: datetime | None
    missing: Text
    known: Known | None


class Section(NamedTuple):
    """A section of the page, and the number of its items."""

    anchor: str
    label: Text
    number: int | None


class CallPage(InZoneMixin, ShellMixin, TemplateView):
    """A call as the user may see it: numbers masked or not, and only events of visible proxies."""

    permission_required: str | tuple[str, ...] = "cdr.view_call"
    template_name = "cdr/call.html"

    @cached_property
    def visibility(self) -> Visibility:
        return Visibility.of(self.request.user)

    def call(self) -> Call:
        """Return the stored call of the URL; respond 404 for one that the user may not see."""
        call: Call = get_object_or_404(self.visibility.calls(), pk=self.kwargs["pk"])
        return call

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        visibility, call = self.visibility, self.call()
        if visibility.numbers:
            record(self.request, Action.VIEWED, f"call {call.pk}", call_id=call.call_id)
        explained = explain(call)
        within = [one for one in explained if visibility.reaches(one.event.proxy.name)]
        events = timeline(call, within)
        related, around = list(_related(visibility, call)[:MOST_RELATED]), _around(visibility, call)
        proxies = list(Proxy.objects.filter(name__in=filter(visibility.reaches, call.proxies)))
        linked = linked_calls(visibility, call, proxies)
        attach_settlements([*related, *linked, *around.calls])
        known = knowledge(call, events)
        context = {
            "title": _("Call"),
            "call": call,
            "masked": not visibility.numbers,
            "unmasking": _unmasking() if not visibility.numbers else "",
            "state": wording.SETTLED if call.settlement else wording.STATES[CallState(call.state)],
            "outcome": wording.OUTCOMES[Outcome(call.outcome)] if call.outcome else None,
            "duration_sign": duration_sign(call),
            "released": wording.RELEASED[ReleasedBy(call.released_by)] if call.released_by else None,
            "times": _times(call, known.started, known.answered, known.ended),
            "known": known,
            "zones": _zones(proxies, self.readers_zone),
            "zone_choices": zone_choices(self.readers_zone, timezone.get_current_timezone_name(), proxies),
            "zone_error": self.zone_error,
            "zone_name": timezone.get_current_timezone_name(),
            "legs": (legs := list(call.legs.all())),
            "ladder": "" if call.superseded else ladder_of(call, within, legs, visibility),
            "wrong_zones": wrong_zones(one.event for one in within),
            "events": events[:MOST_EVENTS],
            "more_events": max(len(events) - MOST_EVENTS, 0),
            "events_beyond_reach": len(explained) - len(within),
            "unfolded": len(events) <= MOST_OPEN,
            "revisions": [(one, _changes(visibility, call, one)) for one in call.revisions.all()],
            "calls_of_caller": _calls_of(self.zone_chosen, caller=call.caller) if visibility.numbers else "",
            "calls_of_callee": _calls_of(self.zone_chosen, callee=call.callee) if visibility.numbers else "",
            "calls_of_source_ip": _calls_of_source(self.zone_chosen, call.source_ip),
            "related": related,
            "successors": [other for other in related if not other.superseded] if call.superseded else [],
            "linked": linked,
            "around": around,
            "notes": (notes := list(call.notes.select_related("author")[:MOST_NOTES])),
            "note_form": NoteForm(),
            "settlements": (settlements := list(call.settlements.select_related("by", "revoked_by"))),
            "settlement_form": SettlementForm(),
            "tracer": _tracer(call),
            "neighbours": neighbours(call, self.request.GET.get(LIST, ""), visibility),
            "from_list": self.request.GET.get(LIST, ""),
            **kwargs,
        }
        context |= _mask(visibility, call, events, [*notes, *settlements], [*related, *linked, *around.calls])
        context["route"] = _route(context["legs"])
        context["extras"] = _extras(call, self.zone_chosen, proxies, linked=visibility.numbers)
        context["sections"] = _sections(context)
        context["summary"] = summary(call, self.request.build_absolute_uri(reverse("cdr:call", args=[call.pk])))
        return super().get_context_data(**context)


def _mask(
    visibility: Visibility,
    call: Call,
    events: Sequence[Used],
    written: Iterable[Note | Settlement],
    others: Iterable[Call],
) -> dict[str, Any]:
    """Mask numbers in place; this comes last, because masked values cannot be used in queries.

    Returns legs and attempts.
    """
    visibility.events(call, [used.event for used in events])
    for one in written:
        if isinstance(one, Note):
            one.text = visibility.text(call, one.text)
        else:
            one.reason = visibility.text(call, one.reason)
    legs, attempts = visibility.legs(call), visibility.attempts(call)
    visibility.shown([call, *others])
    return {"legs": legs, "attempts": attempts}


def _unmasking() -> str:
    """Return the name of the permission for numbers and original records, as listed in the admin."""
    return Permission.objects.values_list("name", flat=True).get(content_type__app_label="cdr", codename="view_numbers")


def _times(call: Call, started: Known, answered: Known | None, ended: Known) -> list[Moment]:
    unanswered = call.state in (CallState.UNANSWERED, CallState.SETUP)
    if call.state == CallState.ONGOING:
        no_end: Text = _("not yet")
    elif call.settlement:
        no_end = _("No STOP; end set manually, see below")
    else:
        no_end = _("Unknown: no STOP")
    no_answer = _("not answered") if unanswered else _("Unknown: no START")
    return [
        Moment(_("Started"), call.started_at, "", started),
        Moment(_("Answered"), call.answered_at, no_answer, answered),
        Moment(_("Ended"), call.ended_at, no_end, ended),
    ]


def _zones(proxies: Iterable[Proxy], readers: str) -> list[Zone]:
    """Return the time zones of the page, the user and the proxies, and UTC, each once."""
    clocks: dict[str, list[str]] = {timezone.get_current_timezone_name(): [], "UTC": [], readers: []}
    for proxy in proxies:
        clocks.setdefault(proxy.timezone, []).append(proxy.name)
    return [Zone(name, ZoneInfo(name), ", ".join(of)) for name, of in clocks.items()]


def _route(legs: Sequence[Leg]) -> list[str | None]:
    """Return the hops of a forwarded call, A → B → C; a leg's source is left out if the previous leg led to it."""
    hops: list[str | None] = []
    for leg in legs:
        if not hops or hops[-1] != leg.source:
            hops.append(leg.source)
        hops.append(leg.destination)
    return hops


def _changes(visibility: Visibility, call: Call, revision: CallRevision) -> list[Change]:
    return [
        Change(_FIELD_LABELS.get(field, field.replace("_", " ")), changed(field, before), changed(field, after))
        for field, (before, after) in visibility.changes(call, revision.changes).items()
    ]


def _calls_of(zone: str, **party: str | None) -> str:
    """Return the URL of the list of a party's calls; long numbers are truncated."""
    query = {name: text[:LONGEST_TEXT] for name, text in party.items() if text}
    return reverse("cdr:call-list", query=query | ({ZONE: zone} if zone else {}))


def _calls_of_source(zone: str, source_ip: str | None) -> str:
    """Return the address of the calls from an IP address; empty where the proxy logged something else."""
    try:
        read_network(source_ip or "")
    except ValueError:
        return ""
    return reverse("cdr:call-list", query={"source_ip": source_ip} | ({ZONE: zone} if zone else {}))


class ExtraValue(NamedTuple):
    """A logged field; ``calls``: the address of the calls of that account or gateway, empty for other fields."""

    label: str
    text: str
    calls: str


def _extras(call: Call, zone: str, proxies: Iterable[Proxy], *, linked: bool) -> list[ExtraValue]:
    layouts = [proxy.field_layout for proxy in proxies]
    in_zone = {ZONE: zone} if zone else {}

    def calls(label: str, text: str) -> str:
        roles = {layout.role_of(label) for layout in layouts}
        condition = next((name for role, name in _LISTED_ROLES.items() if role in roles), None)
        if not (condition and linked and text and len(text) < LONGEST_TEXT):
            return ""
        return reverse("cdr:call-list", query={condition: f"={text}"} | in_zone)

    return [ExtraValue(label, text, calls(label, text)) for label, text in call.extra.items()]


def _related(visibility: Visibility, call: Call) -> QuerySet[Call]:
    return visibility.calls().filter(call_key=call.call_key, call_id=call.call_id).exclude(pk=call.pk)


class Around(NamedTuple):
    """Nearby calls between the same parties in either direction. ``whole``: all calls of that time were examined."""

    calls: list[Call]
    whole: bool


def _around(visibility: Visibility, call: Call) -> Around:
    """Return the calls between the call's parties within ``AROUND`` of its start, in time order.

    No index has both parties, so the nearest calls are searched, at most ``MOST_SEARCHED`` before and after.
    """
    if not call.caller and not call.callee:
        return Around([], True)
    same = Q(caller=call.caller, callee=call.callee) | Q(caller=call.callee, callee=call.caller)
    start = call.started_at
    earlier = Call.objects.filter(started_at__gte=start - AROUND, started_at__lt=start).order_by("-started_at", "-id")
    later = Call.objects.filter(started_at__gte=start, started_at__lte=start + AROUND).order_by("started_at", "id")
    nearby: list[Call] = []
    for side in (earlier, later):
        near = side[:MOST_SEARCHED].values("pk")
        others = visibility.calls().filter(same, pk__in=near, superseded=False)
        nearby += others.exclude(call_key=call.call_key, call_id=call.call_id)[:MOST_RELATED]
    whole = all(capped_count(side, MOST_SEARCHED) <= MOST_SEARCHED for side in (earlier, later))
    return Around(sorted(nearby, key=lambda other: (other.started_at, other.pk)), whole)


def _tracer(call: Call) -> str:
    """Return the URL of the call in the installation's SIP tracer; empty without a tracer."""
    if not settings.TRACER_URL:
        return ""
    last = call.ended_at or call.answered_at or call.started_at
    return address(settings.TRACER_URL, call.call_id, call.started_at, max(last, call.started_at))


def _sections(context: Mapping[str, Any]) -> list[Section]:
    """Return the sections of the page, in order."""
    events = len(context["events"]) + context["more_events"]
    sections = [
        Section("times", _("Overview"), None),
        Section("flags", _("Flags"), len(context["call"].flags)),
        Section("settlement", _("Manual end"), _settlements(context)),
        Section("events", _("Timeline"), events),
        Section("ladder", _("Ladder diagram"), None if context["ladder"] else 0),
        Section("legs", _("Legs"), len(context["legs"])),
        Section("attempts", _("Attempts"), len(context["attempts"])),
        Section("raw", _("Original records"), events),
        Section("revisions", _("Revisions"), len(context["revisions"])),
        Section("related", _("Related"), len(context["related"])),
        Section("linked", _("Linked calls"), len(context["linked"])),
        Section("around", _("Nearby calls, same parties"), len(context["around"].calls)),
    ]
    return [section for section in sections if section.number != 0] + [
        Section("notes", _("Notes"), len(context["notes"]))
    ]


def _settlements(context: Mapping[str, Any]) -> int | None:
    return len(context["settlements"]) or (None if context["call"].lacks_stop else 0)
