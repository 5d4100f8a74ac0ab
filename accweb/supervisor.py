"""Child processes that are kept running: what ``up`` consists of."""

from __future__ import annotations

import ctypes
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)
TICK = 0.1
LONGEST_PAUSE = 30.0
_GOOD_RUN = 60.0  # seconds after which an end is held for a new trouble, not for the old one
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """A command line with the name that the log calls it by, and the file descriptors it inherits."""

    name: str
    command: Sequence[str]
    pass_fds: Sequence[int] = ()


class Child:
    """A program that is started again when it ends, at once and then after longer and longer pauses."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = 0.0
        self._due = 0.0

    def tend(self, now: float) -> None:
        """Start the process where it is due; note where it has ended."""
        if self._process is None:
            if now >= self._due:
                self._start(now)
        elif (status := self._process.poll()) is not None:
            self._process = None
            self._pause = 1.0 if now - self._started > _GOOD_RUN else min(max(1.0, self._pause * 2), LONGEST_PAUSE)
            self._due = now + self._pause
            logger.error("%s ended (%s); starting it again in %.0f s", self._program.name, _reason(status), self._pause)

    def _start(self, now: float) -> None:
        self._started = now
        self._process = subprocess.Popen(
            self._program.command,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            pass_fds=self._program.pass_fds,
            start_new_session=True,  # Ctrl-C reaches this process alone, which then ends its children in order
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        logger.info("%s started (process %d)", self._program.name, self._process.pid)

    def terminate(self) -> None:
        if self._process is not None:
            self._process.terminate()

    def end(self, deadline: float) -> None:
        """Wait for the process to end until ``deadline`` (of the monotonic clock); then kill it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            logger.warning("%s does not end; killing it", self._program.name)
            self._process.kill()
            self._process.wait()


def supervise(programs: Sequence[Program], folder: Path, stop: Callable[[], bool], *, patience: float) -> None:
    """Run ``programs`` in ``folder`` until ``stop`` says so; then end them all, ``patience`` seconds at most."""
    children = [Child(program, folder) for program in programs]
    while not stop():
        for child in children:
            child.tend(time.monotonic())
        time.sleep(TICK)
    for child in children:
        child.terminate()
    deadline = time.monotonic() + patience
    for child in children:
        child.end(deadline)


def stop_on_signals() -> Callable[[], bool]:
    """Return a function that tells whether SIGTERM, SIGINT or SIGHUP came."""
    came: list[int] = []  # a handler may run anywhere, between any two steps: it takes no lock

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: came.append(received))
    return lambda: bool(came)


def _end_with_parent() -> None:
    """Have the kernel end this process when its parent is gone, however that ended."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _reason(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
