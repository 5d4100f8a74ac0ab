"""The account page: time zone, language, tokens."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from accweb.web.models import Preferences
from accweb.web.preferences import preferences_of
from accweb.web.shell import ShellMixin
from cdr.queries.visibility import Visibility


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    time_zone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        required=False,
        choices=lambda: [("", settings.TIME_ZONE), *((zone, zone) for zone in sorted(available_timezones()))],
        help_text=gettext_lazy("Used to show times and to read the times that you type."),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        required=False,
        choices=[("", gettext_lazy("Same as browser")), *settings.LANGUAGES],
    )

    class Meta:
        model = Preferences
        fields = ("time_zone", "language")


class AccountPage(ShellMixin, TemplateView):
    """The user's settings, permissions and tokens; every user may see it."""

    title = gettext_lazy("My account")
    permission_required = ()
    template_name = "accweb/account.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        assert isinstance(user, User)
        visibility = Visibility.of(user)
        return super().get_context_data(
            **{
                "form": PreferencesForm(instance=preferences_of(user)),
                "groups": list(user.groups.values_list("name", flat=True)),
                "numbers": visibility.numbers,
                "proxies": None if visibility.proxies is None else sorted(visibility.proxies),
                **kwargs,
            }
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        assert isinstance(request.user, User)
        preferences = preferences_of(request.user)
        preferences.user = request.user
        form = PreferencesForm(request.POST, instance=preferences)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        form.save()
        with translation.override(preferences.language or request.LANGUAGE_CODE):
            messages.success(request, _("Saved."))
        return redirect("account")
