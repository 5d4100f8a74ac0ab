"""What the first lines of a file say about a table in it: its form, its columns, or why it cannot be read."""

from __future__ import annotations

import csv

from cdr.formats import flatstore
from cdr.formats.sql_row import CORE_COLUMNS, AccTable
from cdr.formats.table_files import column_names

_TRANSACTION_COLUMNS = frozenset(CORE_COLUMNS) - {"time"}  # a name that other tables have too
_ENOUGH_COLUMNS = 3  # some may have been renamed
_DIALOG_COLUMNS = ("start_time", "end_time", "duration")
_FEWEST_CELLS = 4
_MOST_LINES = 20


def table_format(head: bytes, name: str) -> str | None:
    """Return the format of a table that begins with ``head``; None where neither a heading nor a row tells one."""
    lines = _lines(head)
    if lines and flatstore.is_row(lines[0], AccTable.ACC):
        return "missed-csv" if _is_of_missed_calls(name) else "acc-csv"
    columns = {column.strip(' "').lower() for column in column_names(lines)}
    if columns.issuperset(_DIALOG_COLUMNS) or (lines and flatstore.is_row(lines[0], AccTable.ACC_CDRS)):
        return "acc-cdrs-csv"
    if len(columns & _TRANSACTION_COLUMNS) < _ENOUGH_COLUMNS:
        return None
    missed = _is_of_missed_calls(name) or ("setuptime" in columns and "duration" not in columns)
    return "missed-csv" if missed else "acc-csv"


def _is_of_missed_calls(name: str) -> bool:
    """Tell by the file's own name: that of its folder says nothing about the rows."""
    return "missed" in name.replace("\\", "/").rpartition("/")[2].lower()


def why_no_table(head: bytes) -> str:
    """Return why a file that begins with ``head`` is no table for us although it looks like one, and what to do;
    nothing if it does not look like one.
    """
    lines = _lines(head)
    whole = lines if head.endswith(b"\n") or len(lines) == 1 else lines[:-1]
    if not any(_is_table(whole, separator) for separator in "\t,;|"):
        return ""
    columns = {column.strip(' "').lower() for column in column_names(lines)}
    of_dialogs = not columns.isdisjoint(_DIALOG_COLUMNS[:2])
    required = _DIALOG_COLUMNS if of_dialogs else CORE_COLUMNS
    missing = [column for column in required if column not in columns]
    if len(missing) == len(required):
        return (
            "a table whose first line names no columns; export it with a heading (psql: csv header; mysql --batch; "
            f"sqlite3 -header), or put one above, in the order of the columns: {','.join(CORE_COLUMNS)} and what else "
            "there is"
        )
    if missing:
        return (
            f"a table without the columns {', '.join(missing)}; export them too, or, if the proxy names them "
            f"otherwise, enter the names in its layout and say --format {'acc-cdrs-csv' if of_dialogs else 'acc-csv'}"
        )
    return ""


def _lines(head: bytes) -> list[str]:
    """Return the first lines that are not blank."""
    texts = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").splitlines()
    return [text for text in texts if text.strip()][:_MOST_LINES]


def _is_table(lines: list[str], separator: str) -> bool:
    """Tell whether all lines have as many cells, and enough of them; a cell does not begin like a word of a text."""
    if any("\0" in line for line in lines):
        return False
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        return False
    widths = {len(row) for row in rows}
    blank = any(cell.startswith(" ") for row in rows for cell in row[1:])
    return len(widths) == 1 and min(widths) >= _FEWEST_CELLS and not blank
