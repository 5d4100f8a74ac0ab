"""A database that goes away while proxies send, and receivers that are killed meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cdr.receivers.spool_files import spool_files
from tests.attack.site import Site
from tests.conftest import Manage
from tests.functional.test_nothing_lost import Proxy
from tests.servers import Postgres

CALLS = [f"{number}@radius+INVITE" for number in range(40)]
LINES = [f"{number}@syslog" for number in range(40)]


@pytest.fixture
def site(tmp_path: Path, manage: Manage) -> Iterator[Site]:
    made = Site(tmp_path, manage, "radius", "syslog")
    made.wait_until_served()
    yield made
    made.end()


def shut_down(server: Postgres) -> Callable[[], object]:
    server.kill()
    return server.start


def freeze(server: Postgres) -> Callable[[], object]:
    """Stop the server and the processes that it forked for its connections."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    frozen = [server.pid, *map(int, children)]
    for process in frozen:
        os.kill(process, signal.SIGSTOP)

    def thaw() -> None:
        for process in frozen:
            with suppress(ProcessLookupError):  # a child that was ending is gone once the server continues
                os.kill(process, signal.SIGCONT)

    return thaw


@pytest.mark.parametrize("take_away", [shut_down, freeze])
def test_what_is_acknowledged_while_the_database_is_away_is_stored_once_though_all_is_killed(
    take_away: Callable[[Postgres], Callable[[], object]], site: Site
) -> None:
    give_back = take_away(site.server)
    proxy = Proxy(site.ports["radius"])
    try:
        proxy.account(CALLS)
        before = site.spooled()
        site.send_lines(LINES)
        site.collector.wait_for(lambda: site.spooled() > before)
        site.kill()
    finally:
        give_back()
    assert proxy.answered == set(CALLS)
    site.start()
    site.collector.wait_for(lambda: len(site.stored()) >= len(CALLS) + len(LINES))
    site.collector.wait_for(lambda: not site.spooled())
    assert site.stored() == sorted([*(call.partition("+")[0] for call in CALLS), *LINES])


def test_receivers_that_start_while_the_database_is_away_take_what_comes(site: Site) -> None:
    site.kill()
    give_back = shut_down(site.server)
    proxy = Proxy(site.ports["radius"])
    try:
        site.start()
        proxy.account(CALLS)
        site.send_lines(LINES)
        site.collector.wait_for(lambda: len(list(spool_files(site.folder / "data" / "spool"))) == 2)
    finally:
        give_back()
    assert proxy.answered == set(CALLS)
    site.collector.wait_for(lambda: len(site.stored()) >= len(CALLS) + len(LINES))
    site.collector.wait_for(lambda: not site.spooled())
    assert site.stored() == sorted([*(call.partition("+")[0] for call in CALLS), *LINES])
    site.wait_until_served()
