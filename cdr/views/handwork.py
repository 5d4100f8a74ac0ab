"""What people add to a call from its page: notes, and an end settled by hand."""

from __future__ import annotations

from typing import cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.generic import View

from accweb.shell import ShellMixin
from cdr.filters import MomentField, MomentInput
from cdr.models import Call, Note
from cdr.settling import NotSettled, revoke, settle

LONGEST = 4_000


class NoteForm(forms.Form):
    text = forms.CharField(label=_("Note"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3}))


class SettlementForm(forms.Form):
    """The end, or that it stays unknown; one of both must be said."""

    ended_at = MomentField(label=_("Ended at"), required=False, widget=MomentInput(attrs={"step": 1}))  # to the second
    unknown = forms.BooleanField(label=_("the end stays unknown"), required=False)
    reason = forms.CharField(label=_("Reason"), max_length=LONGEST)

    def clean(self) -> None:
        told = self.cleaned_data.get("ended_at")
        if "ended_at" not in self.errors and bool(told) == bool(self.cleaned_data.get("unknown")):
            raise forms.ValidationError(_("Say either when the call ended, or that its end stays unknown."))


class OnCall(ShellMixin, View):
    """A form of a call's page: done or refused, one comes back to the page and is told."""

    http_method_names = ["post"]
    section = ""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        call = get_object_or_404(Call, pk=pk)
        for problem in self.act(call, cast(User, request.user)):
            messages.error(request, problem)
        return redirect(reverse("cdr:call", args=[pk]) + f"#{self.section}")

    def act(self, call: Call, who: User) -> list[str]:
        """Do what was asked for; return what is wrong with it."""
        raise NotImplementedError


class AddNote(OnCall):
    permission_required = ("cdr.view_call", "cdr.add_note")
    section = "notes"

    def act(self, call: Call, who: User) -> list[str]:
        form = NoteForm(self.request.POST)
        if form.is_valid():
            Note.objects.create(call=call, author=who, at=timezone.now(), text=form.cleaned_data["text"])
        return _problems(form)


class Settle(OnCall):
    permission_required = ("cdr.view_call", "cdr.add_settlement")
    section = "settlement"

    def act(self, call: Call, who: User) -> list[str]:
        form = SettlementForm(self.request.POST)
        if form.is_valid():
            told = form.cleaned_data
            try:
                settle(call, ended_at=told["ended_at"], reason=told["reason"], by=who, now=timezone.now())
            except NotSettled as refused:
                return [str(refused.why)]
        return _problems(form)


class RevokeSettlement(OnCall):
    permission_required = ("cdr.view_call", "cdr.change_settlement")
    section = "settlement"

    def act(self, call: Call, who: User) -> list[str]:
        try:
            revoke(call, by=who, now=timezone.now())
        except NotSettled as refused:
            return [str(refused.why)]
        return []


def _problems(form: forms.Form) -> list[str]:
    named = ((form.fields[name].label if name in form.fields else "", said) for name, said in form.errors.items())
    return [f"{label}: {one}" if label else str(one) for label, said in named for one in said]
