"""The runs of schedules: which are due, and how each is sent once.

A run is sent by who holds its lock. Before the last step it is set to ``sending``; a sender that is killed then leaves
it so. A webhook tells repetitions by the key of the run, so that it is tried again. A mail may have gone out, so that
it is not: the run is ``unclear``, and a person may send it again.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import DatabaseError, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext

from accweb.web.audit import Action, record_of
from accweb.web.preferences import preferences_of
from cdr.delivery.failures import DeliveryFailed, DeliveryRefused, ScheduleMustStop
from cdr.delivery.mail import send_mail
from cdr.delivery.prepared import PreparedFile, owner_of, prepare
from cdr.delivery.timing import next_due, next_try
from cdr.delivery.webhook import post_file
from cdr.export.locks import WriterLocks
from cdr.models import ReportSchedule, ScheduledRun

logger = logging.getLogger(__name__)
State = ScheduledRun.RunState
MOST_MISSED = 31
"""So many times that a schedule was due while nothing ran are made up for."""
HISTORY = timedelta(days=400)
"""Runs are kept so long."""


def first_due(schedule: ReportSchedule, after: datetime) -> datetime:
    """Return when the schedule is due next after ``after``."""
    return next_due(
        schedule.interval, schedule.at, ZoneInfo(schedule.zone), after, weekday=schedule.weekday, day=schedule.day
    )


def plan_runs(now: datetime) -> int:
    """Make a run for each time that a schedule was due since it was looked at last; return how many."""
    made = 0
    for schedule in ReportSchedule.objects.filter(next_at__lte=now).order_by("next_at", "id")[:100]:
        made += _plan(schedule, now)
    return made


def _plan(schedule: ReportSchedule, now: datetime) -> int:
    assert schedule.next_at is not None
    due, moment = [], schedule.next_at
    while moment <= now:
        due.append(moment)
        moment = first_due(schedule, moment)
    with transaction.atomic():
        unchanged = ReportSchedule.objects.filter(pk=schedule.pk, next_at=schedule.next_at)
        if not unchanged.update(next_at=moment):
            return 0  # another planner was quicker, or it was stopped
        runs = [ScheduledRun(schedule=schedule, due_at=one, next_try_at=now) for one in due[-MOST_MISSED:]]
        ScheduledRun.objects.bulk_create(runs, ignore_conflicts=True)
    return len(runs)


def due_runs(now: datetime) -> list[int]:
    """Return the runs to be sent now, those that wait longest first."""
    runs = ScheduledRun.objects.filter(next_try_at__lte=now).order_by("next_try_at", "id")
    return list(runs.values_list("pk", flat=True)[:20])


def send_run(pk: int) -> bool:
    """Send a run unless somebody else does; return whether it was looked at. Raise ``DatabaseError``."""
    with WriterLocks() as locks:
        if not locks.take(f"run-{pk}"):
            return False
        run = ScheduledRun.objects.select_related("schedule__owner").filter(pk=pk, next_try_at__isnull=False).first()
        if run is not None:
            _send(run)
        return True


def _send(run: ScheduledRun) -> None:
    schedule = run.schedule
    language = preferences_of(schedule.owner).language if schedule.owner else ""
    with translation.override(language or "en"):
        if run.state == State.SENDING and schedule.target == ReportSchedule.Target.EMAIL:
            _end(run, State.UNCLEAR, gettext("The mail was being sent when the process ended. It may have arrived."))
            return
        try:
            owner_of(schedule)
            file = prepare(schedule, run.due_at)
            _hand_over(run, file)
        except ScheduleMustStop as error:
            stop(schedule, str(error))
            _end(run, State.FAILED, str(error))
        except DeliveryRefused as error:
            _end(run, State.FAILED, str(error))
        except DeliveryFailed as error:
            _again(run, str(error))
        except DatabaseError:
            raise
        except Exception:
            logger.exception("run %d of schedule %d failed", run.pk, schedule.pk)
            _again(run, gettext("An internal error; the worker's log has the details."))


def _hand_over(run: ScheduledRun, file: PreparedFile) -> None:
    schedule, key = run.schedule, str(run.key)
    to_mail = schedule.target == ReportSchedule.Target.EMAIL
    receivers = ", ".join(schedule.recipients) if to_mail else schedule.url
    ScheduledRun.objects.filter(pk=run.pk).update(
        state=State.SENDING,
        receivers=receivers,
        since=file.range.since,
        until=file.range.until,
        size=len(file.data),
        masked=file.masked,
    )
    if to_mail:
        send_mail(file, schedule.recipients, key)
    else:
        post_file(file, schedule.url, key)
    _end(run, State.SENT, "")
    if schedule.owner is not None:
        record_of(
            schedule.owner,
            Action.EXPORTED,
            schedule.name,
            format=schedule.format,
            conditions=schedule.conditions,
            to=receivers,
            run=key,
            masked=file.masked,
        )


def _end(run: ScheduledRun, state: ScheduledRun.RunState, error: str) -> None:
    ScheduledRun.objects.filter(pk=run.pk).update(
        state=state, error=error[:2000], tries=run.tries + 1, next_try_at=None, finished_at=timezone.now()
    )


def _again(run: ScheduledRun, error: str) -> None:
    at = next_try(run.tries + 1, timezone.now())
    if at is None:
        _end(run, State.FAILED, error)
        return
    ScheduledRun.objects.filter(pk=run.pk).update(
        state=State.WAITING, error=error[:2000], tries=run.tries + 1, next_try_at=at
    )


def stop(schedule: ReportSchedule, reason: str = "") -> None:
    """Stop a schedule; ``reason`` says why where no person did."""
    ReportSchedule.objects.filter(pk=schedule.pk).update(next_at=None, stopped_because=reason)


def resume(schedule: ReportSchedule, now: datetime) -> None:
    """Have a stopped schedule be due again, from now on."""
    ReportSchedule.objects.filter(pk=schedule.pk).update(next_at=first_due(schedule, now), stopped_because="")


def send_now(schedule: ReportSchedule, now: datetime) -> ScheduledRun:
    """Make a run that is due at once, beside those of the schedule."""
    return ScheduledRun.objects.create(schedule=schedule, due_at=now, next_try_at=now)


def send_again(run: ScheduledRun, now: datetime) -> None:
    """Have a run that ended be sent again."""
    ended = ScheduledRun.objects.filter(pk=run.pk, next_try_at=None)
    ended.update(state=State.WAITING, next_try_at=now, tries=0, error="", finished_at=None)


def forget_old_runs(now: datetime) -> int:
    """Delete runs older than ``HISTORY``; return how many."""
    deleted, _by_model = ScheduledRun.objects.filter(due_at__lt=now - HISTORY, next_try_at=None).delete()
    return deleted
