"""Scheduled reports: the list, a schedule with its history, and what may be done to one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.web.shell import ShellMixin
from cdr.delivery.sending import first_due, resume, send_again, send_now, stop
from cdr.display.safe_text import one_line
from cdr.models import ReportSchedule, ScheduledRun
from cdr.queries.filters import CallFilter, Condition
from cdr.queries.reports.definition import report_of
from cdr.queries.reports.labels import headings
from cdr.queries.visibility import Visibility
from cdr.views.addresses import ListAddress
from cdr.views.reports.schedule_form import ScheduleForm, initial_of, without_time

HISTORY = 50
MOST_SCHEDULES = 50
"""So many schedules a user may have."""
_SHOWN = 500


class SchedulesPage(ShellMixin, TemplateView):
    """A page that only those may open who may export calls."""

    permission_required: Any = ("cdr.view_call", "cdr.export_call")

    @property
    def user(self) -> User:
        return cast(User, self.request.user)

    def schedules(self) -> QuerySet[ReportSchedule]:
        """Return the schedules that the user may know of."""
        known = ReportSchedule.objects.select_related("owner")
        return known if self.user.has_perm("cdr.view_exportjob") else known.filter(owner=self.user)

    def content_context(self, content: str, conditions: str, period: str) -> dict[str, Any]:
        """Return what a page says of the report or export: its grouping, its filter, where it is shown."""
        visibility = Visibility.of(self.request.user)
        data = QueryDict(conditions)
        is_report = content == ReportSchedule.ContentKind.REPORT
        report, _errors = report_of(data, masked=not visibility.numbers)
        address = ListAddress(reverse("cdr:report" if is_report else "cdr:call-list"), data)
        found: list[Condition] = list(CallFilter(QueryDict(without_time(conditions)), visibility).conditions())
        return {
            "is_report": is_report,
            "grouped_by": headings(report) if is_report else [],
            "figures": [figure.label for figure in report.figures] if is_report else [],
            "conditions": found,
            "address": address.setting(period=period, since=None, until=None),
        }


class ScheduleList(SchedulesPage):
    """Every schedule, with when it was sent last and when it is next."""

    title = _("Scheduled reports")
    template_name = "cdr/schedules.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        schedules = list(self.schedules().order_by("name", "id")[:_SHOWN])
        for schedule in schedules:
            schedule.last_run = schedule.runs.first()  # type: ignore[attr-defined]
        return super().get_context_data(
            schedules=schedules,
            everybodys=self.user.has_perm("cdr.view_exportjob"),
            mail_is_set_up=settings.MAIL_IS_SET_UP,
            **kwargs,
        )


class ScheduleEditor(SchedulesPage):
    """A page with the form of a schedule."""

    template_name = "cdr/schedule.html"

    def form_context(self, form: ScheduleForm) -> dict[str, Any]:
        content, conditions = form["content"].value() or "", form["conditions"].value() or ""
        return self.content_context(content, conditions, form["period"].value() or "last_month") | {
            "form": form,
            "errors": _problems(form),
            "zones": sorted(available_timezones()),
            "mail_is_set_up": settings.MAIL_IS_SET_UP,
        }

    def refused(self, form: ScheduleForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=400)


class NewSchedule(ScheduleEditor):
    """Asks when a report or an export is to be sent, and to whom."""

    title = _("Schedule")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = kwargs.pop("form", None) or self._first_form()
        return super().get_context_data(**self.form_context(form), **kwargs)

    def _first_form(self) -> ScheduleForm:
        query = self.request.GET.copy()
        content = query.pop("content", ["report"])[-1]
        format_name, columns = query.pop("format", ["xlsx"])[-1], query.pop("column", [])
        name = query.pop("name", [""])[-1]
        if content not in ReportSchedule.ContentKind.values:
            raise Http404
        period = query.get("period", "")
        interval = {"yesterday": "daily", "last_month": "monthly"}.get(period, "weekly")
        chosen = query.pop("interval", [interval])[-1]
        return ScheduleForm(
            content,
            initial={
                "content": content,
                "conditions": query.urlencode(),
                "columns": ",".join(str(name) for name in columns),
                "name": str(name)[:120],
                "period": period if period in ("yesterday", "last_week", "last_month") else "last_week",
                "interval": chosen,
                "weekday": 1,
                "day": 1,
                "at": "07:00",
                "zone": query.get("zone") or timezone.get_current_timezone_name(),
                "format": format_name,
                "target": "email" if settings.MAIL_IS_SET_UP else "webhook",
                "recipients": self.user.email,
            },
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = ScheduleForm(request.POST.get("content", ""), request.POST)
        if not form.is_valid():
            return self.refused(form)
        if ReportSchedule.objects.filter(owner=self.user)[:MOST_SCHEDULES].count() >= MOST_SCHEDULES:
            form.add_error(None, gettext("You have too many schedules. Delete one first."))
            return self.refused(form)
        schedule = ReportSchedule(owner=self.user)
        form.apply_to(schedule)
        schedule.next_at = first_due(schedule, timezone.now())
        schedule.save()
        messages.success(request, gettext("The schedule “{name}” was saved.").format(name=schedule.name))
        return redirect("cdr:schedule", schedule.pk)


class SchedulePage(ScheduleEditor):
    """A schedule: its form, its history, what may be done to it."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        schedule = get_object_or_404(self.schedules(), pk=self.kwargs["pk"])
        form = kwargs.pop("form", None) or ScheduleForm(schedule.content, initial=initial_of(schedule))
        return super().get_context_data(
            title=one_line(schedule.name),
            schedule=schedule,
            runs=list(schedule.runs.all()[:HISTORY]),
            mine=schedule.owner_id == self.user.pk,
            may_end=may_end(self.user, schedule),
            **self.form_context(form),
            **kwargs,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        schedule = get_object_or_404(self.schedules(), pk=self.kwargs["pk"])
        if schedule.owner_id != self.user.pk:  # it is sent as its owner may see it
            raise PermissionDenied
        form = ScheduleForm(schedule.content, request.POST)
        if not form.is_valid():
            return self.refused(form)
        form.apply_to(schedule)
        if schedule.next_at is not None:
            schedule.next_at = first_due(schedule, timezone.now())
        schedule.save()
        messages.success(request, gettext("The schedule “{name}” was saved.").format(name=schedule.name))
        return redirect("cdr:schedule", schedule.pk)


def _delete(schedule: ReportSchedule, now: datetime) -> None:
    schedule.delete()


_DEEDS: Mapping[str, Callable[[ReportSchedule, datetime], object]] = {
    "stop": lambda schedule, now: stop(schedule),
    "resume": resume,
    "send": send_now,
    "delete": _delete,
}
_OF_OWNER = ("resume", "send")


class ScheduleDeed(SchedulesPage):
    """Something done to a schedule: one's own, or with the permission any may be stopped and deleted."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int, deed: str) -> HttpResponse:
        schedule = get_object_or_404(self.schedules(), pk=pk)
        if deed not in _DEEDS:
            raise Http404
        mine = schedule.owner_id == self.user.pk
        if not (mine if deed in _OF_OWNER else may_end(self.user, schedule)):
            raise PermissionDenied
        _DEEDS[deed](schedule, timezone.now())
        if deed == "delete":
            messages.success(request, gettext("The schedule “{name}” was deleted.").format(name=schedule.name))
            return redirect("cdr:schedules")
        if deed == "send":
            messages.success(request, gettext("The report is being sent. See the history below."))
        return redirect("cdr:schedule", pk)


class SendRunAgain(SchedulesPage):
    """Has a run of one's own schedule that ended be sent again."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int, run: int) -> HttpResponseRedirect:
        found = get_object_or_404(ScheduledRun, pk=run, schedule__in=self.schedules().filter(pk=pk, owner=self.user))
        send_again(found, timezone.now())
        return HttpResponseRedirect(reverse("cdr:schedule", args=[pk]))


def may_end(user: User, schedule: ReportSchedule) -> bool:
    """Tell whether ``user`` may stop and delete the schedule."""
    return schedule.owner_id == user.pk or user.has_perm("cdr.delete_exportjob")


def _problems(form: ScheduleForm) -> list[str]:
    if not form.is_bound:
        return []
    named = ((form.fields[name].label if name in form.fields else "", told) for name, told in form.errors.items())
    return [f"{label}: {one}" if label else str(one) for label, told in named for one in told]
