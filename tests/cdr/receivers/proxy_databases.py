"""Databases of proxies, each with the tables that Kamailio 5.6 makes there, and writers that hold transactions open."""

from __future__ import annotations

import os
import sqlite3
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pymysql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

_CORE = (
    "method VARCHAR(16) NOT NULL DEFAULT '', from_tag VARCHAR(128) NOT NULL DEFAULT '',"
    " to_tag VARCHAR(128) NOT NULL DEFAULT '', callid VARCHAR(255) NOT NULL DEFAULT '',"
    " sip_code VARCHAR(3) NOT NULL DEFAULT '', sip_reason VARCHAR(128) NOT NULL DEFAULT '', time {time} NOT NULL"
)
_CDRS = "start_time {time} NOT NULL, end_time {time} NOT NULL, duration REAL NOT NULL, callid VARCHAR(255)"
_numbers = count(1)


class ProxyDatabase:
    """A database with ``acc``, ``missed_calls`` and ``acc_cdrs``, administered through a connection of its own."""

    engine: str
    identity: str
    time: str
    prefix = ""

    def __init__(self) -> None:
        self.writer = self.connect()
        for table in ("acc", "missed_calls"):
            self.create(table)
        self.create("acc_cdrs", _CDRS)

    def create(self, table: str, columns: str = _CORE) -> None:
        self.run(f"CREATE TABLE {self.prefix}{table} ({self.identity}, {columns.format(time=self.time)})")

    def run(self, statement: str) -> None:
        execute(self.writer, statement)
        self.writer.commit()

    def rows(self, statement: str) -> list[Any]:
        cursor = self.writer.cursor()
        cursor.execute(statement)
        found = list(cursor.fetchall())
        self.writer.commit()
        return found

    def insert(self, call_id: str, *, table: str = "acc", **values: Any) -> None:
        write(self.writer, self.prefix + table, call_id, **values)
        self.writer.commit()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a source that reads it."""
        tables = {name: f"{self.prefix}{name}" for name in ("acc", "missed_calls")}
        return {"engine": self.engine, **self.address(), **tables}

    def address(self) -> dict[str, Any]:
        raise NotImplementedError

    def connect(self) -> Any:
        """Return a connection whose transactions its owner ends."""
        raise NotImplementedError

    def allow_to_read(self, user: str, password: str) -> None:
        """Make a user who may read the tables there are, and nothing else."""
        raise NotImplementedError

    def forget(self, user: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.writer.close()


def execute(writer: Any, statement: str) -> None:
    cursor = writer.cursor()
    cursor.execute(statement)
    cursor.close()


def write(writer: Any, table: str, call_id: str, **values: Any) -> None:
    """Insert a row as the proxy does, and leave the transaction open."""
    row = {
        "method": "INVITE",
        "from_tag": "alice",
        "to_tag": "bob",
        "callid": call_id,
        "sip_code": "200",
        "sip_reason": "OK",
        "time": "2026-05-01 12:00:00",
    } | values
    listed = ", ".join(f"'{value}'" for value in row.values())
    execute(writer, f"INSERT INTO {table} ({', '.join(row)}) VALUES ({listed})")


class SQLite(ProxyDatabase):
    engine = "sqlite"
    identity = "id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL"
    time = "TIMESTAMP WITHOUT TIME ZONE"

    def __init__(self, folder: Path) -> None:
        self.file = str(folder / f"proxy {next(_numbers)}.sqlite3")
        super().__init__()

    def connect(self) -> Any:
        return sqlite3.connect(self.file, check_same_thread=False)

    def address(self) -> dict[str, Any]:
        return {"database": self.file}


class PostgreSQL(ProxyDatabase):
    engine = "postgresql"
    identity = "id SERIAL PRIMARY KEY NOT NULL"
    time = "TIMESTAMP WITHOUT TIME ZONE"

    def __init__(self, url: str, encoding: str = "") -> None:
        """Make the tables in a schema; with an ``encoding``, in a database of their own that has it."""
        self.url = url
        self.own_database = f"proxy_{encoding.lower()}_{os.getpid()}" if encoding else ""
        if encoding:
            with psycopg.connect(url, autocommit=True) as made:
                made.execute(
                    f"CREATE DATABASE {self.own_database} TEMPLATE template0 ENCODING '{encoding}'"
                    " LC_COLLATE 'C' LC_CTYPE 'C'".encode()
                )
            self.url = make_conninfo(url, dbname=self.own_database)
        self.schema = f"proxy_{os.getpid()}_{next(_numbers)}"
        self.prefix = f"{self.schema}."
        with psycopg.connect(self.url, autocommit=True) as made:
            made.execute(f"CREATE SCHEMA {self.schema}".encode())
            made.execute(f"CREATE ROLE {self.schema} LOGIN PASSWORD '{self.schema}'".encode())  # not accweb's own
            made.execute(f"GRANT USAGE ON SCHEMA {self.schema} TO {self.schema}".encode())
            rights = f"GRANT SELECT, DELETE ON TABLES TO {self.schema}"
            made.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {self.schema} {rights}".encode())
        super().__init__()

    def connect(self) -> Any:
        return psycopg.connect(self.url)

    def address(self) -> dict[str, Any]:
        known = conninfo_to_dict(self.url)
        given = {
            "server": known.get("host"),
            "port": known.get("port"),
            "database": known["dbname"],
            "user": self.schema,
            "password": self.schema,
        }
        return {name: value for name, value in given.items() if value}

    def allow_to_read(self, user: str, password: str) -> None:
        self.run(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'; GRANT USAGE ON SCHEMA {self.schema} TO {user}")
        self.run(f"GRANT SELECT ON ALL TABLES IN SCHEMA {self.schema} TO {user}")

    def forget(self, user: str) -> None:
        self.run(f"DROP OWNED BY {user}; DROP ROLE {user}")

    def close(self) -> None:
        self.run(f"DROP SCHEMA {self.schema} CASCADE")
        self.forget(self.schema)
        super().close()
        if self.own_database:
            with psycopg.connect(make_conninfo(self.url, dbname="postgres"), autocommit=True) as other:
                other.execute(f"DROP DATABASE {self.own_database} WITH (FORCE)".encode())


class MariaDB(ProxyDatabase):
    engine = "mysql"
    identity = "id INT(10) UNSIGNED AUTO_INCREMENT PRIMARY KEY NOT NULL"
    time = "DATETIME"

    def __init__(self, socket: Path) -> None:
        self.socket = str(socket)
        self.name = f"proxy{next(_numbers)}"
        with pymysql.connect(unix_socket=self.socket, user="root") as made:
            execute(made, f"CREATE DATABASE {self.name} CHARACTER SET utf8mb4")
        super().__init__()

    def connect(self) -> Any:
        return pymysql.connect(unix_socket=self.socket, user="root", database=self.name)

    def address(self) -> dict[str, Any]:
        return {"server": self.socket, "database": self.name, "user": "root"}

    def allow_to_read(self, user: str, password: str) -> None:
        self.run(f"CREATE USER {user}@localhost IDENTIFIED BY '{password}'")
        self.run(f"GRANT SELECT ON {self.name}.* TO {user}@localhost")

    def forget(self, user: str) -> None:
        self.run(f"DROP USER {user}@localhost")

    def close(self) -> None:
        self.run(f"DROP DATABASE {self.name}")
        super().close()
