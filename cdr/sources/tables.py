"""Settings of tables that are read as they grow."""

# ruff: noqa: RUF009  # the functions called there return fields

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cdr.sources.setting import REQUIRED, Secret, Settings, SettingsError, choice, flag, number, secret, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror(Settings):
    """The ``acc`` and ``missed_calls`` tables of our own database."""

    served: ClassVar[bool] = True
    move: bool = flag(False, "whether rows are deleted once their events are stored")
    late_seconds: int = number(
        3600, "how long a row may be committed after one with a greater id", low=1, high=7 * 86_400
    )


ENGINES = ("postgresql", "mysql", "sqlite")
NO_TABLE = "none"

_TABLE = "{what}; strftime codes make a table per period, like {name}_%Y_%m"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSource(Settings):
    """The proxy's own tables, in a database of its own."""

    served: ClassVar[bool] = True
    target: ClassVar[tuple[str, ...]] = ("engine", "server", "port", "user", "tls", "cleartext_password")
    engine: str = choice("postgresql", ENGINES, "postgresql, mysql (MariaDB, too) or sqlite")
    server: str = text("", "host name, address, or the socket: its folder (postgresql) or path (mysql)")
    port: int = number(0, "port of the server; 0: the usual one", low=0, high=65_535)
    database: str = text(REQUIRED, "name of the database; of SQLite, the absolute path of its file")
    user: str = text("", "who may read the tables; the right to SELECT is enough (with move: DELETE, too)")
    password: Secret = secret(Secret(), "the user's password")
    tls: str = choice("prefer", ("prefer", "require", "verify"), "whether the connection must be encrypted")
    cleartext_password: bool = flag(False, "whether the password may be sent readable to a server without TLS")
    acc: str = text("acc", _TABLE.format(what="table of transactions, or none", name="acc"))
    missed_calls: str = text("missed_calls", _TABLE.format(what="table of missed calls, or none", name="missed"))
    acc_cdrs: str = text(NO_TABLE, _TABLE.format(what="table of Kamailio's dialogs, or none", name="acc_cdrs"))
    move: bool = flag(False, "whether rows are deleted once their events are stored")
    late_seconds: int = number(
        3600, "how long a row may be committed after one with a greater id", low=1, high=7 * 86_400
    )
    host: str = text("", "name of the machine that an SQLite file lies on, where collectors run on several")

    def check(self) -> None:
        problems: dict[str, str] = {}
        if self.engine == "sqlite" and not self.database.startswith("/"):
            problems["database"] = f"{self.database!r} is not the absolute path of an SQLite file"
        if "," in self.server:
            problems["server"] = f"{self.server!r} names several servers; add a source for each"
        if not self.tables():
            problems["acc"] = "no table is left to be read"
        if problems:
            raise SettingsError(problems)

    def tables(self) -> dict[str, str]:
        """Return the tables to be read: what they are, and their names with strftime codes."""
        named = {"acc": self.acc, "missed_calls": self.missed_calls, "acc_cdrs": self.acc_cdrs}
        return {what: name for what, name in named.items() if name.lower() != NO_TABLE}
