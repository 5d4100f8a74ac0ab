"""Parse the time fields at the start of an accounting line, and the decimal seconds of a dialog's record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from cdr.events import MICROSECOND, MILLISECOND, SECOND, Unparsable, text_of
from cdr.formats.setup_time import delayed_time
from proxyconf.vocabulary.layout import TimeLayout

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_number = re.compile(rb"-?\d{1,12}")
_seconds = re.compile(rb"\d{1,12}")
_microseconds = re.compile(rb"\d{1,6}")
_decimal = re.compile(rb"(\d{1,12})\.(\d{1,6})")


class Clock(NamedTuple):
    """The times of a line, each as in ``AccEvent``. ``reply_time`` is the time of a final response."""

    time: datetime
    reply_time: datetime
    precision: int
    created_at: datetime | None
    ended_at: datetime | None
    duration_us: int | None


class ClockReader:
    """Parses the text from ``timestamp=`` (or ``created=``) up to the method.

    Kamailio's ``time_mode`` 1 adds microseconds (not zero padded), 2 the same moment with a fraction. The text of modes
    3 and 4 repeats the second of ``timestamp`` less reliably (zone, DST) and is not used. OpenSIPS adds ``created``, 0
    if unknown, and ``setuptime`` (see ``setup_time``). Its dialog record has the start as ``call_start_time``;
    ``duration`` is rounded up to seconds, ``ms_duration`` is more precise.
    """

    def __init__(self, layout: TimeLayout) -> None:
        self._fraction, self._microseconds = layout.attr.encode(), layout.exten.encode()
        self.read = lru_cache(maxsize=1024)(self._read)  # many lines come in one second

    def _read(self, text: bytes) -> Clock:
        fields = dict(reversed([part.partition(b"=")[::2] for part in text.split(b";")]))  # the first of a name counts
        seconds = fields.get(b"timestamp", fields.get(b"call_start_time", b""))
        if not _seconds.fullmatch(seconds):
            start_of_text = text_of(text[:60])
            raise Unparsable(
                f'no time at "{start_of_text}": expected timestamp= or call_start_time= and seconds since 1970'
            )
        time, precision = self._finest(fields, seconds)
        length = _length(fields)
        created_at = _created(fields.get(b"created", b""))
        setuptime = text_of(fields.get(b"setuptime", b""))
        return Clock(
            time,
            delayed_time(time, created_at, setuptime),
            precision,
            created_at,
            None if length is None else moved(time, length),
            length,
        )

    def _finest(self, fields: Mapping[bytes, bytes], seconds: bytes) -> tuple[datetime, int]:
        microseconds = fields.get(self._microseconds, b"")
        if _microseconds.fullmatch(microseconds):
            return moment(seconds, microseconds.rjust(6, b"0")), MICROSECOND
        decimal = _decimal.fullmatch(fields.get(self._fraction, b""))
        if decimal and abs(int(decimal[1]) - int(seconds)) <= 1:  # rounded, so it may be the next second
            return moment(decimal[1], decimal[2]), MILLISECOND
        return moment(seconds), SECOND


def _created(seconds: bytes) -> datetime | None:
    return moment(seconds) if _seconds.fullmatch(seconds) and int(seconds) else None


def _length(fields: Mapping[bytes, bytes]) -> int | None:
    for name, unit in ((b"ms_duration", MILLISECOND), (b"duration", SECOND)):
        if _number.fullmatch(fields.get(name, b"")):
            return int(fields[name]) * unit
    return None


def moment(seconds: bytes, fraction: bytes = b"") -> datetime:
    """Return the time ``seconds.fraction`` after 1970 in UTC. Raise ``Unparsable`` past the year 9999."""
    return moved(_EPOCH, microseconds_of(seconds, fraction))


def moved(time: datetime, microseconds: int) -> datetime:
    """Return ``time`` moved by ``microseconds``. Raise ``Unparsable`` before the year 1 and past the year 9999."""
    try:
        return time + timedelta(microseconds=microseconds)
    except OverflowError:
        raise Unparsable(f"{microseconds} microseconds after {time:%F %T} is outside of the years 1 to 9999") from None


def microseconds_of(seconds: bytes, fraction: bytes = b"") -> int:
    """Return ``seconds.fraction`` (up to six digits) in microseconds."""
    return int(seconds) * SECOND + int(fraction.ljust(6, b"0"))


def precision_of(fraction: bytes) -> int:
    """Return the resolution of a time with this fraction (Kamailio writes ``.0`` for whole seconds)."""
    if len(fraction) >= 6:
        return MICROSECOND
    return MILLISECOND if len(fraction) >= 3 else SECOND
