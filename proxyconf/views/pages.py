"""The base class of the pages about a proxy's configuration."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin
from proxyconf.models import Profile, Proxy
from proxyconf.models.imported import script_facts
from proxyconf.models.profile import profile_of
from proxyconf.models.reach import proxies_for
from proxyconf.profile import AccountingProfile
from proxyconf.script_facts import ScriptFacts

VIEW, CHANGE, PUBLISH = "proxyconf.view_profile", "proxyconf.change_profile", "proxyconf.publish_profile"


class ProxyPage(ShellMixin, TemplateView):
    """A page about the configuration of the proxy in the URL."""

    permission_required = VIEW
    title: str | Promise = _("Configuration of %(proxy)s")
    """The proxy's name comes last, because the frame capitalises the first letter."""

    @cached_property
    def proxy(self) -> Proxy:
        return get_object_or_404(proxies_for(self.request.user), name=self.kwargs["proxy"])

    @cached_property
    def draft(self) -> Profile | None:
        return Profile.objects.filter(proxy=self.proxy).first()

    @cached_property
    def value(self) -> AccountingProfile:
        """The draft profile; raises ``Http404`` if there is none."""
        return profile_of(get_object_or_404(Profile, proxy=self.proxy))

    @cached_property
    def facts(self) -> ScriptFacts:
        return script_facts(self.proxy)

    def kept(self, action: Action, **detail: Any) -> None:
        """Record in the audit log what was done to this proxy's configuration."""
        record(self.request, action, f"configuration of {self.proxy}", **detail)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        context = {
            "proxy": self.proxy,
            "release": self.proxy.release,
            "may_change": user.has_perm(CHANGE),
            "may_publish": user.has_perm(PUBLISH),
            "title": kwargs.get("title") or str(self.title) % {"proxy": self.proxy},
        }
        return super().get_context_data(**kwargs | context)  # the URL's "proxy" is only a name
