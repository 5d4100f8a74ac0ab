"""English texts that can be translated later: each keeps its template and its values.

Mark them for extraction as ``_("The flag {number} does not exist.", number=4)``. The translation itself is done by
``proxyconf.translation``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce


class TranslatableText(str):
    """An English text, formatted from ``template`` if there are ``values``; a value may itself be translatable."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]


def message(template: str, /, **values: object) -> TranslatableText:
    """Return the English text of a template. Without values, braces are literal."""
    text = TranslatableText(template.format(**values) if values else template)
    text.template, text.values = template, values
    return text


_ = message


def all_of(words: Iterable[str]) -> str:
    """Join words: ``a, b and c``."""
    *most, last = [*words] or [""]
    return _("{first} and {last}", first=_listed(most), last=last) if most else last


def any_of(words: Iterable[str]) -> str:
    """Join words: ``a, b or c``."""
    *most, last = [*words] or [""]
    return _("{first} or {last}", first=_listed(most), last=last) if most else last


def _listed(words: list[str]) -> str:
    return reduce(lambda first, word: _("{first}, {word}", first=first, word=word), words)
