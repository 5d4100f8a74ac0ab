"""UDP sockets that systemd holds (``deploy/accweb.socket``): they stay open while the whole service restarts.

systemd passes them from file descriptor 3 on, to the process that ``LISTEN_PID`` names (sd_listen_fds(3)). ``up``
passes them on to ``collect``.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from cdr.sources.setting import ListenAddress

_FIRST = 3


def descriptors(environment: Mapping[str, str] = os.environ) -> range:
    """Return the file descriptors that systemd passed to this process, or to its parent."""
    if environment.get("LISTEN_PID") not in (str(os.getpid()), str(os.getppid())):
        return range(0)
    count = environment.get("LISTEN_FDS", "")
    return range(_FIRST, _FIRST + int(count)) if count.isdecimal() else range(0)


def activated_sockets(passed: range | None = None) -> dict[ListenAddress, socket.socket]:
    """Return the UDP sockets among them by their address."""
    sockets = {}
    for descriptor in descriptors() if passed is None else passed:
        held = socket.socket(fileno=os.dup(descriptor))
        if held.family in (socket.AF_INET, socket.AF_INET6) and held.type == socket.SOCK_DGRAM:
            held.setblocking(False)
            sockets[_address(held)] = held
        else:
            held.close()
    return sockets


def _address(held: socket.socket) -> ListenAddress:
    host, port = held.getsockname()[:2]
    is_everywhere = held.family == socket.AF_INET6 and not held.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    return ListenAddress("" if host == "::" and is_everywhere else host, port)
