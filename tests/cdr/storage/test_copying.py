"""A transaction that goes to PostgreSQL while the test does something else."""

from __future__ import annotations

import os

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from cdr.storage.copying import Sending, write_rows
from cdr.storage.tables import Row, Statement

TYPES = ("int8", "text", "bytea", "bool")
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.sampled_from(["", "x", "Grüß Gott ☎", "\\N", "a\tb\nc"]),
        st.none() | st.binary(max_size=3),
        st.none() | st.booleans(),
    ),
    max_size=6,
)
COPY = 'COPY "t" FROM STDIN (FORMAT binary)'
FLAG: Statement = ('UPDATE "t" SET flag = %s', [True])
FAULT: Statement = ("SELECT 1 / %s", [0])

if connection.vendor == "postgresql":
    import psycopg

    Raw = psycopg.Connection[tuple[object, ...]]

    @pytest.fixture
    def raw(transactional_db: None) -> Raw:
        connection.ensure_connection()
        session: Raw = connection.connection
        session.execute("CREATE TEMPORARY TABLE t (number bigint UNIQUE, text text, bytes bytea, flag bool)")
        return session

    @given(rows=ROWS)
    def test_what_is_copied_is_there(rows: list[Row]) -> None:
        with psycopg.connect(**connection.get_connection_params()) as session:
            session.execute("CREATE TEMPORARY TABLE u (id serial, number bigint, text text, bytes bytea, flag bool)")
            write_rows(session, "COPY u (number, text, bytes, flag) FROM STDIN (FORMAT binary)", TYPES, rows)
            assert session.execute("SELECT number, text, bytes, flag FROM u ORDER BY id").fetchall() == rows

    def test_what_is_sent_is_one_transaction(raw: Raw) -> None:
        sending = Sending(raw, COPY, TYPES, [(number, "x" * 1000, b"", None) for number in range(5000)], [FLAG])

        sending.finish()

        assert sending.done()
        assert raw.execute("SELECT count(*), bool_and(flag) FROM t").fetchone() == (5000, True)

    def test_waiting_ends_with_the_transaction(raw: Raw) -> None:
        sending = Sending(raw, COPY, TYPES, [(1, "", b"", None)], [FLAG])
        reading, writing = os.pipe()
        sending.wait(reading)
        assert sending.done()
        sending.finish()
        os.close(reading)
        os.close(writing)

    def test_waiting_ends_when_something_else_can_be_read(raw: Raw) -> None:
        with psycopg.connect(**connection.get_connection_params()) as other:
            raw.execute("CREATE TABLE IF NOT EXISTS shared_t (number bigint)")
            other.execute("LOCK TABLE shared_t")
            sending = Sending(raw, COPY, TYPES, [], [("INSERT INTO shared_t VALUES (%s)", [1])])
            reading, writing = os.pipe()
            os.write(writing, b"packet")
            sending.wait(reading)
            assert not sending.done()
            other.rollback()
        sending.finish()
        raw.execute("DROP TABLE shared_t")
        os.close(reading)
        os.close(writing)

    @pytest.mark.parametrize(
        ("rows", "statements"),
        [
            ([(1, "", b"", True), (1, "", b"", True)], [FLAG]),
            ([(1, "", b"", True)], [FLAG, FAULT]),
            ([(1, "", b"", True)], [FAULT, FLAG]),
            ([(1, "", b"", True), (2**63, "", b"", True)], [FLAG]),
            ([(1, "", b"", True), (2, "a\0b", b"", True)], [FLAG]),
        ],
        ids=["a repeated key", "the last statement", "a statement between", "a large number", "NUL in text"],
    )
    def test_what_fails_changes_nothing_and_leaves_the_connection_usable(
        rows: list[Row], statements: list[Statement], raw: Raw
    ) -> None:
        with pytest.raises(psycopg.Error):
            Sending(raw, COPY, TYPES, rows, statements).finish()

        assert raw.execute("SELECT count(*) FROM t").fetchone() == (0,)
