"""Rows of the proxies' SQL tables (``acc``, ``missed_calls``, Kamailio's ``acc_cdrs``) to events.

``RowReader`` takes rows as a database driver gives them; ``cdr.formats.table_files`` reads tables as files.
Every schema of OpenSER, Kamailio and OpenSIPS is read: the columns tell what a table has.

* A row carries at most one leg and becomes one event; the rows of one transaction are joined later, in the order of
  ``AccEvent.position`` (the ``id`` column).
* ``time`` is the wall clock of the proxy (``Reading.zone``), unless ``time_attr`` and ``time_exten`` tell more
  (``cdr.formats.sql_times.finer_time``).
* OpenSIPS adds ``duration``, ``ms_duration``, ``setuptime`` and ``created``. A row of ``acc`` is a whole call
  (``EventKind.CDR``) if it has a duration; or, since a call may last 0 ms, if an INVITE got a 2xx and ``created`` is
  set: OpenSIPS tells ``created`` in its CDR mode only, where the 2xx itself is not accounted. Without that mode
  ``created`` is the local form of the start of the epoch (1970-01-01, 1969-12-31). ``setuptime`` tells when the
  final reply of an INVITE came (``setup_time``); in a row that is a whole call it says nothing new.
* All other columns are extras or fields of the leg. Where the layout does not tell the leg labels, columns with the
  role of a leg's source, destination or type (``FieldLayout.leg_role_of``) are, if both a source and a destination are
  among them: ``type`` alone makes no leg. NULL and the empty text are both "no value" and kept as the empty text.
* A column that the layout names as an extra is one, whatever it is called; the core columns excepted.

``raw`` of an event is the row as one line of JSON, column to text, NULL as null; ``replay`` reads it.
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
"""A row whose NULLs are empty texts."""
_Labelled: TypeAlias = Callable[[_Texts], Pairs]
"""Gives some cells of a row with their labels."""


CORE_COLUMNS = ("method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time")
"""What every row of ``acc`` and ``missed_calls`` has, in the order in which the ``acc`` modules insert it."""


class AccTable(StrEnum):
    """The tables that the ``acc`` modules write."""

    ACC = "acc"
    MISSED_CALLS = "missed_calls"
    ACC_CDRS = "acc_cdrs"


class RowReader:
    """Reads the rows of one table, whose columns are known once and for all.

    Raise ``Unparsable`` if ``columns`` lack one that every such table has, or hold one twice.
    """

    def __init__(self, columns: Sequence[str], table: AccTable, reading: Reading) -> None:
        header = _Header([_text(column) or "" for column in columns], reading.layout)
        names = ",".join(encode_basestring(name).replace("%", "%%") + ":%s" for name in header.names)
        self._json = f"{{{names}}}"
        self._width = len(header.names)
        self._layout = reading.layout
        self._is_wide = self._width > MOST_EXTRAS or any(len(name) > LONGEST_LABEL for name in header.names)
        self._read: _Dialogs | _Transactions = (
            _Dialogs(header, reading) if table is AccTable.ACC_CDRS else _Transactions(header, table, reading)
        )

    def event(self, row: Sequence[object]) -> AccEvent | Rejection:
        """Return the event of a row whose cells are what a database driver gives: text, bytes, numbers, times, None."""
        return self.event_of(list(map(_text, row)))

    def event_of(self, cells: Cells) -> AccEvent | Rejection:
        """Return the event of a row of text as ``cdr.events.text_of`` gives it."""
        if len(cells) != self._width:
            raw = "\t".join(cell or "" for cell in cells).encode("utf-8", "backslashreplace")
            return Rejection(raw, f"the row has {len(cells)} cells, its table {self._width} columns")
        texts = [cell or "" for cell in cells]
        raw = (self._json % tuple(map(_json, cells) if None in cells else map(encode_basestring, texts))).encode()
        try:
            event = self._read(texts, raw)
            return limited(event, self._layout) if self._is_wide or len(raw) > LONGEST_VALUE else event
        except Unparsable as error:
            return Rejection(raw, str(error))


def replay(raw: bytes, table: AccTable, reading: Reading) -> AccEvent | Rejection:
    """Return the event of a row kept as ``raw`` of an event or a rejection, read anew with a corrected layout, say."""
    try:
        row = json.loads(raw)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        return Rejection(raw, "this is no row with its columns: read the file that it came from again")
    try:
        return RowReader(list(row), table, reading).event(list(row.values()))
    except Unparsable as error:
        return Rejection(raw, str(error))


def _json(cell: str | None) -> str:
    return "null" if cell is None else encode_basestring(cell)


def _text(cell: object) -> str | None:
    """Return a cell as text, in the form that PostgreSQL gives it in CSV."""
    if isinstance(cell, str):
        return cell if cell.isascii() and "\0" not in cell else text_of(cell.encode("utf-8", "backslashreplace"))
    if cell is None:
        return None
    if isinstance(cell, bytes | bytearray | memoryview):
        return text_of(bytes(cell))
    return _text(cell.isoformat(" ") if isinstance(cell, datetime) else str(cell))


# --- columns ----------------------------------------------------------------------------------------------------------


class _Header:
    """The columns of a table. Each is taken once; what nobody takes is an extra."""

    def __init__(self, names: Sequence[str], layout: FieldLayout) -> None:
        self.names = [name.strip() for name in names]
        self._layout = layout
        self._free = {name: index for index, name in enumerate(self.names)}
        self._configured = {*layout.extras.get(Backend.SQL, ()), *layout.legs.get(Backend.SQL, ())}
        if len(self._free) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise Unparsable(f"the column {shown(twice)} stands twice; name each column once")

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def _find(self, name: str) -> str | None:
        """Return the free column of that name; databases differ in the case that they give names back in."""
        if name in self._free:
            return name
        return next((free for free in self._free if free.lower() == name.lower()), None)

    def require(self, names: Iterable[str]) -> list[int]:
        """Take columns that must be there."""
        taken, missing = [], []
        for name in names:
            column = self._find(name)
            if column is None:
                missing.append(name)
            else:
                taken.append(self._free.pop(column))
        if missing:
            seen = ", ".join(self.names)
            seen = seen[:200] + "…" if len(seen) > 200 else seen or "none"
            raise Unparsable(
                f"there is no column {', '.join(missing)} (there are: {seen}); if the proxy's "
                "table names it otherwise (parameters acc_*_column, cdr_*_id), enter its name in the layout"
            )
        return taken

    def take(self, name: str) -> int | None:
        """Take a column that need not be there and is no extra of the proxy's configuration."""
        found = self._find(name)
        return None if found is None or found in self._configured else self._free.pop(found)

    def take_legs(self) -> dict[str, int]:
        """Take the fields of the leg, by label."""
        known = self._layout.legs.get(Backend.SQL)
        labels = self._suggested_legs() if known is None else known
        found = [(label, self._find(label)) for label in labels]
        return {label: self._free.pop(column) for label, column in found if column is not None}

    def _suggested_legs(self) -> tuple[str, ...]:
        roles = {name: self._layout.leg_role_of(name) for name in self._free if name not in self._configured}
        if not {Role.LEG_SOURCE, Role.LEG_DESTINATION} <= set(roles.values()):
            return ()
        legs = (Role.LEG_SOURCE, Role.LEG_DESTINATION, Role.LEG_TYPE)
        return tuple(name for name, role in roles.items() if role in legs)

    def rest(self) -> dict[str, int]:
        """Return what nobody took, by name."""
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


def _position(identity: str) -> int:
    """Return the number of a row. An identity that is no number (a UUID) tells rows apart and gives no order."""
    if identity.isdecimal() and identity.isascii() and len(identity) <= 18:
        return int(identity)
    return int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=7).digest()) if identity else 0


def _later(moment: datetime, microseconds: int) -> datetime:
    try:
        return moment + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise Unparsable(f"a call cannot last {microseconds / SECOND} s") from error


# --- acc and missed_calls ---------------------------------------------------------------------------------------------

_CODES = {"": 0} | {f"{code:03}": code for code in range(1000)} | {str(code): code for code in range(100)}
_UNSET_BEFORE = EPOCH + timedelta(days=2)  # OpenSIPS writes the epoch's start for a ``created`` that it does not know
_AMBIGUOUS = ("ambiguous_time",)


class _OpensipsColumns(NamedTuple):
    """What OpenSIPS tells of a call's times beside ``time``."""

    duration: int | None
    ms_duration: int | None
    created: int | None
    setuptime: int | None

    @classmethod
    def taken_from(cls, header: _Header, product: Product) -> Self | None:
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
        """Return microseconds. ``duration`` is ``ms_duration`` rounded up, since OpenSIPS 3.2."""
        milliseconds = _count("ms_duration", _cell(row, self.ms_duration))
        return milliseconds * 1000 or _count("duration", _cell(row, self.duration)) * SECOND


def _count(column: str, text: str) -> int:
    if not text:
        return 0
    if text.isdecimal() and text.isascii() and len(text) <= 10:
        return int(text)
    raise Unparsable(f"{column} is {shown(text)}: OpenSIPS writes a whole number of at most ten digits")


class _Transactions:
    """Reads rows of ``acc`` and ``missed_calls``."""

    def __init__(self, header: _Header, table: AccTable, reading: Reading) -> None:
        layout = reading.layout
        self._names = [layout.columns.get(name, name) for name in CORE_COLUMNS]
        self._core: Callable[[_Texts], tuple[str, ...]] = itemgetter(*header.require(self._names))
        self._missed = table is AccTable.MISSED_CALLS
        self._clock = clock_in(reading.zone)
        self._id = header.take(layout.columns.get("id", "id"))
        self._finer = finer_time(header.take(layout.time.attr), header.take(layout.time.exten), layout.time)
        self._opensips = _OpensipsColumns.taken_from(header, reading.product)
        # Common stored procedures note in cdr_id which CDR they made of the row. It changes after the row was read, and
        # as an extra would make another event of it.
        header.take("cdr_id")
        self._leg = _labelled(header.take_legs())
        self._extra = _labelled(header.rest())

    def __call__(self, row: _Texts, raw: bytes) -> AccEvent:
        method, from_tag, to_tag, call_id, code_text, reason, wall = self._core(row)
        if not (method and call_id and wall):
            names = self._names
            empty = [name for name, text in ((names[0], method), (names[3], call_id), (names[6], wall)) if not text]
            raise Unparsable(f"no value in {', '.join(empty)}: without it the row tells of no transaction")
        code = _CODES.get(code_text)
        if code is None:
            raise Unparsable(f"{self._names[4]} is {shown(code_text)}: no SIP reply code")
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
        """Return the event with what OpenSIPS tells besides; as a whole call if it is one."""
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
        """Return the microseconds of a row that is a whole call."""
        length = opensips.length(row)
        is_dialog = opensips.duration is not None and event.created_at is not None and event.kind is EventKind.ANSWERED
        return length if length or is_dialog else None


# --- acc_cdrs ---------------------------------------------------------------------------------------------------------

_DECIMAL = re.compile(r"-?[0-9]{1,10}(?:\.[0-9]*)?(?:[eE]-[0-9]{1,2})?")


class _Dialogs:
    """Reads rows of Kamailio's ``acc_cdrs``: a dialog each, with Call-ID and tags only if they are among the extras.

    Version 1 of the table holds seconds since 1970 as text; newer ones hold times, and only the duration has a
    fraction. Times are local, but UTC with time mode 4. A failed INVITE leaves a duration of 0.
    """

    def __init__(self, header: _Header, reading: Reading) -> None:
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
        raise Unparsable(f"{self._names.duration} is {shown(text)}: no number of seconds")
