"""The sidebar and the user menu."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from accweb.web.shell import Text

Item = dict[str, Any]
STOP_MISSING = "stop_missing"


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar's groups as Unfold expects them."""
    calls, configuration = reverse("cdr:call-list"), reverse("proxyconf:profiles")
    exports, health = reverse("cdr:exports"), reverse("cdr:health")
    without_stop = request.GET.getlist("state") == [STOP_MISSING]
    in_calls = request.path.startswith(calls)
    return [
        {
            "items": [
                _item(
                    request, _("Overview"), "home", reverse("cdr:start"), "cdr.view_call", active=request.path == "/"
                ),
                _item(request, _("Calls"), "call", calls, "cdr.view_call", active=in_calls and not without_stop),
                _item(
                    request,
                    _("No STOP"),
                    "phone_missed",
                    f"{calls}?state={STOP_MISSING}&settled=0",
                    "cdr.view_call",
                    active=in_calls and without_stop,
                ),
                _item(request, _("Reports"), "bar_chart", reverse("cdr:report"), "cdr.view_call"),
                _item(request, _("Exports"), "download", exports, "cdr.export_call"),
            ]
        },
        {
            "title": _("Data collection"),
            "separator": True,
            "items": [
                _item(request, _("Health"), "monitor_heart", health, "cdr.view_source") | _problem_badge(request),
                _admin_item(request, _("Proxies"), "dns", "proxyconf", "proxy"),
                _item(request, _("Configuration"), "tune", configuration, "proxyconf.view_profile"),
                _admin_item(request, _("Sources"), "sensors", "cdr", "source"),
                _admin_item(request, _("Events"), "receipt_long", "cdr", "event"),
                _admin_item(request, _("Rejected input"), "report", "cdr", "rejected"),
            ],
        },
        {
            "title": _("Access"),
            "separator": True,
            "items": [
                _admin_item(request, _("Users"), "person", "auth", "user"),
                _admin_item(request, _("Groups"), "group", "auth", "group"),
                _item(request, _("Locked logins"), "lock", reverse("locked-logins"), "auth.change_user"),
                _admin_item(request, _("API tokens"), "key", "accweb", "apitoken"),
                _admin_item(request, _("Audit log"), "history", "accweb", "auditentry"),
            ],
        },
    ]


def _problem_badge(request: HttpRequest) -> Item:
    """Return the number of proxies with a problem as a badge; nothing where there is none."""
    count = import_string("cdr.monitoring.problems.menu_badge")(request)  # by name: the frame stands below the rooms
    return {"badge": count, "badge_variant": "danger"} if count else {}  # a text would be the path of a function


def _admin_item(request: HttpRequest, title: Text, icon: str, app: str, model: str) -> Item:
    link = reverse(f"admin:{app}_{model}_changelist")
    return _item(request, title, icon, link, f"{app}.view_{model}")


def _item(
    request: HttpRequest, title: Text, icon: str, link: str, permission: str, *, active: bool | None = None
) -> Item:
    """Return an item; by default it is active on its page and the pages below."""
    is_active = request.path.startswith(link) if active is None else active
    return {"title": title, "icon": icon, "link": link, "permission": _allows(permission), "active": _always(is_active)}


def _allows(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def _always(value: bool) -> Callable[[HttpRequest], bool]:
    return lambda request: value


def account(request: HttpRequest) -> list[Item]:
    """Return the items of the user menu, apart from logging out."""
    return [
        {"title": _("My account"), "link": reverse("account")},
        {"title": _("Second factor"), "link": reverse("mfa_index")},
        {"title": _("My sessions"), "link": reverse("sessions")},
        {"title": _("API tokens"), "link": reverse("tokens")},
        {"title": _("Change my password"), "link": reverse("admin:password_change")},
    ]
