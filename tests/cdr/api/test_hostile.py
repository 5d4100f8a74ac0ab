"""Whatever a proxy sends is given back as it came, as JSON that no browser takes for a page."""

from __future__ import annotations

import base64

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.factories import NOON, make_call, make_event, make_source

pytestmark = pytest.mark.django_db
HOSTILE = " ".join(
    (
        "<script>alert(1)</script>",
        "\"' x='",
        "=cmd|' /C calc'!A0",
        "abc\u202egpj\u2066\u200b\x07",
        "{{ 7 }}",
        "Z" * 10_000,
    )
)


def test_hostile_text_comes_back_as_it_is_and_harmless(viewer: Client) -> None:
    call = make_call(call_id=HOSTILE, caller=HOSTILE, sip_reason=HOSTILE, user_agent=HOSTILE, extra={HOSTILE: HOSTILE})
    call.legs.create(position=0, source=HOSTILE, destination=HOSTILE, values={HOSTILE: HOSTILE})
    call.attempts.create(position=0, code=486, reason=HOSTILE, to_tag=HOSTILE, time=NOON)
    call.revisions.create(revision=2, at=NOON, changes={"caller": [None, HOSTILE]})
    raw = HOSTILE.encode() + b"\xff\x00"
    make_event(source=make_source(error=HOSTILE), call_id=HOSTILE, reason=HOSTILE, extra=[[HOSTILE, HOSTILE]], raw=raw)
    for path in ("", f"{call.pk}/", f"{call.pk}/events/", f"{call.pk}/revisions/"):
        response = viewer.get(f"/api/v1/calls/{path}")
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    record = viewer.get(f"/api/v1/calls/{call.pk}/").json()
    assert (record["caller"], record["extra"], record["legs"][0]["source"]) == (HOSTILE, {HOSTILE: HOSTILE}, HOSTILE)
    (event,) = viewer.get(f"/api/v1/calls/{call.pk}/events/").json()["results"]
    assert base64.b64decode(event["raw"]) == raw


@pytest.mark.parametrize(
    "name", ["caller", "call_id", "proxy", "source", "after", "updated_after", "limit", HOSTILE[:50]]
)
def test_hostile_parameters_are_refused_or_searched_for_and_nothing_else(name: str, viewer: Client) -> None:
    make_call()
    response = viewer.get("/api/v1/calls/", {name: HOSTILE[:900]})
    assert response.headers["Content-Type"] == "application/json"
    assert response.status_code == 400 or response.json()["results"] == []


@pytest.mark.parametrize("query", ["", "?limit=2&after=1780228800000000.3", "?updated_after=2026-05-31", "?caller=a"])
def test_no_page_counts_or_skips_rows(query: str, viewer: Client) -> None:
    for _ in range(5):
        make_call()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert viewer.get(f"/api/v1/calls/{query}").status_code == 200
    asked = [one["sql"].upper() for one in queries if "CDR_CALL" in one["sql"].upper()]
    assert asked
    assert not [sql for sql in asked if "OFFSET" in sql or "COUNT(" in sql]
