"""What was collected, in the admin: sources to set up, events, rejected input and calls to look at."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property, lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from accweb.web import audit
from cdr.admin.source_form import OWN, PREFIX, form_of
from cdr.display import clocks, markup, original_record
from cdr.display.wording import Text
from cdr.events import call_key
from cdr.models import Event, Rejected, Source
from cdr.monitoring.health_wording import replayed_in_words
from cdr.queries.visibility import Visibility, masked_text
from cdr.sources import KINDS
from cdr.storage.replay import replay
from proxyconf.models.reach import proxies_for

REACH = 10_000
REPLAYED_AT_ONCE = 2_000


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


def _timed(words: Text) -> Any:
    """Return a column's title with the zone that its times are shown in."""
    return format_lazy("{words} ({zone})", words=words, zone=lazy(timezone.get_current_timezone_name, str)())


class RelatedWithinReach(admin.RelatedFieldListFilter):
    """A filter by proxy or source that offers those within the user's reach."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        path = "name__in" if field.name == "proxy" else "proxy__name__in"
        names = Visibility.of(request.user).proxies
        limits = {} if names is None else {path: names}
        found: list[tuple[str, Any]] = field.get_choices(include_blank=False, limit_choices_to=limits)
        return found


class WithinReach:
    """What is of proxies within the user's reach; ``to_proxy`` leads to the proxy's name."""

    to_proxy = "proxy__name"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]  # of the admin beside
        names = Visibility.of(request.user).proxies
        return found if names is None else found.filter(**{f"{self.to_proxy}__in": names})


class CollectedAdmin(WithinReach, ModelAdmin):
    """A big table that is written by the machinery alone: to look at, not to change.

    ``in_full`` are the columns and fields that hold numbers, with what stands for them (``None``: nothing) for who may
    not see numbers in full.
    """

    in_full: dict[str, str | None] = {}
    nothing_there: Text = ""
    about_nothing: Text = ""
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

    def get_list_display(self, request: HttpRequest) -> list[str]:
        return self._seen(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self._seen(request, super().get_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.get_fields(request, obj)

    def _seen(self, request: HttpRequest, names: Any) -> list[str]:
        if Visibility.of(request.user).numbers:
            return list(names)
        return [masked for name in names if (masked := self.in_full.get(name, name)) is not None]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow who sees numbers masked the offered filters alone: other conditions find one out digit by digit."""
        offered = {one if isinstance(one, str) else one[0] for one in self.get_list_filter(request)}
        is_offered = lookup.partition("__")[0] in offered
        return (is_offered or Visibility.of(request.user).numbers) and super().lookup_allowed(lookup, value, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        answer: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        if answer.status_code == 200 and Visibility.of(request.user).numbers:
            audit.record(request, audit.Action.VIEWED, f"{self.opts.model_name} {object_id}")
        return answer


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
class SourceAdmin(WithinReach, ModelAdmin):
    nothing_there = _("There is no source yet")
    about_nothing = _(
        "A source says how the events of a proxy arrive. It appears with the first file that is ingested."
    )
    list_display = [
        "proxy",
        "name",
        "kind",
        "enabled",
        "newest",
        "received",
        "rate",
        "counted",
        "refused",
        "trouble",
    ]
    list_display_links = ["name"]
    list_filter = ["kind", "enabled", ("proxy", RelatedWithinReach)]
    list_select_related = ["proxy"]
    list_fullwidth = True
    health = [
        "newest",
        "last_received",
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
            offered = [kind for kind in Source.Kind if kind != Source.Kind.IMPORT]
            context = {
                **self.admin_site.each_context(request),
                "title": _("Add a source"),
                "opts": self.opts,
                "kinds": [
                    {"name": kind.value, "label": kind.label, "address": _with_kind(request, kind)} for kind in offered
                ],
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

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "proxy":
            kwargs["queryset"] = proxies_for(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description=_timed(_("newest event")), ordering="last_event_at")
    def newest(self, source: Source) -> SafeString:
        return clocks.moment(source.last_event_at, 1_000_000)

    @admin.display(description=_("received"), ordering="last_received_at")
    def received(self, source: Source) -> str:
        return clocks.ago(source.last_received_at)

    @admin.display(description=_timed(_("last received")))
    def last_received(self, source: Source) -> SafeString:
        return clocks.moment(source.last_received_at, 1_000_000)

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
    nothing_there = _("No event yet")
    about_nothing = _("Events appear as they arrive; a proxy’s page under Health shows how to connect it.")
    in_full = {"what": "masked_what", "labelled": None, "legs_as_received": None, "as_received": None}
    list_display = ["when", "proxy", "backend", "kind", "what", "short_call_id", "calls", "received"]
    list_filter = ["kind", "backend", ("proxy", RelatedWithinReach)]
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

    @admin.display(description=_timed(_("time")), ordering="time")
    def when(self, event: Event) -> SafeString:
        return clocks.moment(event.time, event.precision)

    @admin.display(description=_timed(_("received")))
    def received(self, event: Event) -> SafeString:
        return clocks.moment(event.received_at)

    @admin.display(description=_("event"))
    def what(self, event: Event) -> SafeString:
        return format_html(
            "{} {} {}", markup.visible(event.method, 32), event.code or "", markup.visible(event.reason, 64)
        )

    @admin.display(description=_("event"))
    def masked_what(self, event: Event) -> SafeString:
        event.reason = masked_text(event.reason)
        return self.what(event)

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
        return original_record.raw_input(event.raw)


@admin.register(Rejected)
class RejectedAdmin(CollectedAdmin):
    to_proxy = "source__proxy__name"
    nothing_there = _("Nothing was rejected")
    about_nothing = _(
        "All that was received and looked like accounting was understood. What cannot be understood is kept here, "
        "whole, and can be read again after a fix."
    )
    in_full = {"short_reason": "masked_reason", "start_of_input": None, "why": "masked_why", "as_received": None}
    list_display = ["came", "source", "format", "short_reason", "start_of_input", "state"]
    list_filter = [("replayed_at", admin.EmptyFieldListFilter), "format", ("source", RelatedWithinReach)]
    list_select_related = ["source__proxy"]
    fields = ["came", "source", "format", "why", "as_received", "state"]
    actions = ["read_again"]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cdr.change_rejected")

    @admin.action(description=_("Read again what was chosen"), permissions=["replay"])
    def read_again(self, request: HttpRequest, chosen: QuerySet[Rejected]) -> None:
        done = replay(chosen, most=REPLAYED_AT_ONCE)
        if done.waited:
            audit.record(request, audit.Action.REPLAYED, "rejected input, chosen by hand", **done.as_dict())
        messages.add_message(request, messages.WARNING if done.failing else messages.SUCCESS, replayed_in_words(done))

    @admin.display(description=_timed(_("received")), ordering="received_at")
    def came(self, rejected: Rejected) -> SafeString:
        return clocks.moment(rejected.received_at, 1_000_000)

    @admin.display(description=_("reason"))
    def short_reason(self, rejected: Rejected) -> SafeString:
        return markup.visible(rejected.reason, 160)

    @admin.display(description=_("reason"))
    def masked_reason(self, rejected: Rejected) -> SafeString:
        return markup.visible(masked_text(rejected.reason), 160)

    @admin.display(description=_("reason"))
    def why(self, rejected: Rejected) -> SafeString:
        return markup.value(rejected.reason)

    @admin.display(description=_("reason"))
    def masked_why(self, rejected: Rejected) -> SafeString:
        return markup.value(masked_text(rejected.reason))

    @admin.display(description=_("input"))
    def start_of_input(self, rejected: Rejected) -> SafeString:
        return markup.visible(bytes(rejected.raw)[:80].decode("utf-8", "backslashreplace"))

    @admin.display(description=_("as received"))
    def as_received(self, rejected: Rejected) -> SafeString:
        return original_record.raw_input(rejected.raw)

    @admin.display(description=_("state"), ordering="replayed_at")
    def state(self, rejected: Rejected) -> SafeString:
        if rejected.replayed_at is None:
            return format_html('<span class="muted">{}</span>', _("waits"))
        return format_html("{} {}", _("understood"), clocks.moment(rejected.replayed_at, 1_000_000))


def _with_kind(request: HttpRequest, kind: str) -> str:
    """Return the address of the form for a source of this kind, whatever else was asked for (a proxy) kept."""
    query = request.GET.copy()
    query["kind"] = kind
    return f"{request.path}?{query.urlencode()}"


def _link_to_calls(call_id: str) -> SafeString:
    if not call_id:
        return markup.NOTHING
    address = reverse("cdr:call-list", query={"call_id": call_id, "superseded": "1"})
    return format_html('<a href="{}">{}</a>', address, _("show the calls"))
