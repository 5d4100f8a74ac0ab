"""Forms on the page of a call: a note, or the end of a call without STOP."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from cdr.queries.moments import MomentField, MomentInput

LONGEST = 4_000


class NoteForm(forms.Form):
    text = forms.CharField(label=_("Note"), max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 3}))


class SettlementForm(forms.Form):
    """The end time, or that it stays unknown; exactly one of them is required."""

    ended_at = MomentField(label=_("End time"), required=False, widget=MomentInput(attrs={"step": 1}))  # to the second
    unknown = forms.BooleanField(label=_("Mark end as unknown"), required=False)
    reason = forms.CharField(label=_("Reason"), max_length=LONGEST)

    def clean(self) -> None:
        ended_at = self.cleaned_data.get("ended_at")
        if "ended_at" not in self.errors and bool(ended_at) == bool(self.cleaned_data.get("unknown")):
            raise forms.ValidationError(_("Enter the end time, or mark the end as unknown."))
