"""What the pages, exports and the API ask the database: no row is skipped, and nothing is counted without a limit.

Calls, events and rejected input come by the million: an ``OFFSET`` reads all that it skips, a ``COUNT`` all that meet.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cdr.models import Call, ExportJob
from cdr.queries.keyset import OLDEST, Cursor
from tests.accweb.test_permissions import WHO
from tests.factories import make_call, make_event, make_proxy, make_rejected, make_schedule

pytestmark = [pytest.mark.django_db, pytest.mark.thorough]

_COUNT = re.compile(r"\bcount\(", re.IGNORECASE)
_CAPPED = re.compile(r"\bLIMIT \d+\)")  # of what stands in brackets, which is what is counted
_ASKED = (
    "",
    "state=completed&period=30d",
    "outcome=failed&outcome=busy&since=2026-01-01",
    "caller=%3Dalice",
    "number=li&not_callee=x*y",
    "call_id=1%40example.net",
    "source=192.0.2.0%2F24",
    "settled=1",
    "proxy=edge-1&extra.account=7",
    "superseded=1&user_agent=a&period=all",
)
_FEW = ("cdr_source", "proxyconf_proxy", "auth_user", "auth_group", "accweb_apitoken")
"""Tables of what people set up by hand: the admin's lists count them."""
_COUNTS_FEW = re.compile(rf'SELECT COUNT\(\*\) AS "__count" FROM "(?:{"|".join(_FEW)})"')
_OF_CALLS = ("cdr:start", "cdr:busiest", "cdr:histogram", "cdr:call-list", "cdr:new-calls", "cdr:export-new")
_OF_CALLS_IN_API = ("api:calls", "api:statistics", "api:statistics-series")
_REPORTS = ("cdr:report", "cdr:trends", "cdr:report-file", "api:reports")
"""They group all calls of their filter, within a time limit instead (``cdr.queries.time_limit``)."""
_LISTS_IN_ADMIN = tuple(name for name in WHO if name.endswith("_changelist"))


@pytest.fixture
def call() -> Call:
    """A call with an event, among more calls than a page shows; rejected input; an export that is done."""
    proxy = make_proxy("edge-1")
    event = make_event(proxy=proxy)
    make_rejected(source=event.source)
    now = timezone.now()
    for place in range(60):
        make_call(proxies=["edge-1"], started_at=now - timedelta(minutes=place))
    return make_call(call_id=event.call_id, proxies=["edge-1"], started_at=now, outcome=Call.Outcome.FAILED)


@pytest.fixture
def everybody(call: Call) -> Client:
    """Logged in as who may see every page."""
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


def _addresses(call: Call) -> dict[str, list[str]]:
    """Every address of calls that is read, with what one may ask of it."""
    job = ExportJob.objects.create(
        user=User.objects.get(username="ann"), format="csv", state=ExportJob.ExportState.DONE
    )
    source = call.pk and make_rejected().source_id
    place = str(Cursor(call.started_at - timedelta(minutes=30), 0))
    found = {name: [reverse(name)] for name in (*_OF_CALLS, *_OF_CALLS_IN_API, *_LISTS_IN_ADMIN)}
    for name in (*_OF_CALLS, *_OF_CALLS_IN_API):
        found[name] = [f"{reverse(name)}?{asked}" for asked in _ASKED]
    for name in _REPORTS:
        where = reverse(name, args=["csv"] if name == "cdr:report-file" else [])
        found[name] = [f"{where}?{asked}&group=gateway&per=day" for asked in _ASKED]
    for name in ("cdr:call-list", "api:calls"):
        found[name] += [f"{reverse(name)}?{turn}={at}" for turn in ("after", "before") for at in (place, str(OLDEST))]
    found["cdr:new-calls"].append(f"{reverse('cdr:new-calls')}?before={place}")
    found["api:calls"].append(f"{reverse('api:calls')}?updated_after=2026-01-01")
    two = "&".join(f"id={pk}" for pk in Call.objects.order_by("pk").values_list("pk", flat=True)[:2])
    for name in ("cdr:compare-calls", "cdr:set-ends"):
        found[name] = [f"{reverse(name)}?{two}"]
    for name in ("cdr:schedules", "cdr:schedule-new"):
        found[name] = [reverse(name)]
    found["cdr:schedule"] = [reverse("cdr:schedule", args=[make_schedule(User.objects.get(username="ann")).pk])]
    for name in ("cdr:exports", "cdr:health", "api:exports", "api:sources"):
        found[name] = [reverse(name)]
    of_one: dict[str, Any] = {
        "cdr:health-proxy": "edge-1",
        "cdr:export-file": job.pk,
        "api:export": job.pk,
        "api:export-file": job.pk,
        "api:source": source,
    }
    for name in WHO:
        if name.startswith(("cdr:call-", "api:call-")) or name in ("cdr:call", "api:call"):
            of_one.setdefault(name, call.pk)
    return {name: [reverse(name, args=[one])] for name, one in of_one.items() if name not in found} | found


def _is_about_calls(name: str) -> bool:
    return WHO[name][0] == "get" and (
        name.startswith("cdr:")
        or name.startswith(("api:call", "api:statistics", "api:report", "api:export", "api:source"))
    )


def test_every_page_export_and_answer_reads_no_more_than_it_shows(everybody: Client, call: Call) -> None:
    addresses = {name: found for name, found in _addresses(call).items() if WHO[name][0] == "get"}
    assert {name for name in WHO if _is_about_calls(name)} <= set(addresses)
    wrong = []
    for name, address in ((name, one) for name, found in addresses.items() for one in found):
        with CaptureQueriesContext(connection) as queries:
            response = everybody.get(address)
            response.getvalue()  # of what is streamed too
        assert response.status_code == 200, address
        may_count = name in (*_REPORTS, "cdr:busiest")  # whose rankings are reports
        wrong += [(address, query["sql"]) for query in queries if _reads_too_much(query["sql"], may_count=may_count)]
    assert wrong == []


def _reads_too_much(sql: str, *, may_count: bool) -> bool:
    if " OFFSET " in sql or may_count:
        return " OFFSET " in sql
    return bool(_COUNT.search(sql)) and not _CAPPED.search(sql) and not _COUNTS_FEW.fullmatch(sql)
