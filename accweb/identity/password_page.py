"""The page on which users change their password; attempts to guess the old one are limited."""

from __future__ import annotations

from typing import Any

from allauth.core import context
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpResponse
from django.urls import reverse_lazy
from unfold.forms import AdminOwnPasswordChangeForm

from accweb.web.audit import Action, record
from accweb.web.lockout import LoginAttempt
from accweb.web.shell import frame


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    def clean_old_password(self) -> str:
        attempt = LoginAttempt(context.request, self.user.get_username())
        password: str = super().clean_old_password()
        attempt.give_back(is_logged_in=True)
        return password


class PasswordPage(PasswordChangeView):
    """The admin's page, which also ends all other sessions of the user."""

    form_class = OwnPasswordForm
    success_url = reverse_lazy("admin:password_change_done")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        record(self.request, Action.CHANGED, "own password")
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**frame(self.request), **kwargs)
