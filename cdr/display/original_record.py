"""Show the original record of an event with its fields marked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from cdr.display.field_spans import Span, locate_fields, locate_in_packet
from cdr.display.markup import marked
from cdr.display.safe_text import HEX_WIDTH, ascii_text, hex_rows, is_binary, one_line, raw_pieces

_LONGEST_RAW = 64 * 1024
_ESCAPED_WHEN_PARSED = re.compile("[\x00\udc80-\udcff]")


def raw_input(raw: bytes | memoryview, fields: Iterable[tuple[str, str]] = ()) -> SafeString:
    """Show input exactly as received: text with invisible characters marked, a packet as a hex dump.

    The values of ``fields`` (label and value, in the order logged) are marked, each with its label.
    """
    shown = bytes(raw)[:_LONGEST_RAW]
    body = _dump_with_fields(shown, fields) if is_binary(shown) else _with_fields(shown, fields)
    hidden = len(raw) - len(shown)
    note = (
        ngettext("… and {number} more byte", "… and {number} more bytes", hidden).format(number=hidden)
        if hidden
        else ""
    )
    return format_html('<pre class="raw" dir="ltr" tabindex="0">{}{}</pre>', body, note)


def _with_fields(raw: bytes, fields: Iterable[tuple[str, str]]) -> SafeString:
    """Mark the fields in text; values with bytes that are not UTF-8 contain them as ``\\xff``."""
    text = raw.decode("utf-8", "surrogateescape")
    parsed_text, places = _as_parsed(text)
    parts: list[SafeString] = []
    end = 0
    for span in (Span(places[s], places[e], label) for s, e, label in locate_fields(parsed_text, fields)):
        parts += [_raw_text(text[end : span.start]), _field(text[span.start : span.end], span.label)]
        end = span.end
    return format_html_join("", "{}", ((part,) for part in [*parts, _raw_text(text[end:])]))


def _dump_with_fields(raw: bytes, fields: Iterable[tuple[str, str]]) -> SafeString:
    """Write a packet as a hex dump, with the fields marked in both bytes and text."""
    spans = locate_in_packet(raw, fields)
    labels: dict[int, str] = {index: span.label for span in spans for index in range(span.start, span.end)}
    lines: list[SafeString] = []
    for start, row in hex_rows(raw):
        runs = [
            (label, bytes(row[index] for index in run))
            for label, run in _runs([labels.get(start + index) for index in range(len(row))])
        ]
        numbers = format_html_join(" ", "{}", ((_run(label, part.hex(" ")),) for label, part in runs))
        text = format_html_join("", "{}", ((_run(label, ascii_text(part)),) for label, part in runs))
        lines.append(format_html("{}  {}{}  {}", f"{start:04x}", numbers, " " * 3 * (HEX_WIDTH - len(row)), text))
    return format_html_join("\n", "{}", ((line,) for line in lines))


def _runs(labels: Sequence[str | None]) -> Iterator[tuple[str | None, list[int]]]:
    """Yield the indexes of adjacent bytes with the same label."""
    for label, run in groupby(range(len(labels)), key=lambda index: labels[index]):
        yield label, list(run)


def _run(label: str | None, text: str) -> str | SafeString:
    return (
        text if label is None else format_html('<mark class="field-mark" title="{}">{}</mark>', one_line(label), text)
    )


def _as_parsed(text: str) -> tuple[str, Sequence[int]]:
    """Return text as parsed (``cdr.events.text_of``), and the position of each character and the end in ``text``."""
    if not _ESCAPED_WHEN_PARSED.search(text):
        return text, range(len(text) + 1)
    parsed: list[str] = []
    places: list[int] = []
    for position, character in enumerate(text):
        code = ord(character)
        escaped = f"\\x{code - 0xDC00 if code else 0:02x}" if _ESCAPED_WHEN_PARSED.match(character) else character
        parsed.append(escaped)
        places += [position] * len(escaped)
    return "".join(parsed), [*places, len(text)]


def _raw_text(text: str) -> SafeString:
    return marked(raw_pieces(text.encode("utf-8", "surrogateescape")))


def _field(text: str, label: str) -> SafeString:
    return format_html('<mark class="field-mark" title="{}">{}</mark>', one_line(label), _raw_text(text))
