"""Numbers are found by indexes, where the database has them."""

from __future__ import annotations

import pytest
from django.db import connection

from cdr.models import Call
from cdr.queries import patterns
from cdr.queries.trigrams import NAME, make_index
from tests.conftest import Manage
from tests.factories import make_call

pytestmark = pytest.mark.django_db


def is_there() -> bool:
    with connection.cursor() as cursor:
        return NAME in connection.introspection.get_constraints(cursor, "cdr_call")


def test_the_index_for_parts_of_numbers_is_made_or_it_is_said_why_not() -> None:
    problem = make_index(connection)
    assert is_there() is not bool(problem)
    assert "\n" not in problem


def test_a_refusal_does_not_end_the_transaction_that_asked() -> None:
    make_index(connection)
    make_call()
    assert Call.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_command_makes_the_index_or_says_in_one_line_what_to_do(manage: Manage) -> None:
    done = manage("index_numbers")
    assert is_there() is (done.returncode == 0)
    (line,) = (done.stdout + done.stderr).splitlines()
    assert ("by their index" if is_there() else "CREATE EXTENSION pg_trgm") in line


@pytest.mark.parametrize("party", ["caller", "callee"])
def test_an_exact_number_is_looked_up_by_its_index(party: str) -> None:
    for _ in range(3):
        make_call()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # a table of three rows is read faster as a whole
    calls = Call.objects.filter(patterns.text(party, "=+4930123", part=True))
    assert f"call_by_{party}" in calls.order_by().explain()


@pytest.mark.parametrize("party", ["caller", "callee"])
def test_numbers_longer_than_an_index_holds_are_stored_and_told_apart(party: str) -> None:
    long = "é" * 10_000
    make_call(**{party: f"{long}1"})
    wanted = make_call(**{party: f"{long}2"})
    assert list(Call.objects.filter(patterns.text(party, f"={long}2", part=True))) == [wanted]


def test_a_long_part_of_a_number_is_meant_as_a_whole() -> None:
    wanted = make_call(caller="+493012345678@Example.net")
    make_call(caller="+494012345678@Example.org")
    make_call(caller="12345678@example.net")

    def found(part: str) -> list[Call]:
        return list(Call.objects.filter(patterns.text("caller", part, part=True, ignore_case=True)))

    assert found("3012345678@example.NET") == [wanted]
    assert found("5012345678@example.net") == []
    assert found("301234%678@example.net") == []
