"""The page on which people make and revoke their own tokens."""

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

_USUAL = timedelta(days=365)


class TokenForm(forms.Form):
    """Name, scopes and expiry of a new token."""

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
        self.fields["expires"].initial = timezone.localdate() + _USUAL

    @property
    def expires_at(self) -> datetime | None:
        """The end of the day that was chosen, in the reader's zone."""
        day = self.cleaned_data["expires"]
        return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min)) if day else None


class TokenPage(ShellMixin, TemplateView):
    """List and create the user's own tokens; open to everybody who may log in."""

    title = gettext_lazy("API tokens")
    permission_required = ()
    template_name = "accweb/tokens.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Make a token and show it: in this answer alone, which no session and no browser keeps."""
        assert isinstance(request.user, User)
        form = TokenForm(request.POST, user=request.user)
        if form.is_valid():
            try:
                text = _made(request, request.user, form)
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


def _made(request: HttpRequest, user: User, form: TokenForm) -> str:
    asked = form.cleaned_data
    with transaction.atomic():
        token, text = new_token(user, asked["name"], asked["scopes"], expires_at=form.expires_at, now=timezone.now())
        record(request, Action.ADDED, f"API token {token}", scopes=token.scopes)
    return text
