"""The form of a schedule: what is sent, when, as what, to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import QueryDict
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from accweb.web.zones import validate_zone
from cdr.export.formats import FORMATS
from cdr.export.jobs import LONGEST_CONDITIONS
from cdr.export.report_file import REPORT_FORMATS
from cdr.models import ReportSchedule

MOST_RECIPIENTS = 20
_LONGEST_URL = 2000
_TAKEN_OVER = ("content", "name", "period", "interval", "weekday", "day", "at", "zone", "format", "target", "url")
_PERIODS = [("yesterday", _("yesterday")), ("last_week", _("previous week")), ("last_month", _("last month"))]
_DAYS = [(str(day), str(day)) for day in range(1, 32)]


class RecipientsField(forms.CharField):
    """E-mail addresses, separated by commas, blanks or lines."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        addresses = list(dict.fromkeys((value or "").replace(",", " ").replace(";", " ").split()))
        if len(addresses) > MOST_RECIPIENTS:
            raise ValidationError(_("Give at most %(most)d addresses."), params={"most": MOST_RECIPIENTS})
        for address in addresses:
            try:
                validate_email(address)
            except ValidationError:
                raise ValidationError(
                    _("%(address)s is not a valid e-mail address."), params={"address": address[:80]}
                ) from None
        return addresses

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


class ScheduleForm(forms.Form):
    """``conditions`` is the query string of the report or the list; its time is not used."""

    content = forms.ChoiceField(choices=ReportSchedule.ContentKind.choices, widget=forms.HiddenInput)
    conditions = forms.CharField(required=False, max_length=LONGEST_CONDITIONS, widget=forms.HiddenInput)
    columns = forms.CharField(required=False, max_length=LONGEST_CONDITIONS, widget=forms.HiddenInput)
    name = forms.CharField(label=_("Name"), max_length=120)
    period = forms.ChoiceField(label=_("Calls of"), choices=_PERIODS)
    interval = forms.ChoiceField(label=_("Send"), choices=ReportSchedule.Interval.choices)
    weekday = forms.TypedChoiceField(
        label=_("on"), choices=[(str(day + 1), name) for day, name in WEEKDAYS.items()], coerce=int
    )
    day = forms.TypedChoiceField(label=_("on day"), choices=_DAYS, coerce=int)
    at = forms.TimeField(label=_("at"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    zone = forms.CharField(label=_("Time zone"), max_length=64, validators=[validate_zone])
    format = forms.ChoiceField(label=_("Format"))
    target = forms.ChoiceField(label=_("Send by"), choices=ReportSchedule.Target.choices, widget=forms.RadioSelect)
    recipients = RecipientsField(label=_("Recipients"), required=False)
    url = forms.CharField(label=_("Address"), required=False, max_length=_LONGEST_URL)

    def __init__(self, content: str, data: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        of_reports = content == ReportSchedule.ContentKind.REPORT
        formats: Mapping[str, Any] = REPORT_FORMATS if of_reports else FORMATS
        self.fields["format"].choices = [(one.name, one.label) for one in formats.values()]  # type: ignore[attr-defined]

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        try:
            parts = urlsplit(url)
            good = not url or (parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0)
        except ValueError:
            good = False
        if not good or not url.isascii() or not url.isprintable() or " " in url:
            raise ValidationError(_("Enter an address that begins with https:// or http://."))
        return url

    def clean(self) -> None:
        target = self.cleaned_data.get("target")
        if target == ReportSchedule.Target.EMAIL and "recipients" not in self.errors:
            if not settings.MAIL_IS_SET_UP:
                self.add_error("target", _("No mail server is set up. Ask your administrator to set EMAIL_URL."))
            elif not self.cleaned_data.get("recipients"):
                self.add_error("recipients", _("Enter at least one e-mail address."))
        if target == ReportSchedule.Target.WEBHOOK and not self.cleaned_data.get("url") and "url" not in self.errors:
            self.add_error("url", _("Enter the address of the webhook."))

    def apply_to(self, schedule: ReportSchedule) -> None:
        """Take over what was entered."""
        entered = self.cleaned_data
        for name in _TAKEN_OVER:
            setattr(schedule, name, entered[name])
        schedule.conditions = without_time(entered["conditions"])
        schedule.columns = [name for name in entered["columns"].split(",") if name]
        schedule.recipients = entered["recipients"] or []


def without_time(conditions: str) -> str:
    """Return a query string without its time range."""
    query = QueryDict(conditions, mutable=True)
    for name in ("period", "since", "until", "zone"):
        query.pop(name, None)
    return query.urlencode()


def initial_of(schedule: ReportSchedule) -> dict[str, Any]:
    """Return what the form of a stored schedule shows at first."""
    names = ("content", "conditions", "name", "period", "interval", "weekday", "day", "at", "zone", "format", "target")
    found = {name: getattr(schedule, name) for name in names}
    return found | {"recipients": schedule.recipients, "url": schedule.url, "columns": ",".join(schedule.columns)}
