"""The columns of the list: those in its address, else the user's choice, else the default."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext
from django.views.generic import View

from accweb.web.shell import ShellMixin
from cdr.models import ColumnChoice
from cdr.queries.columns import COLUMNS as ALL
from cdr.queries.columns import DEFAULT, MOST_COLUMNS, Column, columns_of, extra_column
from cdr.queries.names import EXTRA
from cdr.views.addresses import COLUMNS, ListAddress

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Offered:
    """A column in the panel, and whether it is shown."""

    column: Column
    chosen: bool


@dataclass(frozen=True, slots=True)
class Chosen:
    """The columns to show; ``by_address``: the address names them. ``errors`` is about unknown ones."""

    columns: list[Column]
    by_address: bool
    errors: list[str]

    @property
    def usual(self) -> bool:
        return tuple(column.name for column in self.columns) == DEFAULT

    def offered(self, labels: Iterable[str]) -> list[Offered]:
        """Return the columns shown, in their order, then all others, with those of the extra fields ``labels``."""
        shown = {column.name for column in self.columns}
        others = [*ALL, *map(extra_column, labels)]
        return [
            *(Offered(column, True) for column in self.columns),
            *(Offered(column, False) for column in others if column.name not in shown),
        ]


def in_address(names: Iterable[str]) -> str:
    """Write names of columns as one parameter; a comma within a name is written ``%2C``."""
    return ",".join(name.replace("%", "%25").replace(",", "%2C") for name in names)


def chosen_columns(address: ListAddress, user: AbstractBaseUser | AnonymousUser) -> Chosen:
    """Return the columns to show to ``user``, with errors for unknown names in the address."""
    given = address.conditions.get(COLUMNS, "")
    if given:
        columns, unknown = columns_of(unquote(name)[:LONGEST_NAME] for name in given.split(","))
        errors = [gettext("Unknown column “{name}”.").format(name=name) for name in unknown[:3]]
        return Chosen(columns or _usual(), True, errors)
    choice = ColumnChoice.objects.filter(user_id=user.pk or 0).first()
    columns, _dropped = columns_of(map(str, choice.columns)) if choice else ([], [])
    return Chosen(columns or _usual(), False, [])


def _usual() -> list[Column]:
    return columns_of(DEFAULT)[0]


def moved(names: Sequence[str], name: str, by: int) -> list[str]:
    """Return ``names`` with one of them moved up or down by one place, if possible."""
    order = list(names)
    if name in order:
        at = order.index(name)
        to = min(max(at + by, 0), len(order) - 1)
        order.insert(to, order.pop(at))
    return order


class ChooseColumns(ShellMixin, View):
    """Saves the chosen columns for the user, or puts them into the address."""

    permission_required = "cdr.view_call"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, **_kwargs: Any) -> HttpResponse:
        address = ListAddress(reverse("cdr:call-list"), QueryDict(request.POST.get("next", "")))
        names = [name[:LONGEST_NAME] for name in request.POST.getlist("column")]
        if label := request.POST.get("other_label", "").strip():
            names.append((EXTRA + label)[:LONGEST_NAME])
        for field, by in (("up", -1), ("down", 1)):
            names = moved(names, request.POST.get(field, ""), by)
        columns, _unknown = columns_of(names)
        kept = [column.name for column in columns][:MOST_COLUMNS]
        if "link" in request.POST and kept:
            return HttpResponseRedirect(str(address.setting(**{COLUMNS: in_address(kept)})))
        if "reset" in request.POST or not kept:
            ColumnChoice.objects.filter(user_id=request.user.pk or 0).delete()
        else:
            ColumnChoice.objects.update_or_create(user_id=request.user.pk or 0, defaults={"columns": kept})
        return HttpResponseRedirect(str(address.setting(**{COLUMNS: None})))
