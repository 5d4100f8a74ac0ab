"""What a transformation makes of a text (Kamailio ``pv_trans.c``; the products have these alike).

A test plays them through a real Kamailio 5.6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

_ESCAPED = str.maketrans({"\\": "\\\\", "'": "\\'", '"': '\\"', "\0": "\\0"})


def transformed(text: str, transformation: str) -> str | None:
    """Return the text after a transformation such as ``s.substr,0,4``; None if what it does is not known here."""
    name, *arguments = transformation.lstrip().split(",")
    change = _CHANGES.get(name.strip().lower())
    try:
        return None if change is None else change(text, arguments)
    except (ValueError, IndexError):
        return None


def _substring(text: str, arguments: Sequence[str]) -> str:
    start, length = int(arguments[0]), int(arguments[1])
    start = start if start >= 0 else len(text) + start
    end = len(text) if length == 0 else start + length
    if length < 0 or not 0 <= start < end <= len(text):
        raise ValueError("outside of the text")
    return text[start:end]


def _selected(text: str, arguments: Sequence[str]) -> str:
    index, separator = int(arguments[0]), arguments[1] or ","
    parts = text.split(separator[0])
    return parts[index] if -len(parts) <= index < len(parts) else ""


def _user(text: str) -> str:
    user, at, _host = text.removeprefix("sip:").rpartition("@")
    return user if at else ""


def _host(text: str) -> str:
    return text.removeprefix("sip:").rpartition("@")[2].partition(";")[0].partition(":")[0]


_CHANGES: Mapping[str, Callable[[str, Sequence[str]], str]] = {
    "s.tolower": lambda text, _: text.lower(),
    "s.toupper": lambda text, _: text.upper(),
    "s.substr": _substring,
    "s.select": _selected,
    "s.strip": lambda text, arguments: text[int(arguments[0]) :],
    "s.striptail": lambda text, arguments: text[: max(len(text) - int(arguments[0]), 0)],
    "s.rm": lambda text, arguments: text.replace(arguments[0], ""),
    "s.md5": lambda text, _: hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
    "s.escape.common": lambda text, _: text.translate(_ESCAPED),
    "uri.user": lambda text, _: _user(text),
    "uri.host": lambda text, _: _host(text),
}
