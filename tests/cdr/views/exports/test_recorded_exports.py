"""Exports of the recorded calls: list, API and every format agree."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from pyarrow import parquet

from accweb.demo import load_demo
from cdr.export import FIELDS, jobs, writing
from cdr.export.columns import COLUMNS
from cdr.models import Call, ExportJob
from proxyconf.models.reach import ProxyLimit
from tests.cdr.views.exports.exporting import bytes_of, records, rows, sent
from tests.factories import NOON, make_call, make_proxy

pytestmark = pytest.mark.django_db


def listed(client: Client, conditions: str) -> list[int]:
    """The keys of the calls that the list shows, page by page."""
    found, address = [], f"/calls/?{conditions}"
    while address:
        page: HttpResponse = client.get(address)
        found += [int(pk) for pk in re.findall(r'data-call="/calls/(\d+)/', page.text)]
        (address,) = re.findall(r'id="older"[^>]*? href="(.*?)"', page.text.replace("\n", " ")) or [""]
        address = address.replace("&amp;", "&")
    return found


def answered(client: Client, conditions: str) -> list[dict[str, Any]]:
    """The records that the API gives, page by page."""
    found, address = [], f"/api/v1/calls/?{conditions}"
    while address:
        answer = client.get(address).json()
        found += answer["results"]
        address = answer["next"]
    return found


QUESTIONS = [
    "",
    "state=completed",
    "state=stop_missing&state=start_missing",
    "not_state=completed",
    "outcome=busy&outcome=cancelled",
    "code=4xx",
    "flag=early_media",
    "flag=superseded",
    "proxy=demo-kamailio",
    "proxy=demo-opensips&proxy=demo-kamailio-legs",
    "caller=%2B49",
    "caller=%2B4930*",
    "not_caller=%2B49",
    "min_duration=3",
    "since=2026-11-22&until=2026-11-23",
    "period=today",
    "superseded=1",
    "settled=0",
    "backend=sql&not_flag=early_media",
    "caller=nobody-at-all",
]


@pytest.fixture
def recorded_calls(db: None) -> None:
    load_demo()


@pytest.mark.usefixtures("recorded_calls")
@pytest.mark.thorough
def test_export_list_and_api_tell_the_same_of_the_recorded_calls_for_the_same_filter(ann: Client, bob: Client) -> None:
    ProxyLimit.objects.create(user=User.objects.get(username="bob")).proxies.add(
        make_proxy("demo-kamailio"), make_proxy("demo-opensips")
    )
    told: dict[str, int] = {}
    for client, question in [(ann, one) for one in QUESTIONS] + [(bob, one) for one in QUESTIONS if "proxy" not in one]:
        if client is bob and "*" in question:
            continue  # who sees numbers masked may ask for whole ones only
        in_api = answered(client, question)
        in_list = listed(client, question)
        exported = records(client, question)
        assert [record["id"] for record in in_api] == in_list
        assert sorted(exported, key=by_key) == sorted(in_api, key=by_key)
        assert [(one["started_at"], one["id"]) for one in exported] == sorted(
            (one["started_at"], one["id"]) for one in exported
        )
        if client is ann:
            told[question] = len(exported)
    assert told[""] == Call.objects.filter(superseded=False).count() > told["state=completed"] > 0
    assert told["caller=nobody-at-all"] == 0


def by_key(record: dict[str, Any]) -> int:
    return record["id"]


@pytest.mark.usefixtures("recorded_calls")
def test_every_format_tells_the_same_of_the_recorded_calls(ann: Client) -> None:
    true = records(ann)
    in_csv = rows(ann, column=FIELDS)
    in_parquet = parquet.read_table(io.BytesIO(bytes_of(sent(ann, format="parquet")))).to_pylist()
    heading, *in_book = openpyxl.load_workbook(io.BytesIO(bytes_of(sent(ann, format="xlsx"))))["Calls"].values
    for name in ("id", "call_id", "from_tag", "callee", "state", "sip_code", "duration"):
        values = [record[name] for record in true]
        assert [record[name] for record in in_parquet] == values
        assert [row[heading.index(name)] for row in in_book] == values
        if name != "callee":  # a telephone number is guarded there
            assert [row[name] for row in in_csv] == ["" if value is None else str(value) for value in values]
    for name in ("extra", "legs", "attempts"):
        values = [record[name] for record in true]
        assert [json.loads(row[name]) for row in in_csv] == values
        assert [json.loads(record[name]) for record in in_parquet] == values
        assert [json.loads(row[heading.index(name)]) for row in in_book] == values
    assert any(record["legs"] for record in true)
    assert any(record["attempts"] for record in true)


def test_the_worker_writes_what_is_sent_at_once(ann: Client) -> None:
    make_call(caller="+4930123456")
    at_once = bytes_of(sent(ann, "state=completed"))
    asked = jobs.filter_of(ExportJob(conditions="state=completed", created_at=NOON))
    written = io.BytesIO()
    writing.write(writing.records(writing.oldest_first(asked)), asked, "csv", written, columns=COLUMNS, zone="UTC")
    assert written.getvalue() == at_once
