"""The columns of the list: of the address, of the reader, the usual ones."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils.html import escape

from cdr.models import ColumnChoice
from cdr.queries.columns import COLUMNS, columns_of
from cdr.views.calls.column_choice import in_address, moved
from tests.factories import make_call, make_proxy

pytestmark = pytest.mark.django_db


def headings(html: str) -> list[str]:
    head = html[html.index("<thead") : html.index("</thead>")]
    cells = re.findall(r'<th scope="col" class="(?!col-more)[^"]*"[^>]*>(.*?)</th>', head, re.DOTALL)
    return [re.sub(r"<span.*?</span>|<[^>]*>", "", cell).strip() for cell in cells]


def test_the_address_says_which_columns_and_in_which_order(analyst: Client) -> None:
    make_call(extra={"gw": "vienna"})
    html = analyst.get("/calls/?columns=call_id,extra.gw,started").text
    assert headings(html) == ["Call-ID", "gw", "Started"]
    assert "vienna" in html


def test_every_column_can_be_shown_together_with_extra_fields(analyst: Client) -> None:
    make_call(extra={"a,b%": "x"}, source_ip="10.0.0.1")
    names = [*(column.name for column in COLUMNS), "extra.a,b%"]
    html = analyst.get("/calls/", {"columns": in_address(names)}).text
    assert headings(html) == [*(escape(column.heading) for column in COLUMNS), "a,b%"]


def test_a_column_that_there_is_not_is_named(analyst: Client) -> None:
    make_call()
    html = analyst.get("/calls/?columns=state,colour").text
    assert "Unknown column" in html
    assert headings(html) == ["State"]


def test_a_choice_is_kept_for_its_user_alone(analyst: Client, viewer: Client) -> None:
    make_call()
    analyst.post("/calls/columns/", {"column": ["state", "started"], "save": "1"})
    assert headings(analyst.get("/calls/").text) == ["State", "Started"]
    assert len(headings(viewer.get("/calls/").text)) == 8


def test_the_address_wins_over_the_choice(analyst: Client) -> None:
    make_call()
    analyst.post("/calls/columns/", {"column": ["state"], "save": "1"})
    assert headings(analyst.get("/calls/?columns=length").text) == ["Duration"]


def test_columns_can_be_put_into_the_address_only(analyst: Client) -> None:
    response = analyst.post("/calls/columns/", {"column": ["state", "extra.a,b"], "link": "1", "next": "caller=1"})
    assert response.headers["Location"] == "/calls/?caller=1&columns=state%2Cextra.a%252Cb"
    assert not ColumnChoice.objects.exists()


def test_a_column_moves_without_javascript(analyst: Client) -> None:
    make_call()
    analyst.post("/calls/columns/", {"column": ["state", "started", "flags"], "up": "flags"})
    assert headings(analyst.get("/calls/").text) == ["State", "Flags", "Started"]


def test_the_usual_columns_come_back(analyst: Client) -> None:
    analyst.post("/calls/columns/", {"column": ["state"], "save": "1"})
    analyst.post("/calls/columns/", {"column": ["state"], "reset": "1"})
    assert not ColumnChoice.objects.exists()


def test_where_to_go_back_to_stays_in_the_list(analyst: Client) -> None:
    response = analyst.post("/calls/columns/", {"column": ["state"], "next": "https://example.net/?x=1"})
    assert response.headers["Location"].startswith("/calls/?")


def test_fields_that_a_proxy_is_set_up_to_log_are_offered_and_those_of_the_calls_shown(analyst: Client) -> None:
    make_proxy(layout={"extras": {"syslog": ["configured"]}})
    make_call(extra={"logged": "1"})
    html = analyst.get("/calls/").text
    assert 'value="extra.configured"' in html
    assert 'value="extra.logged"' in html


def test_of_labels_that_nobody_configured_the_most_frequent_are_offered(analyst: Client) -> None:
    make_proxy(layout={"extras": {"syslog": ["configured"]}})
    for number in range(3):
        make_call(extra={"frequent": "1"} | {f"rare{number}_{one}": "" for one in range(60)})
    html = analyst.get("/calls/").text
    assert 'value="extra.configured"' in html
    assert 'value="extra.frequent"' in html
    assert html.count('type="checkbox"\n                   name="column"\n                   value="extra.') == 33


def test_a_label_that_is_not_offered_can_be_typed(analyst: Client) -> None:
    analyst.post("/calls/columns/", {"column": ["state"], "other_label": " rare ", "save": "1"})
    assert ColumnChoice.objects.get().columns == ["state", "extra.rare"]


@pytest.mark.parametrize(
    ("name", "by", "order"),
    [("b", -1, "bac"), ("b", 1, "acb"), ("a", -1, "abc"), ("c", 1, "abc"), ("x", 1, "abc")],
)
def test_a_column_moves_by_one_place_and_not_past_the_ends(name: str, by: int, order: str) -> None:
    assert moved(list("abc"), name, by) == list(order)


def test_there_is_an_end_to_columns() -> None:
    assert len(columns_of(f"extra.{number}" for number in range(100))[0]) == 40
