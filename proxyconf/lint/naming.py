"""What a name may hold."""

from __future__ import annotations

import re

from proxyconf.vocabulary.messages import message as _

_BAD = re.compile(r"""[;="'`\s\x00-\x1f\x7f]""")
_WORDS = {";": _("a semicolon"), "=": _("an equals sign"), '"': _("a quote"), "'": _("a quote"), "`": _("a quote")}


def bad_characters(text: str) -> list[str]:
    """Return the names of those characters in a label that no backend allows."""
    return list(dict.fromkeys(_WORDS.get(one, _("a space")) for one in _BAD.findall(text)))


def plain(text: str) -> str:
    """Return a label made of letters, digits and underscores that resembles ``text``."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower() or "field"
    return f"f_{name}" if name[0].isdigit() else name
