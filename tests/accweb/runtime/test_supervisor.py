from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from accweb.runtime.supervisor import Program, Supervisor
from tests.servers import PATIENCE


def _python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def _until(condition: Callable[[], bool]) -> Callable[[], bool]:
    """Return a condition to stop at; a test fails where it never comes."""
    deadline = time.monotonic() + PATIENCE

    def stop() -> bool:
        assert time.monotonic() < deadline, "it never happened"
        return condition()

    return stop


def _lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


NOTE = "import os; open('started', 'a').write(f'{os.getpid()}\\n'); "


def supervise(programs: Sequence[Program], folder: Path, stop: Callable[[], bool], *, patience: float) -> None:
    supervisor = Supervisor(folder)
    supervisor.want(programs, patience=patience)
    supervisor.run(stop, patience=patience)


def test_a_program_that_ends_is_started_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    program = Program("short", _python(NOTE + "raise SystemExit(3)"))
    supervise([program], tmp_path, _until(lambda: len(_lines(tmp_path / "started")) >= 2), patience=5)
    assert "short ended (status 3); starting it again in 1 s" in caplog.text


def test_the_end_ends_every_program(tmp_path: Path) -> None:
    programs = [Program(name, _python(NOTE + "import time; time.sleep(1000)")) for name in ("one", "two")]
    supervise(programs, tmp_path, _until(lambda: len(_lines(tmp_path / "started")) == 2), patience=5)
    for process in _lines(tmp_path / "started"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(process), 0)


def test_a_program_that_does_not_end_is_killed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + NOTE + "time.sleep(1000)"
    supervise(
        [Program("stubborn", _python(stubborn))],
        tmp_path,
        _until(lambda: bool(_lines(tmp_path / "started"))),
        patience=0.2,
    )
    assert "stubborn does not end; killing it" in caplog.text


def test_the_programs_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from accweb.runtime.supervisor import Program, Supervisor; "
        f"note = {NOTE + 'import time; time.sleep(1000)'!r}; "
        "supervisor = Supervisor(Path(sys.argv[1])); "
        "supervisor.want([Program('child', (sys.executable, '-c', note))], patience=1); "
        "supervisor.run(lambda: False, patience=1)"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code, tmp_path], cwd=Path(__file__).parents[3])
    started = _until(lambda: bool(_lines(tmp_path / "started")))
    while not started():
        time.sleep(0.05)
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    child = int(_lines(tmp_path / "started")[0])
    gone = _until(lambda: not _runs(child))
    while not gone():
        time.sleep(0.05)


def _runs(process: int) -> bool:
    """Tell whether a process is there and no zombie (its new parent may be slow to bury it)."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
