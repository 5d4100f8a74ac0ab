"""The original record of an event, with the fields that were recognized in it marked."""

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
_UNTAKEN = re.compile("[\x00\udc80-\udcff]")


def raw_input(raw: bytes | memoryview, fields: Iterable[tuple[str, str]] = ()) -> SafeString:
    """Show input exactly as received: text with every odd byte marked, a packet as a hex dump.

    The values of ``fields`` (label and value, in the order logged) are marked, each with its label.
    """
    shown = bytes(raw)[:_LONGEST_RAW]
    body = _dump_with_fields(shown, fields) if is_binary(shown) else _with_fields(shown, fields)
    left = len(raw) - len(shown)
    note = ngettext("… and {number} more byte", "… and {number} more bytes", left).format(number=left) if left else ""
    return format_html('<pre class="raw" dir="ltr" tabindex="0">{}{}</pre>', body, note)


def _with_fields(raw: bytes, fields: Iterable[tuple[str, str]]) -> SafeString:
    """Mark the fields in text; a value that held bytes which are no text is known by their ``\\xff``."""
    text = raw.decode("utf-8", "surrogateescape")
    taken, places = _as_taken(text)
    parts: list[SafeString] = []
    end = 0
    for span in (Span(places[s], places[e], label) for s, e, label in locate_fields(taken, fields)):
        parts += [_raw_text(text[end : span.start]), _field(text[span.start : span.end], span.label)]
        end = span.end
    return format_html_join("", "{}", ((part,) for part in [*parts, _raw_text(text[end:])]))


def _dump_with_fields(raw: bytes, fields: Iterable[tuple[str, str]]) -> SafeString:
    """Write a packet as a dump, with the fields marked among its bytes and in their text."""
    spans = locate_in_packet(raw, fields)
    labels: dict[int, str] = {at: span.label for span in spans for at in range(span.start, span.end)}
    lines: list[SafeString] = []
    for start, row in hex_rows(raw):
        runs = [
            (label, bytes(row[at] for at in run))
            for label, run in _runs([labels.get(start + at) for at in range(len(row))])
        ]
        numbers = format_html_join(" ", "{}", ((_run(label, part.hex(" ")),) for label, part in runs))
        text = format_html_join("", "{}", ((_run(label, ascii_text(part)),) for label, part in runs))
        lines.append(format_html("{}  {}{}  {}", f"{start:04x}", numbers, " " * 3 * (HEX_WIDTH - len(row)), text))
    return format_html_join("\n", "{}", ((line,) for line in lines))


def _runs(labels: Sequence[str | None]) -> Iterator[tuple[str | None, list[int]]]:
    """Yield what stands next to each other under one label, by index."""
    for label, run in groupby(range(len(labels)), key=lambda at: labels[at]):
        yield label, list(run)


def _run(label: str | None, text: str) -> str | SafeString:
    return (
        text if label is None else format_html('<mark class="field-mark" title="{}">{}</mark>', one_line(label), text)
    )


def _as_taken(text: str) -> tuple[str, Sequence[int]]:
    """Return text as parsing took it (``cdr.events.text_of``), and the place in ``text`` of each of its characters and
    of its end.
    """
    if not _UNTAKEN.search(text):
        return text, range(len(text) + 1)
    taken: list[str] = []
    places: list[int] = []
    for at, character in enumerate(text):
        code = ord(character)
        written = f"\\x{code - 0xDC00 if code else 0:02x}" if _UNTAKEN.match(character) else character
        taken.append(written)
        places += [at] * len(written)
    return "".join(taken), [*places, len(text)]


def _raw_text(text: str) -> SafeString:
    return marked(raw_pieces(text.encode("utf-8", "surrogateescape")))


def _field(text: str, label: str) -> SafeString:
    return format_html('<mark class="field-mark" title="{}">{}</mark>', one_line(label), _raw_text(text))
