"""Exports of all matching calls: small ones are sent at once, large ones are written in the background."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any, cast
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView

from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin
from accweb.web.zones import validate_zone
from cdr.display.markup import number
from cdr.export import Record, records
from cdr.export.columns import COLUMNS, EXTRA, is_column
from cdr.export.formats import FORMATS
from cdr.export.jobs import (
    ACTIVE,
    LONGEST_CONDITIONS,
    cancel,
    file_response,
    filter_of,
    has_enough,
    may_download,
    queue_export,
    remove,
)
from cdr.export.selection import conditions_of, in_words, oldest_first
from cdr.export.snapshot import snapshot
from cdr.export.writing import write
from cdr.models import ExportJob
from cdr.queries.columns import extra_labels
from cdr.queries.filters import CallFilter, Condition
from cdr.queries.paging import Matches, matches
from cdr.queries.visibility import Visibility
from cdr.views.addresses import ListAddress
from cdr.views.calls.filter_bar import ConditionLink, errors
from cdr.views.calls.tally import tally
from cdr.views.exports.presets import PRESET, PRESETS, preset_columns
from proxyconf.models.reach import proxies_named

AT_ONCE = 20_000
"""Exports of fewer calls are sent at once; matching calls are counted up to this number."""
HISTORY = 25
_SAMPLE = 200
_MOST_EXTRAS = 60


class ColumnsField(forms.MultipleChoiceField):
    """Columns in the order sent. Extra fields are accepted although they are not among the choices."""

    def valid_value(self, value: str) -> bool:
        return is_column(value)

    def to_python(self, value: Any) -> list[str]:
        return list(dict.fromkeys(super().to_python(value)))


class ExportForm(forms.Form):
    """The contents and format of a file. ``conditions`` is the query string of the filter, its times resolved."""

    conditions = forms.CharField(required=False, max_length=LONGEST_CONDITIONS, widget=forms.HiddenInput)
    format = forms.ChoiceField(label=_("Format"), choices=[(one.name, one.label) for one in FORMATS.values()])
    zone = forms.CharField(label=_("Time zone"), max_length=64, validators=[validate_zone])
    bare = forms.BooleanField(label=_("Bare text in CSV"), required=False)
    column = ColumnsField(label=_("Columns"), required=False)

    def clean_column(self) -> list[str]:
        columns: list[str] = self.cleaned_data["column"]
        chosen = FORMATS.get(self.cleaned_data.get("format", ""))
        if chosen and chosen.shaped and not columns:
            raise ValidationError(_("Choose at least one column."))
        return columns if chosen and chosen.shaped else []


@dataclass(frozen=True, slots=True)
class OfferedColumn:
    name: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ExportJobRow:
    """A job in the history, with what its row shows."""

    job: ExportJob
    conditions: list[Condition]
    address: ListAddress
    active: bool
    downloadable: bool
    removable: bool
    error: str


class ExportPage(ShellMixin, TemplateView):
    """A page for users who may export calls."""

    permission_required: Any = ("cdr.view_call", "cdr.export_call")

    @property
    def user(self) -> User:
        return cast(User, self.request.user)

    def jobs(self) -> QuerySet[ExportJob]:
        """Return the user's own exports; with permission, everybody's."""
        jobs = ExportJob.objects.select_related("user")
        return jobs if self.user.has_perm("cdr.view_exportjob") else jobs.filter(user=self.user)


class NewExport(ExportPage):
    """The form of a new export; sends a small file at once, and queues a job for a large one."""

    title = _("Export calls")
    template_name = "cdr/export_new.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form: ExportForm = kwargs.pop("form", None) or self._first_form()
        call_filter = self._call_filter(form["conditions"].value() or "")
        found = matches(call_filter.qs, AT_ONCE)
        address = ListAddress(reverse("cdr:call-list"), QueryDict(conditions_of(call_filter)))
        return super().get_context_data(
            form=form,
            errors=[*_problems(form), *errors(call_filter)],
            conditions=list(call_filter.conditions()),
            address=address,
            nothing=not found.count,
            count=tally(found),
            estimated=found.estimated,
            at_once=_is_small(found),
            limit=number(AT_ONCE),
            formats=FORMATS.values(),
            zones=sorted(available_timezones()),
            columns=_columns(form, call_filter),
            presets=_presets(ListAddress.of(self.request), self.request.GET.get(PRESET, "")),
            masked=not call_filter.visibility.numbers,
            proxies=None if call_filter.visibility.proxies is None else sorted(call_filter.visibility.proxies),
            **kwargs,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        form = ExportForm(request.POST)
        if not form.is_valid():
            return self._invalid(form)
        chosen = form.cleaned_data
        call_filter = self._call_filter(chosen["conditions"])
        if call_filter.form.errors:
            return self._invalid(form)
        if _is_small(matches(call_filter.qs, AT_ONCE)):
            return _file_at_once(request, call_filter, chosen)
        if has_enough(self.user):
            form.add_error(None, _("Too many of your exports are queued. Wait until one is complete, or cancel one."))
            return self._invalid(form)
        queue_export(
            self.user,
            call_filter,
            chosen["format"],
            columns=chosen["column"],
            zone=chosen["zone"],
            spreadsheet_safe=not chosen["bare"],
        )
        return redirect("cdr:exports")

    def _invalid(self, form: ExportForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=400)

    def _first_form(self) -> ExportForm:
        conditions = self.request.GET.urlencode()
        call_filter = self._call_filter(conditions)
        return ExportForm(
            initial={
                "conditions": conditions if call_filter.form.errors else conditions_of(call_filter),
                "format": "csv",
                "zone": timezone.get_current_timezone_name(),
                "column": preset_columns(
                    self.request.GET.get(PRESET, ""),
                    ListAddress.of(self.request),
                    self.user,
                    _configured_labels(self._visibility),
                ),
            }
        )

    @cached_property
    def _visibility(self) -> Visibility:
        return Visibility.of(self.request.user)

    def _call_filter(self, conditions: str) -> CallFilter:
        return CallFilter(QueryDict(conditions), self._visibility)


class ExportHistory(ExportPage):
    """The exports in the background: their states, and their files until these are deleted."""

    title = _("Exports")
    template_name = "cdr/exports.html"
    partial_template_name = "cdr/_exports.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        jobs = list(self._older_than(self.request.GET.get("before", ""))[: HISTORY + 1])
        rows = [_row(job, self.user) for job in jobs[:HISTORY]]
        return super().get_context_data(
            rows=rows,
            older=jobs[HISTORY - 1].pk if len(jobs) > HISTORY else None,
            active=any(row.active for row in rows),
            all_users=self.user.has_perm("cdr.view_exportjob"),
            **kwargs,
        )

    def _older_than(self, key: str) -> QuerySet[ExportJob]:
        jobs = self.jobs().order_by("-id")
        return jobs.filter(pk__lt=int(key)) if key.isascii() and key.isdecimal() and len(key) < 19 else jobs


class ExportDownload(ExportPage):
    """The file of a finished export."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:  # type: ignore[override]  # no page
        job = get_object_or_404(self.jobs(), pk=pk)
        if job.state != ExportJob.ExportState.DONE:
            raise Http404
        if not may_download(self.user, job):
            raise PermissionDenied
        if request.method == "GET":
            _audit(request, filter_of(job), job.format, job.conditions, job.written, export=job.pk)
        return file_response(job)


class ExportAction(ExportPage):
    """An action on an export: one of the user's own or, with permission, anybody's."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        job = get_object_or_404(self.jobs(), pk=pk)
        if not _may_end(self.user, job):
            raise PermissionDenied
        self.act(job)
        return redirect("cdr:exports")

    def act(self, job: ExportJob) -> None:
        raise NotImplementedError


class CancelExport(ExportAction):
    def act(self, job: ExportJob) -> None:
        cancel(job)


class DeleteExport(ExportAction):
    def act(self, job: ExportJob) -> None:
        remove(job)


def _file_at_once(request: HttpRequest, call_filter: CallFilter, options: dict[str, Any]) -> HttpResponseBase:
    """Write the whole file before sending its first byte, so that a failure shows an error page, never half a file."""
    file = TemporaryFile()  # noqa: SIM115  # the response closes it
    counter = _RecordCounter(records(oldest_first(call_filter), call_filter.visibility))
    try:
        with snapshot():
            write(
                counter,
                call_filter,
                options["format"],
                file,
                columns=options["column"],
                zone=options["zone"],
                safe=not options["bare"],
            )
    except BaseException:
        file.close()
        raise
    file.seek(0)
    _audit(request, call_filter, options["format"], options["conditions"], counter.number)
    name = f"calls-{timezone.now():%Y%m%d-%H%M%S}.{options['format']}"
    return FileResponse(file, as_attachment=True, filename=name, content_type=FORMATS[options["format"]].media_type)


class _RecordCounter:
    """Records, and the number of them read so far."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.number = 0
        self._records = records

    def __iter__(self) -> Iterator[Record]:
        for call in self._records:
            self.number += 1
            yield call


def _audit(
    request: HttpRequest,
    call_filter: CallFilter,
    format: str,  # noqa: A002
    conditions: str,
    calls: int,
    **more: Any,
) -> None:
    masked = not call_filter.visibility.numbers
    record(
        request,
        Action.EXPORTED,
        in_words(call_filter),
        format=format,
        conditions=conditions,
        calls=calls,
        masked=masked,
        **more,
    )


def _row(job: ExportJob, user: User) -> ExportJobRow:
    call_filter = filter_of(job)
    return ExportJobRow(
        job=job,
        conditions=list(call_filter.conditions()),
        address=ListAddress(reverse("cdr:call-list"), QueryDict(job.conditions)),
        active=job.state in ACTIVE,
        downloadable=job.state == ExportJob.ExportState.DONE and may_download(user, job),
        removable=_may_end(user, job),
        error=gettext(job.error) if job.error else "",
    )


def _may_end(user: User, job: ExportJob) -> bool:
    return job.user_id == user.pk or user.has_perm("cdr.delete_exportjob")


def _columns(form: ExportForm, call_filter: CallFilter) -> list[OfferedColumn]:
    """Return the columns on offer: the chosen ones in their order, then the others."""
    chosen = [name for name in form["column"].value() or [] if is_column(name)]
    offered = dict.fromkeys((*COLUMNS, *_extra_columns(call_filter)))
    others = [name for name in offered if name not in chosen]
    return [OfferedColumn(name, True) for name in chosen] + [OfferedColumn(name, False) for name in others]


def _extra_columns(call_filter: CallFilter) -> list[str]:
    """Return a column for each configured extra field, and for those of the newest matching calls."""
    newest = call_filter.qs.order_by("-started_at", "-id").values_list("extra", flat=True)[:_SAMPLE]
    labels = extra_labels(proxies_named(call_filter.visibility.proxies), newest)
    return [name for label in labels if is_column(name := EXTRA + label)][:_MOST_EXTRAS]


def _configured_labels(visibility: Visibility) -> list[str]:
    """Return the labels of extra fields that the visible proxies are configured to log."""
    return extra_labels(proxies_named(visibility.proxies), ())


def _presets(address: ListAddress, chosen: str) -> list[ConditionLink]:
    return [ConditionLink(label, address.setting(**{PRESET: name}), name == chosen) for name, label in PRESETS.items()]


def _is_small(found_calls: Matches) -> bool:
    return not (found_calls.estimated or found_calls.at_least)


def _problems(form: ExportForm) -> list[str]:
    if not form.is_bound:
        return []
    labelled = ((form.fields[name].label if name in form.fields else "", texts) for name, texts in form.errors.items())
    return [f"{label}: {text}" if label else str(text) for label, texts in labelled for text in texts]
