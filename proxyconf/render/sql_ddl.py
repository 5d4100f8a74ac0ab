# ruff: noqa: S608 - this module generates SQL; name() and text() quote every name and text in it
"""SQL that creates the tables of a profile. It is idempotent: it adds missing tables and columns, and changes nothing.

Missing columns are added like this:

* PostgreSQL 9.6 and later has ``ADD COLUMN IF NOT EXISTS``;
* MariaDB has it too, MySQL does not: the statement is built from ``information_schema`` and prepared, which both have;
* SQLite has nothing of the kind, and cannot execute a computed statement. New tables are created with all columns; for
  columns that an *existing* table lacks the script returns the ``ALTER TABLE`` statements as rows, to be run in a
  second step. The script's head shows the shell command for both steps. The script must return nothing but SQL.

The proxies' drivers for PostgreSQL and SQLite write names without quotes, so PostgreSQL folds them to lower case, and
so does this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from proxyconf.profile import AccountingProfile
from proxyconf.render.sql_schema import Dialect, Holds, SqlColumn, SqlTable, folded, tables_of

_MYSQL_WIDEST = 16383  # characters of a VARCHAR with 4 bytes each, in a row of 65 535 bytes

_WORDS: Mapping[Dialect, Mapping[Holds, str]] = {
    Dialect.MYSQL: {
        Holds.TEXT: "VARCHAR({width})",
        Holds.PADDED_TEXT: "CHAR({width})",
        Holds.LONG_TEXT: "TEXT",
        Holds.MOMENT: "DATETIME",
        Holds.INTEGER: "INT",
        Holds.COUNT: "INT UNSIGNED",
        Holds.SECONDS: "FLOAT(10,3)",
        Holds.FINE_SECONDS: "FLOAT(13,6)",
        Holds.REAL: "DOUBLE",
    },
    Dialect.POSTGRESQL: {
        Holds.TEXT: "VARCHAR({width})",
        Holds.PADDED_TEXT: "VARCHAR({width})",
        Holds.LONG_TEXT: "TEXT",
        Holds.MOMENT: "TIMESTAMP WITHOUT TIME ZONE",
        Holds.INTEGER: "INTEGER",
        Holds.COUNT: "INTEGER",
        Holds.SECONDS: "REAL",
        Holds.FINE_SECONDS: "REAL",
        Holds.REAL: "DOUBLE PRECISION",
    },
    Dialect.SQLITE: {
        Holds.TEXT: "VARCHAR({width})",
        Holds.PADDED_TEXT: "CHAR({width})",
        Holds.LONG_TEXT: "TEXT",
        Holds.MOMENT: "TIMESTAMP WITHOUT TIME ZONE",
        Holds.INTEGER: "INTEGER",
        Holds.COUNT: "INTEGER",
        Holds.SECONDS: "REAL",
        Holds.FINE_SECONDS: "REAL",
        Holds.REAL: "DOUBLE",
    },
}
_KEYS = {
    Dialect.MYSQL: "INT UNSIGNED AUTO_INCREMENT PRIMARY KEY",
    Dialect.POSTGRESQL: "SERIAL PRIMARY KEY",
    Dialect.SQLITE: "INTEGER PRIMARY KEY",
}
_HEADS = {
    Dialect.MYSQL: """\
for MySQL and MariaDB.
-- Safe to run again: it creates missing tables and columns, and changes nothing else.
--   mysql DATABASE < this-file.sql""",
    Dialect.POSTGRESQL: """\
for PostgreSQL 9.6 or later.
-- Safe to run again: it creates missing tables and columns, and changes nothing else.
--   psql DATABASE < this-file.sql""",
    Dialect.SQLITE: """\
for SQLite 3.16 or later.
-- Safe to run again: it creates missing tables and columns, and changes nothing else. Run it as the
-- proxy's user, who must own the file and those next to it (FILE-wal, FILE-shm).
-- SQLite cannot add a column only if it is missing: for a table that already exists, the last statements of this file
-- only return the ALTER TABLE statements that are needed. This command runs the file and then the returned statements:
--   sqlite3 FILE "$(sqlite3 FILE < this-file.sql)\"""",
}


def sql_ddl(profile: AccountingProfile, dialect: Dialect | str) -> str:
    """Return the SQL for the tables of a proxy with this profile, including extras and legs.

    ``dialect`` is ``mysql``, ``postgresql`` or ``sqlite``; raise ``ValueError`` for another. The text is valid SQL for
    any labels: a label that is not a valid column name is quoted (and reported by the checks).
    """
    dialect = Dialect(dialect)
    head = f"-- Accounting tables of {profile.product.label} {profile.version}, {_HEADS[dialect]}\n"
    tables = tables_of(profile)
    if not tables:
        return f"{head}-- This profile writes to no SQL table.\n"
    writer = _WRITERS[dialect]()
    versioned = [table for table in tables if table.schema_version is not None]
    parts = [head]
    parts += [_pattern_note(table) for table in tables if table.pattern]
    parts += [writer.before] if writer.before else []
    parts += ["\n".join(writer.version_table(versioned))] if versioned else []
    parts += ["\n".join(writer.create(table)) for table in tables]
    parts += ["\n".join(writer.add(table)) for table in tables if table.added]
    if dialect is Dialect.POSTGRESQL:
        parts += ["", *_grants(writer, tables, _user_of(str(profile.option("db_url") or "")))]
    return "\n".join(parts) + "\n"


_LOGIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*://([A-Za-z_][A-Za-z0-9_.-]*)(?::[^@]*)?@")


def _user_of(url: str) -> str:
    """Return the user name in a database URL, or an empty string."""
    match = _LOGIN.match(url)
    return match[1] if match else ""


def _grants(writer: _DdlWriter, tables: Iterable[SqlTable], user: str) -> Iterator[str]:
    """Yield the privileges for the proxy's and accweb's users: the tables belong to the user who runs this file."""
    names = [writer.name(table.name) for table in tables]
    if user:
        yield "-- Privileges of the proxy's user, if that user exists."
        yield "DO $accweb$"
        yield "BEGIN"
        yield f"    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = {writer.text(user)}) THEN"
        # keep the case of the user name, as the driver does
        role = '"' + user + '"'
        yield f"        GRANT SELECT, INSERT ON {', '.join(names)} TO {role};"
        if any(table.schema_version is not None for table in tables):
            yield f"        GRANT SELECT ON {writer.name('version')} TO {role};"
        for name in names:
            sequence = f"pg_get_serial_sequence({writer.text(name)}, 'id')"
            grant = f"'GRANT USAGE ON SEQUENCE ' || {sequence} || {writer.text(f' TO {role}')}"
            yield f"        EXECUTE coalesce({grant}, 'SELECT 1');"
        yield "    END IF;"
        yield "END"
        yield "$accweb$;"
    else:
        yield "-- The proxy's user needs SELECT and INSERT on these tables, SELECT on version and USAGE on the"
        yield "-- sequences of their ids. Set db_url with the user name in the profile to get the statements here."
    yield "-- For accweb to read the tables, with the name of its user:"
    yield f"--   GRANT SELECT ON {', '.join(names)} TO accweb_reader;"


class _DdlWriter:
    """Writes the statements that are the same in all dialects."""

    dialect: Dialect
    quote = '"'
    before = ""

    def name(self, name: str) -> str:
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    def text(self, text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    def column(self, column: SqlColumn) -> str:
        default = ""
        if column.default is not None:
            value = self.text(column.default) if isinstance(column.default, str) else str(column.default)
            default = f" DEFAULT {value}"
        null = "" if column.nullable else " NOT NULL"
        return f"{self.name(column.name)} {self.type(column)}{default}{null}"

    def type(self, column: SqlColumn) -> str:
        return _WORDS[self.dialect][column.holds].format(width=column.width)

    def version_table(self, tables: list[SqlTable]) -> Iterator[str]:
        yield "-- The proxy's table of schema versions; existing entries are not changed."
        yield f"CREATE TABLE IF NOT EXISTS {self.name('version')} ("
        yield f"    {self.name('table_name')} VARCHAR(32) NOT NULL,"
        yield f"    {self.name('table_version')} INTEGER DEFAULT 0 NOT NULL,"
        yield f"    CONSTRAINT {self.name('version_table_name_idx')} UNIQUE ({self.name('table_name')})"
        yield ");"
        yield from (self.version_row(table) for table in tables)

    def version_row(self, table: SqlTable) -> str:
        columns = f"{self.name('table_name')}, {self.name('table_version')}"
        name, version = self.text(self.table_name(table)), self.name("version")
        return (
            f"INSERT INTO {version} ({columns})\n    SELECT {name}, {table.schema_version}{self.from_nothing}"
            f" WHERE NOT EXISTS (SELECT 1 FROM {version} WHERE {self.name('table_name')} = {name});"
        )

    from_nothing = ""

    def table_name(self, table: SqlTable) -> str:
        return table.name

    def create(self, table: SqlTable) -> Iterator[str]:
        lines = [f"{self.name('id')} {_KEYS[self.dialect]} NOT NULL", *map(self.column, self.created(table))]
        lines += self.created_with(table)
        yield f"CREATE TABLE IF NOT EXISTS {self.name(table.name)} ("
        yield ",\n".join(f"    {line}" for line in lines)
        yield ");"
        yield from self.index(table)

    def created(self, table: SqlTable) -> tuple[SqlColumn, ...]:
        return table.columns

    def created_with(self, table: SqlTable) -> list[str]:
        return []

    def index(self, table: SqlTable) -> Iterator[str]:
        index = self.name(f"{table.name}_{table.indexed}_idx")
        yield f"CREATE INDEX IF NOT EXISTS {index} ON {self.name(table.name)} ({self.name(table.indexed)});"

    def add(self, table: SqlTable) -> Iterator[str]:
        raise NotImplementedError


class _PostgreSQLWriter(_DdlWriter):
    dialect = Dialect.POSTGRESQL

    def name(self, name: str) -> str:
        return super().name(folded(name))

    def table_name(self, table: SqlTable) -> str:
        return folded(table.name)

    def add(self, table: SqlTable) -> Iterator[str]:
        clauses = [f"    ADD COLUMN IF NOT EXISTS {self.column(column)}" for column in table.added]
        yield f"ALTER TABLE {self.name(table.name)}"
        yield ",\n".join(clauses) + ";"


class _MySQLWriter(_DdlWriter):
    dialect = Dialect.MYSQL
    quote = "`"
    from_nothing = " FROM DUAL"

    def type(self, column: SqlColumn) -> str:
        holds = Holds.LONG_TEXT if column.width > _MYSQL_WIDEST else column.holds
        return _WORDS[self.dialect][holds].format(width=column.width)

    def column(self, column: SqlColumn) -> str:
        # TEXT columns of MySQL have no default
        return super().column(column._replace(default=None) if column.width > _MYSQL_WIDEST else column)

    def text(self, text: str) -> str:
        if "\\" not in text:
            return super().text(text)
        # whether a backslash escapes depends on the server's sql_mode, so no literal contains one
        parts = ", CHAR(92), ".join(super(_MySQLWriter, self).text(part) for part in text.split("\\"))
        return f"CONCAT({parts})"

    def created_with(self, table: SqlTable) -> list[str]:
        return [f"INDEX {self.name(f'{table.indexed}_idx')} ({self.name(table.indexed)})"]

    def index(self, table: SqlTable) -> Iterator[str]:
        yield from ()

    def add(self, table: SqlTable) -> Iterator[str]:
        # one ALTER TABLE for all columns: in older releases each statement copies the whole table
        here = "information_schema.columns WHERE table_schema = DATABASE()"
        steps = [
            f"    IF(EXISTS (SELECT 1 FROM {here} AND table_name = {self.text(table.name)}"
            f" AND column_name = {self.text(column.name)}),\n"
            f"        NULL, {self.text(f'ADD COLUMN {self.column(column)}')})"
            for column in table.added
        ]
        yield "SET @accweb_missing = CONCAT_WS(', ',"
        yield ",\n".join(steps) + ");"
        alter = self.text(f"ALTER TABLE {self.name(table.name)} ")
        yield f"SET @accweb_statement = IF(@accweb_missing = '', 'DO 0', CONCAT({alter}, @accweb_missing));"
        yield "PREPARE accweb_step FROM @accweb_statement;"
        yield "EXECUTE accweb_step;"
        yield "DEALLOCATE PREPARE accweb_step;"


# PRAGMA journal_mode returns a row that cannot be suppressed: it becomes a comment in the output of the script.
_WRITE_AHEAD = """\
-- Kamailio's db_sqlite does not wait for a lock: a row that it cannot write immediately is lost. With a write-ahead log
-- it can write while others read. The mode is stored in the file. The proxy's own processes still lock each other out:
-- set db_set_busy_timeout of db_sqlite if it has it, else let only one process write, or use another database.
SELECT '/* journal mode:';
PRAGMA journal_mode = WAL;
SELECT '*/';
"""


class _SQLiteWriter(_DdlWriter):
    dialect = Dialect.SQLITE
    before = _WRITE_AHEAD

    def column(self, column: SqlColumn) -> str:
        # Kamailio's db_sqlite writes empty text, such as the To tag of a busy callee, as NULL
        takes_null = column.default is not None and not column.nullable
        return super().column(column) + (" ON CONFLICT REPLACE" if takes_null else "")

    def created(self, table: SqlTable) -> tuple[SqlColumn, ...]:
        return table.columns + table.added

    def add(self, table: SqlTable) -> Iterator[str]:
        for column in table.added:
            statement = f"ALTER TABLE {self.name(table.name)} ADD COLUMN {self.column(column)};"
            present = f"SELECT 1 FROM pragma_table_info({self.text(table.name)})"
            yield f"SELECT {self.text(statement)}"
            yield f"    WHERE NOT EXISTS ({present} WHERE name = {self.text(column.name)} COLLATE NOCASE);"


_WRITERS: Mapping[Dialect, type[_DdlWriter]] = {
    Dialect.MYSQL: _MySQLWriter,
    Dialect.POSTGRESQL: _PostgreSQLWriter,
    Dialect.SQLITE: _SQLiteWriter,
}


def _pattern_note(table: SqlTable) -> str:
    """Return a comment that explains table names with variables."""
    pattern = " ".join(table.pattern.split())  # a line break would end the comment
    return (
        f"-- The profile writes to tables named {pattern}: the proxy replaces the variables for each event.\n"
        f"-- Create each table before its first event, like the table {table.name} below.\n"
    )
