"""What goes to PostgreSQL in one message."""

from __future__ import annotations

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from cdr.storage.copying import HEADER, TRAILER, Sending, encoded

TYPES = ("int8", "text", "bytea", "bool")
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.sampled_from(["", "x", "Grüß Gott ☎"]),
        st.none() | st.binary(max_size=3),
        st.none() | st.booleans(),
    ),
    max_size=6,
)


def test_a_row_is_its_number_of_columns_and_each_value_after_its_length() -> None:
    assert encoded([(1, "é", b"xyz", True)], TYPES) == bytes.fromhex(
        "0004  00000008 0000000000000001  00000002 c3a9  00000003 78797a  00000001 01"
    )


def test_null_has_no_length() -> None:
    assert encoded([(None,), (7,)], ["int8"]) == bytes.fromhex("0001 ffffffff  0001 00000008 0000000000000007")


@given(ROWS)
def test_rows_together_are_the_rows_one_by_one(rows: list[tuple[object, ...]]) -> None:
    assert encoded(rows, TYPES) == b"".join(encoded([row], TYPES) for row in rows)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_number_that_no_column_holds_is_an_error(number: int) -> None:
    with pytest.raises(OverflowError):
        encoded([(1,), (number,)], ["int8"])


if connection.vendor == "postgresql":
    import psycopg

    QUERY = 'COPY "t" FROM STDIN (FORMAT binary); UPDATE "t" SET flag = true'

    @pytest.fixture
    def made(transactional_db: None) -> psycopg.Connection[tuple[object, ...]]:
        connection.ensure_connection()
        raw: psycopg.Connection[tuple[object, ...]] = connection.connection
        raw.execute("CREATE TEMPORARY TABLE t (number bigint UNIQUE, text text, bytes bytea, flag bool)")
        return raw

    @given(rows=ROWS)
    def test_what_is_copied_is_there(rows: list[tuple[object, ...]]) -> None:
        with psycopg.connect(**connection.get_connection_params()) as raw:
            raw.execute("CREATE TEMPORARY TABLE u (id serial, number bigint, text text, bytes bytea, flag bool)")
            with raw.cursor().copy("COPY u (number, text, bytes, flag) FROM STDIN (FORMAT binary)") as copy:
                copy.write(HEADER + encoded(rows, TYPES) + TRAILER)
            assert raw.execute("SELECT number, text, bytes, flag FROM u ORDER BY id").fetchall() == rows

    def test_what_is_sent_is_one_transaction(made: psycopg.Connection[tuple[object, ...]]) -> None:
        rows = [(number, "x" * 1000, b"", None) for number in range(5000)]
        sending = Sending(made, QUERY, [encoded(rows[:3000], TYPES), encoded(rows[3000:], TYPES)])

        sending.finish()

        assert sending.done()
        assert made.execute("SELECT count(*), bool_and(flag) FROM t").fetchone() == (5000, True)

    @pytest.mark.parametrize(
        ("query", "rows"),
        [
            (QUERY, [(1, "", b"", True), (1, "", b"", True)]),
            (QUERY + "; SELECT 1/0", [(1, "", b"", True)]),
            ("SELECT 1/0; " + QUERY, [(1, "", b"", True)]),
        ],
    )
    def test_what_fails_changes_nothing_and_leaves_the_connection_usable(
        query: str, rows: list[tuple[object, ...]], made: psycopg.Connection[tuple[object, ...]]
    ) -> None:
        with pytest.raises(psycopg.DatabaseError):
            Sending(made, query, [encoded(rows, TYPES)]).finish()

        assert made.execute("SELECT count(*) FROM t").fetchone() == (0,)
