from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone
from pyarrow import parquet

from cdr.calls.settlement import settle
from cdr.export import FIELDS
from cdr.management.commands.export import Command
from cdr.models import Call
from tests.conftest import ROOT, Manage
from tests.factories import NOON, make_call, make_proxy


def export(*arguments: str) -> list[str]:
    """Return the Call-IDs of the calls that the command writes."""
    out = StringIO()
    call_command("export", "calls", *arguments, stdout=out)
    return [json.loads(line)["call_id"] for line in out.getvalue().splitlines()]


@pytest.fixture
def calls(db: None) -> None:
    make_proxy("kam1")
    make_call(call_id="early", started_at=NOON - timedelta(days=1), caller="+4930123", state="stop_missing")
    make_call(call_id="noon", flags=["early_media"], extra={"ua": "Snom/8"}, updated_at=NOON + timedelta(days=3))
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
        (["--settled", "no"], ["early"]),
        (["--settled", "0"], ["early"]),
        (["--settled", "yes"], []),
        (["--not-state", "stop_missing"], ["noon", "busy"]),
        (["--extra", "ua=Snom*"], ["noon"]),
        (["--not-extra", "ua=Snom*"], ["early", "busy"]),
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
        (["--state", "finished"], "--state: 'finished' is unknown; use setup, ongoing, completed, "),
        (["--flag", "red"], "--flag: 'red' is unknown; use late_stop, "),
        (["--period", "1y"], "--period: '1y' is unknown; use all, 1h, "),
        (["--settled", "maybe"], "--settled: 'maybe' is unknown; use yes or no"),
        (["--proxy", "nope"], "--proxy: unknown proxy 'nope'; choose one of: kam1"),
        (["--extra", "ua"], "--extra: 'ua' does not have the form LABEL=VALUE"),
        (["--updated-after", "soon"], "--updated-after: 'soon' is not a valid time"),
        (["--format", "xml"], "unknown format 'xml'; use jsonl, csv, xlsx or parquet"),
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


@pytest.mark.usefixtures("calls")
def test_a_workbook_is_written_to_a_file_with_the_settlements_in_columns(tmp_path: Path) -> None:
    file = tmp_path / "calls.xlsx"
    assert export("--format", "xlsx", "--output", str(file)) == []
    heading, *rows = openpyxl.load_workbook(file)["Calls"].values
    assert heading == (*FIELDS, "settled_ended_at", "settled_duration", "settled_reason", "settled_by", "settled_at")
    assert [row[1] for row in rows] == ["early", "noon", "busy"]


def test_binary_formats_go_to_standard_output_as_they_are(database_url: str, tmp_path: Path) -> None:
    make_call(call_id="one")
    ended = subprocess.run(
        [sys.executable, ROOT / "manage.py", "export", "calls", "--format", "parquet"],
        capture_output=True,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "accweb.settings",
            "DATABASE_URL": database_url,
            "ACCWEB_DATA_DIR": str(tmp_path),
        },
        check=True,
    )
    assert parquet.read_table(io.BytesIO(ended.stdout)).column("call_id").to_pylist() == ["one"]


@pytest.mark.usefixtures("calls")
def test_csv_keeps_its_columns_though_a_call_is_settled() -> None:
    ann = User.objects.create_user("ann")
    settle(Call.objects.get(call_id="early"), ended_at=None, reason="lost", by=ann, now=NOON)
    out = StringIO()
    call_command("export", "calls", "--format", "csv", stdout=out)
    assert out.getvalue().splitlines()[0] == ",".join(FIELDS)


def test_the_choices_stand_in_the_help() -> None:
    told = " ".join(Command().create_parser("manage.py", "export").format_help().split())
    assert "jsonl, csv, xlsx or parquet" in told
    assert "measured, at_least, at_most, unknown or approximate" in told
    assert "yes or no" in told


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
