"""Read a proxy's own database: PostgreSQL, MySQL, MariaDB or SQLite. The SELECT privilege is enough.

Every statement is a transaction of its own, so it sees everything committed by then, and nothing remains locked while
its rows are stored here. All values are fetched as text or bytes, which is what proxies write: additional columns of
any type can be read, and the driver cannot fail on an encoding.
"""
# ruff: noqa: S608  # only quoted names of tables and columns, and numbers, are put into SQL here

from __future__ import annotations

import codecs
import re
import shlex
import socket
import sqlite3
import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pymysql

from cdr.events import text_of
from cdr.receivers import own_server
from cdr.receivers.growing_table import GrowingTable, Row
from cdr.receivers.reachable_hosts import allowed_address
from cdr.receivers.row_cursor import IdGap
from cdr.sources.tables import DatabaseSource as Settings
from cdr.storage.allowed_files import allowed_data
from cdr.storage.complaints import complain

CONNECT_SECONDS = 10
STATEMENT_SECONDS = 60
"""Time limits of connecting and of each statement."""

_UTF8 = "utf-8"
_NO_FILE = "/nonexistent"
_PASSWORD_REFUSED = "the server asks for the password in cleartext; set tls=require, or cleartext_password=yes"  # noqa: S105
_ALIAS = "line"  # of the table; the id is selected twice, so its unqualified name is ambiguous
_GAPS_AT_ONCE = 200
_DELETED_AT_ONCE = 1000
_WAL_FORMAT = b"\x02\x02"  # https://www.sqlite.org/fileformat2.html#file_format_version_numbers


class Unreachable(OSError):
    """The database does not answer at the moment; the query may be tried again."""


class NoTable(LookupError):
    """A table does not exist, or must not be read by this user."""


def database(settings: Settings, password: str) -> ForeignDatabase:
    """Return the database that settings describe; the first query opens the connection."""
    return _ENGINES[settings.engine](settings, password)


class ForeignDatabase(ABC):
    """A database of a proxy. Queries connect on demand, and reconnect after an error."""

    is_ours = False
    _quote = '"'
    _text = "CAST({} AS text)"
    _errors: type[Exception]
    _usual_port = 0

    def __init__(self, settings: Settings, password: str) -> None:
        self._settings, self._password = settings, password
        self._connection: Any = None

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except self._errors:
                return  # it was broken

    def warning(self) -> str:
        """Return a warning for the proxy's administrator; "" if there is none."""
        return ""

    def columns(self, table: GrowingTable) -> list[str]:
        """Return the columns; raise ``NoTable``."""
        return self._run(table, f"SELECT * FROM {self._named(table.name)} WHERE 1 = 0")[0]

    def greatest(self, table: GrowingTable) -> int | None:
        key = self._quoted(table.key)
        value = self._run(table, f"SELECT max({key}) FROM {self._named(table.name)}")[1][0][0]
        return None if value is None else self._number(table, value)

    def count(self, table: GrowingTable) -> int:
        """Return the number of rows; raise ``NoTable``."""
        return int(self._run(table, f"SELECT count(*) FROM {self._named(table.name)}")[1][0][0])

    def above(self, table: GrowingTable, columns: Sequence[str], high: int, most: int) -> list[Row]:
        return self._select(table, columns, f"{self._key(table)} > {high}", most)

    def within(self, table: GrowingTable, columns: Sequence[str], gaps: Sequence[IdGap], most: int) -> list[Row]:
        key = self._key(table)
        rows: list[Row] = []
        for start in range(0, len(gaps), _GAPS_AT_ONCE):
            if len(rows) >= most:
                break
            some_gaps = gaps[start : start + _GAPS_AT_ONCE]
            condition = " OR ".join(f"{key} BETWEEN {gap.first} AND {gap.last}" for gap in some_gaps)
            rows += self._select(table, columns, f"({condition})", most - len(rows))
        return rows

    def delete(self, table: GrowingTable, ids: Sequence[int]) -> None:
        for start in range(0, len(ids), _DELETED_AT_ONCE):
            listed = ", ".join(map(str, ids[start : start + _DELETED_AT_ONCE]))
            self._run(table, f"DELETE FROM {self._named(table.name)} WHERE {self._quoted(table.key)} IN ({listed})")

    def _select(self, table: GrowingTable, columns: Sequence[str], condition: str, most: int) -> list[Row]:
        key = self._key(table)
        texts = ", ".join(self._text.format(f"{_ALIAS}.{self._quoted(column)}") for column in columns)
        source = f"{self._named(table.name)} AS {_ALIAS}"
        query = f"SELECT {key}, {texts} FROM {source} WHERE {condition} ORDER BY {key} LIMIT {most}"
        return [
            (self._number(table, pk), [self._cell(cell) for cell in cells]) for pk, *cells in self._run(table, query)[1]
        ]

    def _cell(self, cell: Any) -> str | None:
        return _text(cell)

    def _number(self, table: GrowingTable, value: Any) -> int:
        try:
            return int(value)
        except ValueError:
            raise NoTable(
                f"the column {table.key} of {table.name} has the value {value!r}; the id column must be an integer"
            ) from None

    def _run(self, table: GrowingTable | None, statement: str) -> tuple[list[str], Sequence[Sequence[Any]]]:
        """Run a statement, about ``table`` if it is about one; return its columns and rows."""
        if self._connection is None:
            self._connection = self._connected()
        try:
            cursor = self._connection.cursor()
            try:
                cursor.execute(self._encoded(statement))
                columns = self._column_names(cursor)
                return columns, cursor.fetchall() if cursor.description else ()
            finally:
                cursor.close()
        except self._errors as error:
            message = " ".join(str(error).split())
            if table is not None and self._is_about_table(error):
                raise NoTable(f"table {table.name}: {message}") from error
            self.close()
            raise Unreachable(f"{self._settings.engine} database {self._where()}: {message}") from error

    def _connected(self) -> Any:
        """Connect; raise ``Unreachable``, whose text does not reveal what else may listen on the port."""
        try:
            return self._connect()
        except (*_NOT_CONNECTED, self._errors) as error:
            complain(f"{self._settings.engine} database {self._where()} cannot be connected to", str(error))
            message = str(error) if isinstance(error, PermissionError) else self._server_message(error)
            raise Unreachable(
                f"{self._settings.engine} database {self._where()}: {message or 'no answer; see the log'}"
            ) from error

    def _server_message(self, error: Exception) -> str:
        """Return the message with which a database server refused the connection; "" if there is none."""
        return ""

    def _address(self) -> str:
        """Return the address to connect to; empty for a socket in the file system."""
        server = self._settings.server
        if server.startswith(("/", "@")) or not server:
            return ""
        return allowed_address(server, self._settings.port or self._usual_port)

    def _encoded(self, statement: str) -> str | bytes:
        return statement

    def _column_names(self, cursor: Any) -> list[str]:
        return [_text(column[0]) or "" for column in cursor.description or ()]

    def _where(self) -> str:
        server = self._settings.server
        return f"{self._settings.database} on {server}" if server else self._settings.database

    def _key(self, table: GrowingTable) -> str:
        return f"{_ALIAS}.{self._quoted(table.key)}"

    def _named(self, table: str) -> str:
        return ".".join(map(self._quoted, table.split(".")))

    def _quoted(self, name: str) -> str:
        return f"{self._quote}{name.replace(self._quote, self._quote * 2)}{self._quote}"

    @abstractmethod
    def _connect(self) -> Any: ...

    @abstractmethod
    def _is_about_table(self, error: Exception) -> bool: ...


def _text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    return text_of(cell) if isinstance(cell, bytes) else str(cell)


_NOT_CONNECTED = (OSError, UnicodeError)  # UnicodeError: an impossible host name


class _PostgreSQL(ForeignDatabase):
    """Reads text as stored by the server, and decodes it here.

    If the server converted it to UTF-8, one byte that it cannot convert would fail the whole statement, and a database
    in SQL_ASCII may contain any bytes: one such value would stop the source for good.
    """

    _errors = psycopg.Error
    _codec = _UTF8
    _usual_port = 5432

    def _connect(self) -> Any:
        settings = self._settings
        readable = not settings.server or settings.server.startswith("/") or settings.tls != "prefer"
        tls = {"prefer": "prefer", "require": "require", "verify": "verify-full"}[settings.tls]
        given: dict[str, Any] = {
            "host": settings.server,
            "port": settings.port,
            "hostaddr": self._address(),
            "user": settings.user,
        }
        if not (readable or settings.cleartext_password):
            given["require_auth"] = "!password"
        connection = psycopg.connect(
            **{name: value for name, value in given.items() if value},
            password=self._password,  # even if empty, so that none comes from our own environment
            passfile=_NO_FILE,
            sslcertmode="disable",
            dbname=settings.database,
            sslmode=tls,
            autocommit=True,
            client_encoding="SQL_ASCII",  # no conversion
            connect_timeout=CONNECT_SECONDS,
            options=f"-c statement_timeout={STATEMENT_SECONDS}s",
            application_name="accweb",
            keepalives_idle=CONNECT_SECONDS,
        )
        try:
            own_server.refuse(connection)
        except BaseException:
            connection.close()
            raise
        self._codec = _codec_of(connection.info.parameter_status("server_encoding") or "")
        return connection

    def _server_message(self, error: Exception) -> str:
        _, fatal, said = str(error).partition("FATAL: ")
        return " ".join(said.split()) if fatal else _PASSWORD_REFUSED if "cleartext" in str(error) else ""

    def _encoded(self, statement: str) -> bytes:
        return statement.encode(self._codec, "replace")

    def _column_names(self, cursor: Any) -> list[str]:
        result = cursor.pgresult  # cursor.description would decode the names as ASCII
        return [self._cell(result.fname(index)) or "" for index in range(result.nfields)]

    def _cell(self, cell: Any) -> str | None:
        if self._codec == _UTF8 or not isinstance(cell, bytes):
            return _text(cell)
        return cell.decode(self._codec, "backslashreplace").replace("\0", "\\x00")

    def _is_about_table(self, error: Exception) -> bool:
        return isinstance(error, psycopg.ProgrammingError)


def _codec_of(server_encoding: str) -> str:
    """Return Python's name of a PostgreSQL encoding; UTF-8 for SQL_ASCII and for encodings unknown to Python.

    See https://www.postgresql.org/docs/current/multibyte.html.
    """
    name = re.sub(r"^WIN", "cp", re.sub(r"^KOI8", "koi8_", server_encoding))
    try:
        return _UTF8 if name in ("UTF8", "SQL_ASCII") else codecs.lookup(name).name
    except LookupError:
        return _UTF8


class _MySQL(ForeignDatabase):
    _quote = "`"
    _text = "{}"  # all values come as bytes
    _errors = pymysql.err.Error
    _usual_port = 3306
    _ABOUT_TABLE = frozenset({1054, 1109, 1142, 1143, 1146})  # unknown or forbidden: tables and columns

    def _connect(self) -> Any:
        settings = self._settings
        options: dict[str, Any] = {"port": settings.port, "user": settings.user, "password": self._password}
        is_local = settings.server.startswith("/")
        options["unix_socket" if is_local else "host"] = settings.server
        readable = is_local or settings.tls != "prefer" or settings.cleartext_password
        connection = (pymysql.connections.Connection if readable else _GuardedConnection)(
            **{name: value for name, value in options.items() if value},
            database=settings.database,
            charset="utf8mb4",
            use_unicode=False,
            conv={},
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=STATEMENT_SECONDS,
            write_timeout=STATEMENT_SECONDS,
            ssl=_tls(settings.tls),
            auth_plugin_map={} if readable else dict.fromkeys(_READABLE_PASSWORD, _RefusePassword),
            defer_connect=True,
        )
        host = "" if is_local else allowed_address(settings.server or "localhost", settings.port or self._usual_port)
        if not host:
            connection.connect()
            return connection
        opened = socket.create_connection((host, settings.port or self._usual_port), CONNECT_SECONDS)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        opened.settimeout(None)  # pymysql sets its own for each read and write
        connection.connect(opened)
        return connection

    def _server_message(self, error: Exception) -> str:
        code = error.args[0] if error.args else 0
        if isinstance(code, int) and 1000 <= code < 2000:  # the server's codes; those of the client start at 2000
            return " ".join(str(error).split())
        return _PASSWORD_REFUSED if _PASSWORD_REFUSED in str(error) else ""  # pymysql wraps what we raise

    def _is_about_table(self, error: Exception) -> bool:
        return bool(error.args) and error.args[0] in self._ABOUT_TABLE


_READABLE_PASSWORD = ("mysql_clear_password", "dialog")
"""Authentication methods that send the password in cleartext."""


class _PasswordRefused(PermissionError):
    """A server asks for the password in cleartext."""


class _GuardedConnection(pymysql.connections.Connection):  # type: ignore[misc]  # pymysql has no types
    """A connection that does not encrypt the password with a key that it asked the server for.

    ``caching_sha2_password`` and ``sha256_password`` do that without TLS, and whoever sits in between sends a key of
    its own. The key is looked up there only.
    """

    @property
    def server_public_key(self) -> bytes:
        raise _PasswordRefused(_PASSWORD_REFUSED)

    @server_public_key.setter
    def server_public_key(self, key: object) -> None:
        """Ignore that none was given."""


class _RefusePassword:
    def __init__(self, connection: object) -> None:
        pass

    def authenticate(self, packet: object) -> object:
        raise _PasswordRefused(_PASSWORD_REFUSED)

    def prompt(self, echo: object, prompt: object) -> bytes:
        raise _PasswordRefused(_PASSWORD_REFUSED)


def _tls(mode: str) -> ssl.SSLContext | None:
    if mode == "prefer":
        return None
    context = ssl.create_default_context()
    if mode == "require":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class _SQLite(ForeignDatabase):
    """A file that the proxy writes to.

    With a rollback journal every reader locks the file, and Kamailio's ``db_sqlite`` does not wait for the lock: unless
    configured, it has no busy timeout and loses the row. With a write-ahead log (WAL) readers do not block writers.
    """

    _errors = sqlite3.Error
    _without_log = False

    def warning(self) -> str:
        mode = self._run(None, "PRAGMA journal_mode")[1][0][0]
        if mode == "wal" or self._without_log:
            return ""
        file = self._settings.database
        return (
            f"the proxy may lose rows: the journal mode of {file} is {mode}, so it is locked while it is read"
            f" (Kamailio does not wait for the lock). Run once, as the proxy's user:"
            f" sqlite3 {shlex.quote(file)} 'PRAGMA journal_mode=WAL'"
        )

    def _run(self, table: GrowingTable | None, statement: str) -> tuple[list[str], Sequence[Sequence[Any]]]:
        try:
            return super()._run(table, statement)
        finally:
            if self._without_log:  # the proxy may create the log at any time
                self.close()

    def _connect(self) -> Any:
        file = allowed_data(self._settings.database)
        mode = "rw" if self._settings.move else "ro"
        self._without_log = mode == "ro" and _is_without_log(file)
        opened = sqlite3.connect(
            f"file:{quote(str(file))}?mode={mode}{'&immutable=1' if self._without_log else ''}",
            uri=True,
            timeout=CONNECT_SECONDS,
            isolation_level=None,
        )
        opened.text_factory = text_of
        return opened

    def _server_message(self, error: Exception) -> str:
        return " ".join(str(getattr(error, "strerror", None) or error).split())

    def _is_about_table(self, error: Exception) -> bool:
        return str(error).startswith(("no such table", "no such column"))


def _is_without_log(file: Path) -> bool:
    """Tell whether a file is in WAL mode without a log, because no process has it open.

    The first reader would create the log. A proxy that runs as another user could then not write to it, and one that
    starts to write at that moment would find it locked. All rows are in the file itself, so it can be opened as
    immutable.

    Do not call this while this process has the file open: closing it here would release SQLite's locks on it.
    """
    try:
        with file.open("rb") as opened:
            uses_log = opened.read(20)[18:] == _WAL_FORMAT
    except OSError:
        return False  # SQLite will report the reason
    return uses_log and not all(Path(f"{file}{end}").exists() for end in ("-wal", "-shm"))


_ENGINES: Mapping[str, type[ForeignDatabase]] = {"postgresql": _PostgreSQL, "mysql": _MySQL, "sqlite": _SQLite}
