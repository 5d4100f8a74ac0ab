"""The heartbeat of correlation, and for how long events have waited."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cdr.calls import progress
from cdr.calls.progress import PATIENCE, PATIENCE_UNSEEN, Progress
from cdr.models import Pending
from tests.factories import NOON, make_event

INSTANT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def data(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a service that has written no heartbeat yet and has no Redis."""
    settings.DATA_DIR, settings.REDIS_URL = tmp_path, ""
    monkeypatch.setattr(progress, "_last_heartbeat", -progress._EVERY)
    return tmp_path


def test_nothing_is_stalled_where_nothing_waits() -> None:
    assert not Progress(None, None).is_stalled(NOON)
    assert not Progress(NOON - timedelta(days=9), None).is_stalled(NOON)


@pytest.mark.parametrize(
    ("silence", "waiting", "stalled"),
    [
        (PATIENCE + INSTANT, PATIENCE + INSTANT, True),
        (PATIENCE, PATIENCE + INSTANT, False),  # at work, with much to do
        (PATIENCE + INSTANT, PATIENCE, False),  # the events have only just come
    ],
)
def test_events_that_wait_without_a_heartbeat_are_a_stall(
    silence: timedelta, waiting: timedelta, stalled: bool
) -> None:
    assert Progress(NOON - silence, waiting).is_stalled(NOON) is stalled


@pytest.mark.parametrize(("waiting", "stalled"), [(PATIENCE_UNSEEN, False), (PATIENCE_UNSEEN + INSTANT, True)])
def test_where_no_heartbeat_was_ever_seen_events_may_wait_longer(waiting: timedelta, stalled: bool) -> None:
    assert Progress(None, waiting).is_stalled(NOON) is stalled


@pytest.mark.django_db
def test_no_heartbeat_is_no_time(data: Path) -> None:
    assert progress.progress(NOON) == Progress(None, None)


@pytest.mark.django_db
def test_the_heartbeat_is_the_time_of_work(data: Path) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)  # a file system may round the time
    progress.write_heartbeat()
    worked_at = progress.progress(NOON).worked_at
    assert worked_at is not None
    assert worked_at >= before


def test_a_heartbeat_soon_after_another_is_not_written(data: Path) -> None:
    progress.write_heartbeat()
    (file,) = data.iterdir()
    file.unlink()
    progress.write_heartbeat()
    assert not file.exists()


def test_a_heartbeat_that_cannot_be_written_is_a_warning_only(
    data: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DATA_DIR = data / "missing"
    with caplog.at_level(logging.WARNING):
        progress.write_heartbeat()
    assert "the heartbeat of correlation was not written" in caplog.text


def test_a_broker_that_does_not_answer_is_a_warning_only(
    data: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = f"redis+socket://{data}/no-redis"
    with caplog.at_level(logging.WARNING):
        progress.write_heartbeat()
    assert "the heartbeat of correlation was not written" in caplog.text
    assert not list(data.iterdir())


def waiting_event(minutes: int, **fields: Any) -> int:
    """Store an event that came ``minutes`` before noon and is pending; return its key."""
    key: int = make_event(received_at=NOON - minutes * MINUTE, **fields).call_key
    Pending.objects.get_or_create(call_key=key)
    return key


@pytest.mark.django_db
def test_the_call_that_has_waited_longest_counts(data: Path) -> None:
    waiting_event(3)
    waiting_event(7)
    waiting_event(5)
    assert progress.progress(NOON).waiting == 7 * MINUTE


@pytest.mark.django_db
def test_a_call_waits_since_its_newest_event(data: Path) -> None:
    waiting_event(90, call_id="long@example")
    waiting_event(2, call_id="long@example", from_tag="b")
    assert progress.progress(NOON).waiting == 2 * MINUTE


@pytest.mark.django_db
def test_events_that_are_correlated_do_not_wait(data: Path) -> None:
    make_event(received_at=NOON - MINUTE)
    assert progress.progress(NOON).waiting is None


@pytest.mark.django_db
def test_a_mark_without_events_waits_for_nothing(data: Path) -> None:
    Pending.objects.create(call_key=1)
    assert progress.progress(NOON).waiting is None


@pytest.mark.django_db
def test_an_event_from_a_clock_ahead_has_not_waited_for_a_negative_time(data: Path) -> None:
    waiting_event(-3)
    assert progress.progress(NOON).waiting == timedelta(0)
