"""The remedy of a finding, applied to the draft."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accweb.web.audit import Action
from proxyconf.comparison import changes
from proxyconf.lint import check
from proxyconf.models.profile import save_profile
from proxyconf.views.pages import CHANGE, ProxyPage


class ApplyFix(ProxyPage):
    """Apply the fix of the finding that rule and place name, if the draft still has it."""

    permission_required = CHANGE
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        key = (request.POST.get("rule", ""), request.POST.get("where", ""))
        findings = check(self.value.masked(), self.facts)
        fix = next((one.fix for one in findings if one.fix and (one.rule, one.where) == key), None)
        if fix is None:
            messages.warning(request, _("Nothing was changed: the draft does not have this finding any more."))
        else:
            changed = fix(self.value)
            save_profile(self.proxy, changed)
            self.kept(Action.CHANGED, draft=[one._asdict() for one in changes(self.value, changed)], fix=key[0])
            messages.success(request, _("The fix is in the draft. The proxy gets it when it is published."))
        return redirect("proxyconf:profile", self.proxy.name)
