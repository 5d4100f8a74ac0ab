"""The login page: password, passkey, single sign-on."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from accweb.web.shell import frame

_PASSKEY_BUTTON = mark_safe('id="passkey_login"')


@method_decorator(never_cache, name="dispatch")
class LoginPage(LoginView):
    """The admin's login page; a user with a second factor must enter it before the session begins."""

    template_name = "admin/login.html"

    def get_form_class(self) -> Any:
        return admin.site.login_form or AuthenticationForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET" and admin.site.has_permission(request):
            return redirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        login = Login(user=form.get_user(), redirect_url=self.get_success_url())
        response: HttpResponse = perform_password_login(self.request, {"username": login.user.get_username()}, login)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        shown = {
            "title": _("Log in"),
            "app_path": self.request.get_full_path(),
            "username": self.request.user.get_username(),
            "next": self.get_redirect_url(),
            "passkey_button": _PASSKEY_BUTTON,
            "single_sign_on": settings.OIDC_NAME if settings.OIDC_URL else "",
        }
        return super().get_context_data(**frame(self.request), **shown, **kwargs)
