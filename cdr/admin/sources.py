"""Sources in the admin, with their settings and health."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from cdr.admin.collected import VisibleProxiesMixin, VisibleRelatedFilter, timed
from cdr.admin.source_form import CONFIRM_DELETION, OWN, PREFIX, form_of
from cdr.display import clocks, markup
from cdr.models import Source
from cdr.sources import KINDS
from proxyconf.models.reach import proxies_for


@admin.register(Source)
class SourceAdmin(VisibleProxiesMixin, ModelAdmin):
    empty_title = _("No sources yet")
    empty_text = _("A source describes how the events of a proxy arrive. Add one, or ingest a file to create one.")
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
    list_filter = ["kind", "enabled", ("proxy", VisibleRelatedFilter)]
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
        queryset: QuerySet[Source] = super().get_queryset(request).prefetch_related("receivers")
        return queryset

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if request.GET.get("kind") not in Source.Kind.values and self.has_add_permission(request):
            offered = [kind for kind in Source.Kind if kind != Source.Kind.IMPORT]
            context = {
                **self.admin_site.each_context(request),
                "title": _("Add source"),
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
        if kind == Source.Kind.DATABASE:
            settings.insert(settings.index(PREFIX + "move") + 1, CONFIRM_DELETION)
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
            messages.warning(
                request, _("Copy this token now; it is not shown again: %(token)s") % {"token": form.new_token}
            )

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "proxy":
            kwargs["queryset"] = proxies_for(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description=timed(_("newest event")), ordering="last_event_at")
    def newest(self, source: Source) -> SafeString:
        return clocks.moment(source.last_event_at, 1_000_000)

    @admin.display(description=_("received"), ordering="last_received_at")
    def received(self, source: Source) -> str:
        return clocks.ago(source.last_received_at)

    @admin.display(description=timed(_("last received")))
    def last_received(self, source: Source) -> SafeString:
        return clocks.moment(source.last_received_at, 1_000_000)

    @admin.display(description=_("events/s"))
    def rate(self, source: Source) -> str:
        rates = [receiver.rate for receiver in source.receivers.all() if receiver.is_healthy(timezone.now())]
        return markup.decimal(sum(rates)) if rates else ""

    @admin.display(description=_("served by"))
    def served_by(self, source: Source) -> SafeString:
        receivers = source.receivers.all()
        return (
            markup.pairs([(receiver.host, receiver.summary(timezone.now())) for receiver in receivers])
            if receivers
            else markup.NOTHING
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


def _with_kind(request: HttpRequest, kind: str) -> str:
    """Return the address of the form for a source of this kind, keeping the other parameters (the proxy)."""
    query = request.GET.copy()
    query["kind"] = kind
    return f"{request.path}?{query.urlencode()}"
