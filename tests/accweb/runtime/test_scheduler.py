from __future__ import annotations

import threading

import pytest
from django.conf import settings

from accweb.runtime.scheduler import Job, jobs
from tests.servers import PATIENCE


def test_a_job_runs_again_and_again_until_the_end() -> None:
    stopped, runs = threading.Event(), []

    def work() -> None:
        runs.append(1)
        if len(runs) == 3:
            stopped.set()

    job = Job("count", work, 0.001, stopped)
    job.start()
    job.join(PATIENCE)
    assert len(runs) == 3


def test_a_job_that_fails_is_tried_again_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    stopped, runs = threading.Event(), []

    def work() -> None:
        runs.append(1)
        if len(runs) == 2:
            stopped.set()
        raise RuntimeError("the disk is full")

    job = Job("write", work, 0.001, stopped)
    job.start()
    job.join(PATIENCE)
    assert len(runs) == 2
    assert "write failed; trying again" in caplog.text
    assert "the disk is full" in caplog.text


def test_every_entry_of_the_beat_schedule_is_a_job() -> None:
    found = jobs(settings.CELERY_BEAT_SCHEDULE, threading.Event())
    assert {job.name for job in found} == set(settings.CELERY_BEAT_SCHEDULE)
