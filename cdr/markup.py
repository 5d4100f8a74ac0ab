"""How values of a call look on a page: each a small piece of safe markup, for columns and templates alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from cdr import wording
from cdr.correlation.record import DurationKind, Flag, Outcome, ReleasedBy, Rule, State
from cdr.models import Call
from cdr.recognised import Span, recognised, recognised_in_packet
from cdr.visible import (
    HEX_WIDTH,
    Piece,
    ascii_text,
    hex_rows,
    is_binary,
    is_plain,
    one_line,
    pieces,
    raw_pieces,
)

_STATE_ICONS: Mapping[State, str] = {
    State.SETUP: "more_horiz",
    State.ONGOING: "call",
    State.COMPLETED: "check",
    State.STOP_MISSING: "warning",
    State.START_MISSING: "help",
    State.UNANSWERED: "close",
}
_NARROW_SPACE = "\u202f"
_LONGEST_RAW = 64 * 1024
_UNTAKEN = re.compile("[\x00\udc80-\udcff]")
_LONGEST_PARTY, _LONGEST_CALL_ID, _LONGEST_CHANGE, _LONGEST_TITLE = 64, 48, 500, 32
NOTHING = mark_safe('<span class="muted nothing">–</span>')
_NOT_LOGGED = _("not logged")


def _marked(shown: Iterable[Piece]) -> SafeString:
    return format_html_join(
        "", "{}", ((format_html('<span class="mark">{}</span>', p.text) if p.hidden else p.text,) for p in shown)
    )


def visible(value: object, longest: int = 0) -> SafeString:
    """Show text from a proxy: escaped, hidden characters marked, kept from turning what stands around it.

    ``longest`` cuts it (0: never); what was cut is said by an ellipsis.
    """
    text = "" if value is None else str(value)
    cut = "…" if longest and len(text) > longest else ""
    shown = text[:longest] if cut else text
    return format_html("<bdi>{}{}</bdi>", shown if is_plain(shown) else _marked(pieces(shown)), cut)


def visible_lines(text: str) -> SafeString:
    """Show text that a person wrote, with its line breaks."""
    return format_html_join("\n", "{}", ((visible(line),) for line in text.splitlines()))


def shortly(value: str | None, longest: int = _LONGEST_TITLE) -> str:
    """Return text for a place that holds no markup, such as the title of the window."""
    return one_line(value or "?", longest)


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
    for span in (Span(places[s], places[e], label) for s, e, label in recognised(taken, fields)):
        parts += [_raw_text(text[end : span.start]), _field(text[span.start : span.end], span.label)]
        end = span.end
    return format_html_join("", "{}", ((part,) for part in [*parts, _raw_text(text[end:])]))


def _dump_with_fields(raw: bytes, fields: Iterable[tuple[str, str]]) -> SafeString:
    """Write a packet as a dump, with the fields marked among its bytes and in their text."""
    spans = recognised_in_packet(raw, fields)
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
    return _marked(raw_pieces(text.encode("utf-8", "surrogateescape")))


def _field(text: str, label: str) -> SafeString:
    return format_html('<mark class="field-mark" title="{}">{}</mark>', one_line(label), _raw_text(text))


def number(value: int) -> str:
    """Write a count with thin gaps between the thousands."""
    return f"{value:,}".replace(",", _NARROW_SPACE)


def moment(value: datetime | None, precision: int = 1) -> SafeString:
    """Show a time in the reader's zone, with the fraction that its ``precision`` (microseconds) has."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        value.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        _written(local, precision),
    )


def moment_in(value: datetime, zone: tzinfo) -> SafeString:
    """Write a time in ``zone``, with the offset from UTC for who points at it."""
    local = value.astimezone(zone)
    return format_html('<span title="UTC{}">{}</span>', f"{local:%z}", _written(local, 1))


def _written(local: datetime, precision: int) -> str:
    text = f"{local:%Y-%m-%d %H:%M:%S}"
    if local.microsecond and precision < 1_000_000:
        text += f".{local.microsecond:06d}"[: 4 if precision >= 1_000 or local.microsecond % 1000 == 0 else 7]
    return text


def clock(value: timedelta | None) -> str:
    """Write a duration as 0:42 or 1:02:03, whole seconds, cut like a clock."""
    if value is None:
        return "–"
    sign = "−" if value < timedelta(0) else ""
    minutes, seconds = divmod(int(abs(value).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return sign + (f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}")


def exact_seconds(value: timedelta) -> str:
    """Write a duration in seconds with all the digits that it has."""
    text = f"{value / timedelta(seconds=1):.6f}".rstrip("0").rstrip(".")
    return f"{text}{_NARROW_SPACE}s"


def duration_sign(call: Call) -> str:
    """Return what stands before a duration that is not simply measured: ≥, ≤ or ≈."""
    match call.duration_kind:
        case DurationKind.AT_LEAST:
            return "≥"
        case DurationKind.AT_MOST:
            return "≤"
        case _:
            return "≈" if wording.DOUBTFUL.intersection(call.flags) else ""


def duration(call: Call) -> SafeString:
    """Show how long a call lasted, with ≥, ≤ or ≈ where that is not simply measured."""
    if call.answered_at is None and call.state == State.UNANSWERED:
        return NOTHING
    if call.duration is None and call.settlement and call.settlement.ended_at and call.answered_at:
        return format_html(
            '<span class="duration by-hand" title="{}"><span class="sr-only">{} </span>{}</span>',
            wording.SETTLED.meaning,
            wording.SETTLED.label,
            clock(call.settlement.ended_at - call.answered_at),
        )
    if call.duration is None:
        return format_html('<span class="muted">{}</span>', wording.DURATIONS[DurationKind.UNKNOWN].label)
    sign = duration_sign(call)
    kind = wording.DURATIONS[DurationKind(call.duration_kind)]
    if not sign:
        return format_html('<span class="duration">{}</span>', clock(call.duration))
    spoken = gettext("about") if sign == "≈" else kind.label
    return format_html(
        '<span class="duration" title="{}"><span aria-hidden="true">{}</span><span class="sr-only">{} </span>{}</span>',
        kind.meaning,
        f"{sign}\u2009",
        spoken,
        clock(call.duration),
    )


def icon(name: str) -> SafeString:
    return format_html('<span class="material-symbols-outlined icon" aria-hidden="true">{}</span>', name)


def state_badge(state: str) -> SafeString:
    """Show a state as text, icon and colour."""
    return _state_badge(state, get_language())


@cache  # a list shows the same few again and again; the language is part of what they look like
def _state_badge(state: str, language: str | None) -> SafeString:
    word = wording.STATES[State(state)]
    return format_html(
        '<span class="state state-{}" title="{}">{}{}</span>',
        state,
        word.meaning,
        icon(_STATE_ICONS[State(state)]),
        word.label,
    )


def state_of(call: Call) -> SafeString:
    """Show the state of a call, and where a person settled its end, that."""
    return _settled_badge(get_language()) if call.settlement else state_badge(call.state)


@cache
def _settled_badge(language: str | None) -> SafeString:
    word = wording.SETTLED
    return format_html(
        '<span class="state state-settled" title="{}">{}{}</span>', word.meaning, icon("person_check"), word.label
    )


def outcome(call: Call) -> SafeString:
    """Show what became of the INVITE, with the code where it says more than the word."""
    word = wording.OUTCOMES[Outcome(call.outcome)] if call.outcome else None
    code = call.sip_code if call.outcome != Outcome.ANSWERED else None
    if word is None:
        return NOTHING
    return format_html(
        '<span class="outcome" title="{}">{}{}</span>',
        word.meaning,
        word.label,
        format_html(' <span class="code">{}</span>', code) if code else "",
    )


def released_by(call: Call) -> SafeString:
    """Show who hung up."""
    if not call.released_by:
        return NOTHING
    word = wording.RELEASED[ReleasedBy(call.released_by)]
    css = "muted" if call.released_by == ReleasedBy.UNKNOWN else "party"
    return format_html('<span class="{}" title="{}">{}</span>', css, word.meaning, word.label)


def _flag_word(flag: str) -> wording.Word:
    """A flag of a later version has no sentence here yet, but is shown."""
    return wording.FLAGS[Flag(flag)] if flag in set(Flag) else wording.Word(flag.replace("_", " "), "")


def flag_badges(flags: Iterable[str]) -> SafeString:
    """Show flags as words; each tells its meaning when pointed at."""
    return format_html_join(
        " ",
        '<span class="flag" title="{}">{}</span>',
        ((word.meaning, word.label) for word in map(_flag_word, flags)),
    )


def flag_words(flags: Iterable[str]) -> list[wording.Word]:
    """Return label and meaning of each flag."""
    return [_flag_word(flag) for flag in flags]


def rule_word(rule: str) -> wording.Word:
    return wording.RULES[Rule(rule)]


def arrow() -> SafeString:
    """Show the direction of a call; it is read out as a word."""
    return _arrow(get_language())


@cache
def _arrow(language: str | None) -> SafeString:
    return format_html('<span class="arrow" aria-hidden="true">→</span><span class="sr-only">{}</span>', _("to"))


def party(value: str | None) -> SafeString:
    """Show a caller or callee, or that the proxy logged none."""
    if not value:
        return format_html('<span class="muted">{}</span>', _NOT_LOGGED)
    return format_html('<span class="party">{}</span>', visible(value, _LONGEST_PARTY))


def parties(call: Call) -> SafeString:
    """Show who called whom; where the proxy did not log it, the Call-ID keeps the row useful."""
    who = party(None)
    if call.caller or call.callee:
        who = format_html('<span class="parties">{} {} {}</span>', party(call.caller), arrow(), party(call.callee))
    if call.caller and call.callee:
        return who
    call_id = visible(call.call_id, _LONGEST_CALL_ID)
    return format_html(
        '<span class="who">{} <span class="call-id" title="{}">{}</span></span>', who, _("Call-ID"), call_id
    )


def value(value: str | None) -> SafeString:
    """Show a logged value whole, however long, or say that there is none."""
    if not value:
        return format_html('<span class="muted">{}</span>', _NOT_LOGGED if value is None else _("empty"))
    return format_html('<span class="value">{}</span>', visible(value))


def pairs(labelled: Iterable[tuple[str, str]]) -> SafeString:
    """Show labels with their values, one to a line, in the order given."""
    lines = format_html_join("", "<li>{} = {}</li>", ((visible(label, 64), value(text)) for label, text in labelled))
    return format_html('<ul class="pairs">{}</ul>', lines) if lines else NOTHING


def plain(value: object) -> SafeString:
    """Show a value out of JSON as a person would write it."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return visible(", ".join(value), _LONGEST_CHANGE)
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), _LONGEST_CHANGE)


def _none_of(field: str) -> SafeString:
    """Say that a field had no value: a time or length was not known, anything else was not there."""
    if field.endswith("_at") or field == "duration":
        return format_html('<span class="muted">{}</span>', _("unknown"))
    return format_html('<span class="muted">{}</span>', _("none"))


def _settlement_in_words(settled: Mapping[str, Any]) -> SafeString:
    end = parse_datetime(settled["ended_at"]) if settled.get("ended_at") else None
    return format_html(
        "{} ({}: {})",
        moment(end) if end else gettext("unknown for good"),
        visible(settled.get("by"), _LONGEST_PARTY),
        visible(settled.get("reason"), _LONGEST_CHANGE),
    )


def _leg_in_words(leg: Mapping[str, Any]) -> str:
    return f"{leg.get('source') or '?'} → {leg.get('destination') or '?'}"


def changed(field: str, value: Any) -> SafeString:
    """Show what a field of a call was before or after a revision, like the call's page shows the field."""
    match field, value:
        case _ if value in (None, "", [], {}):
            return _none_of(field)
        case "settlement", dict():
            return _settlement_in_words(value)
        case "superseded", bool():
            return visible(gettext("yes") if value else gettext("no"))
        case "attempts", list():
            return visible(", ".join(f"{one.get('code')} {one.get('reason')}" for one in value), _LONGEST_CHANGE)
        case "legs", list():
            return visible(", ".join(map(_leg_in_words, value)), _LONGEST_CHANGE)
        case "extra", dict():
            return visible(", ".join(f"{label}={text}" for label, text in value.items()), _LONGEST_CHANGE)
        case "duration_kind", str() if value in set(DurationKind):
            return visible(wording.DURATIONS[DurationKind(value)].label)
        case "released_by", str() if value in set(ReleasedBy):
            return visible(wording.RELEASED[ReleasedBy(value)].label)
        case "state", str() if value in set(State):
            return state_badge(value)
        case "outcome", str() if value in set(Outcome):
            return visible(wording.OUTCOMES[Outcome(value)].label)
        case "flags", list():
            return flag_badges(value)
        case "duration", int() | float():
            return visible(exact_seconds(timedelta(seconds=value)))
        case (("started_at" | "answered_at" | "ended_at" | "stop_due_at"), str()) if found := parse_datetime(value):
            return moment(found)
    return plain(value)


def lag(value: datetime, received: datetime, precision: int) -> SafeString:
    """Say how long after an event's own time it was received; a time of whole seconds may lie up to one back."""
    late = received - value
    if late < -timedelta(microseconds=precision):
        return format_html(
            '<span class="skew" title="{}">{}</span>',
            _("The event's time lies after its receipt: the proxy's clock is ahead of ours, or its zone is set wrong."),
            gettext("{length} before its own time").format(length=clock(-late)),
        )
    if late < timedelta(seconds=2):
        return format_html('<span class="muted">{}</span>', _("at once"))
    if late >= timedelta(days=1):
        text = ngettext("{n} day later", "{n} days later", late.days).format(n=late.days)
    else:
        text = gettext("{length} later").format(length=clock(late))
    return format_html('<span class="muted">{}</span>', text)


def since(passed: timedelta | None, precision: int) -> SafeString:
    """Say how much later than the event before it an event was, with the fraction that its ``precision`` has."""
    if passed is None:
        return SafeString("")
    if abs(passed) < timedelta(seconds=1):
        text = f"+{exact_seconds(passed)}" if passed > timedelta(0) and precision < 1_000_000 else "+0"
    else:
        text = f"{'+' if passed > timedelta(0) else ''}{clock(passed)}"
    return format_html('<span class="since" title="{}">{}</span>', _("after the event before"), text)


def ago(value: datetime | None) -> str:
    """Say how long ago something was, in its largest unit: a glance tells a silent source."""
    if value is None:
        return gettext("never")
    seconds = int((timezone.now() - value).total_seconds())
    if seconds < 0:
        return gettext("in the future")
    minutes, hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if days:
        return ngettext("{n} day ago", "{n} days ago", days).format(n=days)
    if hours:
        return ngettext("{n} hour ago", "{n} hours ago", hours).format(n=hours)
    if minutes:
        return ngettext("{n} minute ago", "{n} minutes ago", minutes).format(n=minutes)
    return gettext("just now")
