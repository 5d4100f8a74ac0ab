"""Conditions that are wrong or unknown: each is one error by name; no question breaks anything."""

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from cdr.queries.filters import CallFilter, unknown_parameters
from cdr.queries.visibility import Visibility
from tests.cdr.queries.filtering import asked
from tests.factories import NOON, make_call, make_proxy

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("parameter", "query"),
    [
        ("state", "state=gone"),
        ("outcome", "outcome=answered&outcome=maybe"),
        ("flag", "flag=odd"),
        ("period", "period=tomorrow"),
        ("superseded", "superseded=perhaps"),
        ("since", "since=soon"),
        ("since", "since=2026-13-01"),
        ("caller", "caller=a%00b"),
        ("caller", "caller=" + "9" * 1001),
        ("caller", "caller=" + "*9" * 11),
        ("not_caller", "not_caller=" + "&not_caller=".join(map(str, range(51)))),
        ("call_id", "call_id=" + "x" * 1001 + "*"),
        ("sip_code", "code=4x"),
        ("sip_code", "code=0xx"),
        ("not_sip_code", "not_code=busy"),
        ("source_ip", "source=10.0.0.256"),
        ("source_ip", "source=10.0.0.0/33"),
        ("source_ip", "source=fe80::1%25eth0"),
        ("proxy", "proxy=gone"),
        ("backend", "backend=pigeon"),
        ("released_by", "released_by=me"),
        ("min_duration", "min_duration=long"),
        ("max_duration", "max_duration=-1"),
        ("max_duration", "max_duration=inf"),
        ("extra.a\0", "extra.a%00=1"),
        ("extra.a", "extra.a=1%00"),
    ],
)
def test_a_value_that_makes_no_sense_is_an_error_by_name_and_matches_nothing(parameter: str, query: str) -> None:
    make_call()
    filtered = asked(query)
    assert list(filtered.errors) == [parameter]
    assert not filtered.qs.exists()


def test_the_error_of_a_proxy_names_those_that_there_are() -> None:
    make_proxy(name="edge-1")
    assert asked("proxy=edge").errors["proxy"][0] == "unknown proxy 'edge'; choose one of: edge-1"


def test_more_extra_fields_than_one_question_may_hold_are_an_error_by_name() -> None:
    filtered = asked("&".join(f"extra.f{number}=1" for number in range(21)))
    assert list(filtered.errors) == ["extra.f20"]
    assert not filtered.qs.exists()


def test_the_error_of_a_date_shows_what_was_read_and_what_would_help() -> None:
    assert asked("since=soon").errors["since"][0] == (
        "'soon' is not a valid date or time; write it like 2026-05-31, 2026-05-31T14:30 or 2026-05-31T14:30:00Z"
    )


def test_a_misspelt_parameter_is_told_from_the_known_ones() -> None:
    assert unknown_parameters(QueryDict("caler=1&state=ongoing&after=1.2"), "after") == ["caler"]


_WORD = st.text(max_size=12)


_NAMES = st.sampled_from([*CallFilter.base_filters, "extra.gw", "not_extra.gw"])


@given(st.lists(st.tuples(_NAMES, _WORD), max_size=6), st.booleans())
def test_no_question_breaks_anything(pairs: list[tuple[str, str]], numbers: bool) -> None:
    data = QueryDict(mutable=True)
    for name, value in pairs:
        data.appendlist(name, value)
    filtered = CallFilter(data, Visibility(numbers=numbers), now=NOON)
    list(filtered.qs)
    list(filtered.conditions())
