"""The remedy of a finding, applied to the draft."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from accweb.web.audit import Action
from proxyconf.comparison import ProfileChange, changes
from proxyconf.models.profile import save_profile
from proxyconf.translation import translated
from proxyconf.views.findings import fixed
from proxyconf.views.pages import CHANGE, ProxyPage


class ApplyFix(ProxyPage):
    """Apply a fix to the draft, if the draft still has its finding, and return to the page that it was on."""

    permission_required = CHANGE
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.POST.get("fix", "")
        changed = fixed(self.value, key, self.facts)
        if changed is None:
            messages.warning(request, _("Nothing was changed: the draft does not have this finding any more."))
        else:
            made = changes(self.value, changed)
            save_profile(self.proxy, changed)
            self.kept(Action.CHANGED, draft=[one._asdict() for one in made], fix=rule_of(key))
            messages.success(request, _("The fix is in the draft: %(changes)s.") % {"changes": in_words(made)})
        return self._back(request)

    def _back(self, request: HttpRequest) -> HttpResponse:
        page = request.POST.get("next", "")
        if url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
            return HttpResponseRedirect(page)  # redirect() would take a single word for the name of a page
        return redirect("proxyconf:profile", self.proxy.name)


def rule_of(key: str) -> str:
    """Return the rule that a fix is of."""
    return str(json.loads(key)[0])


def in_words(made: list[ProfileChange]) -> str:
    """Return changes as one line: what was before → what is now."""
    return "; ".join(
        f"{translated(one.what)}: {translated(one.before) or '—'} → {translated(one.after) or '—'}" for one in made
    )
