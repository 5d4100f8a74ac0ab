r"""Parse dumps of whole databases: ``mysqldump`` and MariaDB's, ``pg_dump`` (also ``--inserts``), ``sqlite3 .dump``.

INSERT statements (of one row or many, with or without a list of columns) and COPY blocks of the accounting tables are
read. These tables are recognised by their columns, which the statement or a CREATE TABLE before it names. Without
either, the tables ``acc``, ``missed_calls`` and ``acc_cdrs`` (also with a suffix, like ``acc_2026_05``) are assumed to
have the columns of the published schemas. Rows of other tables are not accounting.

``raw`` of a rejection is a statement with that row only, which this format can parse again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from cdr.events import Unparsable, text_of
from cdr.formats.delimited import unescaped
from cdr.formats.reading import IGNORED, Parsed, Reading, Rejection
from cdr.formats.sql_row import CORE_COLUMNS, AccTable, RowReader

_CHUNK = 1 << 20
"""Bytes per read; an INSERT of ``mysqldump`` is one line of megabytes."""
_LONGEST = 1 << 18
"""Maximum size in bytes of a row, and of the definition of a table."""
_KEPT_OF_BROKEN = 4096

_NAME = rb'(?:`[^`]+`|"[^"]+"|\[[^\]]+\]|\w+)'
_QUALIFIED = rb"(?P<table>" + _NAME + rb"(?:\s*\.\s*" + _NAME + rb")*)"
_INSERT = re.compile(
    rb"\s*(?:INSERT(?:\s+OR\s+\w+)?(?:\s+\w+)*?\s+INTO|REPLACE\s+INTO)\s+"
    + _QUALIFIED
    + rb"\s*(?:\((?P<columns>[^()]*)\)\s*)?VALUES\s*",
    re.IGNORECASE,
)
_COPY = re.compile(rb"\s*COPY\s+" + _QUALIFIED + rb"\s*\((?P<columns>[^()]*)\)\s+FROM\s+stdin", re.IGNORECASE)
_CREATE = re.compile(rb"\s*CREATE\s+(?:TEMPORARY\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _QUALIFIED + rb"\s*\(", re.I)
_BEGUN = re.compile(rb"\s*(?:INSERT|REPLACE|CREATE|COPY)\b", re.IGNORECASE)
_MARKS = re.compile(
    rb"^(?:\s*(?:INSERT\s+(?:\w+\s+)?INTO|REPLACE\s+INTO|CREATE\s+TABLE|COPY\s+\S+\s+\()"
    rb"|-- (?:MySQL|MariaDB|PostgreSQL database) dump|PRAGMA foreign_keys|/\*M?!\d)",
    re.IGNORECASE | re.MULTILINE,
)
_NO_COLUMN = re.compile(
    rb"\s*(?:PRIMARY|KEY|UNIQUE|CONSTRAINT|INDEX|FOREIGN|CHECK|FULLTEXT|SPATIAL|EXCLUDE|LIKE)\b", re.I
)
_COLUMN = re.compile(rb"\s*(" + _NAME + rb")\s")
_AFTER_ROW = re.compile(rb"\s*([,;]?)")
_MYSQL_MARK = re.compile(
    rb"-- (?:MySQL|MariaDB) dump|/\*M?!\d|\s*(?:INSERT|REPLACE|CREATE|DROP|LOCK|ALTER)\b[^`'\"\n]*`", re.IGNORECASE
)

_PLAIN_VALUE = rb"NULL|TRUE|FALSE|[-+]?[\d.]+(?:e[-+]?\d+)?|0x[0-9a-f]*|[xb]'[0-9a-f]*'"
_STRING = rb"'[^']*+(?:''[^']*+)*+'"
_ESCAPED_STRING = rb"'[^'\\]*+(?:(?:''|\\.)[^'\\]*+)*+'"


class _DumpDialect(NamedTuple):
    """The syntax of values. ``row`` matches a row in parentheses, ``value`` one value."""

    row: re.Pattern[bytes]
    value: re.Pattern[bytes]
    escapes: bool


def _dialect(string: bytes, *, escapes: bool) -> _DumpDialect:
    value = rb"(?:" + _PLAIN_VALUE + rb"|(?:_\w+\s*)?" + string + rb"|E" + _ESCAPED_STRING + rb")"
    flags = re.DOTALL | re.IGNORECASE
    row = rb"\s*\(\s*" + value + rb"(?:\s*,\s*" + value + rb")*+\s*\)"
    return _DumpDialect(re.compile(row, flags), re.compile(value, flags), escapes)


_MYSQL = _dialect(_ESCAPED_STRING, escapes=True)
_STANDARD = _dialect(_STRING, escapes=False)
_STANDARD_COLUMNS = {
    AccTable.ACC: (
        ("id", *CORE_COLUMNS),
        ("id", *CORE_COLUMNS, "duration", "setuptime", "created"),
        ("id", *CORE_COLUMNS, "duration", "ms_duration", "setuptime", "created"),
    ),
    AccTable.MISSED_CALLS: (("id", *CORE_COLUMNS), ("id", *CORE_COLUMNS, "setuptime", "created")),
    AccTable.ACC_CDRS: (("id", "start_time", "end_time", "duration"),),
}
_TABLE_NAME = re.compile(r"(acc_cdrs|acc|missed_calls)(?:_.*|\d.*)?")


def is_dump(head: bytes) -> bool:
    """Tell whether a file starts like a dump."""
    return _MARKS.search(head) is not None


def read(stream: BinaryIO, reading: Reading) -> Iterator[Parsed]:
    """Read a dump to its end in constant memory: one result per row of any table."""
    return _Dump(stream, reading).read()


class _Target(NamedTuple):
    """The table of a statement. ``kind`` and ``columns`` are None if unknown."""

    name: str
    kind: AccTable | None
    columns: tuple[str, ...] | None
    reader: RowReader | None = None
    problem: str = ""


class _Dump:
    def __init__(self, stream: BinaryIO, reading: Reading) -> None:
        self._stream, self._reading = stream, reading
        self._dialect = _STANDARD
        self._created: dict[str, tuple[str, ...]] = {}
        self._targets: dict[tuple[str, tuple[str, ...] | None], _Target] = {}

    def read(self) -> Iterator[Parsed]:
        while line := self._stream.readline(_CHUNK):
            if _MYSQL_MARK.match(line):
                self._dialect = _MYSQL
            if _BEGUN.match(line):
                yield from self._statement(line)

    def _statement(self, text: bytes) -> Iterator[Parsed]:
        """Read the statement that starts with ``text``."""
        while not text.rstrip().endswith(b";") and len(text) < _LONGEST and not _INSERT.match(text):
            more = self._stream.readline(_CHUNK)
            if not more:
                break
            text += more
        if match := _CREATE.match(text):
            self._created[_plain_name(match["table"])] = _columns_of_definition(text[match.end() :])
        elif match := _COPY.match(text):
            yield from self._copied_rows(self._target(match))
        elif match := _INSERT.match(text):
            yield from self._inserted_rows(self._target(match), text[match.end() :])

    def _inserted_rows(self, target: _Target, text: bytes) -> Iterator[Parsed]:
        """Yield the rows of an INSERT; ``text`` is the part after VALUES that was read so far."""
        place = 0
        while True:
            match = self._dialect.row.match(text, place)
            if match is None:
                rest = text[place:]
                more = self._stream.readline(_CHUNK) if len(rest) < _LONGEST and not _ends(rest) else b""
                if not more:
                    if rest.strip(b"; \r\n"):
                        yield self._broken(target, rest)
                    return
                text, place = rest + more, 0
                continue
            yield self._row(target, match[0])
            text, place, sign = self._after_row(text, match.end())
            if sign != b",":
                return

    def _after_row(self, text: bytes, place: int) -> tuple[bytes, int, bytes]:
        """Return the text, the next position, and the sign after a row, which is empty at the end of the dump."""
        while True:
            match = _AFTER_ROW.match(text, place)
            assert match is not None  # it matches even the empty text
            if match[1] or match.end() < len(text):
                return text, match.end(), match[1]
            text, place = self._stream.readline(_CHUNK), 0
            if not text:
                return b"", 0, b""

    def _row(self, target: _Target, text: bytes) -> Parsed:
        if target.kind is None:
            return IGNORED
        values = [self._cell(match[0]) for match in self._dialect.value.finditer(text.strip()[1:-1])]
        return self._parsed(target, values, text)

    def _cell(self, value: bytes) -> str | None:
        word = value.upper()
        if word == b"NULL":
            return None
        if value.endswith(b"'"):
            escapes = self._dialect.escapes or word.startswith(b"E'")
            content = text_of(value[value.index(b"'") + 1 : -1].replace(b"''", b"'"))
            return unescaped(content) if escapes and "\\" in content else content
        return text_of(value)

    def _copied_rows(self, target: _Target) -> Iterator[Parsed]:
        while line := self._stream.readline(_CHUNK):
            row = line.rstrip(b"\r\n")
            if row == b"\\.":
                return
            if target.kind is None:
                yield IGNORED
                continue
            cells = [None if cell == "\\N" else unescaped(cell) for cell in text_of(row).split("\t")]
            yield self._parsed(target, cells, row, copied=True)

    def _parsed(self, target: _Target, cells: Sequence[str | None], text: bytes, *, copied: bool = False) -> Parsed:
        target = self._with_reader(target, len(cells))
        raw = _statement_of(target, text, self._dialect, copied=copied)
        if target.reader is None:
            return Rejection(raw, target.problem)
        if target.columns is not None and len(cells) != len(target.columns):
            return Rejection(raw, f"{len(cells)} values for {len(target.columns)} columns of {target.name}")
        parsed = target.reader.event_of(cells)
        return Rejection(raw, f"table {target.name}: {parsed.reason}") if isinstance(parsed, Rejection) else parsed

    def _broken(self, target: _Target, text: bytes) -> Parsed:
        if target.kind is None:
            return IGNORED
        raw = _statement_of(target, text[:_KEPT_OF_BROKEN], self._dialect, copied=False)
        return Rejection(raw, f"this is not a row of {target.name}; was the dump truncated or edited?")

    def _target(self, match: re.Match[bytes]) -> _Target:
        name = _plain_name(match["table"])
        listed = match["columns"]
        columns = tuple(map(_plain_name, listed.split(b","))) if listed else self._created.get(name)
        key = name, columns
        if key not in self._targets:
            self._targets[key] = _Target(name, _kind_of(name, columns, self._reading), columns)
        return self._targets[key]

    def _with_reader(self, target: _Target, width: int) -> _Target:
        """Return the target with the reader of its rows, or with the problem that prevents it."""
        if target.reader or target.problem or target.kind is None:
            return target
        columns = target.columns or next(
            (columns for columns in _STANDARD_COLUMNS[target.kind] if len(columns) == width), None
        )
        if columns is None:
            return target._replace(
                problem=f"the row of {target.name} has {width} values, but its columns are unknown; dump the table "
                "with its definition, or with mysqldump --complete-insert, pg_dump --column-inserts"
            )
        try:
            complete = target._replace(columns=columns, reader=RowReader(columns, target.kind, self._reading))
        except Unparsable as error:
            complete = target._replace(problem=f"table {target.name}: {error}")
        if target.columns is not None:
            self._targets[target.name, target.columns] = complete
        return complete


def _ends(text: bytes) -> bool:
    """Tell whether the text is a complete statement, so that more input cannot turn it into a row."""
    return text.rstrip().endswith(b";") and text.endswith(b"\n")


def _plain_name(name: bytes) -> str:
    """Return the last part of a name, without quotes."""
    parts = re.findall(_NAME, name)
    return text_of(parts[-1].strip(b'`"[]')) if parts else ""


def _kind_of(name: str, columns: Sequence[str] | None, reading: Reading) -> AccTable | None:
    """Return the kind of a table; None for a table without accounting."""
    named = _TABLE_NAME.fullmatch(name.lower())
    if columns is None:
        return AccTable(named[1]) if named else None
    present = {column.lower() for column in columns}
    layout = reading.layout
    if {layout.columns.get(column, column).lower() for column in CORE_COLUMNS} <= present:
        return AccTable.MISSED_CALLS if "missed" in name.lower() else AccTable.ACC
    if {layout.cdr.start.lower(), layout.cdr.end.lower(), layout.cdr.duration.lower()} <= present:
        return AccTable.ACC_CDRS
    return AccTable(named[1]) if named else None


def _columns_of_definition(body: bytes) -> tuple[str, ...]:
    """Return the columns that a CREATE TABLE defines; ``body`` starts after its first parenthesis."""
    parts, depth, start = [], 1, 0
    for match in re.finditer(rb"'(?:[^'\\]|\\.|'')*'|[(),]", body):
        sign = match[0]
        depth += (sign == b"(") - (sign == b")")
        if depth == 0 or (depth == 1 and sign == b","):
            parts.append(body[start : match.start()])
            start = match.end()
        if depth == 0:
            break
    matches = (_COLUMN.match(part) for part in parts if not _NO_COLUMN.match(part))
    return tuple(_plain_name(match[1]) for match in matches if match)


def _statement_of(target: _Target, row: bytes, dialect: _DumpDialect, *, copied: bool) -> bytes:
    """Return a statement with only this row."""
    quote = b"`" if dialect.escapes else b'"'
    names = [quote + name.encode() + quote for name in target.columns or ()]
    listed = b" (" + b", ".join(names) + b")" if names else b""
    name = quote + target.name.encode() + quote
    if copied:
        return b"COPY " + name + listed + b" FROM stdin;\n" + row + b"\n\\.\n"
    return b"INSERT INTO " + name + listed + b" VALUES " + row.strip() + b";\n"
