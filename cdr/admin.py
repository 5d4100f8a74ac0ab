"""What was collected, in the admin: sources to set up, events, rejected input and calls to look at."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from cdr import markup
from cdr.events import call_key
from cdr.kinds import KINDS
from cdr.models import Call, Event, Rejected, Source
from cdr.source_form import OWN, PREFIX, form_of

REACH = 10_000


class CappedPaginator(Paginator):
    """Counts and reaches no further than ``reach`` rows, so that a page costs the same whatever the table holds."""

    template_name = "cdr/_capped_pagination.html"
    reach = REACH

    @cached_property
    def count(self) -> int:
        return cast(QuerySet[Any], self.object_list)[: self.reach].count()

    @property
    def capped(self) -> bool:
        return self.count >= self.reach


class CollectedAdmin(ModelAdmin):
    """A big table that is written by the machinery alone: to look at, not to change."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_fullwidth = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class CallIdSearch:
    """Search by whole Call-ID, which an index answers."""

    search_fields = ["call_id"]
    search_help_text = _("The whole Call-ID")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = term.strip()
        return (queryset.filter(call_key=call_key(term), call_id=term) if term else queryset), False


@admin.register(Source)
class SourceAdmin(ModelAdmin):
    list_display = [
        "proxy",
        "name",
        "kind",
        "enabled",
        "last_event_at",
        "last_received_at",
        "rate",
        "counted",
        "refused",
        "trouble",
    ]
    list_display_links = ["name"]
    list_filter = ["kind", "enabled"]
    list_select_related = ["proxy"]
    list_fullwidth = True
    health = [
        "last_event_at",
        "last_received_at",
        "events",
        "duplicates",
        "rejected",
        "ignored",
        "served_by",
        "trouble",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        found: QuerySet[Source] = super().get_queryset(request).prefetch_related("receivers")
        return found

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.GET.get("kind") not in Source.Kind.values and self.has_add_permission(request):
            context = {
                **self.admin_site.each_context(request),
                "title": _("Add a source"),
                "opts": self.opts,
                "kinds": [kind for kind in Source.Kind if kind != Source.Kind.IMPORT],
            }
            return TemplateResponse(request, "admin/cdr/source/choose_kind.html", context)
        answer: HttpResponse = super().add_view(request, form_url, extra_context)
        return answer

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        kind = obj.kind if obj else request.GET.get("kind", Source.Kind.IMPORT)
        # The settings' fields are the form's own; the factory must not look for them in the model.
        return super().get_form(request, obj, change, **kwargs | {"form": form_of(kind), "fields": OWN})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        kind = obj.kind if obj else request.GET.get("kind", Source.Kind.IMPORT)
        settings = [PREFIX + name for name in KINDS[kind].declared()]
        own = (None, {"fields": OWN + (["kind"] if obj else [])})
        return [
            own,
            *([(_("Settings"), {"fields": settings})] if settings else []),
            *([(_("Health"), {"fields": self.health})] if obj else []),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["kind", *self.health]

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.new_token:
            messages.warning(request, _("The token, shown this once: %(token)s") % {"token": form.new_token})

    @admin.display(description=_("events/s"))
    def rate(self, source: Source) -> str:
        rates = [receiver.rate for receiver in source.receivers.all() if receiver.is_well(timezone.now())]
        return f"{sum(rates):.1f}" if rates else ""

    @admin.display(description=_("served by"))
    def served_by(self, source: Source) -> SafeString:
        receivers = source.receivers.all()
        return (
            markup.pairs([(one.host, one.told(timezone.now())) for one in receivers]) if receivers else markup.NOTHING
        )

    @admin.display(description=_("error"))
    def trouble(self, source: Source) -> SafeString:
        return markup.value(source.error) if source.error else markup.NOTHING

    @admin.display(description=_("events"), ordering="events")
    def counted(self, source: Source) -> str:
        return markup.number(source.events)

    @admin.display(description=_("rejected"), ordering="rejected")
    def refused(self, source: Source) -> str | SafeString:
        if not source.rejected:
            return "0"
        link = reverse("admin:cdr_rejected_changelist")
        return format_html('<a href="{}?source__id__exact={}">{}</a>', link, source.pk, markup.number(source.rejected))


@admin.register(Event)
class EventAdmin(CallIdSearch, CollectedAdmin):
    list_display = ["when", "proxy", "backend", "kind", "what", "short_call_id", "calls", "received"]
    list_filter = ["kind", "backend", "proxy"]
    list_select_related = ["proxy", "source"]
    ordering = ["-time", "-id"]
    fields = [
        "when",
        "received",
        "proxy",
        "source",
        "backend",
        "kind",
        "what",
        "whole_call_id",
        "tags",
        "labelled",
        "legs_as_received",
        "flags",
        "as_received",
    ]

    @admin.display(description=_("time"), ordering="time")
    def when(self, event: Event) -> SafeString:
        return markup.moment(event.time, event.precision)

    @admin.display(description=_("received"))
    def received(self, event: Event) -> SafeString:
        return markup.moment(event.received_at)

    @admin.display(description=_("event"))
    def what(self, event: Event) -> SafeString:
        return format_html(
            "{} {} {}", markup.visible(event.method, 32), event.code or "", markup.visible(event.reason, 64)
        )

    @admin.display(description=_("Call-ID"))
    def short_call_id(self, event: Event) -> SafeString:
        return markup.visible(event.call_id, 48)

    @admin.display(description=_("Call-ID"))
    def whole_call_id(self, event: Event) -> SafeString:
        return format_html("{} {}", markup.value(event.call_id), self.calls(event))

    @admin.display(description=_("calls"))
    def calls(self, event: Event) -> SafeString:
        return _link_to_calls(event.call_id)

    @admin.display(description=_("From and To tag"))
    def tags(self, event: Event) -> SafeString:
        return format_html("{} {} {}", markup.value(event.from_tag), markup.arrow(), markup.value(event.to_tag))

    @admin.display(description=_("extra fields"))
    def labelled(self, event: Event) -> SafeString:
        return markup.pairs(event.extra)

    @admin.display(description=_("legs"))
    def legs_as_received(self, event: Event) -> SafeString:
        return markup.pairs(pair for leg in event.legs for pair in leg)

    @admin.display(description=_("as received"))
    def as_received(self, event: Event) -> SafeString:
        return markup.raw_input(event.raw)


@admin.register(Rejected)
class RejectedAdmin(CollectedAdmin):
    list_display = ["received_at", "source", "format", "short_reason", "start_of_input", "replayed_at"]
    list_filter = ["format", "source"]
    list_select_related = ["source__proxy"]
    fields = ["received_at", "source", "format", "why", "as_received", "replayed_at"]

    @admin.display(description=_("reason"))
    def short_reason(self, rejected: Rejected) -> SafeString:
        return markup.visible(rejected.reason, 160)

    @admin.display(description=_("reason"))
    def why(self, rejected: Rejected) -> SafeString:
        return markup.value(rejected.reason)

    @admin.display(description=_("input"))
    def start_of_input(self, rejected: Rejected) -> SafeString:
        return markup.visible(bytes(rejected.raw)[:80].decode("utf-8", "backslashreplace"))

    @admin.display(description=_("as received"))
    def as_received(self, rejected: Rejected) -> SafeString:
        return markup.raw_input(rejected.raw)


@admin.register(Call)
class CallAdmin(CallIdSearch, CollectedAdmin):
    """The raw list for administrators; a call's own page is the one of ``cdr.views``."""

    list_display = ["begun", "who", "how", "long", "became", "short_call_id", "revision", "updated_at"]
    list_filter = ["state", "outcome"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(reverse("cdr:call", args=[object_id]))

    @admin.display(description=_("started"), ordering="started_at")
    def begun(self, call: Call) -> SafeString:
        return markup.moment(call.started_at)

    @admin.display(description=_("from → to"))
    def who(self, call: Call) -> SafeString:
        return markup.parties(call)

    @admin.display(description=_("state"))
    def how(self, call: Call) -> SafeString:
        return markup.state_badge(call.state)

    @admin.display(description=_("duration"))
    def long(self, call: Call) -> SafeString:
        return markup.duration(call)

    @admin.display(description=_("outcome"))
    def became(self, call: Call) -> SafeString:
        return markup.outcome(call)

    @admin.display(description=_("Call-ID"))
    def short_call_id(self, call: Call) -> SafeString:
        return markup.visible(call.call_id, 48)


def _link_to_calls(call_id: str) -> SafeString:
    if not call_id:
        return markup.NOTHING
    address = reverse("cdr:call-list", query={"call_id": call_id, "superseded": "1"})
    return format_html('<a href="{}">{}</a>', address, _("show the calls"))
