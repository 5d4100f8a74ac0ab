"""Scheduled reports arrive once, when they are due, with what their owner may see then."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from openpyxl import load_workbook

from accweb.web.models import AuditEntry
from cdr import tasks
from cdr.delivery import mail
from cdr.delivery.sending import due_runs, plan_runs, send_again, send_now, send_run
from cdr.delivery.timing import MOST_TRIES
from cdr.models import ReportSchedule, ScheduledRun
from proxyconf.models.reach import ProxyLimit
from tests.cdr.delivery.conftest import Webhook
from tests.factories import make_call, make_proxy, make_schedule
from tests.mail_server import Mailbox

pytestmark = pytest.mark.django_db

DUE = datetime(2026, 6, 1, 5, tzinfo=UTC)  # seven o'clock in Berlin
State = ScheduledRun.RunState


@pytest.fixture(autouse=True)
def _stored_calls() -> None:
    """Calls of 31 May in Berlin, and one of the day before."""
    make_proxy("kam1", layout={"extras": {"syslog": ["account"]}})
    for account, hour, seconds in (("shop", 10, 60), ("club", 11, 30), ("shop", 12, 90)):
        at = datetime(2026, 5, 31, hour, tzinfo=UTC)
        make_call(started_at=at, extra={"account": account}, duration=timedelta(seconds=seconds), caller="+4930123456")
    make_call(started_at=datetime(2026, 5, 30, 21, 59, tzinfo=UTC), extra={"account": "old"})


def send_all(now: datetime = DUE) -> None:
    """Do what the periodic task does at ``now``."""
    plan_runs(now)
    for pk in due_runs(datetime.now(UTC) + timedelta(days=2)):
        send_run(pk)


def rows_in(data: str | bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data if isinstance(data, str) else data.decode())))


def test_a_report_arrives_as_a_mail_with_the_file(mailbox: Mailbox, owner: User) -> None:
    make_schedule(owner)
    send_all()
    (message,) = mailbox.messages
    assert message["Subject"] == "Accounts: 2026-05-31"
    assert message["To"] == "billing@example.net"
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "accounts-2026-05-31.csv"
    assert rows_in(attached.get_content()) == [
        ["account", "calls", "minutes"],
        ["club", "1", "0.5"],
        ["shop", "2", "2.5"],
        ["total", "3", "3.0"],
    ]
    run = ScheduledRun.objects.get()
    assert (run.state, run.receivers, run.due_at) == (State.SENT, "billing@example.net", DUE)
    assert f"<{run.key}@example.net>" == message["Message-ID"]
    entry = AuditEntry.objects.get(action="exported")
    assert (entry.username, entry.detail["to"]) == ("clerk", "billing@example.net")


def test_minutes_per_account_and_day_of_last_month_arrive_as_a_workbook_every_monday(
    mailbox: Mailbox, owner: User
) -> None:
    make_schedule(
        owner,
        conditions="group=account&per=day&figures=minutes",
        format="xlsx",
        period="last_month",
        interval="weekly",
        weekday=1,
    )
    send_all()
    (attached,) = mailbox.messages[0].iter_attachments()
    assert attached.get_filename() == "accounts-2026-05.xlsx"
    sheet = load_workbook(io.BytesIO(attached.get_content()))["Report"]
    rows = [tuple(cell.value for cell in row) for row in sheet.iter_rows()]
    assert rows[0] == ("time", "account", "minutes")
    assert ("2026-05-31", "shop", 2.5) in rows
    assert ReportSchedule.objects.get().next_at == DUE + timedelta(days=7)


def test_an_export_arrives_with_its_columns(webhook: Webhook, owner: User) -> None:
    make_schedule(
        owner,
        content="export",
        conditions="extra.account=shop",
        columns=["started_at", "extra.account"],
        target="webhook",
        url=webhook.url,
    )
    send_all()
    (posted,) = webhook.posted
    assert rows_in(posted.body) == [
        ["started_at", "extra.account"],
        ["2026-05-31T12:00:00+02:00", "shop"],
        ["2026-05-31T14:00:00+02:00", "shop"],
    ]


def test_a_webhook_gets_the_file_with_its_key(webhook: Webhook, owner: User) -> None:
    make_schedule(owner, target="webhook", url=webhook.url)
    send_all()
    (posted,) = webhook.posted
    assert posted.path == "/reports?from=accweb"
    assert posted.headers["Content-Type"] == "text/csv"
    assert posted.headers["Idempotency-Key"] == str(ScheduledRun.objects.get().key)
    assert rows_in(posted.body)[-1] == ["total", "3", "3.0"]


def test_nothing_is_sent_twice(mailbox: Mailbox, owner: User) -> None:
    make_schedule(owner)
    for _ in range(3):
        send_all()
    assert len(mailbox.messages) == 1
    assert ScheduledRun.objects.count() == 1


def test_a_mail_whose_sender_was_killed_is_unclear_and_waits_for_a_person(mailbox: Mailbox, owner: User) -> None:
    make_schedule(owner)
    plan_runs(DUE)
    ScheduledRun.objects.update(state=State.SENDING)
    send_all()
    run = ScheduledRun.objects.get()
    assert (run.state, mailbox.messages) == (State.UNCLEAR, [])
    assert "may have arrived" in run.error
    send_again(run, DUE)
    send_all()
    assert len(mailbox.messages) == 1
    assert f"<{run.key}@example.net>" == mailbox.messages[0]["Message-ID"]


def test_a_webhook_whose_sender_was_killed_is_posted_with_the_same_key(webhook: Webhook, owner: User) -> None:
    make_schedule(owner, target="webhook", url=webhook.url)
    plan_runs(DUE)
    ScheduledRun.objects.update(state=State.SENDING)
    send_all()
    assert [one.headers["Idempotency-Key"] for one in webhook.posted] == [str(ScheduledRun.objects.get().key)]


def test_a_server_that_is_busy_is_tried_again_later_and_not_for_ever(mailbox: Mailbox, owner: User) -> None:
    mailbox.answer = "451 try later"
    make_schedule(owner)
    before = datetime.now(UTC)
    send_all()
    run = ScheduledRun.objects.get()
    assert (run.state, run.tries) == (State.WAITING, 1)
    assert "451" in run.error
    assert run.next_try_at is not None
    assert run.next_try_at >= before + timedelta(minutes=1)
    for _ in range(MOST_TRIES):
        send_all()
    run.refresh_from_db()
    assert (run.state, run.tries, run.next_try_at) == (State.FAILED, MOST_TRIES, None)


def test_a_mail_that_is_refused_is_not_tried_again(mailbox: Mailbox, owner: User) -> None:
    mailbox.answer = "554 no"
    make_schedule(owner)
    send_all()
    run = ScheduledRun.objects.get()
    assert (run.state, run.next_try_at) == (State.FAILED, None)
    assert "554 no" in run.error


@pytest.mark.parametrize(
    ("status", "state"), [(500, State.WAITING), (429, State.WAITING), (404, State.FAILED), (302, State.FAILED)]
)
def test_the_answer_of_a_webhook_says_whether_to_try_again(
    status: int, state: str, webhook: Webhook, owner: User
) -> None:
    webhook.status = status
    make_schedule(owner, target="webhook", url=webhook.url)
    send_all()
    run = ScheduledRun.objects.get()
    assert (run.state, f"answered {status}" in run.error) == (state, True)
    assert len(webhook.posted) == 1


def test_a_webhook_outside_the_allowed_networks_is_not_connected_to(
    webhook: Webhook, owner: User, settings: Any
) -> None:
    settings.SOURCE_NETWORKS = []
    make_schedule(owner, target="webhook", url=webhook.url)
    send_all()
    run = ScheduledRun.objects.get()
    assert (run.state, webhook.posted) == (State.FAILED, [])
    assert "ACCWEB_SOURCE_NETWORKS" in run.error


def test_a_server_that_does_not_answer_is_tried_again(owner: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.MAIL_IS_SET_UP, settings.EMAIL_HOST, settings.EMAIL_PORT = True, "127.0.0.1", 1
    make_schedule(owner)
    make_schedule(owner, name="hook", target="webhook", url="http://127.0.0.1:1/")
    send_all()
    assert {run.state for run in ScheduledRun.objects.all()} == {State.WAITING}


def test_what_is_sent_is_masked_and_limited_as_the_owner_may_see_at_the_time(mailbox: Mailbox, owner: User) -> None:
    make_schedule(owner, conditions="group=caller&figures=calls")
    owner.user_permissions.remove(Permission.objects.get(codename="view_numbers"))
    limit = ProxyLimit.objects.create(user=owner)
    limit.proxies.add(make_proxy("kam1"))
    make_call(started_at=datetime(2026, 5, 31, 12, tzinfo=UTC), caller="+4930999999", proxies=["kam2"])
    send_all()
    (attached,) = mailbox.messages[0].iter_attachments()
    rows = rows_in(attached.get_content())
    assert "123456" not in str(rows)
    assert rows[-1] == ["total", "3"]
    assert ScheduledRun.objects.get().masked


@pytest.mark.parametrize("loss", ["permission", "inactive", "deleted"])
def test_a_schedule_whose_owner_may_not_export_any_more_stops_and_says_so(
    loss: str, mailbox: Mailbox, owner: User
) -> None:
    schedule = make_schedule(owner)
    if loss == "permission":
        owner.user_permissions.remove(Permission.objects.get(codename="export_call"))
    elif loss == "inactive":
        User.objects.filter(pk=owner.pk).update(is_active=False)
    else:
        owner.delete()
    send_all()
    schedule.refresh_from_db()
    run = ScheduledRun.objects.get()
    assert (schedule.next_at, run.state, mailbox.messages) == (None, State.FAILED, [])
    assert schedule.stopped_because == run.error != ""


def test_times_that_were_missed_are_made_up_for(mailbox: Mailbox, owner: User) -> None:
    make_schedule(owner, next_at=DUE - timedelta(days=2))
    send_all(DUE)
    assert [message["Subject"] for message in mailbox.messages] == [
        "Accounts: 2026-05-29",
        "Accounts: 2026-05-30",
        "Accounts: 2026-05-31",
    ]


def test_a_person_may_send_it_now(mailbox: Mailbox, owner: User) -> None:
    schedule = make_schedule(owner, next_at=None)
    send_now(schedule, DUE)
    send_all()
    assert len(mailbox.messages) == 1


def test_a_condition_that_makes_no_sense_any_more_fails_with_its_name(mailbox: Mailbox, owner: User) -> None:
    make_schedule(owner, conditions="group=account&proxy=gone")
    send_all()
    run = ScheduledRun.objects.get()
    assert (run.state, mailbox.messages) == (State.FAILED, [])
    assert "proxy" in run.error


def test_a_file_that_is_too_large_for_a_mail_is_said(
    mailbox: Mailbox, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "LARGEST_ATTACHMENT", 10)
    make_schedule(owner)
    send_all()
    assert "webhook" in ScheduledRun.objects.get().error
    assert mailbox.messages == []


def test_without_a_mail_server_nothing_is_lost_silently(owner: User) -> None:
    make_schedule(owner)
    send_all()
    assert "EMAIL_URL" in ScheduledRun.objects.get().error


def test_the_periodic_task_sends_what_is_due_and_forgets_what_is_old(mailbox: Mailbox, owner: User) -> None:
    now = datetime.now(UTC)
    schedule = make_schedule(owner, zone="UTC", at=(now + timedelta(hours=12)).time())  # the next one is not due yet
    schedule.runs.create(due_at=DUE - timedelta(days=2000), state=State.SENT)
    ReportSchedule.objects.update(next_at=now - timedelta(hours=1))
    tasks.plan_reports()
    assert len(mailbox.messages) == 1
    assert tasks.forget_old_reports() == 1
