from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from cdr import tasks
from cdr.calls import correlate as correlation
from cdr.models import Call, ExportJob
from tests.cdr.management.test_ingest import MAY, ingest, log

pytestmark = pytest.mark.django_db


def test_correlate_makes_calls_of_what_waits(tmp_path: Path) -> None:
    (tmp_path / "acc.log").write_text(log("a@x", "b@x"))
    ingest(tmp_path / "acc.log")
    assert tasks.correlate() == 2
    assert Call.objects.count() == 2
    assert tasks.correlate() == 0


def test_a_call_whose_time_is_over_is_marked(tmp_path: Path) -> None:
    (tmp_path / "acc.log").write_text(log("a@x").splitlines()[0] + "\n")
    ingest(tmp_path / "acc.log")
    correlation.correlate_pending(now=datetime.fromtimestamp(MAY + 60, UTC))
    assert Call.objects.get().state == Call.State.ONGOING
    assert tasks.mark_overdue() == 1
    assert Call.objects.get().state == Call.State.STOP_MISSING


@pytest.mark.django_db(transaction=True)  # a file is stored over a connection of its own
def test_every_export_that_is_due_is_written_once() -> None:
    user = User.objects.create_user("ann")
    for _ in range(2):
        ExportJob.objects.create(user=user, format="jsonl")
    assert tasks.write_exports() == 2
    assert {job.state for job in ExportJob.objects.all()} == {ExportJob.ExportState.DONE}
    assert tasks.write_exports() == 0
