"""Which columns a file has is chosen by what it is for."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client

from cdr.export.columns import COLUMNS, is_column
from cdr.models import ColumnChoice
from cdr.views.exports import presets
from proxyconf.vocabulary.layout import Backend, FieldLayout
from tests.factories import make_call, make_proxy

pytestmark = pytest.mark.django_db


def chosen(client: Client, query: str) -> list[str]:
    return [column.name for column in client.get(f"/exports/new/?{query}").context["columns"] if column.chosen]


def test_every_column_of_a_preset_exists() -> None:
    assert all(map(is_column, presets._BILLING + presets._SUPPORT))


def test_billing_has_the_extra_fields_that_proxies_log(ann: Client) -> None:
    make_proxy(name="edge-1", layout=FieldLayout(extras={Backend.SQL: ("account",)}).to_json())
    columns = chosen(ann, "preset=billing")
    assert columns[0] == "id"
    assert columns[-1] == "extra.account"
    assert "user_agent" not in columns


def test_everything_is_every_column(ann: Client) -> None:
    make_call(extra={"gw": "a"})
    assert set(chosen(ann, "preset=everything")) == {*COLUMNS}
    assert chosen(ann, "") == list(COLUMNS)


def test_the_columns_of_the_list_are_those_that_the_reader_sees(ann: Client) -> None:
    assert chosen(ann, "preset=list&columns=who,extra.gw,duration,seen") == [
        "caller",
        "callee",
        "extra.gw",
        "duration",
        "proxies",
        "backends",
    ]
    ColumnChoice.objects.create(user_id=ann.session["_auth_user_id"], columns=["call_id"])
    assert chosen(ann, "preset=list") == ["call_id"]


@pytest.mark.parametrize(("bare", "caller"), [({}, "'+4930"), ({"bare": "on"}, "+4930")])
def test_a_spreadsheet_runs_nothing_unless_bare_text_was_asked_for(
    ann: Client, bare: dict[str, str], caller: str
) -> None:
    make_call(caller="+4930")
    asked = {"format": "csv", "zone": "UTC", "column": ["caller"], "conditions": ""} | bare
    response = ann.post("/exports/new/", asked)
    assert list(csv.reader(io.StringIO(response.getvalue().decode()))) == [["caller"], [caller]]
