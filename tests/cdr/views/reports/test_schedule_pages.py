"""The pages of scheduled reports: from a report to a schedule, and what may be done to one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from cdr.models import ReportSchedule, ScheduledRun
from tests.factories import make_schedule

pytestmark = pytest.mark.django_db


def client_of(name: str, *permissions: str) -> tuple[Client, User]:
    user = User.objects.create_user(name, email=f"{name}@example.net", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_call", "view_numbers", "export_call", *permissions])
    )
    client = Client()
    client.force_login(user)
    return client, user


@pytest.fixture
def clerk(settings: Any) -> Client:
    settings.MAIL_IS_SET_UP = True
    return client_of("clerk")[0]


def entered(**fields: Any) -> dict[str, Any]:
    """What the form sends."""
    return {
        "content": "report",
        "conditions": "period=last_month&zone=UTC&group=account&per=day&figures=minutes",
        "name": "Minutes",
        "period": "last_month",
        "interval": "weekly",
        "weekday": "1",
        "day": "1",
        "at": "07:00",
        "zone": "Europe/Berlin",
        "format": "xlsx",
        "target": "email",
        "recipients": "billing@example.net, boss@example.net",
        **fields,
    }


def test_a_report_leads_to_its_schedule_with_everything_filled_in(clerk: Client) -> None:
    form = clerk.get("/reports/schedules/new/?period=last_month&group=account&per=day&name=Minutes").context["form"]
    assert form["name"].value() == "Minutes"
    assert form["period"].value() == "last_month"
    assert form["format"].value() == "xlsx"
    assert form["recipients"].value() == "clerk@example.net"


def test_a_schedule_keeps_the_report_without_its_time(clerk: Client) -> None:
    response = clerk.post("/reports/schedules/new/", entered())
    schedule = ReportSchedule.objects.get()
    assert response.headers["Location"] == f"/reports/schedules/{schedule.pk}/"
    assert schedule.conditions == "group=account&per=day&figures=minutes"
    assert schedule.recipients == ["billing@example.net", "boss@example.net"]
    assert schedule.next_at is not None
    assert schedule.next_at.isoweekday() == 1
    page = clerk.get(response.headers["Location"]).content.decode()
    assert "billing@example.net" in page


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"recipients": ""}, "at least one"),
        ({"recipients": "nobody"}, "nobody is not a valid e-mail address"),
        ({"recipients": " ".join(f"a{number}@example.net" for number in range(21))}, "at most 20"),
        ({"target": "webhook"}, "address of the webhook"),
        ({"target": "webhook", "url": "ftp://example.net/"}, "begins with https"),
        ({"target": "webhook", "url": "http://[half/"}, "begins with https"),
        ({"target": "webhook", "url": "http://a/\r\nX: y"}, "begins with https"),
        ({"zone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"format": "parquet"}, "parquet"),
        ({"at": "25:00"}, "time"),
        ({"name": ""}, "Name"),
    ],
)
def test_what_makes_no_sense_is_said_and_nothing_is_saved(clerk: Client, fields: dict[str, str], problem: str) -> None:
    response = clerk.post("/reports/schedules/new/", entered(**fields))
    assert response.status_code == 400
    assert problem in response.content.decode()
    assert not ReportSchedule.objects.exists()


def test_without_a_mail_server_a_mail_cannot_be_chosen(clerk: Client, settings: Any) -> None:
    settings.MAIL_IS_SET_UP = False
    response = clerk.post("/reports/schedules/new/", entered())
    assert response.status_code == 400
    assert "EMAIL_URL" in response.content.decode()


def test_an_export_is_scheduled_with_its_format(clerk: Client) -> None:
    page = clerk.get("/reports/schedules/new/?content=export&outcome=busy&format=jsonl")
    assert page.context["form"]["format"].value() == "jsonl"
    clerk.post("/reports/schedules/new/", entered(content="export", conditions="outcome=busy", format="parquet"))
    assert ReportSchedule.objects.get().format == "parquet"


def test_a_schedule_is_changed_stopped_resumed_sent_and_deleted(clerk: Client) -> None:
    clerk.post("/reports/schedules/new/", entered())
    schedule = ReportSchedule.objects.get()
    address = f"/reports/schedules/{schedule.pk}/"
    clerk.post(address, entered(name="Renamed", interval="daily"))
    schedule.refresh_from_db()
    assert (schedule.name, schedule.interval) == ("Renamed", "daily")
    clerk.post(f"{address}stop/")
    schedule.refresh_from_db()
    assert schedule.next_at is None
    clerk.post(f"{address}resume/")
    schedule.refresh_from_db()
    assert schedule.next_at is not None
    clerk.post(f"{address}send/")
    run = ScheduledRun.objects.get()
    ScheduledRun.objects.update(state="failed", next_try_at=None, error="451 busy")
    assert "451 busy" in clerk.get(address).content.decode()
    clerk.post(f"{address}runs/{run.pk}/again/")
    run.refresh_from_db()
    assert run.state == "waiting"
    assert clerk.post(f"{address}delete/").headers["Location"] == "/reports/schedules/"
    assert not ReportSchedule.objects.exists()
    assert clerk.post(f"{address}explode/").status_code == 404


def test_the_schedules_of_others_are_seen_and_ended_by_who_may_and_changed_by_nobody(clerk: Client) -> None:
    other = User.objects.create_user("other")
    schedule = make_schedule(other)
    address = f"/reports/schedules/{schedule.pk}/"
    assert clerk.get(address).status_code == 404
    assert "Accounts" not in clerk.get("/reports/schedules/").content.decode()
    administrator, _user = client_of("boss", "view_exportjob", "delete_exportjob")
    assert "Accounts" in administrator.get("/reports/schedules/").content.decode()
    assert administrator.post(address, entered()).status_code == 403
    assert administrator.post(f"{address}send/").status_code == 403
    administrator.post(f"{address}stop/")
    schedule.refresh_from_db()
    assert schedule.next_at is None


def test_a_stopped_schedule_says_why(clerk: Client) -> None:
    owner = User.objects.get(username="clerk")
    schedule = make_schedule(owner, next_at=None, stopped_because="The user clerk may not export calls any more.")
    for address in ("/reports/schedules/", f"/reports/schedules/{schedule.pk}/"):
        assert "may not export calls any more" in clerk.get(address).content.decode()
