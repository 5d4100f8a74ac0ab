"""Convert rows of the proxies' SQL tables (``acc``, ``missed_calls``, Kamailio's ``acc_cdrs``) to events.

``RowReader`` takes rows from a database driver; ``cdr.formats.table_files`` reads tables from files. All schemas of
OpenSER, Kamailio and OpenSIPS are supported, by the names of the columns.

* A row carries at most one leg and becomes one event; the rows of one transaction are joined later, in the order of
  ``AccEvent.position`` (the ``id`` column).
* ``time`` is the local time of the proxy (``Reading.zone``), unless ``time_attr`` and ``time_exten`` are more precise
  (``cdr.formats.sql_times.finer_time``).
* OpenSIPS adds ``duration``, ``ms_duration``, ``setuptime`` and ``created``. A row of ``acc`` is a complete call
  (``EventKind.CDR``) if it has a duration; or, since a call may last 0 ms, if an INVITE got a 2xx and ``created`` is
  set: OpenSIPS writes ``created`` only in its CDR mode, in which the 2xx itself is not accounted. Without that mode
  ``created`` is the start of the epoch in local time (1970-01-01, 1969-12-31). ``setuptime`` gives the time of the
  final response of an INVITE (``setup_time``); in a row of a complete call it has no further information.
* All other columns are extras or fields of the leg. If the layout does not define the leg labels, columns with the role
  of a leg's source, destination or type (``FieldLayout.leg_role_of``) are leg fields, provided that a source and a
  destination are among them: ``type`` alone is not a leg. NULL and the empty text both mean "no value" and become the
  empty text.
* Any column that the layout names as an extra is one, except for the core columns.

``raw`` of an event is the row as one line of JSON, column to text, NULL as null; ``replay`` parses it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from json.encoder import encode_basestring
from operator import itemgetter
from typing import NamedTuple, Self, TypeAlias

from cdr.events import SECOND, AccEvent, EventKind, Pairs, Unparsable, classify, text_of
from cdr.formats.delimited import Cells
from cdr.formats.limits import LONGEST_LABEL, LONGEST_VALUE, MOST_EXTRAS, limited
from cdr.formats.reading import Reading, Rejection
from cdr.formats.setup_time import FINAL_REPLIES, delayed_time
from cdr.formats.sql_times import EPOCH, Clock, SqlTime, clock_in, finer_time, read_time, shown
from proxyconf.vocabulary.layout import Backend, FieldLayout, Role
from proxyconf.vocabulary.products import Product

_Texts: TypeAlias = Sequence[str]
"""A row with empty texts for NULL."""
_Labelled: TypeAlias = Callable[[_Texts], Pairs]
"""Returns some cells of a row with their labels."""


CORE_COLUMNS = ("method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time")
"""The columns of every ``acc`` and ``missed_calls`` table, in the order in which the ``acc`` modules insert them."""


class AccTable(StrEnum):
    """The tables that the ``acc`` modules write."""

    ACC = "acc"
    MISSED_CALLS = "missed_calls"
    ACC_CDRS = "acc_cdrs"


class RowReader:
    """Parses the rows of one table.

    Raise ``Unparsable`` if a mandatory one of ``columns`` is missing, or if one occurs twice.
    """

    def __init__(self, columns: Sequence[str], table: AccTable, reading: Reading) -> None:
        header = _TableColumns([_text(column) or "" for column in columns], reading.layout)
        names = ",".join(encode_basestring(name).replace("%", "%%") + ":%s" for name in header.names)
        self._json = f"{{{names}}}"
        self._width = len(header.names)
        self._layout = reading.layout
        self._is_wide = self._width > MOST_EXTRAS or any(len(name) > LONGEST_LABEL for name in header.names)
        self._read: _Dialogs | _Transactions = (
            _Dialogs(header, reading) if table is AccTable.ACC_CDRS else _Transactions(header, table, reading)
        )

    def event(self, row: Sequence[object]) -> AccEvent | Rejection:
        """Return the event of a row from a database driver, with text, bytes, numbers, times and None."""
        return self.event_of(list(map(_text, row)))

    def event_of(self, cells: Cells) -> AccEvent | Rejection:
        """Return the event of a row of text as returned by ``cdr.events.text_of``."""
        if len(cells) != self._width:
            raw = "\t".join(cell or "" for cell in cells).encode("utf-8", "backslashreplace")
            return Rejection(raw, f"the row has {len(cells)} cells, but its table {self._width} columns")
        texts = [cell or "" for cell in cells]
        raw = (self._json % tuple(map(_json, cells) if None in cells else map(encode_basestring, texts))).encode()
        try:
            event = self._read(texts, raw)
            return limited(event, self._layout) if self._is_wide or len(raw) > LONGEST_VALUE else event
        except Unparsable as error:
            return Rejection(raw, str(error))


def replay(raw: bytes, table: AccTable, reading: Reading) -> AccEvent | Rejection:
    """Return the event of a row stored as ``raw``, parsed again, for example with a corrected layout."""
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        return Rejection(raw, "the stored row has no columns; ingest its file again")
    try:
        return RowReader(list(row), table, reading).event(list(row.values()))
    except Unparsable as error:
        return Rejection(raw, str(error))


def _json(cell: str | None) -> str:
    return "null" if cell is None else encode_basestring(cell)


def _text(cell: object) -> str | None:
    """Return a cell as text, in the form of PostgreSQL's CSV."""
    if isinstance(cell, str):
        return cell if cell.isascii() and "\0" not in cell else text_of(cell.encode("utf-8", "backslashreplace"))
    if cell is None:
        return None
    if isinstance(cell, bytes | bytearray | memoryview):
        return text_of(bytes(cell))
    return _text(cell.isoformat(" ") if isinstance(cell, datetime) else str(cell))


# --- columns ----------------------------------------------------------------------------------------------------------


class _TableColumns:
    """The columns of a table. Each is taken at most once; those that remain are extras."""

    def __init__(self, names: Sequence[str], layout: FieldLayout) -> None:
        self.names = [name.strip() for name in names]
        self._layout = layout
        self._free = {name: index for index, name in enumerate(self.names)}
        self._configured = {*layout.extras.get(Backend.SQL, ()), *layout.legs.get(Backend.SQL, ())}
        if len(self._free) < len(self.names):
            repeated = next(name for name in self.names if self.names.count(name) > 1)
            raise Unparsable(f"the column {shown(repeated)} occurs twice; name each column once")

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def _find(self, name: str) -> str | None:
        """Return the free column of that name, ignoring case, which databases do not always preserve."""
        if name in self._free:
            return name
        return next((free for free in self._free if free.lower() == name.lower()), None)

    def require(self, names: Iterable[str]) -> list[int]:
        """Take mandatory columns."""
        taken, missing = [], []
        for name in names:
            column = self._find(name)
            if column is None:
                missing.append(name)
            else:
                taken.append(self._free.pop(column))
        if missing:
            present = ", ".join(self.names)
            present = present[:200] + "…" if len(present) > 200 else present or "none"
            raise Unparsable(
                f"there is no column {', '.join(missing)} (present: {present}); if the proxy's table uses "
                "another name (parameters acc_*_column, cdr_*_id), enter it in the layout"
            )
        return taken

    def take(self, name: str) -> int | None:
        """Take an optional column, unless the proxy's configuration makes it an extra."""
        column = self._find(name)
        return None if column is None or column in self._configured else self._free.pop(column)

    def take_legs(self) -> dict[str, int]:
        """Take the fields of the leg, by label."""
        configured = self._layout.legs.get(Backend.SQL)
        labels = self._suggested_legs() if configured is None else configured
        columns = [(label, self._find(label)) for label in labels]
        return {label: self._free.pop(column) for label, column in columns if column is not None}

    def _suggested_legs(self) -> tuple[str, ...]:
        roles = {name: self._layout.leg_role_of(name) for name in self._free if name not in self._configured}
        if not {Role.LEG_SOURCE, Role.LEG_DESTINATION} <= set(roles.values()):
            return ()
        legs = (Role.LEG_SOURCE, Role.LEG_DESTINATION, Role.LEG_TYPE)
        return tuple(name for name, role in roles.items() if role in legs)

    def rest(self) -> dict[str, int]:
        """Return the columns not taken, by name."""
        return self._free


def _labelled(places: Mapping[str, int]) -> _Labelled:
    labels = tuple(places)
    match list(places.values()):
        case []:
            return lambda row: ()
        case [index]:
            return lambda row: ((labels[0], row[index]),)
        case indexes:
            cells = itemgetter(*indexes)
            return lambda row: tuple(zip(labels, cells(row), strict=True))


def _cell(row: _Texts, index: int | None) -> str:
    return "" if index is None else row[index]


def _position(row_id: str) -> int:
    """Return the number of a row. An id that is not a number (a UUID) distinguishes rows without ordering them."""
    if row_id.isdecimal() and row_id.isascii() and len(row_id) <= 18:
        return int(row_id)
    return int.from_bytes(hashlib.blake2b(row_id.encode(), digest_size=7).digest()) if row_id else 0


def _later(moment: datetime, microseconds: int) -> datetime:
    try:
        return moment + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise Unparsable(f"a call cannot last {microseconds / SECOND} s") from error


# --- acc and missed_calls ---------------------------------------------------------------------------------------------

_CODES = {"": 0} | {f"{code:03}": code for code in range(1000)} | {str(code): code for code in range(100)}
_UNSET_BEFORE = EPOCH + timedelta(days=2)  # OpenSIPS writes the epoch's start if it does not know ``created``
_AMBIGUOUS = ("ambiguous_time",)


class _OpensipsColumns(NamedTuple):
    """The indexes of OpenSIPS' time columns besides ``time``."""

    duration: int | None
    ms_duration: int | None
    created: int | None
    setuptime: int | None

    @classmethod
    def taken_from(cls, header: _TableColumns, product: Product) -> Self | None:
        """Take the columns if they are OpenSIPS' own; the ``duration`` of another proxy is an extra."""
        if product is not Product.OPENSIPS and "setuptime" not in header and "ms_duration" not in header:
            return None
        return cls(*map(header.take, cls._fields))

    def created_at(self, row: _Texts, clock: Clock) -> SqlTime | None:
        text = _cell(row, self.created)
        if not text or text == "0" or text.startswith("0000-"):  # unset: SQLite's epoch integer, MySQL's zero date
            return None
        moment = read_time(clock, "created", text)
        return moment if moment.utc >= _UNSET_BEFORE else None

    def length(self, row: _Texts) -> int:
        """Return the duration in microseconds. Since OpenSIPS 3.2 ``duration`` is ``ms_duration`` rounded up."""
        milliseconds = _count("ms_duration", _cell(row, self.ms_duration))
        return milliseconds * 1000 or _count("duration", _cell(row, self.duration)) * SECOND


def _count(column: str, text: str) -> int:
    if not text:
        return 0
    if text.isdecimal() and text.isascii() and len(text) <= 10:
        return int(text)
    raise Unparsable(f"{column} is {shown(text)}, not a whole number of at most ten digits")


class _Transactions:
    """Parses rows of ``acc`` and ``missed_calls``."""

    def __init__(self, header: _TableColumns, table: AccTable, reading: Reading) -> None:
        layout = reading.layout
        self._names = [layout.columns.get(name, name) for name in CORE_COLUMNS]
        self._core: Callable[[_Texts], tuple[str, ...]] = itemgetter(*header.require(self._names))
        self._missed = table is AccTable.MISSED_CALLS
        self._clock = clock_in(reading.zone)
        self._id = header.take(layout.columns.get("id", "id"))
        self._finer = finer_time(header.take(layout.time.attr), header.take(layout.time.exten), layout.time)
        self._opensips = _OpensipsColumns.taken_from(header, reading.product)
        # Common stored procedures write the id of the row's CDR into cdr_id. It changes after the row was read, and as
        # an extra it would turn the row into another event.
        header.take("cdr_id")
        self._leg = _labelled(header.take_legs())
        self._extra = _labelled(header.rest())

    def __call__(self, row: _Texts, raw: bytes) -> AccEvent:
        method, from_tag, to_tag, call_id, code_text, reason, wall = self._core(row)
        if not (method and call_id and wall):
            names = self._names
            empty = [name for name, text in ((names[0], method), (names[3], call_id), (names[6], wall)) if not text]
            raise Unparsable(f"no value in {', '.join(empty)}, which every transaction has")
        code = _CODES.get(code_text)
        if code is None:
            raise Unparsable(f"{self._names[4]} is {shown(code_text)}, which is not a SIP response code")
        moment = (self._finer(row) if self._finer else None) or read_time(self._clock, self._names[6], wall)
        leg = self._leg(row)
        event = AccEvent(
            classify(method, code, missed=self._missed),
            method,
            from_tag,
            to_tag,
            call_id,
            code,
            reason,
            moment.utc,
            moment.precision,
            Backend.SQL,
            self._extra(row),
            (leg,) if leg and any(text for _, text in leg) else (),
            None,
            None,
            None,
            _position(_cell(row, self._id)),
            _AMBIGUOUS if moment.ambiguous else (),
            raw,
        )
        return event if self._opensips is None else self._completed(self._opensips, event, row)

    def _completed(self, opensips: _OpensipsColumns, event: AccEvent, row: _Texts) -> AccEvent:
        """Return the event with OpenSIPS' additional times, as a complete call if it is one."""
        created = opensips.created_at(row, self._clock)
        if created is not None:
            event = event._replace(created_at=created.utc, flags=_AMBIGUOUS if created.ambiguous else event.flags)
        if event.method != "INVITE":
            return event
        if not self._missed and (length := self._dialog_length(opensips, event, row)) is not None:
            return event._replace(kind=EventKind.CDR, ended_at=_later(event.time, length), duration_us=length)
        if event.kind not in FINAL_REPLIES:
            return event
        return event._replace(time=delayed_time(event.time, event.created_at, _cell(row, opensips.setuptime)))

    def _dialog_length(self, opensips: _OpensipsColumns, event: AccEvent, row: _Texts) -> int | None:
        """Return the duration in microseconds if the row is a complete call."""
        length = opensips.length(row)
        is_dialog = opensips.duration is not None and event.created_at is not None and event.kind is EventKind.ANSWERED
        return length if length or is_dialog else None


# --- acc_cdrs ---------------------------------------------------------------------------------------------------------

_DECIMAL = re.compile(r"-?[0-9]{1,10}(?:\.[0-9]*)?(?:[eE]-[0-9]{1,2})?")


class _Dialogs:
    """Parses rows of Kamailio's ``acc_cdrs``: one dialog each, with Call-ID and tags only if they are extras.

    Version 1 of the table has seconds since 1970 as text; newer ones have times, and only the duration has a fraction.
    Times are local, or UTC with time mode 4. A failed INVITE has a duration of 0.
    """

    def __init__(self, header: _TableColumns, reading: Reading) -> None:
        layout = reading.layout
        self._names = layout.cdr
        self._start, self._end, self._duration = header.require((layout.cdr.start, layout.cdr.end, layout.cdr.duration))
        self._clock = clock_in(UTC if layout.time.mode == 4 else reading.zone)
        self._id = header.take(layout.columns.get("id", "id"))
        extras = header.rest()
        self._extra = _labelled(extras)
        self._by_role = [
            next((index for label, index in extras.items() if layout.role_of(label) is role), None)
            for role in (Role.FROM_TAG, Role.TO_TAG, Role.CALL_ID)
        ]

    def __call__(self, row: _Texts, raw: bytes) -> AccEvent:
        start = read_time(self._clock, self._names.start, _cell(row, self._start))
        end = read_time(self._clock, self._names.end, text) if (text := _cell(row, self._end)) else None
        length = self._length(_cell(row, self._duration))
        from_tag, to_tag, call_id = (_cell(row, index) for index in self._by_role)
        return AccEvent(
            EventKind.CDR,
            "INVITE",
            from_tag,
            to_tag,
            call_id,
            0,
            "",
            start.utc,
            start.precision,
            Backend.SQL,
            self._extra(row),
            ended_at=end.utc if end else None if length is None else _later(start.utc, length),
            duration_us=length,
            position=_position(_cell(row, self._id)),
            flags=_AMBIGUOUS if start.ambiguous or (end is not None and end.ambiguous) else (),
            raw=raw,
        )

    def _length(self, text: str) -> int | None:
        if not text:
            return None
        if _DECIMAL.fullmatch(text):
            return round(float(text) * SECOND)
        raise Unparsable(f"{self._names.duration} is {shown(text)}, which is not a number of seconds")
