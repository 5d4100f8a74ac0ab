"""Tables as text are told by their heading, the first line, which names the columns (``cdr.formats.delimited``)."""

from __future__ import annotations

import csv
import re

_COLUMNS = ("method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time")
_TRANSACTION_COLUMNS = frozenset(_COLUMNS) - {"time"}  # a name that other tables have too
_ENOUGH_COLUMNS = 3  # some may have been renamed
_DIALOG_COLUMNS = ("start_time", "end_time", "duration")
_FEWEST_CELLS = 4
_MOST_LINES = 20


def table_format(head: bytes, name: str) -> str | None:
    """Return the format of a table that begins with ``head``; None if its first line names no columns of ours."""
    columns = _names(head.split(b"\n", 1)[0], "[,\t]")
    if columns.issuperset(_DIALOG_COLUMNS):
        return "acc-cdrs-csv"
    if len(columns & _TRANSACTION_COLUMNS) < _ENOUGH_COLUMNS:
        return None
    file_name = name.replace("\\", "/").rpartition("/")[2].lower()  # a folder's name says nothing about the rows
    missed = "missed" in file_name or ("setuptime" in columns and "duration" not in columns)
    return "missed-csv" if missed else "acc-csv"


def why_no_table(head: bytes) -> str:
    """Return why a file that begins with ``head`` is no table for us although it looks like one, and what to do;
    nothing if it does not look like one.
    """
    lines = head.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
    whole = [one for one in lines[:_MOST_LINES] if one.endswith(b"\n") or one is lines[0]]
    separator = next((one for one in "\t,;" if _is_table([text.decode("utf-8", "replace") for text in whole], one)), "")
    if not separator:
        return ""
    columns = _names(whole[0], "[,;\t]")
    if separator == ";" and len(columns & _TRANSACTION_COLUMNS) >= _ENOUGH_COLUMNS:
        return "a table with semicolons between its columns; save it with commas or tabs"
    of_dialogs = not columns.isdisjoint(_DIALOG_COLUMNS[:2])
    wanted = _DIALOG_COLUMNS if of_dialogs else _COLUMNS
    missing = [one for one in wanted if one not in columns]
    if len(missing) == len(wanted):
        return (
            "a table whose first line names no columns; export it with a heading (psql: csv header; mysql --batch), or "
            f"put one above, in the order of the columns: {','.join(_COLUMNS)} and what else there is"
        )
    if missing:
        return (
            f"a table without the columns {', '.join(missing)}; export them too, or, if the proxy names them "
            f"otherwise, enter the names in its layout and say --format {'acc-cdrs-csv' if of_dialogs else 'acc-csv'}"
        )
    return ""


def _names(line: bytes, separators: str) -> set[str]:
    return {one.strip('" \r\n') for one in re.split(separators, line.decode("utf-8", "replace").lower())}


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
