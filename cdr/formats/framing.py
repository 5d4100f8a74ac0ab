"""Find a proxy's log text in lines, behind syslog headers and the proxy's own prefix, and inside JSON objects.

Known headers: RFC 3164 §4.1 (with or without priority, host, year), RFC 5424 §6 (with or without priority and version),
the same with ISO 8601 time stamps, and the prefixes of the proxies on stderr (`` 1(1326) `` of OpenSER and Kamailio,
``Nov 22 23:57:58 [22192] `` of OpenSIPS), with or without a syslog header before them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple

from cdr.events import Unparsable
from cdr.formats.json_values import json_bytes, json_object

MAX_LINE = 1 << 19
"""Maximum size of a line. The proxies write at most 64 KiB, which may grow sixfold inside JSON."""

MAX_HEAD = 1024
"""Bytes at the start of a line within which its accounting must start. Limits the work on a hostile line."""

_LEVEL = rb"\b(?:DBG|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|CRIT|CRITICAL|ALERT|EMERG|BUG)\d?:"
_ISO = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_BSD = rb"[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?"
_IDENT = rb"(?!" + _LEVEL + rb")(?P<ident>[^\s:\[\]]+)(?:\[[^\]\s]*\])?:"
_RFC3164 = rb"(?:" + _ISO + rb"|" + _BSD + rb") (?:[^\s\[]\S*(?<!:) )?" + _IDENT
_RFC5424 = (
    rb"(?:\d{1,2} )?" + _ISO + rb" \S+ (?P<app>\S*[^\s:]) \S+ \S+ (?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: \xef\xbb\xbf)?"
)
_STDERR = rb"\d+\(\d+\) |" + _BSD + rb" \[\d+\] "
_FRAME = rb"(?P<header>(?:<\d{1,3}>)?(?:" + _RFC3164 + rb"|" + _RFC5424 + rb"))? *(?P<process>" + _STDERR + rb")? *"

_SOURCE = rb"\[[\w./-]+\.[a-z]{1,4}:\d+\]: "
# Kamailio: level, its log_prefix (free text, may include values from callers), module, source line, function.
_KAMAILIO = _LEVEL + rb" (?:(?!<script>|<core>|" + _SOURCE + rb").)*?\bacc " + _SOURCE + rb"(?:\w+\(\): )?"
# OpenSIPS from 3.4: its log_prefix, the level. OpenSER and older OpenSIPS: nothing. A JSON object is no prefix.
_OPENSIPS = rb"(?:(?!" + _LEVEL + rb'|\{ ?").)*?' + _LEVEL + rb" ?"

_frame = re.compile(_FRAME, re.DOTALL)
_usual_head = re.compile(_FRAME + rb"(?:" + _KAMAILIO + rb"|" + _OPENSIPS + rb"|)", re.DOTALL)
_strange_head = re.compile(
    rb"(?:(?!" + _LEVEL + rb"|<script>|<core>).)*(?:" + _KAMAILIO + rb"|" + _LEVEL + rb" ?|)", re.DOTALL
)
_process = re.compile(rb"[ \t]*(?:" + _STDERR + rb")")

_DIGITS_AS_0 = bytes.maketrans(b"123456789", b"0" * 9)


class Frame(NamedTuple):
    """The header of a line.

    ``start`` is the offset of the message, ``ident`` the writer (``kamailio``, ``json_acc``; empty if unknown),
    ``known`` whether the header has a known form.
    """

    start: int
    ident: bytes
    known: bool


def frame_of(line: bytes) -> Frame:
    """Return the frame of a line; with an unknown header the message starts at 0."""
    match = _frame.match(line)
    if match is None or not (match["header"] or match["process"]):
        return Frame(0, b"", known=False)
    return Frame(match.end(), match["ident"] or match["app"] or b"", known=True)


def looks_like_log(head: bytes) -> bool:
    """Tell whether one of the first lines of a file has a known header, or is a JSON object."""
    return any(line.startswith(b"{") or frame_of(line[:MAX_HEAD]).known for line in head.splitlines())


def is_usual_head(line: bytes, end: int) -> bool:
    """Tell whether ``line`` up to ``end`` is a known header with the prefix that a proxy puts before accounting."""
    return end <= MAX_HEAD and _is_usual(line[:end].translate(_DIGITS_AS_0))


@lru_cache(maxsize=1024)
def _is_usual(head: bytes) -> bool:
    """Tell it for ``head`` with 0 for every digit, so that the many similar heads of a log share a cache entry."""
    return _usual_head.fullmatch(head) is not None


def is_accounting_head(line: bytes, end: int) -> bool:
    """Tell whether ``line`` up to ``end`` is what transports and a proxy put before accounting text.

    If not, another message quotes the text at ``end`` (a script that logs a hostile User-Agent, a database error). An
    unknown header may be any text without a log level and without the mark of another writer.
    """
    if is_usual_head(line, end):
        return True
    return end <= MAX_HEAD and not frame_of(line).known and _strange_head.fullmatch(line, 0, end) is not None


def lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a log with their line endings, in constant memory.

    A line longer than ``MAX_LINE`` is truncated after ``MAX_LINE + 1`` bytes, so that its length shows it. A gap of NUL
    bytes, which log rotation by copying leaves, is skipped. A header value folded over several lines (RFC 3261 §7.3.1:
    CR LF and a blank; the proxies write it unchanged) is joined into one line.
    """
    folded_line = b""
    for line in _physical_lines(stream):
        if folded_line:
            if line[:1] in (b" ", b"\t") and not _process.match(line) and len(folded_line) <= MAX_LINE:
                folded_line += line
                continue
            yield folded_line
            folded_line = b""
        if line.endswith(b"\r\n") and b"ACC: " in line:
            folded_line = line
        else:
            yield line
    if folded_line:
        yield folded_line


def _physical_lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE + 1):
        if line[0] == 0:
            line = line.lstrip(b"\0")
            if not line:
                continue
            if not line.endswith(b"\n"):
                line += stream.readline(MAX_LINE + 1 - len(line))
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            _skip_line(stream)
        yield line


def _skip_line(stream: BinaryIO) -> None:
    while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass


def without_ending(line: bytes) -> bytes:
    """Return the line without LF or CR LF at its end."""
    return line.removesuffix(b"\n").removesuffix(b"\r")


class Wrapped(NamedTuple):
    """Log text from a JSON object. ``foreign``: the object names a writer other than the acc module."""

    text: bytes
    foreign: bool


_MESSAGE_KEYS = (
    "message", "msg", "log", "text", "line", "short_message", "full_message", "@message", "syslogmessage", "_raw",
    "textpayload", "body",
)  # fmt: skip
_CONTAINER_KEYS = ("_source", "result", "jsonpayload", "fields", "event")
_WRITER_KEYS = ("module", "subsys")


def unwrap(message: bytes) -> Wrapped | None:
    """Return the log text inside a JSON object, or None if ``message`` is not such an object.

    Kamailio's ``--log-engine=json`` writes ``{"level": …, "module": "acc", "function": …, "message": "ACC: …\\n"}``,
    with flag ``a`` all keys start with ``kamailio.``, with flag ``j`` the text is ``{"text": …}``, with flag ``U`` it
    is the CEE form ``@cee: {…, "subsys": "acc", "native": {"function": …}, "msg": …}``. Containers write
    ``{"log": …}``, journald ``{"MESSAGE": …}`` (text, or the list of its bytes), Loki ``{"line": …}``, Graylog
    ``{"short_message": …}``, Elasticsearch ``{"_source": {"message": …}}``, Splunk ``{"result": {"_raw": …}}``.
    If the object has the name of the function, it is put before the text, as in a plain line.
    """
    try:
        record = json_object(message.removeprefix(b"@cee:").removesuffix(b"#012"))
    except Unparsable:
        return None
    members = {key.rpartition(".")[2].lower(): value for key, value in record.items()}
    content = _content(members)
    if content is None:
        inner = next((members[key] for key in _CONTAINER_KEYS if isinstance(members.get(key), dict)), None)
        content = inner and _content({key.lower(): value for key, value in inner.items()})
    if content is None:
        return None
    native = members.get("native")
    function = members.get("function", native.get("function") if isinstance(native, dict) else None)
    if isinstance(function, str):
        content = json_bytes(function) + b"(): " + content
        return Wrapped(content, foreign=any(members.get(key, "acc") != "acc" for key in _WRITER_KEYS))
    return Wrapped(content, foreign=False)


def _content(members: dict[str, Any]) -> bytes | None:
    for key in _MESSAGE_KEYS:
        match members.get(key):
            case str(text):
                return json_bytes(text)
            case {"text": str(text)}:
                return json_bytes(text)
            case [*codes] if all(isinstance(code, int) and 0 <= code < 256 for code in codes):
                return bytes(codes)
    return None


_JSON_STRING = re.compile(rb'\s*(?:"[^"]*"\s*:\s*)?("(?:[^"\\]|\\.)*")\s*[\]}]*\s*,?\s*')


def quoted_text(line: bytes) -> bytes | None:
    """Return the log text of a line that quotes it: a JSON string in an object over several lines, or a cell of CSV.

    None if there is no such text, or if it is only partly quoted.
    """
    if b'"' not in line[:MAX_HEAD]:
        return None
    match = _JSON_STRING.fullmatch(line)
    if match and b"ACC: " in match[1]:
        try:
            return json_bytes(json.loads(match[1].decode("utf-8", "surrogateescape"), strict=False))
        except ValueError:
            pass
    start = line.find(b"ACC: ")
    if start < 0 or not _OPEN_CELL.search(line, 0, start):
        return None
    try:
        cells = next(csv.reader([line.decode("latin-1")], strict=True), [])
    except csv.Error:
        return None
    for cell in cells:
        if "ACC: " in cell:
            quoted = cell.replace('"', '""').encode("latin-1")
            return cell.encode("latin-1") if b'"' + quoted + b'"' in line else None
    return None


_OPEN_CELL = re.compile(rb'(?:\A|[,;\t])"[^"]{0,512}\Z')
