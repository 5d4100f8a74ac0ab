"""The formats that files and streams of events come in, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from cdr.formats import acc_json, diameter, opensips_events, radius, radius_detail, sql_row, syslog
from cdr.formats.reading import Parsed, Reading

Reader = Callable[[BinaryIO, Reading], Iterator[Parsed]]
FORMATS: Mapping[str, Reader] = {
    "syslog": syslog.read,
    "acc-csv": sql_row.read_acc_csv,
    "missed-csv": sql_row.read_missed_csv,
    "acc-cdrs-csv": sql_row.read_acc_cdrs_csv,
    "radius-jsonl": radius.read_jsonl,
    "radius-detail": radius_detail.read,
    "diameter-jsonl": diameter.read_jsonl,
    "acc-json": acc_json.read,
    "opensips-events": opensips_events.read,
}
"""Each reads a binary stream to its end and yields one ``Parsed`` per record (line, row, packet, object)."""


def detect(head: bytes) -> str:
    """Return the name of the format that a stream starting with ``head`` (its first kilobytes) most likely has.

    Anything without the marks of another format is held for a log, whose reader ignores lines that are no accounting.
    """
    raise NotImplementedError
