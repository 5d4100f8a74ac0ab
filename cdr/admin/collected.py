"""Large tables in the admin: read-only, limited to the user's visibility, and counted only up to a limit."""

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

LIMIT = 10_000


class CappedPaginator(Paginator):
    """Counts and pages through at most ``limit`` rows, so that the size of the table does not matter."""

    template_name = "cdr/_capped_pagination.html"
    limit = LIMIT

    @cached_property
    def count(self) -> int:
        return cast(QuerySet[Any], self.object_list)[: self.limit].count()

    @property
    def capped(self) -> bool:
        return self.count >= self.limit


def timed(words: Text) -> Any:
    """Return the title of a column with the time zone of its values."""
    return format_lazy("{words} ({zone})", words=words, zone=lazy(timezone.get_current_timezone_name, str)())


class VisibleRelatedFilter(admin.RelatedFieldListFilter):
    """A filter by proxy or source that offers only the visible ones."""

    def field_choices(
        self, field: Any, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        path = "name__in" if field.name == "proxy" else "proxy__name__in"
        names = Visibility.of(request.user).proxies
        limits = {} if names is None else {path: names}
        choices: list[tuple[str, Any]] = field.get_choices(include_blank=False, limit_choices_to=limits)
        return choices


class VisibleProxiesMixin:
    """Limits the rows to those of visible proxies. ``proxy_lookup`` is the lookup of the proxy's name."""

    proxy_lookup = "proxy__name"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        queryset: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]  # of ModelAdmin
        names = Visibility.of(request.user).proxies
        return queryset if names is None else queryset.filter(**{f"{self.proxy_lookup}__in": names})


class CollectedAdmin(VisibleProxiesMixin, ModelAdmin):
    """A large table that only accweb itself writes: read-only in the admin.

    ``in_full`` maps columns and fields with numbers to their replacements (``None``: left out) for users who see
    masked numbers.
    """

    in_full: dict[str, str | None] = {}
    empty_title: Text = ""
    empty_text: Text = ""
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
        return self._masked_names(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self._masked_names(request, super().get_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return self.get_fields(request, obj)

    def _masked_names(self, request: HttpRequest, names: Any) -> list[str]:
        if Visibility.of(request.user).numbers:
            return list(names)
        return [masked for name in names if (masked := self.in_full.get(name, name)) is not None]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow users who see masked numbers only the offered filters: others would reveal numbers digit by digit."""
        offered = {item if isinstance(item, str) else item[0] for item in self.get_list_filter(request)}
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
    """Search by complete Call-ID, for which there is an index."""

    search_fields = ["call_id"]
    search_help_text = _("Complete Call-ID")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = term.strip()
        return (queryset.filter(call_key=call_key(term), call_id=term) if term else queryset), False
