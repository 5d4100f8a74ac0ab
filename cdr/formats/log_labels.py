"""Find the labels after the core fields of a log line: those of the layout, or guessed from the line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from cdr.events import text_of
from cdr.formats import labelled
from proxyconf.vocabulary.layout import Backend, FieldLayout, Role

Labels: TypeAlias = tuple[bytes, ...]

PREFIX = rb"ACC: (?P<prefix>transaction answered|call missed|request accounted|request acknowledged|call ended): "
CORE = (b"method", b"from_tag", b"to_tag", b"call_id")
"""The core fields after the time fields; ``code`` (a number or empty) and ``reason`` follow."""

_CORE_NAMES = frozenset(
    (*CORE, b"code", b"reason", b"timestamp", b"created", b"setuptime", b"call_start_time", b"ms_duration")
)
SIP_PARAMETERS = frozenset(b"branch cause expires lr maddr q received rport tag text transport ttl".split())
"""Parameters of URIs, Via, Contact (RFC 3261 §25.1) and Reason (RFC 3326), which follow ``;`` inside values."""

_MAX_EXTRAS, _MAX_LEG_LABELS = 64, 16
"""Maximum numbers of labels in the ``acc`` modules."""

_name = re.compile(rb";(?!user=(?:phone|ip)\b)([A-Za-z_][A-Za-z0-9_.-]{0,63})=")


class LineShape(NamedTuple):
    """The labels after the core fields.

    ``known``: these and the labels of the core. ``line`` matches an accounting line with all of them in order, its
    bytes taken for Latin-1. ``empty_leg`` is what a line has instead of legs: their labels without values.
    """

    extras: Labels
    legs: Labels
    extra_names: tuple[str, ...]
    leg_names: tuple[str, ...]
    known: frozenset[bytes]
    line: re.Pattern[str]
    empty_leg: str


class LogLabels:
    """The labels in the log lines of one proxy.

    If the layout does not define the extras or the legs of syslog, they are guessed from each line separately:

    * ``;name=`` after the reason starts an extra, except for names of core fields (a forged ``;call_id=`` or ``;code=``
      remains part of its value) and well-known SIP parameters (``;transport=``…);
    * a set of two or more names that is repeated at the end of the line is that of the legs; so is a single set at the
      end whose names mean a leg's source, destination and type (``FieldLayout.leg_role_of``);
    * a name that is repeated otherwise is part of the value in which it occurs.
    """

    def __init__(self, layout: FieldLayout) -> None:
        self._layout = layout
        self._extras = _encoded(layout.extras.get(Backend.SYSLOG))
        self._legs = _encoded(layout.legs.get(Backend.SYSLOG))
        self._guess = lru_cache(maxsize=64)(self._make_guess)
        self._shape = lru_cache(maxsize=64)(_make_shape)
        known = self._extras is not None and self._legs is not None
        self._known = _make_shape(self._extras or (), self._legs or ()) if known else None

    def shape(self, line: bytes, start: int) -> LineShape:
        """Return the shape of a line whose accounting starts at ``start``."""
        if self._known:
            return self._known
        return self.shape_of(line[line.find(b";reason=", start) + 1 :])

    def shape_of(self, tail: bytes) -> LineShape:
        """Return the shape of a line; ``tail`` is the text after ``reason=``."""
        if self._known:
            return self._known
        if self._extras is not None:
            _, values, _ = labelled.split(tail, self._extras)
            _, legs = self._guess(_names(values[-1][1] if values else tail))
            return self._shape(self._extras, legs)
        if self._legs:
            before, _, _ = labelled.split(tail, self._legs[:1])
            return self._shape(_distinct(_names(before)), self._legs)
        if self._legs is not None:
            return self._shape(_distinct(_names(tail)), ())
        return self._shape(*self._guess(_names(tail)))

    def _make_guess(self, names: Labels) -> tuple[Labels, Labels]:
        leg_start = self._start_of_legs(names)
        return _distinct(names[:leg_start]), _distinct(names[leg_start:])

    def _start_of_legs(self, names: Labels) -> int:
        size = len(names)
        for length in range(2, min(_MAX_LEG_LABELS, size // 2) + 1):
            last = names[size - length :]
            start = size - length
            while start >= length and names[start - length : start] == last:
                start -= length
            if start < size - length and len(set(last)) == length:
                return start
        places = range(max(size - _MAX_LEG_LABELS, 0), size - 1)
        return next((place for place in places if self._means_leg(names[place:])), size)

    def _means_leg(self, names: Labels) -> bool:
        roles = [self._layout.leg_role_of(text_of(name)) for name in names]
        return (
            None not in roles
            and len(set(roles)) == len(roles)
            and {Role.LEG_SOURCE, Role.LEG_DESTINATION} <= set(roles)
        )


def _make_shape(extras: Labels, legs: Labels) -> LineShape:
    return LineShape(
        extras,
        legs,
        tuple(map(text_of, extras)),
        tuple(map(text_of, legs)),
        _CORE_NAMES.union(extras, legs),
        _line_pattern(extras, legs),
        "".join(f";{label.decode('latin-1')}=" for label in legs),
    )


def _line_pattern(extras: Labels, legs: Labels) -> re.Pattern[str]:
    """Return the pattern of a line with all labels in order, whose core and leg values contain no ``;``.

    Groups: prefix, time fields, the core fields, reason, the extras, and the text of all legs if there are ``legs``.
    All quantifiers are possessive, so that even a hostile line is read only once.
    """
    core = b"".join(b";" + label + rb"=([^;]*+)" for label in CORE)
    open_ended = [b"reason", *extras]
    following = [*extras, *legs[:1]]
    ends = [rb"(?!" + re.escape(label) + rb"=)" for label in following] + [b""]
    leg = b"".join(b";" + re.escape(label) + rb"=[^;]*+" for label in legs)
    pattern = (
        PREFIX
        + rb"((?:timestamp|created)=[^;]*+(?:;(?!method=)[^;]*+)*+)"
        + core
        + rb";code=(\d{0,3})"
        + b"".join(
            b";" + re.escape(label) + rb"=([^;]*+(?:;" + end + rb"[^;]*+)*+)"
            for label, end in zip(open_ended, ends, strict=False)
        )
        + (rb"((?:" + leg + rb")++)" if legs else b"")
        + rb"(?<!#012)\Z"
    )
    return re.compile(pattern.decode("latin-1"), re.ASCII)  # a match of text needs no decoding of its groups


def _names(text: bytes) -> Labels:
    """Return the apparent labels in ``text``, in order."""
    names = _name.findall(text)
    return tuple(name for name in names if name not in _CORE_NAMES and name not in SIP_PARAMETERS) if names else ()


def _distinct(names: Sequence[bytes]) -> Labels:
    return tuple(dict.fromkeys(names))[:_MAX_EXTRAS]


def _encoded(labels: Sequence[str] | None) -> Labels | None:
    return None if labels is None else tuple(label.encode() for label in labels)
