"""Real databases for the generated SQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.proxyconf.render import databases


@pytest.fixture(scope="session")
def mariadb_socket() -> Path:
    """A MariaDB server for this run."""
    return databases.mariadb_server()


@pytest.fixture(scope="session")
def postgresql_url() -> str:
    """The PostgreSQL server that the environment names, else one started for this run."""
    return os.environ.get("TEST_POSTGRESQL_URL") or servers.postgresql()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[databases.Database]:
    """An empty database of each kind."""
    match request.param:
        case "sqlite":
            yield databases.SQLite(tmp_path)
        case "postgresql":
            opened = databases.PostgreSQL(request.getfixturevalue("postgresql_url"))
            yield opened
            opened.close()
        case _:
            yield databases.MariaDB(request.getfixturevalue("mariadb_socket"))
