"""Admin of proxies, with their logged fields in the syntax of their configuration."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget

from proxyconf.layout_form import LayoutForm, extras_field, legs_field
from proxyconf.models import Proxy
from proxyconf.models.reach import within_reach
from proxyconf.vocabulary.layout import BACKEND_NAMES

_PARSING_FIELDS = ("product", "version", "timezone", "layout")
"""The fields that determine how events of a proxy are parsed."""


class ProxyForm(LayoutForm):
    timezone = forms.ChoiceField(
        choices=[(zone, zone) for zone in sorted(available_timezones())],
        widget=UnfoldAdminSelectWidget,
        initial="UTC",
        label=_("Time zone"),
        help_text=_("Time zone of the proxy's clock. Its SQL tables contain local times without a time zone."),
    )

    class Meta:
        model = Proxy
        fields = ["name", "product", "version", "timezone", "cluster", "max_call", "addresses"]
        labels = {"max_call": _("Longest call")}
        help_texts = {
            "version": _("The release, such as 5.6 or 5.6.3. Formats differ between releases."),
            "cluster": _(
                "Proxies of a cluster report parts of the same calls. Leave empty if there is only one cluster."
            ),
            "max_call": _(
                "Longest plausible call duration, h:mm:ss. After this time an answered call is shown as No STOP."
            ),
            "addresses": _(
                "IP addresses and networks that the proxy sends from. Sources that listen accept only these, unless "
                "they name others."
            ),
        }


@admin.register(Proxy)
class ProxyAdmin(ModelAdmin):
    form = ProxyForm
    list_display = ["name", "product", "version", "timezone", "cluster", "logged", "configuration", "calls"]
    list_filter = ["product"]
    search_fields = ["name"]
    readonly_fields = ["meanings"]
    warn_unsaved_form = True
    fieldsets = [
        (None, {"fields": ["name", ("product", "version"), "timezone", ("cluster", "max_call"), "addresses"]}),
        (
            _("Logged fields"),
            {
                "description": _(
                    "Labels that the proxy writes to each accounting output, in the configured order: separated by "
                    "spaces, or the value of log_extra, db_extra, radius_extra, multi_leg_info… from the "
                    "configuration. Leave empty if unknown: the labels are then guessed. Enter a dash for none."
                ),
                "fields": [(extras_field(backend), legs_field(backend)) for backend in BACKEND_NAMES],
            },
        ),
        (_("Meaning of labels"), {"fields": ["meanings", "roles", ("newest_leg_first", "detect_direction")]}),
        (
            _("Times, dialog records, columns"),
            {
                "classes": ["collapse"],
                "description": _("Only if the configuration changes the defaults of these parameters."),
                "fields": [
                    ("time_mode", "time_attr"),
                    ("time_exten", "time_format"),
                    ("json_time_mode", "json_time_format"),
                    ("cdr_extras", "cdr_start_on_confirmed"),
                    ("cdr_start", "cdr_end", "cdr_duration"),
                    "columns",
                ],
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Proxy]:
        names = within_reach(request.user)
        proxies: QuerySet[Proxy] = super().get_queryset(request)
        return proxies if names is None else proxies.filter(name__in=names)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        # The layout's fields are the form's own; the factory must not look for them in the model.
        return super().get_form(request, obj, change, **kwargs | {"fields": ProxyForm.Meta.fields})

    def save_model(self, request: HttpRequest, obj: Proxy, form: Any, change: bool) -> None:
        before = Proxy.objects.filter(pk=obj.pk).values(*_PARSING_FIELDS).first()
        super().save_model(request, obj, form, change)
        if before and before != Proxy.objects.filter(pk=obj.pk).values(*_PARSING_FIELDS).first():
            text = gettext("Stored events do not change. To re-parse them with the current settings, run: {command}")
            messages.warning(request, text.format(command=f"manage.py source reread {obj.name}"))

    @admin.display(description=_("logs"))
    def logged(self, proxy: Proxy) -> str:
        """Return the number of extra fields per accounting output."""
        layout = proxy.field_layout
        if not layout.extras:
            return gettext("unknown: fields are guessed")
        counts = [
            ngettext("{place}: {n} extra field", "{place}: {n} extra fields", len(labels)).format(
                place=BACKEND_NAMES[backend], n=len(labels)
            )
            for backend, labels in layout.extras.items()
            if labels
        ]
        return ", ".join(counts) or gettext("no extra fields")

    @admin.display(description=_("configuration"))
    def configuration(self, proxy: Proxy) -> SafeString:
        address = reverse("proxyconf:profile", args=[proxy.name])
        return format_html('<a href="{}">{}</a>', address, _("show profile"))

    @admin.display(description=_("calls"))
    def calls(self, proxy: Proxy) -> SafeString:
        address = reverse("cdr:call-list", query={"proxy": proxy.name})
        return format_html('<a href="{}">{}</a>', address, _("show calls"))

    @admin.display(description=_("Detected roles"))
    def meanings(self, proxy: Proxy) -> str | SafeString:
        """Return each label with its effective role: the configured one, else the suggested one."""
        layout = proxy.field_layout
        extras = dict.fromkeys(label for labels in layout.extras.values() for label in labels)
        roles: list[tuple[str, str | None]] = [(label, layout.role_of(label)) for label in extras]
        roles_of_legs: dict[str, str] = {}
        for labels in layout.legs.values():
            for label, role in layout.leg_roles(labels).items():
                text = str(role) if layout.leg_role_of(label) == role else gettext("{role} (assumed)").format(role=role)
                roles_of_legs.setdefault(label, text)
        roles += roles_of_legs.items()
        if not roles:
            return str(_("No labels yet."))
        return format_html(
            '<ul class="pairs">{}</ul>',
            format_html_join("", "<li>{}: {}</li>", ((label, role or _("shown unchanged")) for label, role in roles)),
        )
