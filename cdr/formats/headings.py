"""Find out from the first lines of a file which table it contains, or why the table cannot be read."""

from __future__ import annotations

import csv

from cdr.formats import flatstore
from cdr.formats.sql_row import CORE_COLUMNS, AccTable
from cdr.formats.table_files import column_names

_TRANSACTION_COLUMNS = frozenset(CORE_COLUMNS) - {"time"}  # other tables have a column of that name as well
_ENOUGH_COLUMNS = 3  # some may have been renamed
_DIALOG_COLUMNS = ("start_time", "end_time", "duration")
_FEWEST_CELLS = 4
_MOST_LINES = 20


def table_format(head: bytes, name: str) -> str | None:
    """Return the format of a table that starts with ``head``; None if neither a heading nor a row reveals one."""
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
    """Tell it from the file's own name, ignoring its folder."""
    return "missed" in name.replace("\\", "/").rpartition("/")[2].lower()


def unreadable_table(head: bytes) -> str:
    """Return why a file that starts with ``head`` looks like a table but cannot be read, and what to do.

    "" if it does not look like a table.
    """
    lines = _lines(head)
    complete_lines = lines if head.endswith(b"\n") or len(lines) == 1 else lines[:-1]
    if not any(_is_table(complete_lines, separator) for separator in "\t,;|"):
        return ""
    columns = {column.strip(' "').lower() for column in column_names(lines)}
    of_dialogs = not columns.isdisjoint(_DIALOG_COLUMNS[:2])
    required = _DIALOG_COLUMNS if of_dialogs else CORE_COLUMNS
    missing = [column for column in required if column not in columns]
    if len(missing) == len(required):
        return (
            "the first line of this table does not name the columns; export it with a heading (psql: csv header; "
            "mysql --batch; sqlite3 -header), or insert a first line with the names in the order of the columns: "
            f"{','.join(CORE_COLUMNS)} and any others"
        )
    if missing:
        return (
            f"this table lacks the columns {', '.join(missing)}; export them too or, if the proxy uses other names, "
            f"enter these in its layout and use --format {'acc-cdrs-csv' if of_dialogs else 'acc-csv'}"
        )
    return ""


def _lines(head: bytes) -> list[str]:
    """Return the first lines that are not blank."""
    texts = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").splitlines()
    return [text for text in texts if text.strip()][:_MOST_LINES]


def _is_table(lines: list[str], separator: str) -> bool:
    """Tell whether all lines have the same number of cells, and enough of them; cells of prose start with a space."""
    if any("\0" in line for line in lines):
        return False
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        return False
    widths = {len(row) for row in rows}
    blank = any(cell.startswith(" ") for row in rows for cell in row[1:])
    return len(widths) == 1 and min(widths) >= _FEWEST_CELLS and not blank
