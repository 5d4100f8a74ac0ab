"""Named lists of calls and reports: built-in, saved and shared ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import View

from accweb.web.shell import ShellMixin
from cdr.display.wording import Text
from cdr.models import SavedView
from cdr.queries.conditions_form import about_numbers
from cdr.queries.names import EXTRA
from cdr.queries.search import written
from cdr.queries.visibility import Visibility
from cdr.views.addresses import COLUMNS, LIVE, WORD, ZONE, ListAddress
from cdr.views.calls.column_choice import in_address
from cdr.views.calls.searching import SEARCH, conditions_in
from proxyconf.models import Proxy
from proxyconf.vocabulary.layout import Role

LONGEST_NAME = 80
LONGEST_CONDITIONS = 8000
MOST_VIEWS = 200


@dataclass(frozen=True, slots=True)
class NamedList:
    """A view to choose. ``saved`` is the stored one, ``owner`` the user who shared it, if somebody else."""

    name: Text
    address: ListAddress
    about: Text
    chosen: bool
    saved: SavedView | None = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Views:
    """The views that a user may choose from."""

    kind: SavedView.ViewKind
    built_in: list[NamedList]
    own: list[NamedList]
    shared: list[NamedList]
    may_share: bool

    @property
    def chosen(self) -> NamedList | None:
        return next((one for one in (*self.own, *self.shared, *self.built_in) if one.chosen), None)


BuiltIn = tuple[Text, str, Text]
"""A built-in view: its name, its query, its description."""


def views_for(
    user: AbstractBaseUser | AnonymousUser,
    visibility: Visibility,
    address: ListAddress,
    built_in: Iterable[BuiltIn],
    kind: SavedView.ViewKind = SavedView.ViewKind.LIST,
) -> Views:
    """Return the views for ``user``; the one at ``address`` is marked as chosen.

    Who sees numbers masked is not offered what others shared about numbers: the conditions would tell them.
    """
    here = _meant(address.query)

    def view(name: Text, query: str, about: Text = "", saved: SavedView | None = None, owner: str = "") -> NamedList:
        said = about or written(conditions_in(query)) or _("all calls")
        leads = ListAddress(address.path, QueryDict(query))
        if ZONE not in leads.conditions:
            leads = leads.setting(**{ZONE: address.conditions.get(ZONE)})
        return NamedList(name, leads, said, _meant(query) == here, saved, owner)

    mine = SavedView.objects.filter(kind=kind, owner_id=user.pk or 0)[:MOST_VIEWS]
    shared_views = SavedView.objects.filter(kind=kind, shared=True).exclude(owner_id=user.pk or 0)
    shared = shared_views.select_related("owner")[:MOST_VIEWS]
    others = [one for one in shared if visibility.numbers or not _tells_numbers(one)]
    return Views(
        kind,
        [view(name, query, about) for name, query, about in built_in],
        [view(one.name, one.conditions, saved=one) for one in mine],
        [view(one.name, one.conditions, saved=one, owner=one.owner.get_username()) for one in others],
        isinstance(user, PermissionsMixin) and user.has_perm("cdr.share_savedview"),
    )


def built_in_lists(proxies: Iterable[Proxy]) -> list[BuiltIn]:
    """Return the built-in lists of calls."""
    gateways = {
        EXTRA + label
        for layout in (proxy.field_layout for proxy in proxies)
        for labels in layout.extras.values()
        for label in layout.labels_with(Role.GATEWAY, labels)
    }
    by_gateway = QueryDict(mutable=True)
    by_gateway.setlist("attempt_code", ["5xx"])
    by_gateway[COLUMNS] = in_address(
        ["started_at", "who", "sip_code", "sip_reason", "attempts", *sorted(gateways), "source_ip", "seen"]
    )
    return [
        (_("No STOP"), "state=stop_missing&settled=0", _("Answered, but no STOP was recorded.")),
        (_("Needs review"), "settled=0", _("No STOP, and the end is not set manually.")),
        (_("Short calls"), "state=completed&max_duration=5", _("Answered and ended within 5 seconds.")),
        (_("Long calls"), "min_duration=3600", _("One hour or longer.")),
        (
            _("Failed by gateway"),
            by_gateway.urlencode(),
            _("Calls with an attempt that failed with 5xx, answered elsewhere or not."),
        ),
        (
            _("Uncertain durations"),
            "duration_kind=at_least&duration_kind=at_most&duration_kind=approximate",
            _("Duration at least, at most or approximate."),
        ),
        (_("Injected fields"), "flag=forged_separator", _("A value contains text that looks like fields.")),
    ]


def _meant(query: str) -> list[tuple[str, str]]:
    return sorted(conditions_in(query))


def _tells_numbers(view: SavedView) -> bool:
    return any(about_numbers(name) for name, _value in conditions_in(view.conditions))


def _kept(query: str) -> str:
    """Return the part of an address that a view stores."""
    kept = ListAddress("", QueryDict(query)).setting(**{WORD: None, LIVE: None, SEARCH: None})
    return kept.query


class _ViewsOfList(ShellMixin, View):
    permission_required = "cdr.view_call"
    http_method_names = ["post"]

    def _back(self, conditions: str, kind: str) -> HttpResponse:
        page = "cdr:report" if kind == SavedView.ViewKind.REPORT else "cdr:call-list"
        return HttpResponseRedirect(str(ListAddress(reverse(page), QueryDict(conditions))))

    def _name(self) -> str:
        """Return the entered name; if it is empty, show an error."""
        name = self.request.POST.get("name", "").replace("\0", "").strip()[:LONGEST_NAME]
        if not name:
            messages.error(self.request, gettext("Enter a name for the view."))
        return name

    def _shared(self) -> bool:
        return bool(self.request.POST.get("shared")) and self.request.user.has_perm("cdr.share_savedview")


class SaveView(_ViewsOfList):
    """Saves a list or a report under a name, replacing the user's own one with that name."""

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        given = request.POST.get("conditions", "")
        is_report = request.POST.get("kind") == SavedView.ViewKind.REPORT
        kind = SavedView.ViewKind.REPORT if is_report else SavedView.ViewKind.LIST
        conditions = _kept(given)
        if len(conditions) > LONGEST_CONDITIONS:
            messages.error(request, gettext("The filter is too long to be saved. Remove some conditions."))
        elif name := self._name():
            SavedView.objects.update_or_create(
                owner_id=request.user.pk,
                kind=kind,
                name=name,
                defaults={"conditions": conditions, "shared": self._shared()},
            )
            messages.success(request, gettext("The view “{name}” was saved.").format(name=name))
        return self._back(given, kind)


class ChangeView(_ViewsOfList):
    """Renames, shares or deletes one of the user's own views or reports."""

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        view = SavedView.objects.filter(pk=self.kwargs["pk"], owner_id=request.user.pk).first()
        if view is None:
            raise Http404
        if "delete" in request.POST:
            view.delete()
            messages.success(request, gettext("The view “{name}” was deleted.").format(name=view.name))
        elif name := self._name():
            self._rename(view, name)
        return self._back(request.POST.get("next", ""), view.kind)

    def _rename(self, view: SavedView, name: str) -> None:
        view.name, view.shared = name, self._shared()
        try:
            with transaction.atomic():
                view.save(update_fields=["name", "shared"])
        except IntegrityError:
            messages.error(
                self.request, gettext("You already have a view named “{name}”. Choose another name.").format(name=name)
            )
