"""Rejected input in the admin, and parsing it again."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accweb.web import audit
from cdr.admin.collected import CollectedAdmin, VisibleRelatedFilter, timed
from cdr.display import clocks, markup, original_record
from cdr.models import Rejected
from cdr.monitoring.health_wording import replayed_in_words
from cdr.queries.visibility import masked_text
from cdr.storage.replay import replay

REPLAYED_AT_ONCE = 2_000


@admin.register(Rejected)
class RejectedAdmin(CollectedAdmin):
    proxy_lookup = "source__proxy__name"
    empty_title = _("No rejected input")
    empty_text = _(
        "All accounting input so far was parsed. Input that cannot be parsed is stored here unchanged and "
        "can be re-parsed after a fix."
    )
    in_full = {"short_reason": "masked_reason", "start_of_input": None, "why": "masked_why", "as_received": None}
    list_display = ["came", "source", "format", "short_reason", "start_of_input", "state"]
    list_filter = [("replayed_at", admin.EmptyFieldListFilter), "format", ("source", VisibleRelatedFilter)]
    list_select_related = ["source__proxy"]
    fields = ["came", "source", "format", "why", "as_received", "state"]
    actions = ["read_again"]

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("cdr.change_rejected")

    @admin.action(description=_("Re-parse selected input"), permissions=["replay"])
    def read_again(self, request: HttpRequest, chosen: QuerySet[Rejected]) -> None:
        done = replay(chosen, most=REPLAYED_AT_ONCE)
        if done.waited:
            audit.record(request, audit.Action.REPLAYED, "rejected input, chosen by hand", **done.as_dict())
        messages.add_message(request, messages.WARNING if done.failing else messages.SUCCESS, replayed_in_words(done))

    @admin.display(description=timed(_("received")), ordering="received_at")
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

    @admin.display(description=_("original record"))
    def as_received(self, rejected: Rejected) -> SafeString:
        return original_record.raw_input(rejected.raw)

    @admin.display(description=_("state"), ordering="replayed_at")
    def state(self, rejected: Rejected) -> SafeString:
        if rejected.replayed_at is None:
            return format_html('<span class="muted">{}</span>', _("pending"))
        return format_html("{} {}", _("parsed"), clocks.moment(rejected.replayed_at, 1_000_000))
