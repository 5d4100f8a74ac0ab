"""The page that lists locked logins and unlocks them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from accweb.web import lockout
from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin


class LockedLogins(ShellMixin, TemplateView):
    title = gettext_lazy("Locked logins")
    permission_required = "auth.change_user"
    template_name = "accweb/locked_logins.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(locks=lockout.locks(), **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        account, address = request.POST.get("account", ""), request.POST.get("address", "")
        if (account or address) and lockout.unlock(account=account, address="" if account else address):
            record(request, Action.UNLOCKED, account or address)
            messages.success(request, _("Unlocked."))
        return redirect("locked-logins")
