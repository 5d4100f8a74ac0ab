"""The page of a report: what it groups, where its rows lead, its files, what it refuses."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from cdr.models import SavedView
from tests.factories import make_call, make_proxy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _stored_calls() -> None:
    make_proxy("kam1", layout={"extras": {"syslog": ["account"]}})
    hour = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    for account, seconds in (("shop", 60), ("shop", 120), ("club", 600)):
        make_call(
            started_at=hour,
            extra={"account": account},
            caller="+4930123456",
            duration=timedelta(seconds=seconds),
        )
    make_call(started_at=hour, extra={}, state="unanswered", outcome="busy", sip_code=486, duration=None)


def rows_of(client: Client, query: str) -> list[list[str]]:
    """The rows of the report's CSV."""
    response = client.get(f"/reports/file.csv?{query}")
    assert response.status_code == 200, response.content
    return list(csv.reader(io.StringIO(response.content.decode())))


@pytest.fixture
def clerk(db: None) -> Client:
    """Logged in as somebody who may view and export calls with full numbers."""
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_call", "view_numbers", "export_call", "share_savedview"])
    )
    client = Client()
    client.force_login(user)
    return client


def test_a_group_leads_to_exactly_its_calls(analyst: Client) -> None:
    page = analyst.get("/reports/?group=account&sort=-minutes&zone=UTC")
    lines = page.context["lines"]
    assert ["club" in lines[0].groups[0], "shop" in lines[1].groups[0], "not logged" in lines[2].groups[0]] == [
        True
    ] * 3
    assert str(lines[1].address) == "/calls/?zone=UTC&period=30d&account=%3Dshop"
    listed = analyst.get(str(lines[1].address))
    assert len(listed.context["rows"]) == 2
    assert lines[2].address is None


def test_the_totals_are_those_of_the_overview(analyst: Client) -> None:
    report = analyst.get("/reports/?period=24h&group=account").context["table"].total
    cards = {card.name: card.value for card in analyst.get("/?period=24h").context["cards"]}
    assert (f"{report.calls}", f"{report.answered}", f"{report.minutes:.0f}") == (
        cards["calls"],
        cards["answered"],
        cards["minutes"].removesuffix(".0"),
    )


def test_a_file_holds_all_groups_and_the_total(clerk: Client) -> None:
    rows = rows_of(clerk, "group=account&figures=calls,minutes,asr&sort=account")
    assert rows == [
        ["account", "calls", "minutes", "asr"],
        ["club", "1", "10.0", "1.0"],
        ["shop", "2", "3.0", "1.0"],
        ["", "1", "0.0", "0.0"],
        ["total", "4", "13.0", "0.75"],
    ]


def test_a_workbook_holds_numbers_as_numbers_and_text_as_text(clerk: Client) -> None:
    make_call(started_at=timezone.now(), extra={"account": "=1+1"})
    book = load_workbook(io.BytesIO(clerk.get("/reports/file.xlsx?group=account&sort=account").content))
    cells = [cell for row in book["Report"].iter_rows() for cell in row]
    assert [cell.data_type for cell in cells if cell.value == "=1+1"] == ["s"]
    assert ("calls", "n") in [(book["Report"].cell(1, cell.column).value, cell.data_type) for cell in cells[12:]]


def test_json_is_that_of_the_api(clerk: Client) -> None:
    file = json.loads(clerk.get("/reports/file.json?group=account&period=24h&zone=UTC").content)
    told = clerk.get("/api/v1/reports/?group=account&period=24h&zone=UTC").json()
    assert file == told
    assert told["total"]["calls"] == 4
    assert {"group": {"account": "club"}, "time": None}.items() <= told["results"][1].items()


@pytest.mark.parametrize("name", ["csv", "xlsx", "json"])
def test_files_take_the_permission_to_export(analyst: Client, name: str) -> None:
    assert analyst.get(f"/reports/file.{name}").status_code == 403


def test_who_sees_numbers_masked_sees_groups_masked_and_no_prefixes(viewer: Client) -> None:
    page = viewer.get("/reports/?group=caller")
    assert "123456" not in page.content.decode()
    assert all(line.address is None for line in page.context["lines"] if "+4930" in line.groups[0])
    refused = viewer.get("/reports/?group=caller_prefix&digits=9")
    assert "cannot group by prefix" in refused.content.decode()
    assert "+4930" not in refused.content.decode()
    assert viewer.get("/api/v1/reports/?group=callee_prefix").status_code == 400
    told = viewer.get("/api/v1/reports/?group=caller").content.decode()
    assert "123456" not in told


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("group=nothing", "“nothing” is unknown"),
        ("group=caller&group=callee&group=outcome", "at most two"),
        ("per=decade", "“decade” is unknown"),
        ("group=caller_prefix&digits=99", "from 1 to 15"),
        ("figures=money", "“money” is unknown"),
        ("group=caller&sort=callee", "“callee” is unknown"),
        ("state=lost", "State"),
        ("stat=lost", "Unknown filter"),
        ("per=hour&since=1990-01-01", "too many parts"),
    ],
)
def test_what_makes_no_sense_is_said_and_answers_nothing(analyst: Client, query: str, problem: str) -> None:
    page = analyst.get(f"/reports/?{query}")
    assert problem in page.content.decode()
    assert page.context["lines"] == []


def test_what_takes_too_long_is_said(analyst: Client, clerk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from cdr.queries.reports import table

    def stop(*_arguments: object) -> None:
        raise table.TookTooLong

    monkeypatch.setattr(table, "_counted", stop)
    assert "took too long" in analyst.get("/reports/?group=account").content.decode()
    assert clerk.get("/reports/file.csv?group=account").status_code == 422
    assert analyst.get("/api/v1/reports/?group=account").status_code == 422


def test_a_search_narrows_the_report(analyst: Client) -> None:
    response = analyst.get("/reports/?q=busy&group=account&read_in=UTC")
    assert response.headers["Location"].startswith("/reports/?group=account&outcome=busy")


def test_a_report_is_saved_and_shared_apart_from_the_lists(clerk: Client, analyst: Client) -> None:
    asked = {"kind": "report", "conditions": "group=account&per=day", "name": "By account", "shared": "1"}
    response = clerk.post("/calls/views/", asked)
    assert response.headers["Location"] == "/reports/?group=account&per=day"
    assert [view.name for view in analyst.get("/reports/").context["views"].shared] == ["By account"]
    assert analyst.get("/calls/").context["views"].shared == []
    view = SavedView.objects.get()
    renamed = clerk.post(f"/calls/views/{view.pk}/", {"name": "Accounts", "next": "group=caller"})
    assert renamed.headers["Location"] == "/reports/?group=caller"


def test_no_statement_skips_rows_or_counts_without_end(analyst: Client) -> None:
    for query in ("per=day", "group=gateway&per=weekday", "group=caller&figures=failed_attempts"):
        with CaptureQueriesContext(connection) as captured:
            analyst.get(f"/reports/?{query}")
        assert not [one["sql"] for one in captured.captured_queries if " OFFSET " in one["sql"]]
