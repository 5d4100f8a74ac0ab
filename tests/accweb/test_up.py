"""The whole service as processes: ``up`` alone, and with Celery over a real Redis."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from urllib.request import urlopen

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from accweb.management.commands.up import programs
from cdr.models import Acc, Call, ExportJob, Source
from tests.cdr.management.test_ingest import log
from tests.conftest import ROOT, Manage
from tests.factories import NOON, make_proxy, make_source
from tests.servers import PATIENCE


class Service:
    """A running ``manage.py up``; what it says goes to files."""

    def __init__(self, folder: Path, environment: dict[str, str], *arguments: str) -> None:
        self.data = folder / "data"
        self._said, self._logged = folder / "said", folder / "logged"
        self.port = _free_port()
        with self._said.open("wb") as out, self._logged.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", "up", "--port", str(self.port), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**os.environ, "DJANGO_SETTINGS_MODULE": "accweb.settings", **environment},
            )

    @property
    def said(self) -> str:
        return self._said.read_text()

    @property
    def logged(self) -> str:
        return self._logged.read_text()

    def answer(self) -> str:
        with urlopen(f"http://127.0.0.1:{self.port}/admin/login/", timeout=PATIENCE) as response:
            return str(response.read().decode())

    def wait_for(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, self.logged
            assert time.monotonic() < deadline, self.logged
            time.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def up(*arguments: str, **environment: str) -> Service:
        given = {"DATABASE_URL": database_url, "ACCWEB_DATA_DIR": str(tmp_path / "data"), **environment}
        service = Service(tmp_path, given, *arguments)
        started.append(service)
        service.wait_for(lambda: "accweb runs at" in service.said)
        return service

    yield up
    for service in started:
        if service.process.poll() is None:
            service.process.terminate()
            service.process.wait(PATIENCE)


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield int(taken.getsockname()[1])


def _ingest(folder: Path, *call_ids: str) -> None:
    (folder / "acc.log").write_text(log(*call_ids))
    make_proxy()
    call_command("ingest", "--proxy", "kam1", str(folder / "acc.log"), stdout=StringIO())


def test_up_serves_the_pages_makes_a_login_and_correlates_what_comes(
    start: Callable[..., Service], tmp_path: Path
) -> None:
    service = start()
    assert f"http://127.0.0.1:{service.port}/" in service.said
    assert re.search(r"login: admin  initial password: see .*/data/admin-password", service.said)
    assert "csrfmiddlewaretoken" in service.answer()
    _ingest(tmp_path, "a@x")
    service.wait_for(Call.objects.filter(call_id="a@x", state="completed").exists)


def _processes(service: Service) -> list[int]:
    return [int(number) for number in re.findall(r"started \(process (\d+)\)", service.logged)]


def test_up_ends_with_all_its_processes_at_a_signal(start: Callable[..., Service]) -> None:
    service = start()
    service.answer()
    service.wait_for(lambda: len(_processes(service)) == 3)  # web, collect and what collect consists of: the scheduler
    children = _processes(service)
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(PATIENCE) == 0
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    assert "Traceback" not in service.logged


def test_up_starts_a_web_server_that_was_killed_again_and_refuses_no_request(start: Callable[..., Service]) -> None:
    service = start()
    service.answer()
    for process in re.findall(r"web-\d started \(process (\d+)\)", service.logged):
        os.kill(int(process), signal.SIGKILL)
    assert "csrfmiddlewaretoken" in service.answer()
    service.wait_for(lambda: len(re.findall(r"web-\d started", service.logged)) == 4)


def test_up_takes_new_rows_of_the_proxys_tables_in_our_database(start: Callable[..., Service]) -> None:
    make_source(name="mirror", kind=Source.Kind.MIRROR)
    service = start()
    for method in ("INVITE", "BYE"):
        Acc.objects.create(
            method=method,
            from_tag="f",
            to_tag="t",
            callid="row@x",
            sip_code="200",
            sip_reason="OK",
            time=NOON.replace(tzinfo=None),
        )
    service.wait_for(Call.objects.filter(call_id="row@x", state="completed").exists)


def test_up_with_redis_has_celery_do_the_work(start: Callable[..., Service], redis_url: str, tmp_path: Path) -> None:
    service = start(REDIS_URL=redis_url)
    _ingest(tmp_path, "a@x", "b@x")
    service.wait_for(lambda: Call.objects.filter(state="completed").count() == 2)
    ExportJob.objects.create(user=User.objects.create_user("ann"), format="jsonl")
    service.wait_for(ExportJob.objects.filter(state="done", written=2).exists)
    assert re.findall(r"([\w-]+) started \(process", service.logged) == ["web-1", "web-2", "collect", "worker", "beat"]


@pytest.mark.django_db
def test_without_redis_there_is_no_celery() -> None:
    assert [program.name for program in programs(3)] == ["web-1", "web-2", "collect"]


def test_a_port_that_is_taken_gives_one_line_with_the_remedy(manage: Manage) -> None:
    with taken_port() as port:
        ended = manage("up", "--port", str(port))
    assert ended.returncode == 1
    assert f"cannot listen on port {port} of 127.0.0.1: Address already in use; stop the process" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("port", ["0", "70000", "http"])
def test_a_port_that_is_none_gives_one_line(port: str, manage: Manage) -> None:
    ended = manage("up", "--port", port)
    assert ended.returncode == 2
    assert f"--port: '{port}' is not a number from 1 to 65535" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_collect_receives_and_correlates_without_a_web_server(database_url: str, tmp_path: Path) -> None:
    collector = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", "collect"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "accweb.settings",
            "DATABASE_URL": database_url,
            "ACCWEB_DATA_DIR": str(tmp_path / "data"),
        },
    )
    _ingest(tmp_path, "a@x")
    deadline = time.monotonic() + PATIENCE
    while not Call.objects.filter(call_id="a@x").exists():
        assert collector.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    collector.terminate()
    assert collector.wait(PATIENCE) == 0
