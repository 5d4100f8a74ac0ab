"""The page on which users see and end their own sessions."""

from __future__ import annotations

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from accweb.identity.ending_sessions import end_sessions
from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin

_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")


def browser_of(user_agent: str) -> str:
    """Return the names of browser and operating system if they are recognised, else the user agent."""
    browser = next((name for mark, name in _BROWSERS if f"{mark}/" in user_agent), "")
    system = next((name for name in _SYSTEMS if name in user_agent), "")
    return ", ".join(filter(None, (browser, system))) or user_agent


class SessionsPage(ShellMixin, TemplateView):
    title = gettext_lazy("My sessions")
    permission_required = ()
    template_name = "accweb/sessions.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        if not UserSession.objects.filter(session_key=self.request.session.session_key).exists():
            UserSession.objects.create_from_request(self.request)
        sessions = UserSession.objects.purge_and_list(self.request.user)
        for session in sessions:
            session.browser = browser_of(session.user_agent)
        sessions.sort(key=lambda session: session.last_seen_at, reverse=True)
        return super().get_context_data(sessions=sessions, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End the other sessions, or all of them."""
        if "all" in request.POST:
            record(request, Action.DELETED, "all own sessions")
            end_sessions(request.user)
            logout(request)
            return redirect("account_login")
        ended = end_sessions(request.user, keep=request.session.session_key)
        record(request, Action.DELETED, "other own sessions", sessions=ended)
        messages.success(request, _("The other sessions were ended."))
        return redirect("sessions")
