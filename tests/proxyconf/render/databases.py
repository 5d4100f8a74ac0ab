"""Real databases for generated SQL, each used as its administrator would use it.

MariaDB and SQLite are driven by their own shells (Debian: mariadb-server-core, mariadb-client-core, sqlite3).
"""

from __future__ import annotations

import atexit
import os
import subprocess
import time
from itertools import count
from pathlib import Path

import psycopg

from proxyconf.render.sql_schema import Dialect
from tests import servers
from tests.servers import program

_numbers = count(1)


class SQLite:
    """A new database file."""

    dialect = Dialect.SQLITE

    def __init__(self, folder: Path) -> None:
        self.file = str(folder / f"proxy{next(_numbers)}.sqlite3")
        self.shell = program("sqlite3", "sqlite3")

    def run(self, script: str) -> None:
        """Run a script as its head says: the file itself, then what it returned."""
        self._shell(self._shell("", script), "")

    def rows(self, query: str) -> list[tuple[str, ...]]:
        """Return the rows of a query, all values as text."""
        return [tuple(line.split("|")) for line in self._shell(query, "").splitlines()]

    def name(self, column: str) -> str:
        """Return a column's name as the proxy's driver writes it."""
        return column

    def _shell(self, statement: str, script: str) -> str:
        command = [self.shell, "-bail", "-init", "/dev/null", self.file, *([statement] if statement else [])]
        return _shell(command, script)


class PostgreSQL:
    """A new schema of a server."""

    dialect = Dialect.POSTGRESQL

    def __init__(self, url: str) -> None:
        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.add_notice_handler(lambda _notice: None)
        self.schema = f"accweb_ddl_{os.getpid()}_{next(_numbers)}"
        self.connection.execute(f"CREATE SCHEMA {self.schema}".encode())
        self.connection.execute(f"SET search_path TO {self.schema}".encode())

    def close(self) -> None:
        """Remove the schema."""
        self.connection.execute(f"DROP SCHEMA {self.schema} CASCADE".encode())
        self.connection.close()

    def run(self, script: str) -> None:
        """Run a script."""
        self.connection.execute(script.encode())

    def rows(self, query: str) -> list[tuple[str, ...]]:
        """Return the rows of a query, all values as text."""
        found = self.connection.execute(query.encode()).fetchall()
        return [tuple("" if value is None else str(value) for value in row) for row in found]

    def name(self, column: str) -> str:
        """Return a column's name as the proxy's driver writes it."""
        return column


class MariaDB:
    """A new database of a server."""

    dialect = Dialect.MYSQL

    def __init__(self, socket: Path) -> None:
        self.database = f"accweb{next(_numbers)}"
        client = program("mariadb", "mariadb-client-core")
        self.command = [client, "--no-defaults", "--batch", "--raw", "--skip-column-names", f"--socket={socket}"]
        _shell(self.command, f"CREATE DATABASE {self.database}")

    def run(self, script: str) -> None:
        """Run a script."""
        _shell([*self.command, self.database], script)

    def rows(self, query: str) -> list[tuple[str, ...]]:
        """Return the rows of a query, all values as text."""
        lines = _shell([*self.command, self.database], query).splitlines()
        return [tuple("" if value == "NULL" else value for value in line.split("\t")) for line in lines]

    def name(self, column: str) -> str:
        """Return a column's name as the proxy's driver writes it."""
        return f"`{column}`"


Database = SQLite | PostgreSQL | MariaDB


def mariadb_server(*, rights: bool = False) -> Path:
    """Start a MariaDB server without ports that ends with this process; return its socket.

    Without ``rights`` everybody may do everything; with them it is root, who needs no password, and users made by it.
    """
    home = servers.folder()
    socket, data = home / "socket", home / "data"
    data.mkdir()
    owner = ["--user=root"] if os.geteuid() == 0 else []
    if rights:
        install = [program("mariadb-install-db", "mariadb-server-core"), "--no-defaults", f"--datadir={data}"]
        normal = ["--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=4M", *owner]
        subprocess.run([*install, *normal], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    command = [
        *(program("mariadbd", "mariadb-server-core"), "--no-defaults", f"--datadir={data}", f"--socket={socket}"),
        *("--skip-networking", f"--pid-file={home / 'pid'}", *([] if rights else ["--skip-grant-tables"])),
        *("--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M", *owner),
    ]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    atexit.register(server.wait)
    atexit.register(server.terminate)  # runs before the wait
    deadline = time.monotonic() + servers.PATIENCE
    while not socket.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"mariadbd does not answer: {(home / 'log').read_text(errors='replace')}")
        time.sleep(0.05)
    return socket


def _shell(command: list[str], script: str) -> str:
    done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=servers.PATIENCE, check=False)
    if done.returncode or done.stderr:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
