"""A report as a file, sent at once."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.generic import View

from accweb.web.audit import Action, record
from accweb.web.shell import ShellMixin
from cdr.export.report_file import REPORT_FORMATS, ReportFile
from cdr.export.selection import in_words
from cdr.queries.filters import CallFilter
from cdr.queries.reports.definition import report_of
from cdr.queries.reports.labels import problem_text
from cdr.queries.reports.table import report_table
from cdr.queries.visibility import Visibility
from cdr.views.addresses import report_address
from cdr.views.reader_zone import InZoneMixin
from cdr.views.reports.report_page import with_usual_range


class ReportDownload(InZoneMixin, ShellMixin, View):
    """The report of the address in one of the formats of reports."""

    permission_required: object = ("cdr.view_call", "cdr.export_call")
    http_method_names = ["get"]

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        wanted = REPORT_FORMATS.get(name)
        if wanted is None:
            raise Http404
        visibility, conditions = Visibility.of(request.user), with_usual_range(request.GET)
        call_filter = CallFilter(conditions, visibility)
        report, problems = report_of(conditions, masked=not visibility.numbers)
        if problems or call_filter.form.errors:
            return HttpResponseRedirect(str(report_address(request.GET)))  # which says what is wrong
        table = report_table(call_filter, report, timezone.get_current_timezone())
        if problem := problem_text(table):
            return HttpResponse(f"{problem}\n", status=422, content_type="text/plain; charset=utf-8")
        file = ReportFile(table, visibility, in_words(call_filter))
        record(
            request,
            Action.EXPORTED,
            file.conditions,
            format=name,
            conditions=conditions.urlencode(),
            groups=len(table.rows),
            masked=not visibility.numbers,
        )
        stamp = f"{timezone.now():%Y%m%d-%H%M%S}"
        disposition = f'attachment; filename="report-{stamp}.{name}"'
        return HttpResponse(
            wanted.write(file), content_type=wanted.media_type, headers={"Content-Disposition": disposition}
        )
