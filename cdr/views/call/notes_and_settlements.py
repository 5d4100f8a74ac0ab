"""Actions on the page of a call: add a note, set the end manually."""

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
    """Base class of a form on a call's page; a refused form is shown again with its input."""

    http_method_names = ["get", "post"]
    section = ""
    form_class: type[forms.Form] = forms.Form
    form_name = ""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Redirect to the page, because a refused form may be loaded again by its URL."""
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

    def act(self, call: Call, user: User, data: dict[str, Any]) -> None:
        """Perform the action and record it in the audit log; raise ``NotSettled``."""
        raise NotImplementedError

    def refuse(self, form: forms.Form) -> HttpResponse:
        """Respond with the errors of the form."""
        context = self.get_context_data(**self.kwargs, **{self.form_name: form})
        return self.render_to_response(context)

    def _back(self) -> HttpResponseRedirect:
        return redirect(f"{reverse('cdr:call', args=[self.kwargs['pk']])}{self.in_zone}#{self.section}")


class AddNote(OnCall):
    permission_required = ("cdr.view_call", "cdr.add_note")
    section = "notes"
    form_class = NoteForm
    form_name = "note_form"

    def act(self, call: Call, user: User, data: dict[str, Any]) -> None:
        note = Note.objects.create(call=call, author=user, at=timezone.now(), text=data["text"])
        record(self.request, Action.ADDED, f"note on call {call.pk}", note=note.pk)


class Settle(OnCall):
    permission_required = ("cdr.view_call", "cdr.add_settlement")
    section = "settlement"
    form_class = SettlementForm
    form_name = "settlement_form"

    def act(self, call: Call, user: User, data: dict[str, Any]) -> None:
        ended_at, reason = data["ended_at"], data["reason"]
        settle(call, ended_at=ended_at, reason=reason, by=user, now=timezone.now())
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

    def act(self, call: Call, user: User, data: dict[str, Any]) -> None:
        revoke(call, by=user, now=timezone.now())
        record(self.request, Action.REVOKED, f"call {call.pk}")

    def refuse(self, form: forms.Form) -> HttpResponse:
        for problem in form.non_field_errors():  # this form has no input that could get lost
            messages.error(self.request, str(problem))
        return self._back()
