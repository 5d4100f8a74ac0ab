"""Input as it is kept beside an event or a rejection, read again: with a layout, zone or release corrected since.

What is kept is one record in the form that its format names: a line, a packet, a row as JSON. Reading it again gives
what reading it would have given, had the proxy been described so at the time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

from cdr.formats import acc_json, diameter, flatstore, opensips_events, radius, radius_detail, sql_dump, sql_row
from cdr.formats.radius_dictionary import OPENSIPS_NUMBERS, Dictionary
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.sql_row import AccTable
from cdr.formats.syslog import LineParser

Reread = Callable[[bytes], list[Parsed]]
"""Reads a record; a block that could not be divided when it came may hold several."""

_TABLES = {
    "acc-csv": AccTable.ACC,
    "missed-csv": AccTable.MISSED_CALLS,
    "acc-cdrs-csv": AccTable.ACC_CDRS,
    **{f"sql:{table}": table for table in AccTable},
}


def reader_of(format: str, reading: Reading, dictionary: Dictionary | None = None) -> Reread:  # noqa: A002
    """Return what reads a record kept in ``format``; ``dictionary`` is the source's own, if it has one.

    Raise ``LookupError`` for a format that no version of accweb ever kept input in.
    """
    if format in _TABLES:
        return lambda raw: [_row(raw, _TABLES[format], reading)]
    match format:
        case "syslog":
            parser = LineParser(reading)
            return lambda raw: [parser.parse(raw)]
        case "sql-dump":
            return lambda raw: _all(sql_dump.read(io.BytesIO(raw), reading), raw)
        case "radius" | "radius-jsonl":
            return _radius(reading, dictionary)
        case "radius-detail":
            return lambda raw: _all(radius_detail.read(io.BytesIO(raw), reading, dictionary), raw)
        case "diameter" | "diameter-jsonl":
            return _diameter(reading, OPENSIPS_NUMBERS if dictionary is None else dictionary.over(OPENSIPS_NUMBERS))
        case "acc-json":
            return lambda raw: [_object(raw, reading)]
        case "opensips-events":
            return lambda raw: [opensips_events.parse_object(raw, reading)]
    raise LookupError(f"no reader for input kept as {format!r}")


def _row(raw: bytes, table: AccTable, reading: Reading) -> Parsed:
    """A row with its columns, or the cells of one that came without."""
    if raw.startswith(b"[") and (cells := flatstore.kept_cells(raw)) is not None:
        return flatstore.replay(cells, table, reading)
    return sql_row.replay(raw, table, reading)


def _radius(reading: Reading, dictionary: Dictionary | None) -> Reread:
    """A packet, or a packet that was given as a line of JSON."""
    decoder = radius.Decoder(dictionary)

    def read(raw: bytes) -> list[Parsed]:
        if raw.startswith(b"{"):
            return _all(radius.read_jsonl(io.BytesIO(raw), reading, dictionary), raw)
        return [decoder.decode(raw, reading)]

    return read


def _diameter(reading: Reading, names: Dictionary) -> Reread:
    def read(raw: bytes) -> list[Parsed]:
        if raw.startswith(b"{"):
            return _all(diameter.read_jsonl(io.BytesIO(raw), reading, names), raw)
        return [diameter.decode(raw, reading, names)]

    return read


def _object(raw: bytes, reading: Reading) -> Parsed:
    """An object that was posted may be an event of OpenSIPS, whatever the product was set to."""
    if b'"E_ACC_' in raw:
        return opensips_events.parse_object(raw, reading)
    return acc_json.parse_line(raw, reading)


def _all(parsed: Iterable[Parsed], raw: bytes) -> list[Parsed]:
    return list(parsed) or [Rejection(raw, "there is no record in it")]
