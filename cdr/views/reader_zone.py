"""The time zone of a page: the one in its address, else the user's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.generic import View

from cdr.views.addresses import ZONE
from proxyconf.models import Proxy


@dataclass(frozen=True, slots=True)
class ZoneChoice:
    """A zone to choose. ``value`` is its name, and empty for the user's own."""

    value: str
    label: str


if TYPE_CHECKING:
    _Mixed = View
else:
    _Mixed = object  # as a base, View would come before the mixins that stand behind this one


class InZoneMixin(_Mixed):
    """Activates the zone in the parameter ``zone``. ``zone_error`` is the error of an invalid name."""

    zone_error = ""
    readers_zone = "UTC"

    @property
    def zone_chosen(self) -> str:
        """The zone in the address; empty if there is none or it is invalid."""
        return "" if self.zone_error else self.request.GET.get(ZONE, "")

    @property
    def in_zone(self) -> str:
        """The query string that keeps the zone of the address in a link."""
        return f"?{urlencode({ZONE: self.zone_chosen})}" if self.zone_chosen else ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.readers_zone = timezone.get_current_timezone_name()
        with timezone.override(self._zone(request.GET.get(ZONE, ""))):
            response = super().dispatch(request, *args, **kwargs)
            if isinstance(response, TemplateResponse) and not response.is_rendered:
                response.render()  # while the zone is active
        return response

    def _zone(self, name: str) -> ZoneInfo | None:
        if not name:
            return timezone.get_current_timezone()
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            text = gettext(
                "“{name}” is not a valid time zone, so times are shown in {zone}; use a name like Europe/Berlin or UTC."
            )
            self.zone_error = text.format(name=name[:64], zone=self.readers_zone)
            return timezone.get_current_timezone()


def zone_choices(readers: str, current: str, proxies: Iterable[Proxy]) -> list[ZoneChoice]:
    """Return the user's zone, UTC, the zones of the proxies, and the ``current`` one."""
    of_proxies: dict[str, list[str]] = {}
    for proxy in proxies:
        of_proxies.setdefault(proxy.timezone, []).append(proxy.name)
    yours = ZoneChoice("", gettext("{zone} (yours)").format(zone=readers))
    others = [name for name in dict.fromkeys(["UTC", *sorted(of_proxies), current]) if name != readers]
    return [yours, *(ZoneChoice(name, _label(name, of_proxies.get(name, []))) for name in others)]


def _label(zone: str, proxies: list[str]) -> str:
    more = len(proxies) - 2
    named = ", ".join(proxies[:2]) + (f" +{more}" if more > 0 else "")
    return f"{zone} ({named})" if named else zone
