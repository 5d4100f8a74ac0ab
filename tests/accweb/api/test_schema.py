from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accweb.api.schema import schema
from tests.accweb.conftest import Bearing

SCHEMA, DOCS = "/api/v1/schema/", "/api/v1/docs/"


@pytest.mark.django_db
def test_the_schema_needs_a_login(bearing: Bearing) -> None:
    assert Client().get(SCHEMA).status_code == 401
    told = bearing("cdr.view_call").get(SCHEMA)
    assert (told.status_code, told.json()["openapi"]) == (200, "3.0.3")


@pytest.mark.django_db
def test_the_documentation_needs_a_login_and_loads_nothing_from_elsewhere(user: User, admin_client: Client) -> None:
    assert Client().get(DOCS).status_code == 302
    page = admin_client.get(DOCS)
    assert page.status_code == 200
    assert 'src="http' not in page.text


def operations() -> list[tuple[str, dict]]:
    return [
        (f"{method} {path}", operation)
        for path, found in schema()["paths"].items()
        for method, operation in found.items()
    ]


@pytest.mark.parametrize(("name", "operation"), operations())
def test_every_operation_and_parameter_is_described(name: str, operation: dict) -> None:
    assert operation["summary"]
    assert operation["description"]
    for parameter in operation.get("parameters", ()):
        assert parameter["in"] == "path" or parameter["description"], parameter["name"]


@pytest.mark.parametrize("name", sorted(schema()["components"]["schemas"]))
def test_every_member_of_every_record_is_described(name: str) -> None:
    record = schema()["components"]["schemas"][name]
    for member, about in record.get("properties", {}).items():
        assert about.get("description") or member == "results", member
