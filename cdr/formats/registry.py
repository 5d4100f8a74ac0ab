"""The formats of files and streams of events, by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from cdr.formats import acc_json, diameter, opensips_events, radius, radius_detail, sql_dump, syslog, table_files
from cdr.formats.headings import table_format
from cdr.formats.reading import Parsed, Reading
from cdr.formats.sql_dump import is_dump
from cdr.formats.text_events import is_text_event

Reader = Callable[[BinaryIO, Reading], Iterator[Parsed]]
FORMATS: Mapping[str, Reader] = {
    "syslog": syslog.read,
    "acc-csv": table_files.read_acc,
    "missed-csv": table_files.read_missed_calls,
    "acc-cdrs-csv": table_files.read_acc_cdrs,
    "sql-dump": sql_dump.read,
    "radius-jsonl": radius.read_jsonl,
    "radius-detail": radius_detail.read,
    "diameter-jsonl": diameter.read_jsonl,
    "acc-json": acc_json.read,
    "opensips-events": opensips_events.read,
}
"""Each parser reads a binary stream to its end and yields one ``Parsed`` per record (line, row, packet, object)."""

_DETAIL = re.compile(rb"^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}\r?\n\t[\w.-]+ [+:]?= ", re.MULTILINE)
_EVENT = re.compile(rb'"method"\s*:\s*"E_ACC_')


def detect(head: bytes, name: str = "") -> str:
    """Return the name of the most likely format of a stream that starts with ``head`` (its first kilobytes).

    ``name`` is that of the file, if any. The columns of Kamailio's ``acc`` and ``missed_calls`` are the same: a table
    is taken for ``acc`` unless the name contains "missed", or the columns are those that only OpenSIPS'
    ``missed_calls`` has (``setuptime`` without ``duration``). Anything without the marks of another format is taken for
    a log, whose parser ignores lines other than accounting.
    """
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n ")
    if head.startswith((b"{", b"[")):
        return _json_format(head)
    if _DETAIL.search(head):
        return "radius-detail"
    if is_text_event(head):
        return "opensips-events"
    if is_dump(head):
        return "sql-dump"
    return table_format(head, name) or "syslog"


def _json_format(head: bytes) -> str:
    """Detect the format by the members of the first object; a structured log has none of them."""
    line = head.split(b"\n", 1)[0]
    first = line if b'"' in line else head  # otherwise the object spans several lines

    def has(*members: bytes) -> bool:
        return all(re.search(rb'"%b"\s*:' % member, first) for member in members)

    if has(b"avps", b"command"):
        return "diameter-jsonl"
    if has(b"attributes", b"authenticator"):
        return "radius-jsonl"
    if _EVENT.search(first):
        return "opensips-events"
    if has(b"time", b"method", b"from_tag") or has(b"start_time", b"end_time"):
        return "acc-json"
    return "syslog"
