"""Databases of proxies, and receivers that read them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.cdr.receivers.database_receivers import Reader, opened
from tests.cdr.receivers.proxy_databases import ProxyDatabase, SQLite
from tests.proxyconf.render.databases import mariadb_server


@pytest.fixture(scope="session")
def mariadb_socket() -> Path:
    return mariadb_server(rights=True)


@pytest.fixture(scope="session")
def postgresql_url() -> str:
    return os.environ.get("TEST_POSTGRESQL_URL") or servers.postgresql()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[ProxyDatabase]:
    """A database of each kind."""
    made = opened(request.param, request)
    yield made
    made.close()


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[ProxyDatabase]:
    """A database that many write to at once."""
    made = opened(request.param, request)
    yield made
    made.close()


@pytest.fixture
def receivers() -> Iterator[list[Reader]]:
    made: list[Reader] = []
    yield made
    for one in made:
        one.service.close()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SQLite]:
    """A file with a write-ahead log."""
    made = SQLite(tmp_path)
    made.run("PRAGMA journal_mode = WAL")
    yield made
    made.close()
