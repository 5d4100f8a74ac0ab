from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.utils import timezone

from cdr.models import Call
from cdr.queries.filters import CallFilter, unknown_parameters
from cdr.queries.visibility import Visibility
from tests.cdr.queries.filtering import asked
from tests.factories import NOON, make_call, make_proxy

pytestmark = pytest.mark.django_db


def callers(query: str, now: datetime = NOON) -> list[Any]:
    return sorted(call.caller for call in asked(query, now).qs)


def masked(query: str) -> CallFilter:
    """What is asked by somebody who sees numbers masked."""
    return CallFilter(QueryDict(query), Visibility(numbers=False), now=NOON)


def make_calls(field: str, values: Iterable[Any]) -> None:
    for number, value in enumerate(values):
        make_call(caller=str(number), **{field: value})


def test_without_conditions_all_calls_match() -> None:
    make_calls("state", list(Call.State))
    assert len(callers("")) == 6


def test_a_state_is_matched_exactly_and_several_are_alternatives() -> None:
    make_calls("state", ["completed", "stop_missing", "ongoing"])
    assert callers("state=stop_missing") == ["1"]
    assert callers("state=stop_missing&state=ongoing") == ["1", "2"]


def test_conditions_narrow_each_other() -> None:
    make_call(caller="1", outcome="busy", callee="bob")
    make_call(caller="2", outcome="busy", callee="carol")
    assert callers("outcome=busy&callee=carol") == ["2"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("4930", ["+49301234", "004930"]),
        ("*4930", ["004930"]),
        ("%2B4930*", ["+49301234"]),
        ("%2B49*34", ["+49301234"]),
        ("0*49*30", ["004930"]),
        ("ALICE", ["alice"]),
        ("%25", ["100%"]),
        ("_", []),
        ("%3D004930", ["004930"]),
        ("%3D4930", []),
    ],
)
def test_a_party_is_found_by_any_part_or_by_a_pattern(pattern: str, found: list[str]) -> None:
    for caller in ("+49301234", "004930", "alice", "100%"):
        make_call(caller=caller)
    assert callers(f"caller={pattern}") == found


def test_calls_whose_caller_was_not_logged_match_no_caller() -> None:
    make_call(caller=None)
    assert not asked("caller=*").qs.exists()


def test_a_call_id_is_matched_whole_and_case_counts() -> None:
    make_calls("call_id", ["abc@host", "ABC@host", "abc@host2"])
    assert callers("call_id=abc@host") == ["0"]
    assert callers("call_id=abc@host*") in (["0", "2"], ["0", "1", "2"])  # SQLite ignores the case of ASCII in LIKE


def test_a_call_id_of_ten_thousand_characters_can_be_asked_for() -> None:
    make_calls("call_id", ["x" * 10_000])
    assert callers("call_id=" + "x" * 10_000) == ["0"]


def test_a_flag_is_matched_as_a_whole_word() -> None:
    make_calls("flags", [["late_stop", "early_media"], ["clock_skew"], []])
    assert callers("flag=early_media") == ["0"]
    assert callers("flag=early_media&flag=clock_skew") == ["0", "1"]


def test_a_proxy_is_matched_as_a_whole_word() -> None:
    make_proxy(name="edge-1")
    make_calls("proxies", [["edge-1"], ["edge-11"], ["core", "edge-1"]])
    assert callers("proxy=edge-1") == ["0", "2"]


def test_superseded_calls_are_left_out_unless_asked_for() -> None:
    make_call(caller="1")
    make_call(caller="2", superseded=True, flags=["superseded"])
    assert callers("") == callers("superseded=0") == ["1"]
    assert callers("superseded=1") == ["1", "2"]
    assert callers("flag=superseded") == ["2"]


def test_a_period_counts_back_from_now() -> None:
    make_calls("started_at", [NOON - timedelta(minutes=59), NOON - timedelta(hours=23), NOON - timedelta(days=6)])
    assert callers("period=1h") == ["0"]
    assert callers("period=24h") == ["0", "1"]
    assert callers("period=7d") == callers("period=all") == ["0", "1", "2"]


def test_since_is_inclusive_and_until_is_not() -> None:
    make_calls("started_at", [NOON - timedelta(seconds=1), NOON, NOON + timedelta(hours=1)])
    assert callers("since=2026-05-31T12:00&until=2026-05-31T13:00") == ["1"]


def test_a_day_given_as_until_is_included() -> None:
    make_calls("started_at", [NOON, NOON + timedelta(hours=11, minutes=59), NOON + timedelta(hours=12)])
    assert callers("since=2026-05-31&until=2026-05-31") == ["0", "1"]


def test_a_range_wins_over_a_period() -> None:
    make_call(caller="1", started_at=NOON - timedelta(days=2))
    assert callers("period=1h&since=2026-05-01") == ["1"]
    assert asked("period=1h&since=2026-05-01").chosen_period == "custom"


def test_a_time_without_zone_is_in_the_readers_zone_and_one_with_zone_in_its_own() -> None:
    make_call(caller="1", started_at=datetime(2026, 5, 31, 10, 30, tzinfo=UTC))
    with timezone.override("Europe/Berlin"):
        assert callers("since=2026-05-31T12:30&until=2026-05-31T12:31") == ["1"]
        assert callers("since=2026-05-31T12:30Z") == []
        assert callers("since=2026-05-31T12:30%2B02:00") == ["1"]


def test_repeated_choices_are_one_condition() -> None:
    make_call(caller="1")
    filtered = asked("&".join(["state=completed"] * 900))
    assert len(list(filtered.conditions())) == filtered.qs.count() == 1


def test_conditions_are_listed_one_by_one_as_the_url_and_as_a_person_says_them() -> None:
    filtered = asked("state=stop_missing&state=ongoing&caller=49&since=2026-05-31T12:00&superseded=1&outcome=")
    assert [(c.parameter, c.value, str(c.text)) for c in filtered.conditions()] == [
        ("since", "2026-05-31T12:00:00Z", "2026-05-31 12:00:00 UTC"),
        ("state", "stop_missing", "No STOP"),
        ("state", "ongoing", "Ongoing"),
        ("caller", "49", "49"),
        ("superseded", "1", "shown"),
    ]


def test_defaults_are_no_conditions() -> None:
    assert list(asked("period=all&superseded=0&caller=").conditions()) == []


def test_a_negated_condition_is_listed_as_such() -> None:
    make_proxy(name="edge-1")
    said = [
        (c.parameter, str(c.label), str(c.text), c.negated) for c in asked("not_code=4xx&proxy=edge-1").conditions()
    ]
    assert said == [("proxy", "Proxy", "edge-1", False), ("not_sip_code", "SIP response", "4xx", True)]


@pytest.mark.parametrize(("seconds", "url", "text"), [("2.50", "2.5", "2.5 s"), ("1234567", "1234567", "1234567 s")])
def test_a_bound_of_the_duration_keeps_all_its_digits(seconds: str, url: str, text: str) -> None:
    (condition,) = asked(f"min_duration={seconds}").conditions()
    assert (condition.value, condition.text) == (url, text)


def test_extra_fields_and_negations_are_known_parameters() -> None:
    assert unknown_parameters(QueryDict("extra.gw=1&not_extra.gw=2&not_caller=3&extra.=4&not_since=5")) == [
        "extra.",
        "not_since",
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("code=486", ["1"]),
        ("code=4xx", ["1", "2"]),
        ("code=4XX&code=503", ["1", "2", "3"]),
        ("not_code=4xx", ["0", "3", "4"]),
        ("not_code=200&not_code=503", ["1", "2", "4"]),
    ],
)
def test_a_sip_code_is_matched_alone_or_by_its_class(query: str, found: list[str]) -> None:
    make_calls("sip_code", [200, 486, 404, 503, None])
    assert callers(query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("not_callee=49", ["2", "3"]),
        ("not_callee=49&not_callee=bob", ["3"]),
        ("callee=49&not_callee=*1", ["1"]),
        ("not_callee=*", ["3"]),
    ],
)
def test_a_negated_condition_gives_all_other_calls_those_without_the_value_too(query: str, found: list[str]) -> None:
    make_calls("callee", ["4901", "4902", "bob", None])
    assert callers(query) == found


def test_the_negation_of_several_choices_is_none_of_them() -> None:
    make_calls("outcome", ["answered", "busy", "failed", None])
    assert callers("not_outcome=answered&not_outcome=busy") == ["2", "3"]


def test_a_number_is_looked_for_on_both_sides() -> None:
    make_call(caller="4930", callee="bob")
    make_call(caller="alice", callee="004930")
    make_call(caller="carol", callee=None)
    assert callers("number=4930") == ["4930", "alice"]
    assert callers("number=%3D4930") == ["4930"]
    assert callers("not_number=4930") == ["carol"]


def test_a_tag_is_looked_for_on_both_sides_and_whole() -> None:
    make_call(caller="1", from_tag="abc", to_tag="x")
    make_call(caller="2", from_tag="x", to_tag="abc")
    make_call(caller="3", from_tag="abcd", to_tag="")
    assert callers("tag=abc") == ["1", "2"]
    assert callers("tag=abc*") == ["1", "2", "3"]
    assert callers("not_tag=abc") == ["3"]


def test_a_user_agent_and_a_reason_are_found_by_any_part() -> None:
    make_calls("user_agent", ["Linphone/5", "friendly-scanner", None])
    make_call(caller="3", sip_reason="Gateway Gone")
    assert callers("user_agent=SCAN") == ["1"]
    assert callers("reason=gate") == ["3"]


def test_stars_that_were_dialled_are_found_after_an_equals_sign() -> None:
    make_calls("callee", ["*72", "172"])
    assert callers("callee=*72") == ["0", "1"]
    assert callers("callee=%3D*72") == ["0"]


def test_a_duration_is_bounded_in_seconds_both_inclusive() -> None:
    make_calls("duration", [timedelta(seconds=2), timedelta(seconds=5.5), timedelta(seconds=9), None])
    assert callers("min_duration=5.5") == ["1", "2"]
    assert callers("max_duration=5.5") == ["0", "1"]
    assert callers("min_duration=0&max_duration=2") == ["0"]


def test_durations_in_doubt_are_those_measured_with_a_doubtful_flag() -> None:
    make_call(caller="1", flags=["late_stop"])
    make_call(caller="2", flags=["forked"])
    make_call(caller="3", flags=["late_stop"], duration_kind="at_least")
    assert callers("duration_kind=approximate") == ["1"]
    assert callers("not_duration_kind=approximate") == ["2", "3"]
    assert callers("duration_kind=at_least&duration_kind=approximate") == ["1", "3"]


def test_a_backend_is_matched_as_a_whole_word() -> None:
    make_calls("backends", [["sql"], ["syslog", "sql"], ["radius"]])
    assert callers("backend=sql") == ["0", "1"]
    assert callers("not_backend=sql") == ["2"]


@pytest.mark.parametrize("label", ["gw", "0", "a b", 'quo"te', "ü", "x__contains", "%s", "$.a", "🙂", "'"])
def test_an_extra_field_is_matched_whatever_its_label(label: str) -> None:
    make_call(caller="1", extra={label: "gw-1"})
    make_call(caller="2", extra={label: "gw-2"})
    make_call(caller="3", extra={"other": "gw-1"})
    data = QueryDict(mutable=True)
    data[f"extra.{label}"] = "gw-1"
    assert [call.caller for call in CallFilter(data, Visibility()).qs] == ["1"]
    data = QueryDict(mutable=True)
    data[f"not_extra.{label}"] = "gw-1"
    assert sorted(str(call.caller) for call in CallFilter(data, Visibility()).qs) == ["2", "3"]


def test_extra_fields_narrow_each_other_and_take_patterns() -> None:
    make_call(caller="1", extra={"gw": "vienna-1", "in": "a"})
    make_call(caller="2", extra={"gw": "vienna-2", "in": "b"})
    make_call(caller="3", extra={"in": "a"})
    assert callers("extra.gw=vienna*") == ["1", "2"]
    assert callers("extra.gw=vienna*&extra.in=a") == ["1"]
    assert callers("not_extra.gw=*") == ["3"]


@pytest.mark.parametrize(
    ("period", "zone", "found"),
    [
        ("today", "UTC", ["b", "c"]),
        ("today", "Europe/Berlin", ["a", "b"]),
        ("yesterday", "UTC", ["a"]),
        ("yesterday", "Europe/Berlin", []),
        ("this_month", "UTC", ["a", "b", "c"]),
        ("this_month", "Europe/Berlin", ["a", "b"]),
        ("last_month", "UTC", ["d"]),
        ("30d", "UTC", ["a", "b", "c"]),
    ],
)
def test_days_and_months_are_those_of_the_readers_zone(period: str, zone: str, found: list[str]) -> None:
    for caller, started in (
        ("a", datetime(2026, 5, 30, 22, 30, tzinfo=UTC)),
        ("b", datetime(2026, 5, 31, 0, 30, tzinfo=UTC)),
        ("c", datetime(2026, 5, 31, 23, 30, tzinfo=UTC)),
        ("d", datetime(2026, 4, 30, 12, tzinfo=UTC)),
    ):
        make_call(caller=caller, started_at=started)
    with timezone.override(zone):
        assert callers(f"period={period}") == found


def test_the_range_that_is_asked_for_can_be_had() -> None:
    assert asked("period=24h").time_range == (NOON - timedelta(hours=24), None)
    assert asked("since=2026-05-31&until=2026-05-31").time_range == (
        datetime(2026, 5, 31, tzinfo=UTC),
        datetime(2026, 6, 1, tzinfo=UTC),
    )
    assert asked("").time_range == (None, None)


def test_only_calls_within_sight_are_asked_and_only_its_proxies_are_known() -> None:
    make_proxy(name="edge-1")
    make_proxy(name="edge-2")
    make_call(caller="1", proxies=["edge-1"])
    make_call(caller="2", proxies=["edge-2"])
    visibility = Visibility(proxies=frozenset({"edge-1"}))
    assert [call.caller for call in CallFilter({}, visibility).qs] == ["1"]
    assert "edge-2" not in str(CallFilter({"proxy": "edge-3"}, visibility).errors["proxy"])
    assert "proxy" in CallFilter({"proxy": "edge-2"}, visibility).errors


@pytest.mark.parametrize("name", ["caller", "callee", "number", "extra.in"])
def test_who_sees_numbers_masked_finds_whole_values_only(name: str) -> None:
    make_call(caller="4930", callee="4930", extra={"in": "4930"})
    assert masked(f"{name}=4930").qs.exists()
    assert not masked(f"{name}=493").qs.exists()
    assert masked(f"not_{name}=493").qs.exists()
    for query in (f"{name}=493*", f"not_{name}=493*"):
        assert list(masked(query).errors) == [query.split("=")[0]]
        assert not masked(query).qs.exists()


def test_what_is_no_number_may_be_asked_for_in_part_by_everybody() -> None:
    make_call(user_agent="Linphone")
    assert masked("user_agent=lin*").qs.exists()


@pytest.mark.parametrize("name", ["user_agent", "sip_reason"])
def test_text_that_may_hold_a_number_is_found_by_its_digits_as_a_whole_only(name: str) -> None:
    make_call(user_agent="PBX 4930", sip_reason="PBX 4930")
    assert masked(f"{name}==PBX 4930").qs.exists()
    assert list(masked(f"{name}=X 4").errors) == [name]
    assert list(masked(f"not_{name}=X 4").errors) == [f"not_{name}"]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("until=2026-05-04", "2026-05-05T00:00"),
        ("until=2026-05-04T10:00", "2026-05-04T10:00"),
        ("since=2026-05-04", "2026-05-04T00:00"),
        ("since=2026-05-04T10:00:05.123456Z", "2026-05-04T10:00:05.123"),
    ],
)
def test_the_control_of_a_range_shows_what_the_address_means(query: str, shown: str) -> None:
    assert f'value="{shown}"' in str(asked(query).form[query.split("=")[0]])


@pytest.mark.parametrize("query", ["since=0001-01-01T00:00%2B14:00", "since=0001-01-01", "until=9999-12-31"])
def test_a_moment_before_or_after_all_calls_bounds_nothing(query: str) -> None:
    call = make_call()
    asked_for = asked(query)
    assert list(asked_for.qs) == [call]
    assert not asked_for.errors


@pytest.mark.parametrize(
    ("old", "current"),
    [("code=486", "sip_code=486"), ("not_code=4xx", "not_sip_code=4xx"), ("reason=Busy", "sip_reason=Busy")],
)
def test_an_old_name_of_a_condition_still_works(old: str, current: str) -> None:
    make_call(sip_code=486, sip_reason="Busy Here", identity=b"1")
    make_call(sip_code=200, sip_reason="OK", identity=b"2")
    assert list(asked(old).qs) == list(asked(current).qs)
    assert [c.parameter for c in asked(old).conditions()] == [current.partition("=")[0]]
    assert unknown_parameters(QueryDict(old)) == []
