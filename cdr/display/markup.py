"""Render values of a call as safe markup: text from a proxy, labels with values, parties."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from django.utils.formats import get_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from cdr.display.safe_text import Piece, is_plain, one_line, pieces

NARROW_SPACE = "\u202f"
LONGEST_PARTY, _LONGEST_TITLE = 64, 32
NOTHING = mark_safe('<span class="muted nothing">–</span>')
_NOT_LOGGED = _("not logged")


def marked(text_pieces: Iterable[Piece]) -> SafeString:
    return format_html_join(
        "", "{}", ((format_html('<span class="mark">{}</span>', p.text) if p.hidden else p.text,) for p in text_pieces)
    )


def visible(value: object, longest: int = 0) -> SafeString:
    """Show text from a proxy: escaped, with hidden characters marked, and isolated in its writing direction.

    Text longer than ``longest`` (0: no limit) is cut and ends with an ellipsis.
    """
    text = "" if value is None else str(value)
    cut = "…" if longest and len(text) > longest else ""
    shown = text[:longest] if cut else text
    return format_html("<bdi>{}{}</bdi>", shown if is_plain(shown) else marked(pieces(shown)), cut)


def visible_lines(text: str) -> SafeString:
    """Show text written by a user, with its line breaks."""
    return format_html_join("\n", "{}", ((visible(line),) for line in text.splitlines()))


def shortly(value: str | None, longest: int = _LONGEST_TITLE) -> str:
    """Return short text for a place without markup, such as the title of the window."""
    return one_line(value or "?", longest)


def number(value: int) -> str:
    """Write a count with narrow spaces between the thousands."""
    return f"{value:,}".replace(",", NARROW_SPACE)


def decimal(value: float, digits: int = 1) -> str:
    """Write a number with ``digits`` decimals and the decimal separator of the reader's language."""
    return f"{value:.{digits}f}".replace(".", str(get_format("DECIMAL_SEPARATOR")))


def trimmed_decimal(value: float, digits: int = 1) -> str:
    """Write a number with at most ``digits`` decimals, in the reader's language."""
    return decimal(value, digits).rstrip("0").rstrip(".,")


def minutes(value: float) -> str:
    """Write minutes, from 100 on without a decimal."""
    return number(round(value)) if value >= 100 else decimal(value)


def icon(name: str) -> SafeString:
    return format_html('<span class="material-symbols-outlined icon" aria-hidden="true">{}</span>', name)


def arrow() -> SafeString:
    """Show the direction of a call; screen readers read a word."""
    return _arrow(get_language())


@cache
def _arrow(language: str | None) -> SafeString:
    return format_html('<span class="arrow" aria-hidden="true">→</span><span class="sr-only">{}</span>', _("to"))


def party(value: str | None) -> SafeString:
    """Show a caller or callee, or that it was not logged."""
    if not value:
        return format_html('<span class="muted">{}</span>', _NOT_LOGGED)
    return format_html('<span class="party">{}</span>', visible(value, LONGEST_PARTY))


def value(value: str | None) -> SafeString:
    """Show a complete logged value, or say that there is none."""
    if not value:
        return format_html('<span class="muted">{}</span>', _NOT_LOGGED if value is None else _("empty"))
    return format_html('<span class="value">{}</span>', visible(value))


def pairs(labelled: Iterable[tuple[str, str]]) -> SafeString:
    """Show labels with their values, one per line, in this order."""
    lines = format_html_join("", "<li>{} = {}</li>", ((visible(label, 64), value(text)) for label, text in labelled))
    return format_html('<ul class="pairs">{}</ul>', lines) if lines else NOTHING
