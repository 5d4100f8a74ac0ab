from __future__ import annotations

import time
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from cdr.models import Call, Pending
from tests.cdr.management.test_ingest import ingest, log

pytestmark = pytest.mark.django_db


def correlate(*arguments: str) -> str:
    out = StringIO()
    call_command("correlate", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def taken(tmp_path: Path) -> None:
    (tmp_path / "acc.log").write_text(log("a@x", "b@x", "c@x"))
    ingest(tmp_path / "acc.log")


@pytest.mark.usefixtures("taken")
def test_all_that_is_pending_becomes_calls() -> None:
    assert correlate() == "correlated 3 Call-IDs; nothing is pending\n"
    assert sorted(Call.objects.values_list("call_id", "state")) == [(f"{name}@x", "completed") for name in "abc"]
    assert not Pending.objects.exists()


@pytest.mark.usefixtures("taken")
def test_a_second_time_there_is_nothing_to_do() -> None:
    correlate()
    assert correlate() == "correlated 0 Call-IDs; nothing is pending\n"


@pytest.mark.usefixtures("taken")
def test_from_the_first_event_the_same_calls_come_again() -> None:
    correlate()
    before = list(Call.objects.order_by("id").values())
    assert correlate("--all") == "correlated 3 Call-IDs; nothing is pending\n"
    assert list(Call.objects.order_by("id").values()) == before


@pytest.mark.parametrize(("hours", "state"), [(1, "ongoing"), (5, "stop_missing")])
def test_a_call_without_stop_is_overdue_when_the_longest_plausible_call_has_passed(
    hours: int, state: str, tmp_path: Path
) -> None:
    start = log("a@x", start=int(time.time()) - hours * 3600).splitlines()[0]
    (tmp_path / "acc.log").write_text(start + "\n")
    ingest(tmp_path / "acc.log")
    correlate()
    assert Call.objects.get().state == state
