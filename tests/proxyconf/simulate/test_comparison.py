"""Two simulations are compared record by record."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from proxyconf.profile import AccountingProfile, Flags, MessageFlag
from proxyconf.simulate.comparison import Presence, compare, record_text
from proxyconf.simulate.flows import FLOWS
from proxyconf.simulate.simulation import Simulation, simulate
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.strategies import profiles

LOG, SQL = Backend.SYSLOG, Backend.SQL
FLAGS = Flags(account={LOG: MessageFlag(1), SQL: MessageFlag(2)})
PROFILE = AccountingProfile(Product.KAMAILIO, Version(5, 6), (LOG, SQL), flags=FLAGS)
ANSWERED = FLOWS["answered-caller-hangs-up"]


def run(profile: AccountingProfile) -> Simulation:
    return simulate(profile, ANSWERED)


def test_a_log_line_is_compared_as_it_is_written() -> None:
    (start, _stop) = run(PROFILE).of_backend(LOG)
    assert record_text(start) == start.text
    assert start.text.startswith("ACC: transaction answered:")


def test_a_row_is_compared_by_its_table_and_columns() -> None:
    (start, _stop) = run(PROFILE).of_backend(SQL)
    text = record_text(start)
    assert text.startswith("acc: ")
    assert "method=INVITE" in text


def test_null_is_shown_as_such() -> None:
    (start, _stop) = run(PROFILE).of_backend(SQL)
    assert record_text(start._replace(fields=(("a", None), ("b", 0), ("c", "")))) == "acc: a=NULL, b=0, c="


@given(profiles(), st.sampled_from(sorted(FLOWS)))
def test_a_simulation_compared_with_itself_has_each_record_on_both_sides(profile: AccountingProfile, name: str) -> None:
    simulation = simulate(profile, FLOWS[name])
    compared = compare(simulation, simulation)
    assert {record.presence for record in compared} <= {Presence.BOTH}
    assert len(compared) == len(simulation.records)


def test_a_backend_that_only_one_side_uses_is_of_that_side() -> None:
    compared = compare(run(replace(PROFILE, backends=(LOG,))), run(PROFILE))
    assert [(record.backend, record.presence) for record in compared] == [
        (LOG, Presence.BOTH),
        (LOG, Presence.BOTH),
        (SQL, Presence.RIGHT),
        (SQL, Presence.RIGHT),
    ]


def test_records_that_differ_are_shown_left_before_right() -> None:
    renamed = replace(PROFILE, backends=(SQL,), options={"db_table_acc": "calls"})
    compared = compare(run(replace(PROFILE, backends=(SQL,))), run(renamed))
    assert [record.presence for record in compared] == [Presence.LEFT] * 2 + [Presence.RIGHT] * 2
    assert [record.text.partition(":")[0] for record in compared] == ["acc", "acc", "calls", "calls"]


@given(profiles(), profiles(), st.sampled_from(sorted(FLOWS)))
def test_no_record_is_lost_or_added(left: AccountingProfile, right: AccountingProfile, name: str) -> None:
    sides = [simulate(profile, FLOWS[name]) for profile in (left, right)]
    compared = compare(*sides)
    for simulation, other in zip(sides, (Presence.RIGHT, Presence.LEFT), strict=True):
        shown = sorted(record.text for record in compared if record.presence is not other)
        assert shown == sorted(map(record_text, simulation.records))
