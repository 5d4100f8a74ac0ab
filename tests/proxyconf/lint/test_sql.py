"""Rows that are lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxyconf.lint.sql import shortened
from proxyconf.profile import AccountingProfile, ExtraDefinition, OtherParameter, SqlType
from proxyconf.vocabulary.variables import parse_variable
from tests.proxyconf.lint.cases import (
    ERROR,
    LOG,
    MYSQL,
    NOTE,
    SQL,
    SQLITE,
    WARNING,
    Case,
    cases,
    kamailio,
    of_rule,
    openser,
    opensips,
    with_cdr,
    with_extra,
    with_leg,
)

INTEGER, TEXT = SqlType.INTEGER, SqlType.TEXT
TYPE = "extras[0].sql_type"


def waiting(profile: AccountingProfile) -> AccountingProfile:
    """Have the proxy's SQLite driver wait up to a second."""
    return replace(profile, other_parameters=(OtherParameter("db_sqlite", "db_set_busy_timeout", "/file=1000"),))


CASES = (
    Case(
        "no database",
        "db-url-missing",
        WARNING,
        "options.db_url",
        kamailio(SQL),
        kamailio(SQL, db_url=MYSQL),
    ),
    Case("no database where there is no SQL", "db-url-missing", WARNING, "options.db_url", openser(SQL), openser(LOG)),
    Case(
        "no database for declared fields",
        "db-url-missing",
        ERROR,
        "options.db_url",
        with_extra(opensips(SQL), "$si"),
        with_extra(opensips(SQL, db_url=MYSQL), "$si"),
    ),
    Case(
        "no database for dialog records",
        "db-url-missing",
        WARNING,
        "options.db_url",
        kamailio(cdr_enable=1, cdrs_table="acc_cdrs"),
        kamailio(cdr_enable=1),
    ),
    Case(
        "an address without driver",
        "db-url-form",
        ERROR,
        "options.db_url",
        kamailio(SQL, db_url="localhost/kamailio"),
        kamailio(SQL, db_url=MYSQL),
    ),
    Case(
        "workers that write to one file",
        "sqlite-workers",
        WARNING,
        "options.db_url",
        kamailio(SQL, db_url=SQLITE),
        kamailio(SQL, db_url=MYSQL),
    ),
    Case(
        "workers that write dialog records to one file",
        "sqlite-workers",
        WARNING,
        "options.db_url",
        kamailio(cdr_enable=1, cdrs_table="acc_cdrs", db_url=SQLITE),
        kamailio(cdr_enable=1, db_url=SQLITE),
    ),
    Case(
        "workers that do not wait for one another",
        "sqlite-workers",
        WARNING,
        "options.db_url",
        kamailio(SQL, version=(6, 0), db_url=SQLITE),
        waiting(kamailio(SQL, version=(6, 0), db_url=SQLITE)),
    ),
    Case(
        "workers of Kamailio, where those of OpenSIPS wait",
        "sqlite-workers",
        WARNING,
        "options.db_url",
        kamailio(SQL, db_url=SQLITE),
        opensips(SQL, db_url=SQLITE),
    ),
    Case(
        "an integer column for a header",
        "column-integer",
        ERROR,
        TYPE,
        with_extra(kamailio(SQL), "$hdr(X-Price)", sql_type=INTEGER),
        with_extra(kamailio(SQL), "$hdr(X-Price)"),
    ),
    Case(
        "an integer column for text",
        "column-integer",
        ERROR,
        TYPE,
        with_extra(kamailio(SQL), "$ci", sql_type=INTEGER),
        with_extra(kamailio(SQL), "$sp", sql_type=INTEGER),
    ),
    Case(
        "an integer column in SQLite, which takes any text",
        "column-integer",
        ERROR,
        TYPE,
        with_extra(kamailio(SQL, db_url=MYSQL), "$avp(price)", sql_type=INTEGER),
        with_extra(kamailio(SQL, db_url=SQLITE), "$avp(price)", sql_type=INTEGER),
    ),
    Case(
        "an integer column where what is absent is NULL",
        "column-integer",
        ERROR,
        TYPE,
        with_extra(kamailio(SQL), "$avp(price)", sql_type=INTEGER),
        with_extra(kamailio(SQL, acc_extra_nullable=1), "$avp(price)", sql_type=INTEGER),
    ),
    Case(
        "an integer column for a header that is there and empty",
        "column-integer",
        ERROR,
        TYPE,
        with_extra(kamailio(SQL, acc_extra_nullable=1), "$hdr(X-Price)", sql_type=INTEGER),
        with_extra(kamailio(LOG, acc_extra_nullable=1), "$hdr(X-Price)", sql_type=INTEGER),
    ),
    Case(
        "an integer column for legs",
        "column-integer",
        ERROR,
        "legs[0].sql_type",
        with_leg(kamailio(SQL), sql_type=INTEGER),
        with_leg(kamailio(SQL, acc_extra_nullable=1), sql_type=INTEGER),
    ),
    Case(
        "a width of nothing",
        "column-width",
        WARNING,
        "extras[0].sql_width",
        with_extra(kamailio(SQL), "$si", sql_width=0),
        with_extra(kamailio(SQL), "$si", sql_width=0, sql_type=TEXT),
    ),
    Case(
        "a width beyond MySQL's",
        "column-width",
        WARNING,
        "extras[0].sql_width",
        with_extra(kamailio(SQL), "$si", sql_width=20_000),
        with_extra(kamailio(SQL), "$si", sql_width=16_383),
    ),
    Case(
        "text of the caller in a narrow column",
        "column-foreign-text",
        NOTE,
        "extras[0].sql_width",
        with_extra(kamailio(SQL), "$ua"),
        with_extra(kamailio(SQL), "$(ua{s.substr,0,128})"),
    ),
    Case(
        "text of the caller in a column of any width",
        "column-foreign-text",
        NOTE,
        "extras[0].sql_width",
        with_extra(kamailio(SQL), "$fu"),
        with_extra(kamailio(SQL), "$fu", sql_type=TEXT),
    ),
    Case(
        "text of the caller in SQLite, which looks at no width",
        "column-foreign-text",
        NOTE,
        "extras[0].sql_width",
        with_extra(kamailio(SQL), "$ua"),
        with_extra(kamailio(SQL, db_url=SQLITE), "$ua"),
    ),
    Case(
        "a row that is too long for MySQL",
        "row-size",
        ERROR,
        "backends",
        with_extra(kamailio(SQL, db_url=MYSQL), "$si", sql_width=16_000),
        with_extra(kamailio(SQL, db_url=SQLITE), "$si", sql_width=16_000),
    ),
    Case(
        "a row that may be too long",
        "row-size",
        NOTE,
        "backends",
        with_extra(kamailio(SQL), "$si", sql_width=16_000),
        with_extra(kamailio(SQL), "$si", sql_width=8_000),
    ),
    Case("Call-IDs in OpenSIPS", "call-id-width", NOTE, "backends", opensips(SQL), kamailio(SQL)),
)


@cases(*CASES)
def test_what_loses_rows_is_found_and_what_does_not_is_not(case: Case) -> None:
    case.holds()


@pytest.mark.parametrize("variable", ["$ua", "$hdr(X-Note)", "$(hdr(X-Note)[*])", "$(ru{uri.user})"])
def test_a_variable_is_cut_by_what_the_proxy_can_read(variable: str) -> None:
    assert parse_variable(shortened(variable, 64)).transformations[-1] == "s.substr,0,64"
    assert of_rule(with_extra(kamailio(SQL), shortened(variable, 64)), "column-foreign-text") == []


@pytest.mark.parametrize(("version", "offered"), [((5, 6), False), ((6, 0), True)])
def test_waiting_is_offered_where_the_driver_can(version: tuple[int, int], offered: bool) -> None:
    (found,) = of_rule(kamailio(SQL, version=version, db_url=SQLITE), "sqlite-workers")
    assert ("db_set_busy_timeout" in found.remedy) is offered


def test_dialog_records_have_columns_only_where_they_go_to_a_table() -> None:
    field = ExtraDefinition("price", "$dlg_var(price)", {LOG: "price", SQL: "price"}, sql_type=INTEGER)
    in_log = replace(with_cdr(kamailio(LOG, SQL, cdr_enable=1), "$ci"), cdr_extras=(field,))
    assert of_rule(in_log, "column-integer") == []
    in_table = replace(in_log, options={"cdr_enable": 1, "cdrs_table": "acc_cdrs"})
    assert [one.where for one in of_rule(in_table, "column-integer")] == ["cdr_extras[0].sql_type"]
