"""Dumps of whole databases: which rows are accounting, how values are quoted, what is said of a broken row."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent, EventKind
from cdr.formats.reading import IGNORED, Parsed, Reading, Rejection
from cdr.formats.sql_dump import is_dump, read
from proxyconf.vocabulary.layout import FieldLayout

COLUMNS = "id, method, from_tag, to_tag, callid, sip_code, sip_reason, time"
ROW = "(1,'INVITE','a','b','c@x','200','OK','2026-05-01 10:00:00')"
BYE = "(2,'BYE','b','a','c@x','200','OK','2026-05-01 10:00:42')"
MYSQL = "-- MySQL dump 10.13\n"
INSERT = f"INSERT INTO acc ({COLUMNS}) VALUES "


def results(dump: str | bytes, reading: Reading | None = None) -> list[Parsed]:
    data = dump if isinstance(dump, bytes) else dump.encode()
    return list(read(io.BytesIO(data), reading or Reading()))


def event(dump: str | bytes, reading: Reading | None = None) -> AccEvent:
    """Return the one event of a dump."""
    (only,) = results(dump, reading)
    assert isinstance(only, AccEvent), only
    return only


def rejection(dump: str | bytes) -> Rejection:
    """Return the one rejection of a dump."""
    (only,) = results(dump)
    assert isinstance(only, Rejection), only
    return only


def with_user_agent(value: str) -> str:
    return f"INSERT INTO acc ({COLUMNS}, ua) VALUES {ROW[:-1]},{value});\n"


def user_agent(dump: str) -> str:
    return dict(event(dump).extra)["ua"]


# recognising a dump


@pytest.mark.parametrize(
    "head",
    [
        "-- MySQL dump 10.13  Distrib 8.0\n",
        "/*M!999999\\- enable the sandbox mode */ \n",
        "-- MariaDB dump 10.19\n",
        "--\n-- PostgreSQL database dump\n--\n",
        "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n",
        "/*!40101 SET NAMES utf8 */;\n",
        "insert into acc values (1);\n",
        "REPLACE INTO acc VALUES (1);\n",
        "CREATE TABLE acc (id int);\n",
        "COPY public.acc (id) FROM stdin;\n",
    ],
)
def test_the_head_of_every_dump_program_is_recognised(head: str) -> None:
    assert is_dump(head.encode())


@pytest.mark.parametrize(
    "head",
    [
        "id,method,from_tag,to_tag\n1,INVITE,a,b\n",
        "May  1 10:00:00 host kamailio[1]: ACC: transaction answered: method=INVITE\n",
        "user agent: INSERT INTO acc VALUES (1)\n",
        "",
    ],
)
def test_other_files_are_no_dump(head: str) -> None:
    assert not is_dump(head.encode())


# which tables are accounting


@pytest.mark.parametrize("table", ["acc", "`acc`", '"public"."acc"', "[acc]", "openser . acc", "`billing`.`old_calls`"])
def test_a_table_with_the_core_columns_is_accounting_whatever_its_name(table: str) -> None:
    assert event(f"INSERT INTO {table} ({COLUMNS}) VALUES {ROW};\n").call_id == "c@x"


def test_a_table_named_after_missed_calls_holds_missed_calls() -> None:
    row = ROW.replace("'200','OK'", "'486','Busy Here'")
    assert event(f"INSERT INTO my_missed ({COLUMNS}) VALUES {row};\n").kind is EventKind.MISSED


@pytest.mark.parametrize("table", ["acc", "acc_2026_05", "acc202605", "ACC"])
def test_an_acc_table_without_columns_has_the_published_ones(table: str) -> None:
    assert event(f"INSERT INTO {table} VALUES {ROW};\n").method == "INVITE"


@pytest.mark.parametrize("table", ["account", "accounts", "subscriber", "dbaliases"])
def test_another_table_without_columns_is_not_accounting(table: str) -> None:
    assert results(f"INSERT INTO {table} VALUES {ROW};\n") == [IGNORED]


def test_copied_rows_of_another_table_are_not_accounting() -> None:
    assert results("COPY subscriber (id, username) FROM stdin;\n1\talice\n\\.\n") == [IGNORED]


def test_a_definition_gives_its_columns_to_rows_in_any_order() -> None:
    definition = (
        "CREATE TABLE `acc` (\n  `time` datetime NOT NULL DEFAULT '2000-01-01, (unknown)',\n"
        "  `cost` decimal(10,2) DEFAULT NULL,\n  `callid` varchar(255) NOT NULL,\n  `sip_code` varchar(3),\n"
        "  `sip_reason` varchar(128),\n  `method` varchar(16),\n  `from_tag` varchar(64),\n  `to_tag` varchar(64),\n"
        "  PRIMARY KEY (`callid`),\n  KEY `callid_idx` (`callid`,`time`)\n) ENGINE=InnoDB;\n"
    )
    row = "('2026-05-01 10:00:00',1.25,'c@x','200','OK','INVITE','a','b')"
    found = event(f"{MYSQL}{definition}INSERT INTO `acc` VALUES {row};\n")
    assert (found.call_id, found.from_tag, found.to_tag, found.extra) == ("c@x", "a", "b", (("cost", "1.25"),))


def test_the_columns_of_the_layout_name_the_accounting_table() -> None:
    renamed = Reading(layout=FieldLayout(columns={"callid": "call_ref"}))
    dump = f"INSERT INTO history ({COLUMNS.replace('callid', 'call_ref')}) VALUES {ROW};\n"
    assert event(dump, renamed).call_id == "c@x"
    assert results(dump) == [IGNORED]


def test_a_row_of_acc_cdrs_is_a_whole_call() -> None:
    found = event("INSERT INTO acc_cdrs VALUES (1,'2026-05-01 10:00:00','2026-05-01 10:00:42',42.0);\n")
    assert (found.kind, found.duration_us) == (EventKind.CDR, 42_000_000)


# statements


@pytest.mark.parametrize(
    "verb", ["INSERT INTO", "INSERT IGNORE INTO", "REPLACE INTO", "INSERT OR IGNORE INTO", "insert  into"]
)
def test_every_verb_that_inserts_is_read(verb: str) -> None:
    assert event(f"{verb} acc ({COLUMNS}) VALUES {ROW};\n").call_id == "c@x"


@pytest.mark.parametrize("between", [",", ", ", ",\n", "\n,\n", " ,\r\n  "])
def test_rows_of_one_statement_may_be_separated_in_any_way(between: str) -> None:
    first, second = results(f"{INSERT}\n{ROW}{between}{BYE};\n")
    assert isinstance(first, AccEvent)
    assert isinstance(second, AccEvent)
    assert (first.method, second.method) == ("INVITE", "BYE")


def test_columns_may_be_listed_over_several_lines() -> None:
    assert event(f"INSERT INTO acc\n  ({COLUMNS})\nVALUES\n  {ROW};\n").call_id == "c@x"


def test_a_dump_may_end_without_semicolon_and_newline() -> None:
    assert event(INSERT + ROW).call_id == "c@x"


def test_statements_after_a_copy_block_are_read() -> None:
    cells = "1\tINVITE\ta\tb\tc@x\t200\tOK\t2026-05-01 10:00:00"
    copied, inserted = results(f"COPY acc ({COLUMNS}) FROM stdin;\n{cells}\n\\.\n\n{INSERT}{BYE};\n")
    assert isinstance(copied, AccEvent)
    assert isinstance(inserted, AccEvent)
    assert (copied.method, inserted.method) == ("INVITE", "BYE")


def test_a_copied_null_is_no_text() -> None:
    cells = "1\tINVITE\ta\tb\tc@x\t200\tOK\t2026-05-01 10:00:00\t\\N"
    assert dict(event(f"COPY acc ({COLUMNS}, ua) FROM stdin;\n{cells}\n\\.\n").extra).get("ua", "") == ""


def test_comments_and_settings_are_passed_over() -> None:
    assert results("-- INSERT INTO acc\nSET NAMES utf8;\nLOCK TABLES `acc` WRITE;\n\n") == []


# values


@pytest.mark.parametrize(
    ("head", "value", "text"),
    [
        ("", "'O''Hara'", "O'Hara"),
        ("", r"'C:\new'", r"C:\new"),
        ("", r"E'one\ttab'", "one\ttab"),
        ("", r"'ends with \'", "ends with \\"),
        ("", "'(x), (y); z'", "(x), (y); z"),
        (MYSQL, r"'O\'Hara'", "O'Hara"),
        (MYSQL, "'O''Hara'", "O'Hara"),
        (MYSQL, r"'back\\slash'", r"back\slash"),
        (MYSQL, "_utf8mb4'x'", "x"),
        (MYSQL, "-1.5e3", "-1.5e3"),
        (MYSQL, "'NULL'", "NULL"),
    ],
)
def test_a_value_is_unquoted_as_its_database_quoted_it(head: str, value: str, text: str) -> None:
    assert user_agent(head + with_user_agent(value)) == text


plain_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@given(plain_text)
def test_any_text_in_standard_quotes_is_read_back(text: str) -> None:
    quoted = text.replace("'", "''")
    assert user_agent(with_user_agent(f"'{quoted}'")) == text


@given(plain_text)
def test_any_text_escaped_as_mysql_does_is_read_back(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    assert user_agent(MYSQL + with_user_agent(f"'{escaped}'")) == text


@given(plain_text)
def test_any_text_escaped_as_copy_does_is_read_back(text: str) -> None:
    cell = text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    cells = f"1\tINVITE\ta\tb\tc@x\t200\tOK\t2026-05-01 10:00:00\t{cell}"
    assert user_agent(f"COPY acc ({COLUMNS}, ua) FROM stdin;\n{cells}\n\\.\n") == text


@given(st.binary())
def test_no_input_breaks_the_reader(data: bytes) -> None:
    for head in (b"", INSERT.encode(), f"COPY acc ({COLUMNS}) FROM stdin;\n".encode(), b"CREATE TABLE acc ("):
        assert all(isinstance(result, AccEvent | Rejection) or result is IGNORED for result in results(head + data))


# rejections


def test_a_row_with_a_value_too_few_is_rejected_with_both_numbers() -> None:
    assert rejection(f"INSERT INTO acc ({COLUMNS}, ua) VALUES {ROW};\n").reason == "8 values for 9 columns of acc"


def test_a_row_of_unknown_columns_is_rejected_with_the_option_that_names_them() -> None:
    reason = rejection("INSERT INTO acc VALUES (1,'INVITE');\n").reason
    assert "2 values" in reason
    assert "--complete-insert" in reason
    assert "--column-inserts" in reason


def test_a_bad_value_is_rejected_with_the_name_of_its_table() -> None:
    assert rejection(f"INSERT INTO acc_2026 ({COLUMNS}) VALUES {ROW.replace('200', 'xyz')};\n").reason.startswith(
        "table acc_2026: "
    )


def test_a_truncated_dump_keeps_its_whole_rows_and_rejects_the_rest() -> None:
    whole, cut = results(f"{INSERT}{ROW},{BYE[:30]}")
    assert isinstance(whole, AccEvent)
    assert isinstance(cut, Rejection)
    assert "truncated" in cut.reason
    assert BYE[:30].encode() in cut.raw


def test_a_truncated_row_of_another_table_is_not_accounting() -> None:
    assert results("INSERT INTO subscriber VALUES (1,'ali") == [IGNORED]


def test_a_broken_statement_costs_no_later_one() -> None:
    broken, good = results(f"{INSERT}(1, nonsense);\n{INSERT}{BYE};\n")
    assert isinstance(broken, Rejection)
    assert isinstance(good, AccEvent)


@pytest.mark.parametrize("head", ["", MYSQL])
def test_a_rejected_row_is_rejected_alone_and_alike_when_parsed_again(head: str) -> None:
    bad = ROW.replace("'200'", "'2''0'")
    first, second = results(f"{head}INSERT INTO acc ({COLUMNS}) VALUES {bad},{BYE};\n")
    assert isinstance(first, Rejection)
    assert isinstance(second, AccEvent)
    assert results(first.raw) == [first]
