from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import Permission, User
from django.db import DatabaseError, connection
from django.http import QueryDict
from django.utils import timezone
from pyarrow import parquet

from cdr.export import jobs, storing, writing
from cdr.export.formats import FORMATS
from cdr.export.jobs import cancel, content, due, expire, may_download, queue_export, remove
from cdr.export.locks import WriterLocks
from cdr.export.snapshot import snapshot
from cdr.export.storing import Lost
from cdr.export.writing import write_job
from cdr.models import Call, ExportChunk, ExportJob
from cdr.queries.filters import CallFilter
from cdr.queries.visibility import Visibility
from proxyconf.models.reach import ProxyLimit
from tests.background import in_background
from tests.conftest import ROOT
from tests.factories import NOON, make_call, make_proxy
from tests.servers import PATIENCE

State = ExportJob.ExportState
pytestmark = pytest.mark.django_db(transaction=True)  # a job's file is stored over a connection of its own


@pytest.fixture
def ann(transactional_db: None) -> User:
    return User.objects.create_user("ann")


def asked(conditions: str = "", visibility: Visibility | None = None) -> CallFilter:
    return CallFilter(QueryDict(conditions), visibility or Visibility(), now=NOON)


def write_next() -> bool:
    """Write the job that is due for longest; return whether there was one and it is done with."""
    pks = due(timezone.now())
    return bool(pks) and write_job(pks[0])


def file_of(job: ExportJob) -> bytes:
    job.refresh_from_db()
    assert (job.state, job.error) == (State.DONE, "")
    return b"".join(content(job))


def call_ids(job: ExportJob) -> list[str]:
    return [json.loads(line)["call_id"] for line in file_of(job).splitlines()]


def test_a_job_is_written_with_the_calls_of_its_filter_oldest_first(ann: User) -> None:
    make_call(call_id="late", started_at=NOON + timedelta(hours=1))
    make_call(call_id="early", started_at=NOON - timedelta(hours=1))
    make_call(call_id="busy", outcome="busy")
    job = queue_export(ann, asked("outcome=answered"), "jsonl")
    assert write_next()
    assert call_ids(job) == ["early", "late"]
    assert (job.written, job.matches, job.size) == (2, 2, len(file_of(job)))
    assert job.expires_at
    assert job.finished_at
    assert job.expires_at - job.finished_at == timedelta(days=7)
    assert not write_next()


def test_a_preset_is_that_of_the_moment_of_asking(ann: User) -> None:
    for hours in (1, 30):
        make_call(call_id=f"{hours} h before", started_at=NOON - timedelta(hours=hours))
    job = queue_export(ann, asked("period=24h"), "jsonl")
    assert job.conditions == "since=2026-05-30T12%3A00%3A00Z"
    write_next()
    assert call_ids(job) == ["1 h before"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_lies_in_chunks_that_make_it_up(ann: User, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "CHUNK", 100)
    for number in range(9):
        make_call(call_id=f"c{number}")
    job = queue_export(ann, asked(), format, columns=["call_id", "started_at"], zone="Europe/Berlin")
    write_next()
    file = file_of(job)
    sizes = [len(chunk.data) for chunk in ExportChunk.objects.filter(job=job).order_by("position")]
    assert set(sizes[:-1]) == {100}
    assert sum(sizes) == job.size == len(file)
    match format:
        case "xlsx":
            found = [row[0] for row in openpyxl.load_workbook(io.BytesIO(file))["Calls"].values][1:]
        case "parquet":
            found = parquet.read_table(io.BytesIO(file)).column("call_id").to_pylist()
        case "csv":
            found = [line.split(",")[0] for line in file.decode().splitlines()][1:]
        case _:
            found = call_ids(job)
    assert found == [f"c{number}" for number in range(9)]


def test_the_file_says_what_was_asked_for(ann: User) -> None:
    make_call()
    job = queue_export(ann, asked("state=completed&period=24h"), "xlsx", zone="Europe/Berlin")
    write_next()
    facts = dict(openpyxl.load_workbook(io.BytesIO(file_of(job)))["About"].values)
    assert facts == {
        "time zone of all times": "Europe/Berlin",
        "calls": "1",
        "filter": "From: 2026-05-30 14:00:00 CEST; State: Completed",
    }


def test_a_job_tells_of_the_calls_within_reach_masked_where_numbers_may_not_be_seen(ann: User) -> None:
    make_call(call_id="mine", caller="+4930123456", proxies=["kam1"]).legs.create(position=0, source="+4930123456")
    make_call(call_id="other", proxies=["kam2"])
    make_proxy("kam1")
    job = queue_export(ann, asked(visibility=Visibility(frozenset({"kam1"}), numbers=False)), "jsonl")
    write_next()
    (line,) = file_of(job).splitlines()
    record = json.loads(line)
    assert (record["call_id"], record["caller"]) == ("mine", "+4930••••••")
    assert record["legs"][0]["source"] == "+4930••••••"


def test_jobs_are_written_one_after_the_other(ann: User) -> None:
    first, second = queue_export(ann, asked(), "jsonl"), queue_export(ann, asked(), "jsonl")
    write_next()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == (State.DONE, State.QUEUED)


def test_no_more_are_written_at_once_than_may_be(ann: User) -> None:
    waiting = queue_export(ann, asked(), "jsonl")
    with WriterLocks() as other:
        assert other.take("slot-0")
        assert not in_background(write_next).result(PATIENCE)
    assert due(timezone.now()) == [waiting.pk]  # at once, when the other is done
    assert write_next()
    assert call_ids(waiting) == []


def test_a_job_that_another_worker_writes_is_left_to_it(ann: User) -> None:
    job = queue_export(ann, asked(), "jsonl")
    with WriterLocks() as other:
        assert other.take(f"job-{job.pk}")
        assert not in_background(write_job, job.pk).result(PATIENCE)
    job.refresh_from_db()
    assert job.state == State.QUEUED
    assert write_job(job.pk)


def test_a_job_that_nobody_writes_any_more_is_begun_again(ann: User) -> None:
    make_call(call_id="one")
    job = queue_export(ann, asked(), "jsonl")
    ExportChunk.objects.create(job=job, position=0, data=b"half a li")
    ExportJob.objects.update(state=State.RUNNING, heard_at=timezone.now(), written=5, size=9)
    assert write_job(job.pk)
    assert call_ids(job) == ["one"]


def test_a_job_is_due_until_it_is_sent_and_again_after_a_silence(ann: User) -> None:
    now = timezone.now()
    job, other = queue_export(ann, asked(), "jsonl"), queue_export(ann, asked(), "jsonl")
    assert due(now) == [job.pk, other.pk]
    jobs.note_sent(job.pk, now)
    assert due(now) == [other.pk]
    assert due(now + 2 * jobs.SILENCE) == [job.pk, other.pk]
    cancel(other)
    assert due(now) == []


DYING = """
import os, signal, django
django.setup()
from cdr.export import jobs, storing, writing
from django.utils import timezone
records, storing.CHUNK = writing.records, 100
def dying(*arguments):
    for number, record in enumerate(records(*arguments)):
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        yield record
writing.records = dying
writing.write_job(jobs.due(timezone.now())[0])
"""


def test_a_worker_that_is_killed_in_the_middle_costs_nothing_but_time(
    ann: User, database_url: str, tmp_path: Path
) -> None:
    for number in range(5):
        make_call(call_id=f"c{number}")
    job = queue_export(ann, asked(), "jsonl")
    environment = {"DJANGO_SETTINGS_MODULE": "accweb.settings", "ACCWEB_DATA_DIR": str(tmp_path)}
    killed = subprocess.run(
        [sys.executable, "-c", DYING],
        cwd=ROOT,
        env={**os.environ, **environment, "DATABASE_URL": database_url},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    job.refresh_from_db()
    assert job.state == State.RUNNING
    assert ExportChunk.objects.filter(job=job).exists()
    assert due(timezone.now() + 2 * jobs.SILENCE) == [job.pk]
    assert write_job(job.pk)  # its lock ended with the process
    assert call_ids(job) == [f"c{number}" for number in range(5)]


def test_a_job_that_ends_its_writers_is_given_up(ann: User) -> None:
    job = queue_export(ann, asked(), "jsonl")
    ExportJob.objects.update(state=State.RUNNING, error=jobs.RESTARTED)
    assert write_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error) == (State.FAILED, jobs.FAILED_TWICE)


@pytest.mark.parametrize("deed", ["cancel", "delete"])
def test_a_writer_whose_job_is_cancelled_stops_and_leaves_nothing(
    ann: User, deed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        make_call(call_id=f"c{number}")
    monkeypatch.setattr(storing, "CHUNK", 1)
    job = queue_export(ann, asked(), "jsonl")
    records = writing.records

    def interrupted(*arguments: Any) -> Iterable[Any]:
        for number, record in enumerate(records(*arguments)):
            if number == 2:
                other = threading.Thread(target=interrupt)
                other.start()
                other.join()
            yield record

    def interrupt() -> None:
        match deed:
            case "cancel":
                assert cancel(job)
            case _:
                remove(job)
        connection.close()

    monkeypatch.setattr(writing, "records", interrupted)
    assert write_next()
    assert ExportChunk.objects.count() == 0
    assert [one.state for one in ExportJob.objects.all()] == ([State.FAILED] if deed == "cancel" else [])


def test_what_was_cancelled_before_its_turn_is_never_written(ann: User) -> None:
    job = queue_export(ann, asked(), "jsonl")
    assert cancel(job)
    assert not write_next()
    job.refresh_from_db()
    assert (job.state, job.error) == (State.FAILED, jobs.CANCELLED)
    assert not cancel(job)


def test_a_filter_that_makes_no_sense_any_more_is_told(ann: User) -> None:
    make_proxy("gone")
    job = queue_export(ann, asked("proxy=gone"), "jsonl")
    make_proxy("gone").delete()
    write_next()
    job.refresh_from_db()
    assert job.state == State.FAILED
    assert job.error.startswith("proxy: unknown proxy 'gone'")


def test_a_fault_of_ours_ends_the_job_and_leaves_no_chunk(
    ann: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: Any) -> Iterable[Any]:
        yield {"id": 1}
        raise RuntimeError("no such thing")

    monkeypatch.setattr(storing, "CHUNK", 1)
    monkeypatch.setattr(writing, "records", broken)
    job = queue_export(ann, asked(), "jsonl")
    assert write_next()
    job.refresh_from_db()
    assert (job.state, job.error) == (State.FAILED, jobs.INTERNAL_ERROR)
    assert ExportChunk.objects.count() == 0
    assert "no such thing" in caplog.text


if connection.vendor == "postgresql":

    @pytest.mark.parametrize("format", ["jsonl", "parquet", "xlsx"])
    def test_a_writer_that_lost_its_lock_with_its_connection_changes_nothing_more(
        ann: User, format: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(4):
            make_call(call_id=f"c{number}")
        monkeypatch.setattr(storing, "CHUNK", 1)
        monkeypatch.setattr(storing, "PROGRESS_INTERVAL", 0)
        job = queue_export(ann, asked(), format)
        records = writing.records

        def interrupted(*arguments: Any) -> Iterable[Any]:
            for number, record in enumerate(records(*arguments)):
                if number == 2:
                    in_background(take_over).result(PATIENCE)
                yield record

        def take_over() -> None:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
            ExportChunk.objects.filter(job=job).delete()
            ExportChunk.objects.create(job=job, position=0, data=b"theirs")

        monkeypatch.setattr(writing, "records", interrupted)
        with pytest.raises(DatabaseError):
            write_job(job.pk)
        job.refresh_from_db()
        assert (job.state, job.error) == (State.RUNNING, "")
        assert bytes(ExportChunk.objects.get().data) == b"theirs"


def test_a_job_is_begun_again_after_the_database_failed(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    make_call(call_id="one")
    records = writing.records

    def broken(*arguments: Any) -> Iterable[Any]:
        raise DatabaseError("the server closed the connection")

    monkeypatch.setattr(writing, "records", broken)
    job = queue_export(ann, asked(), "jsonl")
    with pytest.raises(DatabaseError):
        write_next()
    monkeypatch.setattr(writing, "records", records)
    assert write_job(job.pk)
    assert call_ids(job) == ["one"]


def test_a_file_is_of_one_moment(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        make_call(call_id=f"c{number}", started_at=NOON + timedelta(minutes=number))
    monkeypatch.setattr("cdr.export.record._BATCH", 1)
    records = writing.records

    def meanwhile(*arguments: Any) -> Iterable[Any]:
        for number, record in enumerate(records(*arguments)):
            if number == 0:
                other = threading.Thread(target=change)
                other.start()
                other.join()
            yield record

    def change() -> None:
        Call.objects.filter(call_id="c1").update(started_at=NOON + timedelta(days=1))
        Call.objects.filter(call_id="c2").delete()
        make_call(call_id="c3", started_at=NOON + timedelta(hours=1))
        Call.objects.get(call_id="c1").legs.create(position=0)
        connection.close()

    monkeypatch.setattr(writing, "records", meanwhile)
    job = queue_export(ann, asked(), "jsonl")
    write_next()
    assert call_ids(job) == ["c0", "c1", "c2"]
    assert [json.loads(line)["legs"] for line in file_of(job).splitlines()] == [[], [], []]


def test_others_may_write_while_a_snapshot_is_read() -> None:
    def write() -> None:
        make_call()
        connection.close()

    with snapshot():
        assert Call.objects.count() == 0
        other = threading.Thread(target=write)
        other.start()
        other.join()
        assert Call.objects.count() == 0
    assert Call.objects.count() == 1


def test_files_whose_time_is_over_are_deleted_and_remembered(ann: User) -> None:
    make_call()
    old, new = queue_export(ann, asked(), "jsonl"), queue_export(ann, asked(), "jsonl")
    write_next()
    write_next()
    now = timezone.now()
    ExportJob.objects.filter(pk=old.pk).update(expires_at=now)
    assert expire(now) == 1
    old.refresh_from_db()
    assert old.state == State.EXPIRED
    assert not ExportChunk.objects.filter(job=old).exists()
    assert len(call_ids(new)) == 1


def test_a_file_that_vanishes_while_it_is_sent_breaks_off(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "CHUNK", 100)
    make_call()
    job = queue_export(ann, asked(), "jsonl")
    write_next()
    job.refresh_from_db()
    sent = content(job)
    assert len(next(sent)) == 100
    ExportJob.objects.all().delete()
    with pytest.raises(Lost):
        next(sent)


def allowed(user: User, *codenames: str) -> User:
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


def test_nobody_gets_a_file_that_tells_more_than_one_may_see_today(ann: User) -> None:
    open_, masked = (
        queue_export(ann, asked(), "jsonl"),
        queue_export(ann, asked(visibility=Visibility(numbers=False)), "jsonl"),
    )
    ann = allowed(ann, "view_numbers")
    assert may_download(ann, open_)
    assert may_download(ann, masked)
    ann = allowed(ann)
    assert not may_download(ann, open_)
    assert may_download(ann, masked)
    ProxyLimit.objects.create(user=ann).proxies.add(make_proxy("kam1"))
    assert not may_download(ann, masked)
    assert may_download(
        ann, queue_export(ann, asked(visibility=Visibility(frozenset({"kam1"}), numbers=False)), "jsonl")
    )


def test_a_file_of_somebody_else_needs_a_permission(ann: User) -> None:
    job = queue_export(ann, asked(visibility=Visibility(numbers=False)), "jsonl")
    bob = User.objects.create_user("bob")
    assert not may_download(bob, job)
    assert may_download(allowed(bob, "view_exportjob"), job)
