"""The page on which users create and revoke their own API tokens."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from accweb.web.audit import Action, record
from accweb.web.models import ApiToken
from accweb.web.shell import ShellMixin
from accweb.web.tokens import SCOPES, TokenRefused, is_expired, new_token, scopes_of

_DEFAULT_LIFETIME = timedelta(days=365)


class TokenForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("For example, the program that will use it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Permissions"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("A token never has more permissions than you have."),
    )
    expires = forms.DateField(
        label=gettext_lazy("Expires after"),
        required=False,
        help_text=gettext_lazy("Leave empty for a token that does not expire."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data, label_suffix="")
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [(scope, SCOPES[scope]) for scope in scopes_of(user)]
        self.fields["expires"].initial = timezone.localdate() + _DEFAULT_LIFETIME

    @property
    def expires_at(self) -> datetime | None:
        """The end of the chosen day, in the user's time zone."""
        day = self.cleaned_data["expires"]
        return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min)) if day else None


class TokenPage(ShellMixin, TemplateView):
    """List and create the user's own tokens; every user may see it."""

    title = gettext_lazy("API tokens")
    permission_required = ()
    template_name = "accweb/tokens.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Create a token and show it in this response only, which neither session nor browser stores."""
        assert isinstance(request.user, User)
        form = TokenForm(request.POST, user=request.user)
        if form.is_valid():
            try:
                text = _create(request, request.user, form)
                return self.render_to_response(self.get_context_data(new_token=text))
            except (TokenRefused, OverflowError) as error:
                field, why = (
                    (error.field, error.why)
                    if isinstance(error, TokenRefused)
                    else ("expires", _("Choose an earlier day."))
                )
                form.add_error(field, str(why))
        return self.render_to_response(self.get_context_data(form=form))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        assert isinstance(self.request.user, User)
        now = timezone.now()
        tokens = [
            {
                "token": token,
                "may": [SCOPES.get(scope, scope) for scope in token.scopes],
                "expired": is_expired(token, now),
            }
            for token in self.request.user.api_tokens.order_by("name")
        ]
        return super().get_context_data(**{"form": TokenForm(user=self.request.user), "tokens": tokens, **kwargs})


class RevokeToken(ShellMixin, TemplateView):
    """Revoke one of the user's own tokens."""

    permission_required = ()
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with transaction.atomic():
            token = get_object_or_404(ApiToken, pk=kwargs["pk"], user=request.user)
            token.delete()
            record(request, Action.DELETED, f"API token {token}")
        messages.success(request, _("The token “%(name)s” was revoked.") % {"name": token.name})
        return redirect("tokens")


def _create(request: HttpRequest, user: User, form: TokenForm) -> str:
    data = form.cleaned_data
    with transaction.atomic():
        token, text = new_token(user, data["name"], data["scopes"], expires_at=form.expires_at, now=timezone.now())
        record(request, Action.ADDED, f"API token {token}", scopes=token.scopes)
    return text
