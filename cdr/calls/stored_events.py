"""Rows of stored events as input of the fold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from cdr.correlation.record import Observed
from cdr.events import AccEvent, EventKind, Pairs
from cdr.models import Event
from cdr.storage.tables import Row, Table
from proxyconf.vocabulary.layout import Backend

_COLUMNS = tuple(name for name in AccEvent._fields if name != "raw")
EVENTS = Table(Event, "call_key", "proxy", "id", *_COLUMNS)
KEY = 0
"""The place of ``call_key`` in a row of ``EVENTS``."""

_KINDS: Mapping[str, EventKind] = {kind.value: kind for kind in EventKind}
_BACKENDS: Mapping[str, Backend] = {backend.value: backend for backend in Backend}


class EventReader:
    """Makes events of the rows of one batch.

    Outputs in parallel say the same of a call, and its STOP often what its START said, so each JSON text is decoded
    once, and equal extras are one object.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        """``names``: those of the proxies, by primary key."""
        self._names = names
        self._extras: dict[str, Pairs] = _Decoded(lambda text: _pairs(json.loads(text)))
        self._legs: dict[str, tuple[Pairs, ...]] = _Decoded(lambda text: tuple(map(_pairs, json.loads(text))))

    def observed(self, row: Row) -> Observed:
        """Return the event of a row of ``EVENTS``."""
        (
            _,
            proxy,
            pk,
            kind,
            method,
            from_tag,
            to_tag,
            call_id,
            code,
            reason,
            time,
            precision,
            backend,
            extra,
            legs,
            ended_at,
            duration_us,
            created_at,
            position,
            flags,
        ) = row
        event = AccEvent(
            _KINDS[kind],
            method,
            from_tag,
            to_tag,
            call_id,
            code,
            reason,
            time,
            precision,
            _BACKENDS[backend],
            self._extras[extra],
            self._legs[legs],
            ended_at,
            duration_us,
            created_at,
            position,
            tuple(flags.split()) if flags else (),
        )
        return Observed(event, self._names[proxy], pk)


class _Decoded(dict[str, Any]):
    """What a function makes of a text, made once."""

    def __init__(self, decode: Callable[[str], Any]) -> None:
        self._decode = decode

    def __missing__(self, text: str) -> Any:
        self[text] = decoded = self._decode(text)
        return decoded


def _pairs(stored: Iterable[Iterable[str]]) -> Pairs:
    return cast(Pairs, tuple(map(tuple, stored)))
