"""``{% load proxyconf %}``: generated text and findings, for templates."""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from proxyconf.translation import translated
from proxyconf.views.findings import counts, grave, notes

register = template.Library()
register.filter(counts)
register.filter(grave)
register.filter(notes)
register.filter(translated)

_COMMENTS = ("#!", "#", "--")


@register.filter
def code(text: str) -> SafeString:
    """Show generated text line by line, with its comments set back."""
    lines = ((_class(line), line) for line in text.rstrip("\n").split("\n"))
    return format_html_join("\n", '<span class="{}">{}</span>', lines)


@register.filter
def diff(lines: list[tuple[str, str]]) -> SafeString:
    """Show compared lines; what stands between two parts is left out."""
    shown = ((_KINDS[kind], _SIGNS[kind], text) for kind, text in lines)
    return format_html_join("\n", '<span class="{}"><i>{}</i>{}</span>', shown)


@register.simple_tag
def symbol(name: str) -> SafeString:
    """Return an icon of the theme's font."""
    return format_html('<span class="material-symbols-outlined icon" aria-hidden="true">{}</span>', name)


def _class(line: str) -> str:
    start = line.lstrip()
    if start.startswith("#!"):
        return "line directive"
    return "line comment" if start.startswith(_COMMENTS) else "line"


_KINDS = {"+": "line added", "-": "line removed", " ": "line", "@": "line gap"}
_SIGNS = {"+": "+", "-": "−", " ": " ", "@": "⋯"}
