from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from kombu.exceptions import OperationalError

from cdr import correlate as correlation
from cdr import tasks
from cdr.models import Acc, Call, Event, Source
from tests.cdr.management.test_ingest import MAY, ingest, log
from tests.factories import NOON, make_proxy, make_source

pytestmark = pytest.mark.django_db


def _row(call_id: str) -> None:
    Acc.objects.create(
        method="INVITE", from_tag="f", to_tag="t", callid=call_id, sip_code="200", time=NOON.replace(tzinfo=None)
    )


def test_correlate_makes_calls_of_what_waits(tmp_path: Path) -> None:
    (tmp_path / "acc.log").write_text(log("a@x", "b@x"))
    ingest(tmp_path / "acc.log")
    assert tasks.correlate() == 2
    assert Call.objects.count() == 2
    assert tasks.correlate() == 0


def test_new_rows_of_a_mirror_are_calls_at_once() -> None:
    make_source(name="mirror", kind=Source.Kind.MIRROR)
    _row("a@x")
    assert tasks.collect_mirrors() == 1
    assert Call.objects.get().call_id == "a@x"


def test_a_mirror_that_is_switched_off_is_left_alone() -> None:
    make_source(name="mirror", kind=Source.Kind.MIRROR, enabled=False)
    _row("a@x")
    assert tasks.collect_mirrors() == 0
    assert not Event.objects.exists()


def test_a_mirror_that_fails_leaves_the_others_alone_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_source(name="bad", kind=Source.Kind.MIRROR)
    make_source(name="good", kind=Source.Kind.MIRROR, proxy=make_proxy("kam2"))
    _row("a@x")
    collect = tasks.collect_mirror

    def collect_or_fail(source: Source) -> object:
        if source.name == "bad":
            raise RuntimeError("the table is gone")
        return collect(source)

    monkeypatch.setattr(tasks, "collect_mirror", collect_or_fail)
    assert tasks.collect_mirrors() == 1
    assert "kam1/bad could not be read" in caplog.text


def test_new_rows_are_stored_while_the_broker_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(tasks.correlate, "delay", refuse)
    make_source(name="mirror", kind=Source.Kind.MIRROR)
    _row("a@x")
    assert tasks.collect_mirrors() == 1
    assert "the broker does not answer (connection refused)" in caplog.text


def test_a_call_whose_time_is_over_is_marked(tmp_path: Path) -> None:
    (tmp_path / "acc.log").write_text(log("a@x").splitlines()[0] + "\n")
    ingest(tmp_path / "acc.log")
    correlation.correlate_pending(now=datetime.fromtimestamp(MAY + 60, UTC))
    assert Call.objects.get().state == Call.State.ONGOING
    assert tasks.mark_overdue() == 1
    assert Call.objects.get().state == Call.State.STOP_MISSING
