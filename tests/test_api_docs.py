"""The examples of docs/api.md do what the text says, against a server that runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer

from accweb.web.tokens import SCOPES, new_token
from cdr.models import Call
from cdr.tasks import write_exports
from tests.factories import NOON, make_call

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = re.findall(r"^```(sh|python)\n(.*?)^```", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE | re.DOTALL)
CALLS = 23

pytestmark = pytest.mark.django_db(transaction=True)


class Reader:
    """Somebody who types the examples one after the other, in one folder."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = environment
        self.folder = folder

    def type(self, language: str, text: str) -> str:
        program = ["bash", "-euo", "pipefail", "-c"] if language == "sh" else [sys.executable, "-c"]
        done = subprocess.run(
            [*program, text],
            cwd=self.folder,
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def reader(live_server: LiveServer, tmp_path: Path) -> Reader:
    user = User.objects.create_superuser("ann")
    _, token = new_token(user, "billing", list(SCOPES), expires_at=None, now=NOON)
    for number in range(CALLS):
        make_call(caller=str(number), started_at=NOON + timedelta(seconds=number))
    return Reader({"ACCWEB": live_server.url, "TOKEN": token, "no_proxy": "*"}, tmp_path)


def example(containing: str) -> tuple[str, str]:
    (found,) = (one for one in EXAMPLES if containing in one[1])
    return found


def test_every_example_works(reader: Reader) -> None:
    for language, text in EXAMPLES:
        reader.type(language, text)
        write_exports()  # what a worker does meanwhile
    assert len((reader.folder / "may.jsonl").read_text().splitlines()) == CALLS


def test_the_pages_give_every_call_once(reader: Reader) -> None:
    told = [json.loads(line) for line in reader.type(*example("while [")).splitlines()]
    assert [caller for _, _, caller, *_ in told] == [str(number) for number in reversed(range(CALLS))]


def test_who_follows_changes_is_told_each_once(reader: Reader) -> None:
    follow = example("resume")
    for _ in range(2):
        reader.type(*follow)
    Call.objects.filter(caller="7").update(revision=2, updated_at=NOON + timedelta(hours=1))
    reader.type(*follow)
    kept = [json.loads(line) for line in (reader.folder / "calls.jsonl").read_text().splitlines()]
    assert len(kept) == CALLS + 1
    assert (kept[-1]["caller"], kept[-1]["revision"]) == ("7", 2)
