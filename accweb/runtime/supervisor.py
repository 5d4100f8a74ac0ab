"""Supervision of child processes, for the commands ``up`` and ``collect``."""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.db import connections

logger = logging.getLogger(__name__)
TICK = 0.1
LONGEST_PAUSE = 30.0
_GOOD_RUN = 60.0
"""Seconds after which a process counts as having run well: it is restarted without a pause."""

_PR_SET_PDEATHSIG = 1


class Process(Protocol):
    """The methods of ``subprocess.Popen`` that a child needs."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class Startable(Protocol):
    """Something that can be kept running; ``name`` is used in the log."""

    @property
    def name(self) -> str: ...

    def start(self, folder: Path) -> Process: ...


@dataclass(frozen=True)
class Program:
    """A command line; the process inherits the file descriptors ``pass_fds``."""

    name: str
    command: Sequence[str]
    pass_fds: Sequence[int] = ()

    def start(self, folder: Path) -> Process:
        return subprocess.Popen(
            self.command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            pass_fds=self.pass_fds,
            start_new_session=True,  # Ctrl-C reaches only this process, which then ends its children
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )


@dataclass(frozen=True)
class Fork:
    """A function that runs in a forked process until the function in its argument returns true.

    A fork starts quickly and shares memory. This process must have no other threads when it forks.
    """

    name: str
    run: Callable[[Callable[[], bool]], None]

    def start(self, folder: Path) -> Process:
        connections.close_all()  # the child must not share our connections, nor close them
        return _Forked(self)


class _Forked:
    """A forked process with the interface of ``Process``."""

    def __init__(self, fork: Fork) -> None:
        self._process = multiprocessing.get_context("fork").Process(target=_run_forked, args=(fork,), name=fork.name)
        self._process.start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return self._process.exitcode


def _run_forked(fork: Fork) -> None:
    os.setsid()
    if sys.platform == "linux":
        _end_with_parent()
    stop = stop_on_signals()
    try:
        fork.run(stop)
    except Exception:
        logger.exception("%s failed", fork.name)
        raise SystemExit(1) from None
    finally:
        connections.close_all()


class Child:
    """Restarts a program when it ends: immediately after a good run, else after growing pauses."""

    def __init__(self, program: Startable, folder: Path, on_end: Callable[[str, str], None]) -> None:
        self._program = program
        self._folder = folder
        self._on_end = on_end
        self._process: Process | None = None
        self._started = 0.0
        self._pause = 0.0
        self._due = 0.0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def tend(self, now: float) -> None:
        """Start the process if it is due; schedule a restart if it has ended."""
        if self._process is None:
            if now >= self._due:
                self._start(now)
        elif (status := self._process.poll()) is not None:
            self._process = None
            well_before = now - self._started > _GOOD_RUN or (status == 0 and not self._pause)
            self._pause = 0.0 if well_before else min(max(1.0, self._pause * 2), LONGEST_PAUSE)
            self._due = now + self._pause
            if status == 0:  # it ended in order, for instance because its source was disabled
                logger.info("%s ended", self._program.name)
                return
            logger.error("%s ended (%s); starting it again in %.0f s", self._program.name, _reason(status), self._pause)
            self._on_end(self._program.name, _reason(status))

    def _start(self, now: float) -> None:
        self._started = now
        self._process = self._program.start(self._folder)
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


class Supervisor:
    """Keeps a changing set of programs running; calls ``on_end`` with name and reason when a program has failed."""

    def __init__(self, folder: Path, on_end: Callable[[str, str], None] = lambda name, reason: None) -> None:
        self._folder = folder
        self._on_end = on_end
        self._children: dict[str, Child] = {}
        self._leaving: list[tuple[Child, float]] = []

    def want(self, programs: Sequence[Startable], *, patience: float) -> None:
        """Run exactly these programs, identified by name; others get ``patience`` seconds to end."""
        names = {program.name for program in programs}
        for name in self._children.keys() - names:
            child = self._children.pop(name)
            child.terminate()
            self._leaving.append((child, time.monotonic() + patience))
        for program in programs:
            if program.name not in self._children:
                self._children[program.name] = Child(program, self._folder, self._on_end)

    def tend(self) -> None:
        """Start and restart programs, end those that are no longer wanted. To be called often."""
        now = time.monotonic()
        for child in self._children.values():
            child.tend(now)
        for child, deadline in self._leaving:
            if not child.running or now >= deadline:
                child.end(now)
        self._leaving = [(child, deadline) for child, deadline in self._leaving if child.running]

    def tend_until(self, stop: Callable[[], bool]) -> None:
        while not stop():
            self.tend()
            time.sleep(TICK)

    def run(self, stop: Callable[[], bool], *, patience: float) -> None:
        """Keep all running until ``stop`` says so; then end them, ``patience`` seconds at most."""
        self.tend_until(stop)
        self.end(patience)

    @property
    def is_busy(self) -> bool:
        """Whether there is a program that is to run."""
        return bool(self._children)

    def end(self, patience: float) -> None:
        """End all programs within ``patience`` seconds."""
        leaving = [*self._children.values(), *(child for child, _ in self._leaving)]
        for child in leaving:
            child.terminate()
        deadline = time.monotonic() + patience
        for child in leaving:
            child.end(deadline)


def stop_on_signals() -> Callable[[], bool]:
    """Return a function that returns whether SIGTERM, SIGINT or SIGHUP was received."""
    received: list[int] = []  # not a threading.Event: a signal handler must not take a lock

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda signal_number, _frame: received.append(signal_number))
    return lambda: bool(received)


def _end_with_parent() -> None:
    """Have the kernel end this process when its parent process ends for any reason."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _reason(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
