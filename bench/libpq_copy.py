"""COPY and a whole transaction as one message over raw libpq: what ``bench/copy_rows.py`` holds psycopg against.

The receivers did it like this until the measurement showed that it gains too little (docs/decisions/0020).
"""

from __future__ import annotations

import select
import struct
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.waiting import Wait

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, flags, length of an extension
TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_int2 = struct.Struct(">h").pack
_int4 = struct.Struct(">i").pack
_int8 = struct.Struct(">iq").pack
_EVENTS = {Wait.R: select.POLLIN, Wait.W: select.POLLOUT, Wait.RW: select.POLLIN | select.POLLOUT}
_BOOL = {False: b"\0\0\0\1\0", True: b"\0\0\0\1\1"}

Pieces = Iterable[bytes]
"""Bytes to be put one after the other."""


def _of_bytes(values: Sequence[bytes]) -> list[Pieces]:
    return [map(_int4, map(len, values)), values]


def _of_text(values: Sequence[str]) -> list[Pieces]:
    return _of_bytes([value.encode() for value in values])


def _of_int8(values: Sequence[int]) -> list[Pieces]:
    return [map(_int8, repeat(8), values)]


def _of_bool(values: Sequence[bool]) -> list[Pieces]:
    return [map(_BOOL.__getitem__, values)]


_ENCODINGS: Mapping[str, Callable[[Sequence[Any]], list[Pieces]]] = {
    "int8": _of_int8,
    "bytea": _of_bytes,
    "text": _of_text,
    "bool": _of_bool,
}


def encoded(rows: Sequence[Sequence[Any]], types: Sequence[str]) -> bytes:
    """Return rows as COPY takes them in binary form, without its header and trailer.

    ``types``: ``int8``, ``bytea``, ``text`` or ``bool`` for each column; bytes go out as they are. Goes column by
    column, for a column mostly says the same in all rows, and else is done by the interpreter's own loops. Raise
    ``OverflowError`` for a number of more than eight bytes.
    """
    if not rows:
        return b""
    pieces: list[Pieces] = [repeat(_int2(len(types)), len(rows))]
    try:
        for kind, column in zip(types, zip(*rows, strict=True), strict=True):
            pieces += _column(column, _ENCODINGS[kind])
        return b"".join(map(b"".join, zip(*pieces, strict=True)))
    except struct.error as error:
        raise OverflowError(f"{error}") from error


def _column(values: Sequence[Any], encoding: Callable[[Sequence[Any]], list[Pieces]]) -> list[Pieces]:
    first = values[0]
    if values.count(first) == len(values):
        return [repeat(_one(first, encoding), len(values))]
    if None in values:
        return [[_one(value, encoding) for value in values]]
    return encoding(values)


def _one(value: Any, encoding: Callable[[Sequence[Any]], list[Pieces]]) -> bytes:
    return _NULL if value is None else b"".join(piece for (piece,) in encoding((value,)))


class Sending:
    """A transaction under way: the COPY that ``query`` begins with, with ``chunks`` of rows, and what follows in it.

    PostgreSQL makes one transaction of a message of several statements (its manual, 54.2.2.1); the connection must be
    in none. Nothing else can be done with the connection until ``finish`` returned or raised.
    """

    def __init__(self, connection: psycopg.Connection[Any], query: str, chunks: Iterable[bytes]) -> None:
        self._connection = connection
        self._steps = _transaction(connection.pgconn, query.encode(), chunks)
        self._error: Exception | None = None
        self._wants = Wait.R
        self.done()

    def done(self) -> bool:
        """Go on as far as can be done without waiting; tell whether ``finish`` will not have to wait."""
        try:
            self._wants = next(self._steps)
        except StopIteration:
            return True
        except psycopg.Error as error:
            self._error = error
            return True
        return False

    def wait(self, other: int) -> None:
        """Wait until it is worth asking ``done`` again, or until the file descriptor ``other`` can be read."""
        waiting = select.poll()
        waiting.register(self._connection.pgconn.socket, _EVENTS[self._wants])
        waiting.register(other, select.POLLIN)
        waiting.poll()

    def finish(self) -> None:
        """Wait for the commit; raise ``psycopg.Error`` where there was none."""
        try:
            if self._error is None:
                self._connection.wait(self._steps)
            else:
                raise self._error
        finally:
            if self._connection.pgconn.transaction_status != TransactionStatus.IDLE:
                self._connection.close()


def _transaction(pgconn: psycopg.pq.abc.PGconn, query: bytes, chunks: Iterable[bytes]) -> Generator[Wait, Any, None]:
    """Send and receive; yield what to wait for."""
    pgconn.send_query(query)
    yield from _flush(pgconn)
    result = yield from _result(pgconn)
    if result is not None and result.status == ExecStatus.COPY_IN:
        for data in chain((HEADER,), chunks, (TRAILER,)):
            if not pgconn.put_copy_data(data):  # never for want of patience: libpq's buffer grows
                raise psycopg.OperationalError("no memory to send a batch")
            yield from _flush(pgconn)
        pgconn.put_copy_end()
        yield from _flush(pgconn)
        result = yield from _result(pgconn)
    refused: psycopg.pq.abc.PGresult | None = None
    while result is not None:  # to the last, else the connection is of no more use
        if result.status != ExecStatus.COMMAND_OK:
            refused = refused or result
        result = yield from _result(pgconn)
    if refused is not None:
        raise psycopg.DatabaseError(refused.get_error_message())


def _flush(pgconn: psycopg.pq.abc.PGconn) -> Generator[Wait, Any, None]:
    while pgconn.flush():
        yield Wait.RW
        pgconn.consume_input()


def _result(pgconn: psycopg.pq.abc.PGconn) -> Generator[Wait, Any, psycopg.pq.abc.PGresult | None]:
    while pgconn.is_busy():
        yield Wait.R
        pgconn.consume_input()
    return pgconn.get_result()
