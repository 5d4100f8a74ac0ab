"""Stored events in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from cdr.admin.collected import CallIdSearch, CollectedAdmin, VisibleRelatedFilter, timed
from cdr.display import clocks, markup, original_record
from cdr.models import Event
from cdr.queries.visibility import masked_text


@admin.register(Event)
class EventAdmin(CallIdSearch, CollectedAdmin):
    empty_title = _("No events yet")
    empty_text = _("Events appear here as they arrive. The proxy’s page under Health shows how to connect it.")
    in_full = {"what": "masked_what", "labelled": None, "legs_as_received": None, "as_received": None}
    list_display = ["when", "proxy", "backend", "kind", "what", "short_call_id", "calls", "received"]
    list_filter = ["kind", "backend", ("proxy", VisibleRelatedFilter)]
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

    @admin.display(description=timed(_("time")), ordering="time")
    def when(self, event: Event) -> SafeString:
        return clocks.moment(event.time, event.precision)

    @admin.display(description=timed(_("received")))
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

    @admin.display(description=_("From and To tags"))
    def tags(self, event: Event) -> SafeString:
        return format_html("{} {} {}", markup.value(event.from_tag), markup.arrow(), markup.value(event.to_tag))

    @admin.display(description=_("extra fields"))
    def labelled(self, event: Event) -> SafeString:
        return markup.pairs(event.extra)

    @admin.display(description=_("legs"))
    def legs_as_received(self, event: Event) -> SafeString:
        return markup.pairs(pair for leg in event.legs for pair in leg)

    @admin.display(description=_("original record"))
    def as_received(self, event: Event) -> SafeString:
        return original_record.raw_input(event.raw)


def _link_to_calls(call_id: str) -> SafeString:
    if not call_id:
        return markup.NOTHING
    address = reverse("cdr:call-list", query={"call_id": call_id, "superseded": "1"})
    return format_html('<a href="{}">{}</a>', address, _("show the calls"))
