"""What people add to a call from its page: notes, and an end settled by hand."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accweb.web.audit import Action, record
from cdr.calls.settlement import NotSettled, revoke, settle
from cdr.models import Call, Note
from cdr.views.call.call_forms import NoteForm, SettlementForm
from cdr.views.call.call_page import CallPage


class OnCall(CallPage):
    """A form of a call's page. Done, one comes back to the page; refused, one is shown the page with what was typed."""

    http_method_names = ["get", "post"]
    section = ""
    form_class: type[forms.Form] = forms.Form
    form_name = ""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Lead to the page: a refused form may be called up again by its address."""
        return self._back()

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        call = self.call()
        form = self.form_class(request.POST)
        if form.is_valid():
            try:
                with transaction.atomic():
                    self.act(call, cast(User, request.user), form.cleaned_data)
                return self._back()
            except NotSettled as refused:
                form.add_error(None, str(refused.reason))
        return self.refuse(form)

    def act(self, call: Call, who: User, told: dict[str, Any]) -> None:
        """Do what was asked for and keep it in the audit log; raise ``NotSettled``."""
        raise NotImplementedError

    def refuse(self, form: forms.Form) -> HttpResponse:
        """Answer with what is wrong with the form."""
        context = self.get_context_data(**self.kwargs, **{self.form_name: form})
        return self.render_to_response(context)

    def _back(self) -> HttpResponseRedirect:
        return redirect(f"{reverse('cdr:call', args=[self.kwargs['pk']])}{self.in_zone}#{self.section}")


class AddNote(OnCall):
    permission_required = ("cdr.view_call", "cdr.add_note")
    section = "notes"
    form_class = NoteForm
    form_name = "note_form"

    def act(self, call: Call, who: User, told: dict[str, Any]) -> None:
        note = Note.objects.create(call=call, author=who, at=timezone.now(), text=told["text"])
        record(self.request, Action.ADDED, f"note on call {call.pk}", note=note.pk)


class Settle(OnCall):
    permission_required = ("cdr.view_call", "cdr.add_settlement")
    section = "settlement"
    form_class = SettlementForm
    form_name = "settlement_form"

    def act(self, call: Call, who: User, told: dict[str, Any]) -> None:
        ended_at, reason = told["ended_at"], told["reason"]
        settle(call, ended_at=ended_at, reason=reason, by=who, now=timezone.now())
        record(
            self.request,
            Action.SETTLED,
            f"call {call.pk}",
            ended_at=ended_at and ended_at.isoformat(),
            reason=reason,
        )


class RevokeSettlement(OnCall):
    permission_required = ("cdr.view_call", "cdr.change_settlement")
    section = "settlement"

    def act(self, call: Call, who: User, told: dict[str, Any]) -> None:
        revoke(call, by=who, now=timezone.now())
        record(self.request, Action.REVOKED, f"call {call.pk}")

    def refuse(self, form: forms.Form) -> HttpResponse:
        for problem in form.non_field_errors():  # nothing was typed that could get lost
            messages.error(self.request, str(problem))
        return self._back()
