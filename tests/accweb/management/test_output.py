"""A command whose reader goes away ends in silence."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT


def test_a_command_whose_reader_goes_away_ends_without_a_traceback() -> None:
    command = [sys.executable, "manage.py", "source", "kinds"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # before the first line is written: the settings alone take longer
        assert process.stderr.read() == b""
    assert process.returncode == 1
