"""Parse accounting lines in logs: the output of the ``acc`` modules of OpenSER, Kamailio and OpenSIPS.

There is one line per event, written by one ``printf`` without quoting or escaping::

    ACC: transaction answered: timestamp=1795389790;method=INVITE;from_tag=…;to_tag=…;call_id=…;code=200;reason=OK;ua=…

The prefixes are ``transaction answered`` (also for failed transactions), ``call missed``, ``request accounted`` (by the
proxy's script), ``request acknowledged`` and, from OpenSIPS 1.6, ``call ended`` (a dialog's own record). Kamailio's
record of a dialog has no prefix (``log_dialog``). Kamailio's ``acc_json`` writes objects with the ident ``json_acc``.
``framing`` finds the start of the text, ``log_labels`` the labels, ``labelled`` the ends of their values.

Flags: ``forged_separator`` if a value contains what looks like the start of a known field, so that its end is
uncertain; ``truncated`` if labels that the proxy logs are missing at the end: the line was cut, or is older than their
configuration. The last attribute of a cut line is unreliable and left out; only the reason is kept, because no rule
depends on it. A line that ends before ``reason=`` is rejected.

Syslog daemons write control characters as ``#012``; values are stored unchanged. "message repeated" lines are ignored,
because they repeat an event with all its fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import BinaryIO

from cdr.events import AccEvent, EventKind, Pairs, Unparsable, classify, text_of
from cdr.formats import acc_json, framing, labelled
from cdr.formats.json_values import array_elements
from cdr.formats.labelled import Values
from cdr.formats.limits import LONGEST_VALUE, MOST_LEGS, limited
from cdr.formats.log_dialog import dialog_event, line_flags
from cdr.formats.log_labels import CORE, PREFIX, SIP_PARAMETERS, LineShape, LogLabels
from cdr.formats.log_time import Clock, ClockReader
from cdr.formats.openser_log import is_openser_body, openser_event
from cdr.formats.reading import IGNORED, Ignored, Parsed, Reading, Rejection
from cdr.formats.setup_time import FINAL_REPLIES
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product

_DIALOG_FUNCTION = b"log_write_cdr"
_KIND_OF_PREFIX = {
    "request accounted": EventKind.MANUAL,
    "request acknowledged": EventKind.ACK,
    "call ended": EventKind.CDR,
}
_BYTES_LIST = b",".join(b"%d" % byte for byte in b"ACC: ")  # journald lists the bytes of text with control characters
_MAX_WRAPPINGS = 3  # a container's JSON around journald's around the proxy's
_REASON = 7
"""The group of the reason in the pattern of a usual line."""

_prefix = re.compile(PREFIX + rb"(?=timestamp=|created=)")
_code_and_reason = re.compile(rb";code=(\d{0,3});reason=")
_blank_after_reason = re.compile(rb"(;code=\d{0,3};reason=[^;]*); +([A-Za-z_][\w.-]{0,63})=")
_ENDS_OF_QUOTES = b'",'
_opened_json = re.compile(rb'(?:@cee: ?)?\{ ?"')


def read(stream: BinaryIO, reading: Reading) -> Iterator[Parsed]:
    """Read a log to its end in constant memory: one result per line (lines with a folded value count as one)."""
    parse = LineParser(reading).parse
    for line in framing.lines(stream):
        if line.startswith(b"[") and (elements := array_elements(line)):
            yield from map(parse, elements)
        else:
            yield parse(line)


def parse_line(line: bytes, reading: Reading) -> Parsed:
    """Parse one line. For many lines of one proxy use a ``LineParser``."""
    return LineParser(reading).parse(line)


class LineParser:
    """Parses the log lines of one proxy."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._labels = LogLabels(reading.layout)
        clock = self._clock = ClockReader(reading.layout.time).read
        self._usual_clock = lru_cache(maxsize=1024)(lambda text: clock(text.encode()))
        self._dialog_mark = reading.layout.cdr.start.encode() + b"="
        self._begins = re.compile(
            PREFIX
            + rb"|(?P<function>"
            + _DIALOG_FUNCTION
            + rb"\(\): )|(?<!\S)(?="
            + re.escape(self._dialog_mark)
            + rb")"
        )

    def parse(self, line: bytes) -> Parsed:
        """Parse one line, with or without its line ending. No input raises an exception."""
        line = framing.without_ending(line)
        start = line.find(b"ACC: ")
        if start < 0 and not (
            self._dialog_mark in line or _DIALOG_FUNCTION in line or b"json_acc" in line or _BYTES_LIST in line
        ):
            return IGNORED
        try:
            if 0 <= start < framing.MAX_HEAD and len(line) <= framing.MAX_LINE and line[-1] not in _ENDS_OF_QUOTES:
                shape = self._labels.shape(line, start)
                usual = shape.line.match(line.decode("latin-1"), start)  # a character per byte
                if usual and framing.is_usual_head(line, start):
                    return self._usual_event(usual, shape, line)
            return self._unusual(line, _MAX_WRAPPINGS)
        except Unparsable as error:
            return Rejection(line[: framing.MAX_LINE], str(error))

    def _usual_event(self, match: re.Match[str], shape: LineShape, line: bytes) -> Parsed:
        """Fast path: build the event of a line with all its labels, like ``_line_event``."""
        values = match.groups()
        flags: tuple[str, ...] = ()
        end = _REASON + 1 + len(shape.extras)
        if ";" in "".join(values[_REASON:end]):  # no other values may contain it in a usual line
            if "; " in values[_REASON]:
                return self._unusual(line, _MAX_WRAPPINGS)
            if labelled.holds_separator([value.encode("latin-1") for value in values[_REASON:end]], shape.known):
                flags = line_flags(cut=False, forged=True)
        legs = _usual_legs(values[-1], shape.leg_names) if shape.legs and values[-1] != shape.empty_leg else ()
        if not line.isascii() or b"\0" in line:
            values = tuple(text_of(value.encode("latin-1")) for value in values)
        clock = self._usual_clock(values[1])
        extra = tuple(zip(shape.extra_names, values[_REASON + 1 : end], strict=True)) if shape.extras else ()
        event = _event(values[0], clock, values[2:_REASON], values[_REASON], extra, legs, flags, line)
        return self._limited(event) if len(line) > LONGEST_VALUE or len(legs) > MOST_LEGS else event

    def _unusual(self, line: bytes, wrappings: int) -> Parsed:
        """Parse any line. Raise ``Unparsable``."""
        if len(line) > framing.MAX_LINE:
            return self._overlong(line)
        if wrappings and (cell := framing.quoted_text(line)) is not None:
            return _received_as(line, self._unusual(cell, wrappings - 1))
        frame, message = self._message(line)
        if message.startswith((b"{", b"@cee:")) and wrappings:
            if frame.ident == b"json_acc":
                return _received_as(line, acc_json.parse_object(message, self._reading))
            wrapped = framing.unwrap(message)
            if wrapped is not None:
                return IGNORED if wrapped.foreign else _received_as(line, self._unusual(wrapped.text, wrappings - 1))
            if _opened_json.match(message) and _prefix.search(message):
                raise Unparsable(f"the JSON object around the accounting text is not valid; {_cut(line)}")
        return self._plain(line)

    def _message(self, line: bytes) -> tuple[framing.Frame, bytes]:
        """Return frame and message; after an unknown header the message may start with a JSON object."""
        frame = framing.frame_of(line)
        if frame.known:
            return frame, line[frame.start :]
        brace = max(line.find(b"{", 0, framing.MAX_HEAD), 0)
        return frame, line if self._begins.search(line, 0, brace) else line[brace:]

    def _plain(self, line: bytes) -> Parsed:
        begin = self._begin(line)
        if begin is None:
            return IGNORED
        body = framing.without_ending(line[begin.end() :]).removesuffix(
            b"#012"
        )  # the LF of the proxy's printf, escaped
        if begin["prefix"]:
            return self._limited(self._prefixed(begin["prefix"], body, line))
        event = dialog_event(body, self._reading.layout, line)
        if event is None and begin["function"]:
            raise Unparsable(f'no "start=…; end=…; duration=…" at {_shown(body)}; {_cut(line)}')
        return self._limited(event) if event else IGNORED

    def _limited(self, event: AccEvent) -> AccEvent:
        return limited(event, self._reading.layout)

    def _prefixed(self, prefix: bytes, body: bytes, line: bytes) -> AccEvent:
        if body.startswith((b"timestamp=", b"created=")):
            return self._line_event(prefix, _without_blank(body), line)
        if is_openser_body(body):
            return openser_event(prefix, body, line, self._reading.zone, self._reading.received_at)
        raise Unparsable(f'neither "timestamp=" nor the fields of OpenSER 1.1 at {_shown(body)}; {_cut(line)}')

    def _begin(self, line: bytes) -> re.Match[bytes] | None:
        """Return the match at the start of accounting; none if another message only quotes such text."""
        for match in self._begins.finditer(line, 0, framing.MAX_HEAD):
            if framing.is_accounting_head(line, match.end() if match["function"] else match.start()):
                return match
        return None

    def _overlong(self, line: bytes) -> Parsed:
        if self._begin(line) is None:
            return IGNORED
        raise Unparsable(
            f"the line is longer than {framing.MAX_LINE} bytes, which no proxy writes; is the file damaged?"
        )

    def _line_event(self, prefix: bytes, body: bytes, line: bytes) -> AccEvent:
        (clock, *core), tail = _core_of(body, line)
        shape = self._labels.shape_of(tail)
        reason, extras, legs, cut = _attributes(tail, shape)
        if not (extras or legs) and prefix == b"request accounted" and self._reading.product is Product.OPENSIPS:
            cut = False  # OpenSIPS writes no extras in records of the script
        values = (*core, reason, *(value for _, value in chain(extras, *legs)))
        return _event(
            text_of(prefix),
            self._clock(clock),
            list(map(text_of, core)),
            text_of(reason),
            labelled.pairs(extras),
            tuple(labelled.pairs(leg) for leg in legs if any(value for _, value in leg)),
            line_flags(cut=cut, forged=labelled.holds_separator(values, shape.known)),
            line,
        )


def _without_blank(body: bytes) -> bytes:
    """Return a line's accounting without blanks before the first label, which some editors and tools insert.

    Blanks before later labels stay, because there they come from a caller (``User-Agent: X; src_ip=…``).
    """
    match = _blank_after_reason.search(body)
    if match is None or match[2] in SIP_PARAMETERS:
        return body
    return body[: match.end(1)] + b";" + body[match.start(2) :]


def _attributes(tail: bytes, shape: LineShape) -> tuple[bytes, Values, list[Values], bool]:
    """Split the text after ``reason=``: the reason, the extras, the legs, and whether the line was cut."""
    labels = (*shape.extras, *shape.legs[:1])
    reason, extras, cut = labelled.split(tail, labels)
    if cut:
        return (reason if extras else _without_partial_label(reason, labels[0])), extras[:-1], [], True
    if not shape.legs:
        return reason, extras, [], False
    legs, cut = labelled.split_legs(extras.pop()[1], shape.legs)
    return reason, extras, legs, cut


def _without_partial_label(reason: bytes, label: bytes) -> bytes:
    """Return the reason of a cut line without the first characters of the ``label`` after it."""
    mark = b";" + label + b"="
    partial = next((size for size in range(len(mark) - 1, 0, -1) if reason.endswith(mark[:size])), 0)
    return reason[: len(reason) - partial]


def _usual_legs(text: str, names: Sequence[str]) -> tuple[Pairs, ...]:
    values = [part.partition("=")[2] for part in text_of(text.encode("latin-1")).split(";")[1:]]
    sets = [values[start : start + len(names)] for start in range(0, len(values), len(names))]
    return tuple(tuple(zip(names, leg, strict=True)) for leg in sets if any(leg))


def _core_of(body: bytes, line: bytes) -> tuple[list[bytes], bytes]:
    """Return the time fields, method, From tag, To tag, Call-ID and code, and the text after ``reason=``."""
    values = []
    start = 0
    for label in CORE:
        mark = b";" + label + b"="
        end = body.find(mark, start)
        if end < 0:
            raise Unparsable(f"no {_shown(mark)} after {_shown(body[start:])}; {_cut(line)}")
        values.append(body[start:end])
        start = end + len(mark)
    code = _code_and_reason.search(body, start)
    if code is None:
        raise Unparsable(f'no number in ";code=" and ";reason=" after {_shown(body[start:])}; {_cut(line)}')
    return [*values, body[start : code.start()], code[1]], body[code.end() :]


def _event(
    prefix: str,
    clock: Clock,
    core: Sequence[str],
    reason: str,
    extra: Pairs,
    legs: tuple[Pairs, ...],
    flags: tuple[str, ...],
    raw: bytes,
) -> AccEvent:
    """Build the event of a line; ``core``: method, From tag, To tag, Call-ID and the code's digits, if any."""
    method, from_tag, to_tag, call_id, digits = core
    kind, code, is_final = _outcome(prefix, method, digits)
    return AccEvent(
        kind,
        method,
        from_tag,
        to_tag,
        call_id,
        code,
        reason,
        clock.reply_time if is_final else clock.time,
        clock.precision,
        Backend.SYSLOG,
        extra,
        legs,
        clock.ended_at,
        clock.duration_us,
        clock.created_at,
        0,
        flags,
        raw,
    )


@lru_cache(maxsize=1024)
def _outcome(prefix: str, method: str, digits: str) -> tuple[EventKind, int, bool]:
    """Return kind and code, and whether the time is that of an INVITE's final reply."""
    code = int(digits or 0)
    stated = None if method == "BYE" else _KIND_OF_PREFIX.get(prefix)  # a STOP even if the script accounts it
    kind = stated or classify(method, code, missed=prefix == "call missed")
    return kind, code, method == "INVITE" and kind in FINAL_REPLIES


def _received_as(line: bytes, parsed: Parsed) -> Parsed:
    """Return ``parsed`` with the whole line as its input."""
    return parsed if isinstance(parsed, Ignored) else parsed._replace(raw=line)


def _shown(part: bytes) -> str:
    return f'"{text_of(part[:60])}"'


def _cut(line: bytes) -> str:
    """Return the advice for a line that was probably cut."""
    return f"was the line cut ({len(line)} bytes)? Raise the message size limit of the syslog daemon and its relays"
