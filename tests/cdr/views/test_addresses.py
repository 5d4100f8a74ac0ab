"""Addresses of lists and the changes of their conditions."""

from __future__ import annotations

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from cdr.views.addresses import ListAddress, list_address, overview_address, report_address

values = st.lists(st.text(min_size=1, max_size=8), max_size=3)


def address(query: str = "") -> ListAddress:
    """The address of a list with this query string."""
    return ListAddress("/calls/", QueryDict(query))


def test_an_address_without_conditions_is_its_path() -> None:
    assert str(address()) == "/calls/"


def test_empty_conditions_are_left_out() -> None:
    assert str(address("caller=&callee=2&call_id=")) == "/calls/?callee=2"


@pytest.mark.parametrize("cursor", ["after", "before"])
def test_the_page_is_left_out(cursor: str) -> None:
    assert address(f"callee=2&{cursor}=x").query == "callee=2"


def test_a_condition_is_replaced() -> None:
    assert address("caller=1&caller=2").setting(caller="3").query == "caller=3"


def test_a_condition_set_to_none_is_removed() -> None:
    assert address("caller=1&callee=2").setting(caller=None).query == "callee=2"


def test_a_list_gives_alternatives() -> None:
    assert address().setting(sip_code=[486, 600]).query == "sip_code=486&sip_code=600"


def test_an_empty_list_removes_the_condition() -> None:
    assert address("sip_code=486").setting(sip_code=[]).query == ""


def test_a_change_leaves_the_address_itself_as_it_is() -> None:
    original = address("caller=1")
    original.setting(caller="2")
    original.adding("caller", "3")
    original.without("caller", "1")
    original.bare()
    assert original.query == "caller=1"


def test_a_value_is_added_once() -> None:
    assert address("caller=1").adding("caller", "2").adding("caller", "2").query == "caller=1&caller=2"


def test_one_value_of_a_condition_is_removed() -> None:
    assert address("caller=1&caller=2").without("caller", "1").query == "caller=2"


def test_a_value_that_is_spelled_differently_removes_the_condition() -> None:
    assert address("sip_code=4XX&callee=2").without("sip_code", "4xx").query == "callee=2"


def test_without_conditions_a_list_is_shown_the_same_way() -> None:
    shown = "zone=UTC&columns=caller&sort=-duration&live=1"
    assert address(f"caller=1&word=x&{shown}").bare().query == shown


@pytest.mark.parametrize(
    ("address_of", "kept"),
    [
        (list_address, "caller=1&zone=UTC&columns=caller&live=1&word=x"),
        (overview_address, "caller=1&zone=UTC&by=day"),
        (report_address, "caller=1&zone=UTC&group=caller"),
    ],
)
def test_a_page_gets_no_parameters_of_other_pages(address_of: type[ListAddress], kept: str) -> None:
    query = QueryDict("caller=1&zone=UTC&columns=caller&live=1&word=x&by=day&group=caller")
    assert address_of(query).query == kept  # type: ignore[call-arg, arg-type]


@given(first=values, second=values)
def test_an_address_read_back_is_the_same(first: list[str], second: list[str]) -> None:
    written = address().setting(caller=first, callee=second)
    assert ListAddress("/calls/", QueryDict(written.query)).query == written.query
