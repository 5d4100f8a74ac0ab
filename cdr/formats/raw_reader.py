"""Re-parse the stored input of an event or a rejection, for example with a corrected layout, zone or release.

The input is one record in the form of its format: a line, a packet, a row as JSON. Parsing it again gives the result
that the present settings would have given at the time.
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
"""Parses a stored record; a block that could not be divided may contain several."""

_TABLES = {
    "acc-csv": AccTable.ACC,
    "missed-csv": AccTable.MISSED_CALLS,
    "acc-cdrs-csv": AccTable.ACC_CDRS,
    **{f"sql:{table}": table for table in AccTable},
}


def reader_of(format: str, reading: Reading, dictionary: Dictionary | None = None) -> Reread:  # noqa: A002
    """Return the parser of records stored in ``format``; ``dictionary`` is that of the source, if any.

    Raise ``LookupError`` for an unknown format.
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
    raise LookupError(f"no parser for input stored as {format!r}")


def _row(raw: bytes, table: AccTable, reading: Reading) -> Parsed:
    """Parse a row with its columns, or the cells of a row without a heading."""
    if raw.startswith(b"[") and (cells := flatstore.stored_cells(raw)) is not None:
        return flatstore.replay(cells, table, reading)
    return sql_row.replay(raw, table, reading)


def _radius(reading: Reading, dictionary: Dictionary | None) -> Reread:
    """Return the parser of packets, also of packets recorded as a line of JSON."""
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
    """Parse a posted object, which may be an event of OpenSIPS whatever the product of the proxy."""
    if b'"E_ACC_' in raw:
        return opensips_events.parse_object(raw, reading)
    return acc_json.parse_line(raw, reading)


def _all(parsed: Iterable[Parsed], raw: bytes) -> list[Parsed]:
    return list(parsed) or [Rejection(raw, "the input contains no record")]
