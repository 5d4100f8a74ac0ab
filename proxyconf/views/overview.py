"""The list of proxies with their configuration, and the page of each proxy."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from accweb.web.audit import Action
from accweb.web.server_host import server_host
from accweb.web.shell import ShellMixin
from proxyconf.forms.presets import PRESETS, with_preset
from proxyconf.forms.profile import ABOUT_BACKENDS
from proxyconf.models import FetchToken, Proxy
from proxyconf.models.fetch_token import new_token
from proxyconf.models.imported import script_facts
from proxyconf.models.profile import profile_of, save_profile, suggested
from proxyconf.models.reach import proxies_for
from proxyconf.models.revision import Revision
from proxyconf.next_steps import next_steps
from proxyconf.translation import translated
from proxyconf.views.editor import preview_of
from proxyconf.views.findings import shown_findings
from proxyconf.views.pages import CHANGE, PUBLISH, VIEW, ProxyPage
from proxyconf.vocabulary.layout import BACKEND_NAMES, Backend
from proxyconf.vocabulary.parameters import backends_of, why_no_backend
from proxyconf.vocabulary.products import Product, Version

_LATEST = 5
TOKEN_ONCE = "proxyconf_new_token"  # noqa: S105 - the session's key, not a token


class ProfileListPage(ShellMixin, TemplateView):
    """The list of proxies: draft, findings, latest revision."""

    title = gettext_lazy("Configuration")
    permission_required = VIEW
    template_name = "proxyconf/profile_list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        proxies = proxies_for(self.request.user).select_related("profile").order_by("name")
        rows = [_row(proxy) for proxy in proxies]
        may_change = self.request.user.has_perm(CHANGE)
        return super().get_context_data(rows=rows, may_change=may_change, **kwargs)


class ProfilePage(ProxyPage):
    """The configuration of a proxy: its draft, files and revisions, or a form to create a profile."""

    template_name = "proxyconf/profile.html"

    @cached_property
    def has_draft(self) -> bool:
        return self.draft is not None

    def get_template_names(self) -> list[str]:
        return ["proxyconf/profile.html" if self.has_draft else "proxyconf/profile_start.html"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        if not self.has_draft:
            return super().get_context_data(backends=backend_choices(self.proxy), presets=PRESETS, **kwargs)
        revisions = list(self.proxy.revisions.order_by("-number")[:_LATEST])
        return super().get_context_data(
            profile=self.draft,
            preview=preview_of(
                self.value, server_host(self.request), self.request.GET.get("file", ""), facts=self.facts
            ),
            revisions=revisions,
            is_published=bool(revisions) and revisions[0].value == self.value,
            steps=next_steps(self.proxy) if revisions else (),
            token=FetchToken.objects.filter(proxy=self.proxy).first(),
            new_token=self.request.session.pop(TOKEN_ONCE + self.proxy.name, ""),
            base=self.request.build_absolute_uri("/").rstrip("/"),
            **kwargs,
        )


class ProfileStart(ProxyPage):
    """Create a suggested profile."""

    permission_required = CHANGE
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.draft is not None:
            messages.info(request, _("There is a profile already: here it is."))
            return redirect("proxyconf:edit", self.proxy.name)
        available = {choice["name"] for choice in backend_choices(self.proxy) if not choice["absent"]}
        backends = [Backend(name) for name in request.POST.getlist("backends") if name in available]
        if not backends:
            messages.error(request, _("Choose at least one place for the proxy to write to."))
            return redirect("proxyconf:profile", self.proxy.name)
        save_profile(self.proxy, with_preset(suggested(self.proxy, backends), request.POST.get("preset", "")))
        self.kept(Action.ADDED, draft="suggested", backends=[backend.value for backend in backends])
        return redirect("proxyconf:edit", self.proxy.name)


class NewToken(ProxyPage):
    """Create or revoke the token of deployment tools; the next page shows a new one, once."""

    permission_required = PUBLISH
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "withdraw" in request.POST:
            FetchToken.objects.filter(proxy=self.proxy).delete()
            self.kept(Action.DELETED, what="token for fetching")
            messages.success(request, _("The token was revoked."))
        else:
            by = request.user if request.user.is_authenticated else None
            request.session[TOKEN_ONCE + self.proxy.name] = new_token(self.proxy, by=by)
            self.kept(Action.ADDED, what="token for fetching")
        return redirect("proxyconf:profile", self.proxy.name)


def backend_choices(proxy: Proxy) -> list[dict[str, Any]]:
    """Return all backends: name, title, description, and why the proxy's release lacks it (else empty)."""
    release = (Product(proxy.product), Version.parse(proxy.version))
    usual = [one for one in (Backend.SYSLOG,) if one in backends_of(*release)]
    return [
        {
            "name": one.value,
            "title": BACKEND_NAMES[one],
            "about": ABOUT_BACKENDS[one],
            "absent": translated(why_no_backend(*release, one)),
            "chosen": one in usual,
        }
        for one in Backend
    ]


def _row(proxy: Proxy) -> dict[str, Any]:
    row: dict[str, Any] = {"proxy": proxy, "release": proxy.release, "profile": getattr(proxy, "profile", None)}
    if row["profile"] is None:
        return row
    value = profile_of(row["profile"])
    latest: Revision | None = proxy.revisions.first()
    findings = shown_findings(value, facts=script_facts(proxy))
    return row | {
        "backends": ", ".join(BACKEND_NAMES[one] for one in value.backends),
        "extras": len(value.extras),
        "legs": len(value.legs),
        "errors": sum(finding.severity == "error" for finding in findings),
        "warnings": sum(finding.severity == "warning" for finding in findings),
        "latest": latest,
        "is_published": latest is not None and latest.value == value,
    }
