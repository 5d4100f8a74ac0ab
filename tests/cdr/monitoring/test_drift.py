"""What a proxy logs, compared with what it is known to log."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent, EventKind
from cdr.monitoring.drift import ENOUGH, DriftFinding, Sample, Sign, find_drift
from proxyconf.vocabulary.layout import Backend, CdrLayout, FieldLayout
from proxyconf.vocabulary.products import Product
from tests.recorded_scenarios import DIAMETER, EVENTS, JSON, RADIUS, SCENARIOS, SQL, Scenario

LOG = {"syslog.txt": "syslog"}
EXTRA = (("src_user", "alice"), ("ua", "phone"))
LINE = Sample(Backend.SYSLOG, EventKind.ANSWERED, EXTRA)
KNOWN = FieldLayout(extras={Backend.SYSLOG: ("src_user", "ua")}, legs={Backend.SYSLOG: ()})


def found(layout: FieldLayout, *samples: Sample, **more: Any) -> list[DriftFinding]:
    return find_drift(layout, samples, product=Product.KAMAILIO, **more)


def sample(event: AccEvent) -> Sample:
    return Sample(event.backend, event.kind, event.extra, event.legs, event.reason)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_proxy_that_is_known_rightly_shows_no_difference_but_empty_values(scenario: Scenario) -> None:
    events = map(sample, scenario.events(LOG | SQL | RADIUS | DIAMETER | JSON | EVENTS))
    findings = find_drift(scenario.reading.layout, events, product=scenario.reading.product)
    assert {one.sign for one in findings} <= {Sign.ALWAYS_EMPTY}


def test_what_is_logged_as_configured_is_no_finding() -> None:
    assert found(KNOWN, *[LINE] * ENOUGH) == []


def test_a_configured_label_that_no_event_has_is_found() -> None:
    layout = FieldLayout(extras={Backend.SYSLOG: ("src_user", "ua", "account")}, legs={Backend.SYSLOG: ()})
    (only,) = found(layout, *[LINE] * ENOUGH)
    assert (only.sign, only.labels, only.total) == (Sign.NEVER_SEEN, ("account",), ENOUGH)


def test_a_handful_of_events_is_not_enough_to_say_never() -> None:
    layout = FieldLayout(extras={Backend.SYSLOG: ("src_user", "ua", "account")}, legs={Backend.SYSLOG: ()})
    assert found(layout, *[LINE] * (ENOUGH - 1)) == []


def test_a_column_that_nobody_configured_is_found() -> None:
    layout = FieldLayout(extras={Backend.SQL: ("SRC_USER",)})
    (only,) = found(layout, LINE._replace(backend=Backend.SQL))
    assert (only.sign, only.labels, only.often) == (Sign.NOT_CONFIGURED, ("ua",), 1)


def test_a_label_that_most_lines_hold_inside_a_value_is_one_that_nobody_configured() -> None:
    line = LINE._replace(extra=(("src_user", "alice"), ("ua", "phone;carrier=acme")))
    (only,) = found(KNOWN, *[line] * ENOUGH, LINE)
    assert (only.sign, only.labels, only.often, only.total) == (Sign.NOT_CONFIGURED, ("carrier",), ENOUGH, ENOUGH + 1)


def test_a_label_that_a_caller_forged_into_a_few_lines_is_none() -> None:
    line = LINE._replace(extra=(("src_user", "alice"), ("ua", "phone;carrier=acme;transport=tcp")))
    assert found(KNOWN, *[line] * ENOUGH, *[LINE] * ENOUGH) == []


def test_a_value_that_is_always_empty_is_found() -> None:
    empty = LINE._replace(extra=(("src_user", "alice"), ("ua", "")))
    (only,) = found(KNOWN, *[empty] * ENOUGH)
    assert (only.sign, only.labels) == (Sign.ALWAYS_EMPTY, ("ua",))
    assert found(KNOWN, *[empty] * ENOUGH, LINE) == []


def test_log_lines_of_an_unknown_layout_are_guessed() -> None:
    (only,) = found(FieldLayout(), LINE)
    assert (only.sign, only.backend, only.labels) == (Sign.GUESSED, Backend.SYSLOG, ("src_user", "ua"))


def test_columns_need_no_guessing_but_those_of_legs_do() -> None:
    row = Sample(Backend.SQL, EventKind.ANSWERED, (("src_user", "alice"),))
    assert found(FieldLayout(), row) == []
    (only,) = found(FieldLayout(), row._replace(legs=((("src", "a"), ("dst", "b")),)))
    assert (only.sign, only.labels, only.of_legs) == (Sign.GUESSED, ("src", "dst"), True)


def test_labels_of_legs_are_compared_by_themselves() -> None:
    layout = FieldLayout(extras={Backend.SQL: ()}, legs={Backend.SQL: ("src", "dst", "kind")})
    row = Sample(Backend.SQL, EventKind.ANSWERED, (), ((("src", "a"), ("dst", ""), ("via", "x")),))
    signs = {one.sign: one.labels for one in found(layout, *[row] * ENOUGH)}
    assert signs == {Sign.NEVER_SEEN: ("kind",), Sign.NOT_CONFIGURED: ("via",), Sign.ALWAYS_EMPTY: ("dst",)}


def test_calls_without_legs_say_nothing_of_their_labels() -> None:
    layout = FieldLayout(extras={Backend.SQL: ()}, legs={Backend.SQL: ("src", "dst")})
    assert found(layout, *[Sample(Backend.SQL, EventKind.ANSWERED, ())] * ENOUGH) == []


def test_dialog_records_have_labels_of_their_own() -> None:
    layout = dataclasses.replace(KNOWN, cdr=CdrLayout(extras=("callid",)))
    record = Sample(Backend.SYSLOG, EventKind.CDR, (("callid", "x"),))
    assert found(layout, *[record] * ENOUGH) == []
    (only,) = found(dataclasses.replace(KNOWN, cdr=CdrLayout(extras=("callid", "who"))), *[record] * ENOUGH)
    assert (only.sign, only.labels, only.of_dialogs) == (Sign.NEVER_SEEN, ("who",), True)


def test_what_a_script_accounts_by_hand_may_lack_every_field() -> None:
    assert found(KNOWN, *[Sample(Backend.SYSLOG, EventKind.MANUAL, ())] * ENOUGH) == []


def test_mixed_legs_are_told_with_how_often() -> None:
    layout = FieldLayout(extras={Backend.SQL: ()}, legs={Backend.SQL: ("src",)})
    row = Sample(Backend.SQL, EventKind.ANSWERED, (), ((("src", "a"),),))
    (only,) = found(layout, row, calls=12, mixed=3)
    assert (only.sign, only.backend, only.labels, only.often, only.total) == (
        Sign.LEGS_MIXED,
        Backend.SQL,
        ("src",),
        3,
        12,
    )


_texts = st.text(max_size=8)
_pairs = st.lists(st.tuples(_texts, _texts), max_size=4).map(tuple)
_samples = st.builds(
    Sample,
    st.sampled_from(Backend),
    st.sampled_from(EventKind),
    _pairs,
    st.lists(_pairs, max_size=3).map(tuple),
    _texts,
)


@given(st.lists(_samples, max_size=20), st.dictionaries(st.sampled_from(Backend), st.lists(_texts).map(tuple)))
def test_a_finding_names_labels_and_never_more_events_than_there_are(
    samples: list[Sample], extras: dict[Backend, tuple[str, ...]]
) -> None:
    for one in find_drift(FieldLayout(extras=extras), samples, product=Product.OPENSIPS):
        assert one.labels or one.sign is Sign.GUESSED
        assert 0 <= one.total <= len(samples)
