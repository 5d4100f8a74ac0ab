"""Big tables in the admin: to look at, within the user's visibility, and never counted to the end."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import cached_property, lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from accweb.web import audit
from cdr.display.wording import Text
from cdr.events import call_key
from cdr.queries.visibility import Visibility

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


def timed(words: Text) -> Any:
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
    search_help_text = _("Complete Call-ID")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = term.strip()
        return (queryset.filter(call_key=call_key(term), call_id=term) if term else queryset), False
