"""Parse the times in SQL rows: local times, seconds since 1970, Julian days, and Kamailio's more precise columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache, partial
from typing import NamedTuple, TypeAlias

from cdr.events import MICROSECOND, SECOND, Unparsable
from cdr.formats.local_time import to_utc
from proxyconf.vocabulary.layout import TimeLayout


class SqlTime(NamedTuple):
    """A time as in ``AccEvent``; ``ambiguous`` as in ``cdr.formats.local_time``."""

    utc: datetime
    precision: int
    ambiguous: bool = False


Clock: TypeAlias = Callable[[str], SqlTime]
"""Parses a time; raises ``ValueError`` for any other text."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JULIAN_DAY_OF_EPOCH = 2_440_587.5
_JULIAN_DAY = re.compile(
    r"2[0-9]{6}(?:\.[0-9]{1,15})?"
)  # of the years 764 to 3501; seconds since 1970 have more digits
_SECONDS_PER_DAY = 86_400
_SECONDS = re.compile(r"[0-9]{9,11}(?:\.([0-9]{1,9}))?")  # times since 1973; no other number is a time
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.([0-9]{1,6}))?"
    r"(?:Z|[-+][0-9]{2}(?::?[0-9]{2}){0,2})?"
)
_KEPT = 4096
"""Cached conversions: rows come roughly in order of time, many within one second."""


def clock_in(zone: tzinfo) -> Clock:
    """Return the parser of local times in ``zone``."""
    return lru_cache(_KEPT)(partial(_moment, zone))


def read_time(clock: Clock, column: str, text: str) -> SqlTime:
    """Return the time in a column; raise ``Unparsable`` if it is not one."""
    try:
        return clock(text)
    except ValueError as error:
        raise Unparsable(f"{column} is {shown(text)}: {error}") from error


def shown(text: str) -> str:
    """Return a cell, quoted and shortened for a message."""
    return repr(text if len(text) <= 40 else text[:40] + "…") if text else "empty"


def _moment(zone: tzinfo, text: str) -> SqlTime:
    """Parse a date with time (in ``zone`` unless it has an offset), seconds since 1970, or a Julian day."""
    if match := _SECONDS.fullmatch(text):
        # Kamailio 6.1 with cdr_duration_mode 0 writes whole seconds as "….0".
        return SqlTime(_since_epoch(text), _resolution(match[1] if match[1] != "0" else None))
    if _JULIAN_DAY.fullmatch(text):
        utc, ambiguous = to_utc(_from_julian_day(text), zone)
        return SqlTime(utc, SECOND, ambiguous)
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError("neither a date with time, nor seconds since 1970, nor a Julian day")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        utc, ambiguous = to_utc(moment, zone)
        return SqlTime(utc, _resolution(match[1]), ambiguous)
    try:
        return SqlTime(moment.astimezone(UTC), _resolution(match[1]))
    except OverflowError as error:
        raise ValueError("outside of the years 1 to 9999") from error


def _from_julian_day(text: str) -> datetime:
    """Return the local time of a Julian day number.

    Kamailio's ``db_sqlite`` stores every DATETIME like this (4.1 and newer): local time as if it were UTC, in days
    since noon of 1 January 4713 BC. The number is precise to the second.
    """
    seconds = round((float(text) - _JULIAN_DAY_OF_EPOCH) * _SECONDS_PER_DAY)
    return EPOCH.replace(tzinfo=None) + timedelta(seconds=seconds)


def _resolution(fraction: str | None) -> int:
    return max(MICROSECOND, SECOND // 10 ** len(fraction)) if fraction else SECOND


def _since_epoch(seconds: str, microseconds: int = 0) -> datetime:
    try:
        return EPOCH + timedelta(microseconds=round(float(seconds) * SECOND) + microseconds)
    except OverflowError as error:
        raise ValueError("outside of the years 1 to 9999") from error


FinerTime: TypeAlias = Callable[[Sequence[str]], SqlTime | None]
"""Parses the time of a row from columns that are more precise than ``time``; None if they are empty."""


def finer_time(attr: int | None, exten: int | None, layout: TimeLayout) -> FinerTime | None:
    """Return the parser of ``time_attr`` and ``time_exten`` at these indexes; ``None`` if they add nothing to ``time``.

    Kamailio's ``acc`` writes, by its parameter ``time_mode``: 1 seconds and microseconds in two columns, 2 seconds with
    a fraction, 3 local text (which repeats ``time``), 4 text in UTC. If the layout has mode 0 but the columns exist,
    numbers in them are used, but not texts, whose time zone is unknown.
    """
    if attr is None or layout.mode == 3:
        return None
    if layout.mode == 4:
        return _UtcText(attr, layout, lru_cache(_KEPT)(partial(_strptime, layout.format)))
    return _Epoch(attr, exten if layout.mode != 2 else None, layout)


@dataclass(frozen=True, slots=True)
class _Epoch:
    attr: int
    exten: int | None
    layout: TimeLayout

    def __call__(self, row: Sequence[str]) -> SqlTime | None:
        text = row[self.attr]
        if not text or text == "0":
            return None
        exten = "" if self.exten is None else row[self.exten]
        if _SECONDS.fullmatch(text) and (not exten or (exten.isdecimal() and exten.isascii() and len(exten) <= 6)):
            return SqlTime(_since_epoch(text, int(exten or 0)), MICROSECOND if exten or "." in text else SECOND)
        if self.layout.mode == 0:
            return None
        raise Unparsable(
            f"{self.layout.attr} is {shown(text)}{f' with {self.layout.exten} {shown(exten)}' if exten else ''}, which "
            f"time_mode {self.layout.mode} does not write; correct the time mode in the proxy's layout"
        )


@dataclass(frozen=True, slots=True)
class _UtcText:
    attr: int
    layout: TimeLayout
    parse: Callable[[str], datetime]

    def __call__(self, row: Sequence[str]) -> SqlTime | None:
        text = row[self.attr]
        if not text:
            return None
        try:
            return SqlTime(self.parse(text), SECOND)
        except (ValueError, OverflowError) as error:
            raise Unparsable(
                f"{self.layout.attr} is {shown(text)}, not a date with time in the form {self.layout.format!r}; "
                "correct the time format in the proxy's layout"
            ) from error


def _strptime(time_format: str, text: str) -> datetime:
    moment = datetime.strptime(text, time_format)  # noqa: DTZ007
    if moment.year <= EPOCH.year:  # strptime returns 1900 for a format without a year
        raise ValueError("no year")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
