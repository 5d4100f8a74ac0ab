"""The frame of our pages inside the admin; only this module depends on the theme.

Staff members may see the frame, their permissions decide about the pages. A user without permission gets a page that
names the groups that have it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.vary import vary_on_headers
from django.views.generic.base import ContextMixin, TemplateResponseMixin
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

Text = str | Promise
INSIDE, OUTSIDE = "shell.html", "outside.html"


class Refused(PermissionDenied):
    """The user may not see a page; ``needed`` are the permissions that it requires, as ``app.codename``."""

    def __init__(self, needed: Iterable[str]) -> None:
        super().__init__()
        self.needed = tuple(needed)


@method_decorator(never_cache, name="dispatch")  # calls are personal data: browsers must not store them
@method_decorator(vary_on_headers("HX-Request"), name="dispatch")
class ShellMixin(PermissionRequiredMixin, TemplateResponseMixin, ContextMixin):
    """A page inside the admin's frame; htmx gets only the partial template."""

    title: Text = ""
    partial_template_name = ""
    request: HttpRequest

    def has_permission(self) -> bool:
        return self.request.user.is_staff and super().has_permission()

    def handle_no_permission(self) -> HttpResponse:  # type: ignore[override]  # any response will do
        """Redirect to the login, or raise ``Refused``. For htmx the whole page is redirected, not the partial."""
        if self.request.user.is_authenticated:
            raise Refused(self.get_permission_required())
        response = super().handle_no_permission()
        return HttpResponseClientRedirect(response.url) if HtmxDetails(self.request) else response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        around = {} if self._is_partial() else frame(self.request)
        return super().get_context_data(**{**around, "title": self.title, **kwargs})

    def get_template_names(self) -> list[str]:
        return [self.partial_template_name] if self._is_partial() else super().get_template_names()

    def _is_partial(self) -> bool:
        htmx = HtmxDetails(self.request)  # after "back" without a cached copy htmx needs the whole page
        return bool(self.partial_template_name and htmx and not htmx.history_restore_request)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for status 403, with the groups that have the missing permission."""
    groups = _groups_with(exception.needed) if isinstance(exception, Refused) else []
    return _error_page(request, "403.html", 403, _("No access"), groups=groups)


def _groups_with(permissions: Iterable[str]) -> list[str]:
    """Return the names of the groups that have all of the permissions."""
    groups = Group.objects.order_by("name")
    for permission in permissions:
        app, _dot, codename = permission.partition(".")
        groups = groups.filter(permissions__content_type__app_label=app, permissions__codename=codename)
    return list(groups.values_list("name", flat=True))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _error_page(request, "404.html", 404, _("Not found"))


def too_many_requests(request: HttpRequest, seconds: float) -> HttpResponse:
    """Return the page for status 429, with the time to wait."""
    minutes = math.ceil(seconds / 60)
    response = _error_page(request, "429.html", 429, _("Too many attempts"), minutes=minutes)
    response["Retry-After"] = str(math.ceil(seconds))
    return response


def _error_page(request: HttpRequest, template: str, status: int, title: Text, **context: Any) -> HttpResponse:
    inside = request.user.is_active and request.user.is_staff
    shown = frame(request) | {"frame": INSIDE if inside else OUTSIDE, "title": title, **context}
    return render(request, template, shown, status=status)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return what the templates of the frame need."""
    return admin.site.each_context(request)


def version(request: HttpRequest) -> dict[str, str]:
    """Add the version to the context of every page (a context processor)."""
    return {"version": settings.VERSION}
