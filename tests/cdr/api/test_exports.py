from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from accweb.web.models import AuditEntry
from cdr.models import ExportJob
from cdr.tasks import write_exports
from proxyconf.models import ProxyLimit
from tests.cdr.api.conftest import Grant
from tests.factories import make_call, make_proxy

pytestmark = pytest.mark.django_db
WRITING = pytest.mark.django_db(transaction=True)  # a file is stored over a connection of its own
EXPORTS = "/api/v1/exports/"


@pytest.fixture
def client(granted: Grant) -> Client:
    return granted("export_call", "view_call", "view_numbers")


def ask(client: Client, **given: Any) -> Any:
    return client.post(EXPORTS, {"format": "jsonl", **given}, content_type="application/json")


@WRITING
def test_a_file_is_asked_for_written_and_fetched(client: Client) -> None:
    make_call(caller="+4930", state="completed")
    make_call(caller="+4940", state="ongoing")
    asked = ask(client, conditions="state=completed")
    assert asked.status_code == 201
    address = asked.headers["Location"]
    assert (asked.json()["state"], asked.json()["file"]) == ("queued", None)
    assert client.get(f"{address}file/").status_code == 409
    assert write_exports()
    told = client.get(address).json()
    assert (told["state"], told["written"], told["conditions"]) == ("done", 1, "state=completed")
    file = client.get(told["file"])
    assert file.headers["Content-Type"] == "application/jsonl"
    assert [json.loads(line)["caller"] for line in file.getvalue().splitlines()] == ["+4930"]


@WRITING
@pytest.mark.parametrize("accept", ["application/jsonl", "application/json", "text/html"])
def test_the_file_is_what_it_is_whatever_is_accepted(accept: str, client: Client) -> None:
    address = ask(client).headers["Location"]
    assert write_exports()
    response = client.get(f"{address}file/", headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/jsonl")


@WRITING
def test_fetching_a_file_is_in_the_audit_log(client: Client) -> None:
    address = ask(client, conditions="state=completed").headers["Location"]
    assert write_exports()
    client.get(f"{address}file/")
    entry = AuditEntry.objects.get(action=AuditEntry.Action.EXPORTED)
    assert (entry.detail["format"], entry.detail["conditions"], entry.detail["masked"]) == (
        "jsonl",
        "state=completed",
        False,
    )


@WRITING
def test_numbers_stay_masked_in_the_file_of_who_may_not_see_them(granted: Grant) -> None:
    make_call(caller="+493012345678")
    client = granted("export_call", "view_call")
    address = ask(client).headers["Location"]
    assert write_exports()
    assert client.get(address).json()["masked"] is True
    assert b"345678" not in client.get(f"{address}file/").getvalue()


@WRITING
def test_a_file_that_tells_more_than_one_may_see_today_is_kept_back(client: Client) -> None:
    make_proxy()
    address = ask(client).headers["Location"]
    assert write_exports()
    ProxyLimit.objects.create(user=User.objects.get())
    assert client.get(f"{address}file/").status_code == 403


def test_exports_of_others_are_not_there(client: Client, granted: Grant) -> None:
    address = ask(client).headers["Location"]
    other = granted("export_call", "view_call", username="other")
    assert other.get(EXPORTS).json()["results"] == []
    assert other.get(address).status_code == other.delete(address).status_code == 404


@WRITING
def test_an_export_is_deleted_with_its_file(client: Client) -> None:
    address = ask(client).headers["Location"]
    assert write_exports()
    assert client.delete(address).status_code == 204
    assert not ExportJob.objects.exists()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"format": "pdf"}, "format"),
        ({"conditions": "state=gone"}, "conditions.state"),
        ({"conditions": "sate=completed"}, "conditions.sate"),
        ({"columns": ["fly"]}, "columns"),
        ({"zone": "Mars"}, "zone"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(given: dict[str, Any], named: str, client: Client) -> None:
    response = ask(client, **given)
    assert response.status_code == 400
    assert list(response.json()["fields"]) == [named]
    assert not ExportJob.objects.exists()


def test_no_more_than_a_few_may_wait(client: Client) -> None:
    answers = [ask(client).status_code for _ in range(6)]
    assert answers == [201, 201, 201, 201, 201, 409]


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"[" * 100_000, "application/json", 400),
        (b"{", "application/json", 400),
        (b'{"format": "csv", "x": "' + b"x" * 300_000 + b'"}', "application/json", 413),
        (b"format=csv", "application/x-www-form-urlencoded", 415),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes, media_type: str, status: int, client: Client) -> None:
    response = client.post(EXPORTS, body, content_type=media_type)
    assert response.status_code == status
    assert response.json()["error"]


def test_who_may_not_export_gets_nothing(granted: Grant) -> None:
    client = granted("view_call")
    assert client.get(EXPORTS).status_code == ask(client).status_code == 403
    User.objects.get().user_permissions.set(Permission.objects.filter(codename="export_call"))
    assert client.get(EXPORTS).status_code == 200
