"""Render a call's ladder as SVG, for a page (whose style sheet colours it) and as a file of its own.

Text from a proxy is escaped, shortened to its place, and shown with marks for invisible characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from html import escape

from cdr.display.ladder import Drawing, Gap, Hop, LadderNote, LadderRemark, Lifeline, Message, Side
from cdr.display.safe_text import one_line
from cdr.events import SECOND

_TIMES, _SPACE, _EDGE = 104, 196, 90
_HEAD, _LEG, _ROW, _REMARK, _GAP, _FOOT = 58, 26, 38, 34, 40, 16
_LONGEST_NAME, _LONGEST_LABEL, _WIDE_LABEL = 20, 22, 46

# Outside of a page its CSS variables are missing: these colours and the viewer's own colour scheme apply.
_STYLE = """
svg:root{background:#fff}
@media(prefers-color-scheme:dark){svg:root{background:#151b27;--ink:#f1f3f6;--quiet:#9aa2b1;--line:#3d4554;\
--panel:#252d3b;--red:#ff9a8f;--amber:#f0c060;--amber-back:#4a3c1c;--link:#59b4d1}}
.ladder{font:12px system-ui,sans-serif;fill:var(--ink,#1b2230)}
.ladder .life{stroke:var(--line,#d5d9e0);stroke-width:1.5}
.ladder .box{fill:var(--panel,#f4f6f9);stroke:var(--line,#d5d9e0)}
.ladder .proxy .box{stroke:var(--link,#0d6179)}
.ladder .name{font-weight:600;text-anchor:middle}
.ladder .side,.ladder .time,.ladder .silence{fill:var(--quiet,#5f6878);font-size:11px}
.ladder .side,.ladder .silence,.ladder .label,.ladder .remark text{text-anchor:middle}
.ladder .time{font-variant-numeric:tabular-nums}
.ladder .hop{fill:none;stroke:var(--ink,#1b2230);stroke-width:1.5}
.ladder .head{fill:var(--ink,#1b2230)}
.ladder .inferred .hop,.ladder .hop.inferred{stroke:var(--quiet,#5f6878);stroke-dasharray:5 4;stroke-width:1.2}
.ladder .head.inferred{fill:var(--quiet,#5f6878)}
.ladder .inferred .label{fill:var(--quiet,#5f6878)}
.ladder .failed .hop{stroke:var(--red,#b3261e)}
.ladder .failed .head,.ladder .failed .label{fill:var(--red,#b3261e)}
.ladder .label{paint-order:stroke;stroke:var(--paper,transparent);stroke-width:4px}
.ladder .seen{fill:var(--link,#0d6179)}
.ladder .break{stroke:var(--quiet,#5f6878);stroke-dasharray:2 5}
.ladder .remark rect{fill:var(--amber-back,#fdf3dc)}
.ladder .remark text{fill:var(--amber,#7a4d00);font-weight:600}
.ladder .calm rect{fill:var(--panel,#f4f6f9)}
.ladder .calm text{fill:var(--quiet,#5f6878);font-weight:400}
.ladder .leg{stroke:var(--link,#0d6179);stroke-width:1.5;fill:none}
.ladder .leg-name{fill:var(--link,#0d6179);font-size:11px;text-anchor:middle}
.ladder a:hover .label{text-decoration:underline}
"""
_NO_XML = {0xFFFE: "\N{REPLACEMENT CHARACTER}", 0xFFFF: "\N{REPLACEMENT CHARACTER}"}  # XML 1.0, production Char
_CALM = frozenset({LadderNote.ONGOING, LadderNote.RECORD_ENDED, LadderNote.CUT, LadderNote.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of the drawing in the reader's language. ``linked``: messages link to ``#event-ID`` of the page."""

    title: str
    description: str
    sides: Mapping[Side, str]
    notes: Mapping[LadderNote, str]
    unknown: str
    leg: str
    linked: bool = False


def svg(drawing: Drawing, words: Words, zone: tzinfo) -> str:
    """Return the drawing as an SVG element, with the times in ``zone``."""
    width = _x(len(drawing.columns) - 1) + _EDGE
    top = _HEAD + _LEG * len(drawing.legs)
    heights = [_height(row) for row in drawing.rows]
    bottom = top + sum(heights) + _FOOT
    body = "".join(_body(drawing, words, zone, top, bottom))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ladder"'
        f' role="group" aria-labelledby="ladder-title ladder-desc"'  # not an image, because its arrows are links
        f' viewBox="0 0 {width} {bottom}" width="{width}" height="{bottom}">'
        f'<title id="ladder-title">{_text(words.title, 200)}</title>'
        f'<desc id="ladder-desc">{_text(words.description, 4000)}</desc>'
        f"<style>{_STYLE}</style>{body}</svg>"
    )


def _body(drawing: Drawing, words: Words, zone: tzinfo, top: int, bottom: int) -> Iterator[str]:
    for index, column in enumerate(drawing.columns):
        yield f'<line class="life" x1="{_x(index)}" y1="{_HEAD - 14}" x2="{_x(index)}" y2="{bottom - 4}"/>'
        yield _head(index, column, words)
    for number, (source, target) in enumerate(drawing.legs, 1):
        yield _leg(source, target, f"{words.leg} {number}", _HEAD + _LEG * number - 10)
    y, day = top, ""
    for row in drawing.rows:
        middle = y + _height(row) // 2
        match row:
            case Gap(length):
                yield _pause(drawing, _pause_text(length), middle)
            case LadderRemark():
                yield _remark(drawing, row, words, middle)
            case Message():
                yield _message(row, words, middle)
        if not isinstance(row, Gap) and row.time is not None:
            text, day = _clock(row.time, row.precision if isinstance(row, Message) else SECOND, zone, day)
            yield f'<text class="time" x="4" y="{middle + 8}">{text}</text>'
        y += _height(row)


def _x(column: int) -> int:
    return _TIMES + _EDGE // 2 + 24 + column * _SPACE


def _height(row: Message | Gap | LadderRemark) -> int:
    match row:
        case Gap():
            return _GAP
        case LadderRemark():
            return _REMARK
    return _ROW


def _head(index: int, column: Lifeline, words: Words) -> str:
    name = _text(column.name, _LONGEST_NAME) if column.name else _text(words.unknown, _LONGEST_NAME)
    x = _x(index)
    return (
        f'<g class="{column.side}"><rect class="box" x="{x - 88}" y="4" width="176" height="40" rx="6"/>'
        f'<text class="name" x="{x}" y="21">{name}</text>'
        f'<text class="side" x="{x}" y="36">{_text(words.sides[column.side], _LONGEST_NAME)}</text></g>'
    )


def _leg(source: int, target: int, name: str, y: int) -> str:
    left, right = _x(source), _x(target)
    return (
        f'<path class="leg" d="M{left} {y + 4}V{y}H{right}V{y + 4}"/>'
        f'<text class="leg-name" x="{(left + right) // 2}" y="{y - 4}">{_text(name, _LONGEST_NAME)}</text>'
    )


def _pause_text(length: timedelta) -> str:
    """Write 00:42 or 1:02:03, days before them."""
    return str(length).split(".")[0].removeprefix("0:")


def _pause(drawing: Drawing, length: str, y: int) -> str:
    first, last = _x(0), _x(len(drawing.columns) - 1)
    return (
        f'<line class="break" x1="{first}" y1="{y}" x2="{last}" y2="{y}"/>'
        f'<text class="silence label" x="{(first + last) // 2}" y="{y + 4}">{length}</text>'
    )


def _remark(drawing: Drawing, remark: LadderRemark, words: Words, y: int) -> str:
    first, last = _x(0), _x(len(drawing.columns) - 1)
    calm = " calm" if remark.note in _CALM else ""
    return (
        f'<g class="remark{calm}"><rect x="{first - 40}" y="{y - 13}" width="{last - first + 80}" height="26" rx="6"/>'
        f'<text x="{(first + last) // 2}" y="{y + 4}">{_text(words.notes[remark.note], 90)}</text></g>'
    )


def _message(message: Message, words: Words, y: int) -> str:
    recorded = any(hop.recorded for hop in message.hops)
    kinds = "message" + ("" if recorded else " inferred") + (" failed" if message.failed else "")
    y += 8
    drawn = "".join(_hop(hop, message.directed, y) for hop in message.hops)
    drawn += "".join(f'<circle class="seen" cx="{_x(index)}" cy="{y}" r="3.5"/>' for index in message.proxy_columns)
    label = f"{_label(message, y)}<title>{_text(message.label, 200)}</title>"
    if words.linked and message.events:
        return f'<a class="{kinds}" href="#event-{message.events[0]}">{label}{drawn}</a>'
    return f'<g class="{kinds}">{label}{drawn}</g>'


def _label(message: Message, y: int) -> str:
    """Write the label once, above the recorded hop or else the first."""
    hop = next((hop for hop in message.hops if hop.recorded), message.hops[0])
    columns = abs(hop.target - hop.source)
    middle = (_x(hop.source) + _x(hop.target)) // 2
    shown = _text(message.label, _LONGEST_LABEL if columns == 1 else _WIDE_LABEL)
    return f'<text class="label" x="{middle}" y="{y - 6}">{shown}</text>'


def _hop(hop: Hop, directed: bool, y: int) -> str:
    source, target = _x(hop.source), _x(hop.target)
    kind = "" if hop.recorded else " inferred"
    right = target > source
    line = f'<path class="hop{kind}" d="M{source} {y}H{target - 4 if right else target + 4}"/>'
    if not directed:
        return line
    tip, back = (target - 4, -8) if right else (target + 4, 8)
    return f'{line}<path class="head{kind}" d="M{tip} {y}l{back} -4v8z"/>'


def _clock(time: datetime, precision: int, zone: tzinfo, day: str) -> tuple[str, str]:
    """Write a time of day, with the date if it differs from that of the previous row."""
    local = time.astimezone(zone)
    date = f"{local:%Y-%m-%d}"
    text = f"{local:%H:%M:%S}"
    if precision < SECOND:
        text += f".{local.microsecond // 1000:03d}"
    if date == day:
        return text, date
    return f'<tspan x="4" dy="-14">{date}</tspan><tspan x="4" dy="14">{text}</tspan>', date


def _text(text: object, longest: int) -> str:
    return escape(one_line(str(text), longest)).translate(_NO_XML)
