"""Receivers of proxies' databases."""

from __future__ import annotations

from typing import Any

import pytest

from cdr.models import Event, Source
from cdr.receivers.database_service import DatabaseService
from cdr.receivers.service import Served
from tests.cdr.receivers.proxy_databases import MariaDB, PostgreSQL, ProxyDatabase, SQLite
from tests.factories import make_proxy


def opened(engine: str, request: pytest.FixtureRequest) -> ProxyDatabase:
    match engine:
        case "sqlite":
            return SQLite(request.getfixturevalue("tmp_path"))
        case "postgresql":
            return PostgreSQL(request.getfixturevalue("postgresql_url"))
    return MariaDB(request.getfixturevalue("mariadb_socket"))


class Reader:
    """A service with one source, as its process runs it."""

    def __init__(self, database: ProxyDatabase, settings: dict[str, Any], **proxy: Any) -> None:
        self.source = Source(
            proxy=make_proxy(**proxy),
            name="tables",
            kind=Source.Kind.DATABASE,
            settings=database.settings | settings,
        )
        self.source.save()
        self.restart()

    def restart(self) -> None:
        """Begin again with what is stored, as another process would."""
        self.source = Source.objects.get(pk=self.source.pk)
        self.served = Served.of(self.source, self.source.parsed_settings())
        self.service = DatabaseService()
        self.service.configure([self.served])

    def collect(self) -> int:
        """Look at the tables once."""
        self.service._due = 0.0
        return self.service.step(0.0)


def call_ids() -> list[str]:
    return sorted(Event.objects.values_list("call_id", flat=True))
