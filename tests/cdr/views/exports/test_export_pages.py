from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pyarrow import parquet

from accweb.web.models import AuditEntry
from cdr.calls.settlement import settle
from cdr.export import jobs
from cdr.models import ExportChunk, ExportJob
from cdr.views.exports import export_pages as exports
from proxyconf.models.reach import ProxyLimit
from tests.cdr.views.exports.exporting import bytes_of, log_in, records, rows, sent
from tests.factories import NOON, make_call, make_proxy

pytestmark = pytest.mark.django_db


State = ExportJob.ExportState


def make_job(**fields: Any) -> ExportJob:
    """Return a finished export of ann's, one line long."""
    defaults = {
        "user": User.objects.get(username="ann"),
        "format": "jsonl",
        "state": State.DONE,
        "written": 1,
        "size": 3,
        "expires_at": timezone.now() + timedelta(days=7),
    }
    job = ExportJob.objects.create(**defaults | fields)
    ExportChunk.objects.create(job=job, position=0, data=b"{")
    ExportChunk.objects.create(job=job, position=1, data=b"}\n")
    return job


def test_the_list_leads_to_the_export_of_its_filter(ann: Client, viewer: Client) -> None:
    make_call(state="completed")
    link = "/exports/new/?state=completed"
    assert link in ann.get("/calls/?state=completed").text
    assert link not in viewer.get("/calls/?state=completed").text


def test_the_page_says_which_and_how_many_calls_there_are(ann: Client) -> None:
    for number in range(3):
        make_call(caller=f"+4930{number}")
    make_call(caller="carol")
    page = ann.get("/exports/new/?caller=%2B4930").text
    assert "3 calls" in page
    assert re.search(r'<span class="muted">Caller</span> (<bdi>)?\+4930', page)
    assert 'href="/calls/?caller=%2B4930"' in page


def test_few_calls_are_sent_at_once_in_the_columns_and_the_zone_chosen(ann: Client) -> None:
    make_call(caller="carol", started_at=NOON)
    make_call(caller="alice", started_at=NOON - timedelta(hours=1), extra={"ua": "Snom"})
    chosen = {"column": ["started_at", "extra.ua", "caller"], "zone": "Europe/Berlin"}
    assert rows(ann, **chosen) == [
        {"started_at": "2026-05-31T13:00:00+02:00", "extra.ua": "Snom", "caller": "alice"},
        {"started_at": "2026-05-31T14:00:00+02:00", "extra.ua": "", "caller": "carol"},
    ]
    assert not ExportJob.objects.exists()


def test_extra_fields_of_these_calls_are_offered_as_columns(ann: Client) -> None:
    make_call(extra={"ua": "Snom", '<b>"': "x"})
    page = ann.get("/exports/new/").text
    assert 'value="extra.ua"' in page
    assert 'value="extra.&lt;b&gt;&quot;"' in page


def test_every_format_can_be_had(ann: Client) -> None:
    call = make_call()
    assert records(ann)[0]["id"] == call.pk
    assert rows(ann)[0]["call_id"] == call.call_id
    book = openpyxl.load_workbook(io.BytesIO(bytes_of(sent(ann, format="xlsx"))))
    assert [row[1] for row in book["Calls"].values] == ["call_id", call.call_id]
    table = parquet.read_table(io.BytesIO(bytes_of(sent(ann, format="parquet"))))
    assert table.column("call_id").to_pylist() == [call.call_id]


def test_a_preset_is_that_of_the_moment_when_the_page_was_opened(ann: Client) -> None:
    page = ann.get("/exports/new/?period=24h").text
    assert re.search(r'name="conditions" value="since=\d{4}-', page)
    assert "period" not in re.findall(r'name="conditions" value="(.*?)"', page)[0]


def test_who_may_not_see_numbers_gets_them_masked_and_is_told(bob: Client) -> None:
    call = make_call(caller="+4930123456", callee="carol", extra={"to": "+4930123456"}, state="stop_missing")
    settle(call, ended_at=None, reason="+4930123456 told so", by=User.objects.get(username="bob"), now=NOON)
    call.legs.create(position=0, source="+4930123456", values={"src": "+4930123456"})
    assert "masked in the file" in bob.get("/exports/new/").text
    (record,) = records(bob)
    assert "123456" not in json.dumps(record)
    for name in ("csv", "xlsx", "parquet"):
        assert b"4930123456" not in bytes_of(sent(bob, format=name))


def test_an_export_has_the_calls_within_reach_alone(ann: Client) -> None:
    make_call(call_id="mine", proxies=["kam1"])
    make_call(call_id="other", proxies=["kam2"])
    ProxyLimit.objects.create(user=User.objects.get(username="ann")).proxies.add(make_proxy("kam1"))
    assert [record["call_id"] for record in records(ann)] == ["mine"]
    assert "of these proxies only: kam1" in ann.get("/exports/new/").text


def test_more_calls_are_left_to_a_worker(ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 1)
    make_call()
    make_call()
    assert "Files of more than 1 calls are created in the background" in ann.get("/exports/new/").text
    response = sent(ann, "state=completed", format="xlsx", column=["caller", "id"], zone="Europe/Berlin")
    assert response.headers["Location"] == "/exports/"
    job = ExportJob.objects.get()
    assert (job.format, job.conditions, job.columns, job.zone) == (
        "xlsx",
        "state=completed",
        ["caller", "id"],
        "Europe/Berlin",
    )
    assert (job.scope, job.masked, job.state) == (None, False, State.QUEUED)
    assert "queued" in ann.get("/exports/").text


def test_one_does_not_fill_the_queue(ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 0)
    monkeypatch.setattr(jobs, "MOST_WAITING", 1)
    make_call()
    sent(ann)
    refused = sent(ann)
    assert refused.status_code == 400
    assert "Too many of your exports are queued" in refused.text
    assert ExportJob.objects.count() == 1


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"format": "pdf"}, "Format: "),
        ({"zone": "Mars/Olympus"}, "Time zone: &#x27;Mars/Olympus&#x27; is not a valid time zone"),
        ({"column": []}, "Columns: Choose at least one column."),
        ({"column": ["id", "secret"]}, "Columns: "),
        ({"conditions": "state=finished"}, "State: "),
        ({"conditions": "proxy=nope"}, "Proxy: unknown proxy"),
    ],
)
def test_what_makes_no_sense_is_told_and_nothing_is_sent(ann: Client, wanted: dict[str, Any], told: str) -> None:
    make_call()
    refused = sent(ann, **wanted)
    assert refused.status_code == 400
    assert told in refused.text
    assert not AuditEntry.objects.filter(action=AuditEntry.Action.EXPORTED).exists()


def test_a_condition_of_the_address_that_makes_no_sense_exports_nothing(ann: Client) -> None:
    make_call()
    page = ann.get("/exports/new/?state=finished").text
    assert "State: " in page
    assert "disabled" in page
    assert sent(ann, "state=finished").status_code == 400


def test_an_export_at_once_is_audited_with_filter_format_and_number(ann: Client) -> None:
    make_call()
    make_call()
    records(ann, "state=completed")
    entry = AuditEntry.objects.get(action=AuditEntry.Action.EXPORTED)
    assert (entry.username, entry.target) == ("ann", "State: Completed")
    assert entry.detail == {"format": "jsonl", "conditions": "state=completed", "calls": 2, "masked": False}


def test_a_file_of_the_background_is_sent_by_the_chunk_and_audited(ann: Client) -> None:
    job = make_job(conditions="state=completed")
    response = ann.get(f"/exports/{job.pk}/file/")
    assert bytes_of(response) == b"{}\n"
    assert response.headers["Content-Type"] == "application/jsonl"
    assert response.headers["Content-Disposition"].endswith('.jsonl"')
    entry = AuditEntry.objects.get(action=AuditEntry.Action.EXPORTED)
    assert (entry.detail["export"], entry.detail["calls"]) == (job.pk, 1)


def test_a_file_that_is_not_there_is_not_found(ann: Client) -> None:
    for state in (State.QUEUED, State.RUNNING, State.FAILED, State.EXPIRED):
        assert ann.get(f"/exports/{make_job(state=state).pk}/file/").status_code == 404
    assert ann.get("/exports/999/file/").status_code == 404


def test_nobody_gets_or_ends_the_exports_of_somebody_else(ann: Client, bob: Client) -> None:
    job = make_job()
    assert f"/exports/{job.pk}/" not in bob.get("/exports/").text
    assert bob.get(f"/exports/{job.pk}/file/").status_code == 404
    assert bob.post(f"/exports/{job.pk}/delete/").status_code == 404
    assert bob.post(f"/exports/{job.pk}/cancel/").status_code == 404
    assert ann.get(f"/exports/{job.pk}/file/").status_code == 200


def test_who_may_see_all_exports_gets_no_file_that_tells_more_than_one_may_see(ann: Client) -> None:
    job = make_job()
    eve = log_in("eve", "view_call", "export_call", "view_exportjob")
    page = eve.get("/exports/").text
    assert "ann" in page
    assert f"/exports/{job.pk}/file/" not in page
    assert eve.get(f"/exports/{job.pk}/file/").status_code == 403
    assert eve.post(f"/exports/{job.pk}/delete/").status_code == 403
    zoe = log_in("zoe", "view_call", "export_call", "view_exportjob", "view_numbers", "delete_exportjob")
    assert zoe.get(f"/exports/{job.pk}/file/").status_code == 200
    assert zoe.post(f"/exports/{job.pk}/delete/").status_code == 302
    assert not ExportJob.objects.exists()


def test_an_export_is_cancelled_and_deleted(ann: Client) -> None:
    job = make_job(state=State.RUNNING, heard_at=timezone.now())
    assert f"/exports/{job.pk}/cancel/" in ann.get("/exports/").text
    ann.post(f"/exports/{job.pk}/cancel/")
    page = ann.get("/exports/").text
    assert "Cancelled." in page
    assert f"/exports/{job.pk}/delete/" in page
    assert not ExportChunk.objects.exists()
    ann.post(f"/exports/{job.pk}/delete/")
    assert "No exports yet" in ann.get("/exports/").text


def test_deeds_need_a_post(ann: Client) -> None:
    job = make_job()
    for deed in ("cancel", "delete"):
        assert ann.get(f"/exports/{job.pk}/{deed}/").status_code == 405


def test_the_history_asks_for_news_only_while_something_is_under_way(ann: Client) -> None:
    make_job()
    assert "every 2s" not in ann.get("/exports/").text
    make_job(state=State.RUNNING, matches=2000, written=500)
    part = ann.get("/exports/", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="exports" data-quiet hx-get="/exports/" hx-trigger="every 2s"')
    assert '<progress value="500" max="2000"' in part


def test_the_history_tells_what_was_asked_for_and_when_it_goes(ann: Client) -> None:
    make_job(conditions="since=2026-05-30T12%3A00%3A00Z&caller=%2B49", masked=True, scope=["kam1"])
    page = ann.get("/exports/").text
    for text in ("2026-05-30 12:00:00 UTC", "+49", "numbers masked", "only kam1", "1 call, 3", "available until"):
        assert text in page
    assert 'href="/calls/?since=2026-05-30T12%3A00%3A00Z&amp;caller=%2B49"' in page


def test_the_history_goes_on_page_by_page(ann: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "HISTORY", 2)
    made = [make_job().pk for _ in range(3)]
    first = ann.get("/exports/").text
    assert [pk for pk in made if f"/exports/{pk}/file/" in first] == made[1:]
    (older,) = re.findall(r'rel="next" href="(.*?)"', first)
    second = ann.get(f"/exports/{older}").text
    assert [pk for pk in made if f"/exports/{pk}/file/" in second] == made[:1]
    assert ann.get("/exports/?before=x").status_code == 200


def test_no_query_of_the_pages_skips_rows_or_counts_without_a_limit(ann: Client) -> None:
    make_call()
    make_job(state=State.RUNNING)
    with CaptureQueriesContext(connection) as queries:
        ann.get("/exports/new/?state=completed")
        sent(ann)
        ann.get("/exports/")
    asked = [query["sql"] for query in queries if '"cdr_call"' in query["sql"]]
    assert asked
    assert not [sql for sql in asked if "OFFSET" in sql]
    assert not [sql for sql in asked if "COUNT(" in sql and "LIMIT" not in sql]


def test_who_may_not_export_is_told_what_is_missing(viewer: Client, client: Client) -> None:
    for page in ("/exports/", "/exports/new/", "/exports/1/file/"):
        assert viewer.get(page).status_code == 403
        assert client.get(page).status_code == 302
    assert viewer.post("/exports/new/", {"format": "csv"}).status_code == 403
    assert "/exports/" not in viewer.get("/").text


HOSTILE = "<script>alert(1)</script>\u202e\"'=1+1{{ 7|add:7 }}"


def test_hostile_text_is_shown_harmless(ann: Client) -> None:
    make_job(conditions=urlencode({"caller": HOSTILE, "extra.<b>": HOSTILE}), error=HOSTILE, state=State.FAILED)
    make_call(extra={HOSTILE: HOSTILE})
    for page in (
        "/exports/",
        f"/exports/new/?{urlencode({'caller': HOSTILE, 'not_call_id': HOSTILE})}",
        "/exports/new/",
    ):
        html = ann.get(page).text
        assert "<script>alert" not in html
        assert "\u202e" not in re.sub(r'value="[^"]*"', "", html)
