"""The generated SQL, run on real databases."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxyconf.profile import AccountingProfile, DoAccounting, ExtraDefinition, LegDefinition, SqlType
from proxyconf.render.sql_ddl import sql_ddl
from proxyconf.render.sql_schema import Dialect, Holds, SqlColumn, SqlTable, dialect_of, tables_of
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.parameters import RELEASES
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.render.databases import Database, PostgreSQL, SQLite

pytestmark = pytest.mark.thorough

SQL = Backend.SQL
EXTRAS = (
    ExtraDefinition("agent", "$ua", {SQL: "UserAgent"}, sql_width=255),
    ExtraDefinition("size", "$ml", {SQL: "size"}, sql_type=SqlType.INTEGER),
    ExtraDefinition("notes", "$hdr(X-Note)", {SQL: "notes"}, sql_type=SqlType.TEXT),
    ExtraDefinition("order", "$hdr(X-Order)", {Backend.SYSLOG: "not_in_sql"}),
)
LEGS = (LegDefinition("src", "$avp(src)", {SQL: "src"}), LegDefinition("dst", "$avp(dst)", {SQL: "dst"}))
KAMAILIO = AccountingProfile(backends=(Backend.SYSLOG, SQL), extras=EXTRAS, legs=LEGS)
KAMAILIO_CDRS = replace(
    KAMAILIO,
    version=Version(6, 1),
    options={"cdr_enable": 1, "cdrs_table": "acc_cdrs"},
    cdr_extras=(ExtraDefinition("callid", "$ci", {SQL: "callid"}),),
)
PROFILES = {
    "kamailio": KAMAILIO,
    "kamailio dialog cdrs": KAMAILIO_CDRS,
    "kamailio 4.2 dialog cdrs": replace(KAMAILIO_CDRS, version=Version(4, 2)),
    "kamailio time_mode 1": replace(KAMAILIO, options={"time_mode": 1}),
    "kamailio time_mode 2": replace(KAMAILIO, options={"time_mode": 2, "time_attr": "Precise"}),
    "kamailio time_mode 4": replace(KAMAILIO, options={"time_mode": 4}),
    "kamailio other names": replace(KAMAILIO, options={"db_table_acc": "Calls", "acc_time_column": "at"}),
    "kamailio 1.5": replace(KAMAILIO, version=Version(1, 5)),
    "openser 1.1": AccountingProfile(
        Product.OPENSER, Version(1, 1), (SQL,), options={"multi_leg_enabled": 1, "src_leg_avp_id": 1}, extras=EXTRAS
    ),
    "openser 1.2": AccountingProfile(Product.OPENSER, Version(1, 2), (SQL,), extras=EXTRAS, legs=LEGS),
    "opensips 1.6": AccountingProfile(Product.OPENSIPS, Version(1, 6), (SQL,), extras=EXTRAS, legs=LEGS),
    "opensips 2.0 bye": AccountingProfile(
        Product.OPENSIPS,
        Version(2, 1),
        (SQL,),
        extras=EXTRAS,
        cdr_extras=(ExtraDefinition("q", "$hdr(X-Quality)", {SQL: "quality"}),),
        cdr_legs=(LegDefinition("why", "$avp(why)"),),
    ),
    "opensips 4.0": AccountingProfile(
        Product.OPENSIPS, Version(4, 0), (SQL,), do_accounting=DoAccounting(table="b2b"), extras=EXTRAS, legs=LEGS
    ),
}

VALUES = {
    Holds.MOMENT: "'2026-05-01 12:00:00'",
    Holds.INTEGER: "'7'",
    Holds.COUNT: "7",
    Holds.SECONDS: "2.304",
    Holds.FINE_SECONDS: "2.304567",
    Holds.REAL: "1795391676.334719",
}


def value_of(column: SqlColumn) -> str:
    return VALUES.get(column.holds, "'" + "x" * min(column.width or 300, 300) + "'")


def insert(database: Database, table: SqlTable) -> None:
    """Write a row with all columns as the proxy does: names quoted only where its driver quotes."""
    columns = [*table.columns, *table.added]
    names = ",".join(database.name(column.name) for column in columns)
    values = ",".join(value_of(column) for column in columns)
    database.run(f"insert into {database.name(table.name)} ({names}) values ({values});")


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_the_sql_runs_twice_and_then_takes_a_row_with_all_fields(
    database: Database, profile: AccountingProfile
) -> None:
    script = sql_ddl(profile, database.dialect)
    database.run(script)
    database.run(script)
    for table in tables_of(profile):
        insert(database, table)
        assert database.rows(f"select count(*) from {database.name(table.name)}") == [("1",)]


def test_a_field_that_comes_later_is_added_and_the_rows_stay(database: Database) -> None:
    before = replace(KAMAILIO, extras=EXTRAS[:1], legs=())
    database.run(sql_ddl(before, database.dialect))
    insert(database, tables_of(before)[0])
    script = sql_ddl(KAMAILIO, database.dialect)
    database.run(script)
    database.run(script)
    assert database.rows("select method, notes, src from acc") == [("x" * 16, "", "")]
    insert(database, tables_of(KAMAILIO)[0])


def test_a_table_of_an_older_release_gets_the_columns_that_the_newer_one_writes(database: Database) -> None:
    older = AccountingProfile(Product.OPENSIPS, Version(1, 5), (SQL,))
    database.run(sql_ddl(older, database.dialect))
    newer = replace(older, version=Version(3, 4))
    database.run(sql_ddl(newer, database.dialect))
    for table in tables_of(newer):
        insert(database, table)


def test_absent_values_are_taken_as_empty_text_and_as_null(database: Database) -> None:
    database.run(sql_ddl(KAMAILIO, database.dialect))
    for value in ("''", "NULL"):
        columns = ",".join(database.name(name) for name in ("time", "UserAgent", "notes", "src"))
        database.run(f"insert into acc ({columns}) values ('2026-05-01 12:00:00', {value}, {value}, {value});")
    assert database.rows("select count(*) from acc") == [("2",)]


def test_the_version_table_tells_the_schema_version_once(database: Database) -> None:
    script = sql_ddl(KAMAILIO_CDRS, database.dialect)
    database.run(script)
    database.run(script)
    found = dict(database.rows("select table_name, table_version from version"))
    assert found == {"acc": "5", "missed_calls": "4", "acc_cdrs": "3"}


def test_a_version_entry_that_is_there_is_left_alone(database: Database) -> None:
    database.run("create table version (table_name varchar(32) not null, table_version integer);")
    database.run("insert into version values ('acc', 4);")
    database.run(sql_ddl(KAMAILIO, database.dialect))
    assert ("acc", "4") in database.rows("select table_name, table_version from version")


@pytest.mark.parametrize("is_there_before", [False, True])
def test_a_reader_of_the_sqlite_file_keeps_nobody_from_writing(is_there_before: bool, tmp_path: Path) -> None:
    database = SQLite(tmp_path)
    if is_there_before:
        database.run("create table acc (id integer primary key, method text, time text);")
    database.run(sql_ddl(KAMAILIO, Dialect.SQLITE))
    with closing(sqlite3.connect(database.file)) as reader, closing(connected_like_a_proxy(database)) as proxy:
        reader.execute("begin")
        assert reader.execute("select count(*) from acc").fetchone() == (0,)
        proxy.execute("insert into acc (method, time) values ('BYE', '2026-05-01 12:00:00')")
        assert reader.execute("select count(*) from acc").fetchone() == (0,)
    assert database.rows("select method from acc") == [("BYE",)]


def connected_like_a_proxy(database: SQLite) -> sqlite3.Connection:
    """Return a connection that commits each statement and does not wait for a lock, as that of Kamailio's db_sqlite."""
    return sqlite3.connect(database.file, timeout=0, isolation_level=None)


def test_a_null_where_the_proxy_has_empty_text_costs_no_row_in_sqlite(tmp_path: Path) -> None:
    database = SQLite(tmp_path)
    database.run(sql_ddl(KAMAILIO, Dialect.SQLITE))
    database.run("insert into missed_calls (to_tag, time) values (NULL, '2026-05-01 12:00:00');")
    assert database.rows("select to_tag is '' from missed_calls") == [("1",)]


def test_the_sqlite_script_also_runs_through_a_driver(tmp_path: Path) -> None:
    file = tmp_path / "proxy.sqlite3"
    for _ in range(2):
        with closing(sqlite3.connect(file)) as driver:
            driver.executescript(sql_ddl(KAMAILIO, Dialect.SQLITE))
    with closing(sqlite3.connect(file)) as driver:
        assert driver.execute("pragma journal_mode").fetchone() == ("wal",)


HOSTILE = (
    'x" INTEGER); DROP TABLE precious; --',
    "x` INT; DROP TABLE precious; -- y",
    "x'; DROP TABLE precious; --",
    "x\\'; DROP TABLE precious; --",
    "x\n; DROP TABLE precious; --",
    "Größe {0} %s",
)


def test_whatever_a_label_holds_it_stays_a_name(database: Database) -> None:
    database.run("create table precious (id integer);")
    extras = tuple(ExtraDefinition(f"e{at}", "$ua", {SQL: label}) for at, label in enumerate(HOSTILE))
    profile = replace(KAMAILIO, extras=extras, options={"db_table_acc": "$var(x)\n; DROP TABLE precious"})
    script = sql_ddl(profile, database.dialect)
    database.run(script)
    database.run(script)
    assert database.rows("select count(*) from precious") == [("0",)]
    assert database.rows("select count(*) from acc") == [("0",)]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    labels=st.lists(
        # neither NUL nor a blank at the end nor more than 63 characters: no database takes that for a name
        st.text(st.characters(min_codepoint=1, max_codepoint=126), max_size=60).map(lambda inner: f"x{inner}y"),
        max_size=6,
    )
)
def test_any_labels_give_sql_that_runs_twice(database: Database, labels: list[str]) -> None:
    extras = tuple(ExtraDefinition(f"e{at}", "$ua", {SQL: label}) for at, label in enumerate(labels))
    script = sql_ddl(replace(KAMAILIO, extras=extras), database.dialect)
    database.run("drop table if exists acc; drop table if exists missed_calls;")
    database.run(script)
    database.run(script)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    ("product", "version"), [(product, version) for product in Product for version in RELEASES[product]]
)
def test_every_release_has_tables(product: Product, version: str, dialect: Dialect) -> None:
    profile = AccountingProfile(product, Version.parse(version), (SQL,), extras=EXTRAS)
    assert [table.name for table in tables_of(profile)] == ["acc", "missed_calls"]
    assert "UserAgent".lower() in sql_ddl(profile, dialect).lower()


def columns(profile: AccountingProfile, table: str = "acc") -> dict[str, int]:
    found = next(one for one in tables_of(profile) if one.name == table)
    return {column.name: column.width for column in found.columns}


@pytest.mark.parametrize(
    ("version", "tag", "call_id", "reason"),
    [((3, 0), 64, 64, 32), ((3, 2), 64, 255, 32), ((4, 2), 64, 255, 128), ((5, 3), 128, 255, 128)],
)
def test_widths_are_those_of_the_release(version: tuple[int, int], tag: int, call_id: int, reason: int) -> None:
    found = columns(AccountingProfile(version=Version(*version), backends=(SQL,)))
    assert (found["from_tag"], found["callid"], found["sip_reason"]) == (tag, call_id, reason)


def test_a_dialog_cdr_table_gets_the_cdr_extras_only() -> None:
    cdrs = tables_of(KAMAILIO_CDRS)[-1]
    assert [column.name for column in cdrs.added] == ["callid"]


def test_an_extra_named_like_a_core_column_is_not_created_again() -> None:
    profile = replace(KAMAILIO, extras=(ExtraDefinition("m", "$rm", {SQL: "Method"}),), legs=())
    assert tables_of(profile)[0].added == ()


def test_a_profile_without_sql_says_that_it_needs_none() -> None:
    script = sql_ddl(AccountingProfile(backends=(Backend.SYSLOG,), extras=EXTRAS), Dialect.MYSQL)
    assert "writes to no SQL table" in script
    assert "CREATE" not in script


def test_a_table_name_with_variables_gives_the_standard_table_as_a_pattern() -> None:
    profile = replace(KAMAILIO, options={"db_table_acc": "acc_$time(year)"})
    script = sql_ddl(profile, "postgresql")
    assert "tables named acc_$time(year)" in script
    assert 'CREATE TABLE IF NOT EXISTS "acc" (' in script


def test_an_unknown_dialect_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="oracle"):
        sql_ddl(KAMAILIO, "oracle")


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("mysql://kamailio:secret@localhost/kamailio", Dialect.MYSQL),
        ("postgres://kamailio@/kamailio", Dialect.POSTGRESQL),
        ("sqlite:////var/lib/acc.db", Dialect.SQLITE),
        ("text:///etc/dbtext", None),
        ("", None),
    ],
)
def test_the_dialect_is_read_from_the_database_url(url: str, dialect: Dialect | None) -> None:
    assert dialect_of(url) == dialect


def test_the_user_of_db_url_may_write_what_another_user_created(postgresql_url: str) -> None:
    user = f"sip_proxy_{os.getpid()}"
    profile = replace(KAMAILIO, options={"db_url": f"postgres://{user}:secret@db.example.net/accounting"})
    script = sql_ddl(profile, Dialect.POSTGRESQL)
    assert "secret" not in script
    database = PostgreSQL(postgresql_url)
    try:
        database.run(script)  # harmless while there is no such user
        database.run(f"CREATE ROLE {user}; GRANT USAGE ON SCHEMA {database.schema} TO {user};")
        database.run(script)
        database.run(f"SET ROLE {user}")
        database.run("INSERT INTO acc (callid, time) VALUES ('call-1', now())")
        assert database.rows("SELECT callid FROM acc") == [("call-1",)]
    finally:
        database.run("RESET ROLE")
        database.close()
        with psycopg.connect(postgresql_url, autocommit=True) as connection:
            connection.execute(f"DROP ROLE IF EXISTS {user}".encode())


def test_a_reader_is_named_where_the_proxy_has_no_user() -> None:
    script = sql_ddl(KAMAILIO, Dialect.POSTGRESQL)
    assert '--   GRANT SELECT ON "acc", "missed_calls" TO accweb_reader;' in script
    assert "DO $accweb$" not in script
