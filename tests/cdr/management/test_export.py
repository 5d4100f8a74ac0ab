from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tests.conftest import ROOT, Manage
from tests.factories import NOON, make_call


def export(*arguments: str) -> list[str]:
    """Return the Call-IDs of the calls that the command writes."""
    out = StringIO()
    call_command("export", "calls", *arguments, stdout=out)
    return [json.loads(line)["call_id"] for line in out.getvalue().splitlines()]


@pytest.fixture
def calls(db: None) -> None:
    make_call(call_id="early", started_at=NOON - timedelta(days=1), caller="+4930123", state="stop_missing")
    make_call(call_id="noon", flags=["early_media"], updated_at=NOON + timedelta(days=3))
    make_call(call_id="busy", started_at=NOON + timedelta(hours=1), outcome="busy", callee="carol")
    make_call(call_id="gone", superseded=True, flags=["superseded"], updated_at=NOON + timedelta(days=2))


@pytest.mark.usefixtures("calls")
def test_calls_come_oldest_first_without_superseded_ones() -> None:
    assert export() == ["early", "noon", "busy"]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--since", "2026-05-31"], ["noon", "busy"]),
        (["--until", "2026-05-30"], ["early"]),
        (["--since", "2026-05-31T12:00:00Z", "--until", "2026-05-31T15:00+02:00"], ["noon"]),
        (["--state", "stop_missing"], ["early"]),
        (["--outcome", "busy", "--outcome", "cancelled"], ["busy"]),
        (["--caller", "4930"], ["early"]),
        (["--callee", "carol"], ["busy"]),
        (["--call-id", "noon"], ["noon"]),
        (["--flag", "early_media"], ["noon"]),
        (["--proxy", "kam1", "--state", "completed"], ["noon", "busy"]),
        (["--updated-after", "2026-06-01"], ["gone", "noon"]),
        (["--include-superseded", "--call-id", "gone"], ["gone"]),
    ],
)
def test_conditions_are_those_of_the_pages(options: list[str], found: list[str]) -> None:
    assert export(*options) == found


@pytest.mark.django_db
def test_a_span_counts_back_from_now() -> None:
    make_call(call_id="old", started_at=timezone.now() - timedelta(hours=3))
    make_call(call_id="new", started_at=timezone.now() - timedelta(minutes=1))
    assert export("--since", "2h") == ["new"]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--since", "yesterday"], "--since: "),
        (["--since", "2026-02-30"], "--since: "),
        (["--state", "finished"], "--state: "),
        (["--flag", "red"], "--flag: "),
        (["--updated-after", "soon"], "--updated-after: 'soon' is no moment"),
        (["--format", "xml"], "no format 'xml'; use jsonl or csv"),
        (["--output", "/no/such/folder/calls.jsonl"], "--output: "),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_in_one_line(options: list[str], message: str) -> None:
    with pytest.raises(CommandError) as refusal:
        export(*options)
    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)
    assert refusal.value.returncode == 2


@pytest.mark.usefixtures("calls")
def test_calls_are_written_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    assert export("--format", "csv", "--output", str(file)) == []
    assert len(file.read_bytes().split(b"\r\n")) == 5


def test_a_reader_that_goes_away_ends_the_command_without_a_word(database_url: str, tmp_path: Path) -> None:
    for _ in range(300):
        make_call(user_agent="x" * 1000)
    writer = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", "export", "calls"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "accweb.settings",
            "DATABASE_URL": database_url,
            "ACCWEB_DATA_DIR": str(tmp_path),
        },
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.readline()
    writer.stdout.close()
    assert writer.stderr.read() == b""
    writer.stderr.close()
    assert writer.wait() == 1


def test_text_is_utf_8_whatever_the_locale(manage: Manage) -> None:
    make_call(caller="Zoë ☎")
    ended = manage("export", "calls", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert json.loads(ended.stdout)["caller"] == "Zoë ☎"
