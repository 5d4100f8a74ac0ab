"""Forty kills under load, outages of the database among them.

Whatever was acknowledged is stored, once, and the calls of it are complete. Steps of the clock: test_clock_steps.py.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.attack.site import Site
from tests.cdr.receivers.test_diameter_server import request as diameter_request
from tests.conftest import Manage
from tests.functional.test_nothing_lost import Killer, Proxy
from tests.servers import PATIENCE

CALLS_PER_KILL = 12

ROUNDS = 5


@pytest.fixture
def site(tmp_path: Path, manage: Manage) -> Iterator[Site]:
    made = Site(tmp_path, manage, "radius", "diameter")
    made.wait_until_served()
    yield made
    made.end()


class Peer:
    """A process of ``acc_diameter``: it sends an event, waits for the answer, and gives the event up without one."""

    def __init__(self, port: int) -> None:
        self.acknowledged: list[str] = []
        self._port = port
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._end.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        number = 0
        while not self._end.is_set():
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 2.0) as worker:
                while not self._end.is_set():
                    number += 1
                    worker.sendall(diameter_request(f"{number}@diameter", number))
                    if not worker.recv(4096):
                        break
                    self.acknowledged.append(f"{number}@diameter")
                    self._end.wait(0.02)
            self._end.wait(0.05)


class Harm:
    """What is done to a site, one after the other."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.kills = 0

    def radius(self) -> None:
        self._kill(self._site.collector.process_of("receiver radius"))

    def diameter(self) -> None:
        self._kill(self._site.collector.process_of("receiver diameter"))

    def scheduler(self) -> None:
        self._kill(self._site.collector.process_of("scheduler"))

    def database(self) -> None:
        self.kills += 1
        self._site.server.kill()
        self._site.server.start()

    def everything(self) -> None:
        self.kills += 1
        self._site.kill()
        self._site.start()

    def _kill(self, process: int) -> None:
        self.kills += 1
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def test_forty_kills_lose_nothing_that_was_acknowledged_and_store_nothing_twice(site: Site) -> None:
    proxy, peer, harm = Proxy(site.ports["radius"]), Peer(site.ports["diameter"]), Harm(site)
    sent: list[str] = []

    def load(harming: Callable[[], object]) -> None:
        calls = [f"{len(sent)}-{number}@radius" for number in range(CALLS_PER_KILL)]
        requests = [f"{call}+{method}" for call in calls for method in ("INVITE", "BYE")]
        sent.extend(requests)
        proxy.account(requests, Killer(harming, every=len(proxy.answered) + CALLS_PER_KILL, times=1))

    part = (harm.radius, harm.scheduler, harm.database, harm.diameter)
    for harming in (*part, *part[:3], harm.everything) * ROUNDS:
        load(harming)
    peer.end()

    assert harm.kills == 40
    assert proxy.answered == set(sent)
    site.collector.wait_for(lambda: not site.spooled())
    stored = [
        f"{call_id}+{method}"
        for call_id, method in site.query("SELECT call_id, method FROM cdr_event WHERE backend = 'radius'")
    ]
    assert sorted(stored) == sorted(sent)
    diameter = [call_id for (call_id,) in site.query("SELECT call_id FROM cdr_event WHERE backend = 'diameter'")]
    assert len(diameter) == len(set(diameter))
    assert set(peer.acknowledged) <= set(diameter)
    assert len(peer.acknowledged) > ROUNDS
    completed = "SELECT count(*) FROM cdr_call WHERE state = 'completed' AND call_id LIKE '%@radius'"
    site.collector.wait_for(lambda: site.query(completed) == [(len(sent) // 2,)])
    assert not re.search(r"could not be stored", site.collector.logged)
