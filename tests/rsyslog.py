"""A real rsyslog with a configuration of its own, and programs that log to it instead of to the machine's daemon."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import servers

_CONFIGURATION = """\
global(workDirectory="{home}" maxMessageSize="64k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{home}/log" RateLimit.Interval="0")
{local}
include(file="{home}/30-accweb.conf")
"""
_SOCKET = b"/dev/log\0"  # _PATH_LOG of <paths.h>, in the C library
_OTHER_SOCKET = b"devlog"
_C_LIBRARY = re.compile(r"/\S+/libc\.so\.6$")


@contextmanager
def rsyslog(rule: str, local: Path | None = None) -> Iterator[Path]:
    """Run rsyslog with a rule; give the socket that programs write to. ``local`` is the local log, if it keeps one."""
    home = servers.folder()
    log, configuration = home / "log", home / "rsyslog.conf"
    (home / "30-accweb.conf").write_text(rule)
    keeping = f'action(type="omfile" file="{local}")' if local else ""
    configuration.write_text(_CONFIGURATION.format(home=home, local=keeping))
    command = [servers.program("rsyslogd", "rsyslog"), "-n", "-f", configuration, "-i", home / "pid"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as daemon:
        try:
            _wait_for(log, daemon)
            yield log
        finally:
            daemon.terminate()


def logging_to(log: Path, folder: Path) -> dict[str, str]:
    """Return the environment in which a program that is started in ``folder`` logs to the socket ``log``.

    syslog(3) knows one socket, /dev/log, which is the whole machine's. So the program gets a copy of the C library that
    looks for it in the working directory.
    """
    library = _c_library()
    content = library.read_bytes()
    assert content.count(_SOCKET) == 1, f"{library} names the socket of syslog(3) in another way"
    copied = folder / "library"
    copied.mkdir()
    (copied / library.name).write_bytes(content.replace(_SOCKET, _OTHER_SOCKET.ljust(len(_SOCKET), b"\0")))
    (folder / _OTHER_SOCKET.decode()).symlink_to(log)
    return {"LD_LIBRARY_PATH": str(copied)}


def _c_library() -> Path:
    """Return the file of the C library that this process runs with, which is the system's."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        if found := _C_LIBRARY.search(line):
            return Path(found[0])
    raise RuntimeError("this process has no C library of GNU")


def _wait_for(log: Path, daemon: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + servers.PATIENCE
    while not log.exists():
        assert daemon.poll() is None, "rsyslogd ended; what it wrote is above"
        assert time.monotonic() < end, "rsyslogd does not listen"
        time.sleep(0.05)
