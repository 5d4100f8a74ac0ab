"""What a schedule sends: the file of its report or export, as its owner may see it now."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext

from cdr.delivery.failures import DeliveryRefused, ScheduleMustStop
from cdr.export.formats import FORMATS
from cdr.export.record import records
from cdr.export.report_file import REPORT_FORMATS, ReportFile
from cdr.export.selection import in_words, oldest_first
from cdr.export.snapshot import snapshot
from cdr.export.writing import write
from cdr.models import ReportSchedule
from cdr.queries.filters import CallFilter
from cdr.queries.periods import TimeRange, range_of
from cdr.queries.reports.definition import report_of
from cdr.queries.reports.labels import problem_text
from cdr.queries.reports.table import report_table
from cdr.queries.visibility import Visibility

PERMISSIONS = ("cdr.view_call", "cdr.export_call")
_SECONDS = 600.0
"""So long may each statement of a scheduled report take: nobody waits for it."""


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A file with the words that it is sent with."""

    name: str
    media_type: str
    data: bytes
    title: str
    text: str
    range: TimeRange
    masked: bool


def owner_of(schedule: ReportSchedule) -> User:
    """Return who the schedule belongs to; raise ``ScheduleMustStop`` where that user may not send it any more."""
    owner = schedule.owner
    if owner is None:
        raise ScheduleMustStop(gettext("The user that this schedule belonged to was deleted."))
    if not owner.is_active:
        raise ScheduleMustStop(gettext("The user {name} is not active any more.").format(name=owner.get_username()))
    if not owner.has_perms(PERMISSIONS):
        text = gettext("The user {name} may not export calls any more.")
        raise ScheduleMustStop(text.format(name=owner.get_username()))
    return owner


def prepare(schedule: ReportSchedule, due_at: datetime) -> PreparedFile:
    """Make the file of the period before ``due_at``. Raise ``DeliveryFailed``."""
    visibility, zone = Visibility.of(owner_of(schedule)), ZoneInfo(schedule.zone)
    with timezone.override(zone):
        whole = range_of(schedule.period, due_at, zone)
        conditions = QueryDict(schedule.conditions, mutable=True)
        for name in ("period", "since", "until"):
            conditions.pop(name, None)
        for name, moment in (("since", whole.since), ("until", whole.until)):
            if moment is not None:
                conditions[name] = moment.isoformat()
        call_filter = CallFilter(conditions, visibility, now=due_at)
        if call_filter.form.errors:
            problems = "; ".join(f"{name}: {one}" for name, told in call_filter.form.errors.items() for one in told)
            raise DeliveryRefused(problems)
        filter_text = in_words(call_filter)
        if schedule.content == ReportSchedule.ContentKind.REPORT:
            data, media_type = _report(schedule, call_filter, conditions, zone)
        else:
            data, media_type = _export(schedule, call_filter)
        return PreparedFile(
            name=f"{_file_name(schedule.name)}-{_days(whole, zone)}.{schedule.format}",
            media_type=media_type,
            data=data,
            title=f"{schedule.name}: {_days(whole, zone)}",
            text=_text(schedule, whole, zone, filter_text, visibility),
            range=whole,
            masked=not visibility.numbers,
        )


def _report(
    schedule: ReportSchedule, call_filter: CallFilter, conditions: QueryDict, zone: ZoneInfo
) -> tuple[bytes, str]:
    visibility = call_filter.visibility
    report, problems = report_of(conditions, masked=not visibility.numbers)
    if problems:
        raise DeliveryRefused("; ".join(text for texts in problems.values() for text in texts))
    table = report_table(call_filter, report, zone, seconds=_SECONDS)
    if problem := problem_text(table):
        raise DeliveryRefused(problem)
    wanted = REPORT_FORMATS[schedule.format]
    return wanted.write(ReportFile(table, visibility, in_words(call_filter), schedule.name)), wanted.media_type


def _export(schedule: ReportSchedule, call_filter: CallFilter) -> tuple[bytes, str]:
    file = io.BytesIO()
    with snapshot():
        found = records(oldest_first(call_filter), call_filter.visibility)
        write(found, call_filter, schedule.format, file, columns=schedule.columns, zone=schedule.zone)
    return file.getvalue(), FORMATS[schedule.format].media_type


def _file_name(name: str) -> str:
    """Return the name of a schedule as that of a file: letters, digits and hyphens."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in name.lower()).split()
    return "-".join(words)[:60] or "report"


def _days(whole: TimeRange, zone: ZoneInfo) -> str:
    if whole.since is None or whole.until is None:
        return ""
    first, last = whole.since.astimezone(zone), whole.until.astimezone(zone)
    days = (last.date() - first.date()).days
    if days == 1:
        return f"{first:%Y-%m-%d}"
    is_month = first.day == 1 and last.day == 1
    return f"{first:%Y-%m}" if is_month else f"{first:%Y-%m-%d}_{last.fromordinal(last.toordinal() - 1):%Y-%m-%d}"


def _text(schedule: ReportSchedule, whole: TimeRange, zone: ZoneInfo, conditions: str, visibility: Visibility) -> str:
    lines = [
        schedule.name,
        "",
        gettext("Range: {days} ({zone})").format(days=_days(whole, zone).replace("_", " – "), zone=zone),
        gettext("Filter: {filter}").format(filter=conditions),
    ]
    if not visibility.numbers:
        lines.append(gettext("Numbers are masked."))
    if visibility.proxies is not None:
        lines.append(gettext("Only calls of: {names}").format(names=", ".join(sorted(visibility.proxies))))
    if settings.PUBLIC_URL:
        lines += ["", f"{settings.PUBLIC_URL}/reports/schedules/{schedule.pk}/"]
    return "\n".join([*lines, ""])
