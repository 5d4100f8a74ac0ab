"""Names of columns and tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxyconf.lint.sql_words import RESERVED
from proxyconf.render.sql_schema import Dialect
from tests.proxyconf.lint.cases import (
    ERROR,
    LOG,
    MYSQL,
    NOTE,
    POSTGRESQL,
    SQL,
    SQLITE,
    WARNING,
    Case,
    asking,
    cases,
    kamailio,
    of_rule,
    opensips,
    with_cdr,
    with_label,
)

FIRST = "extras[0].labels.sql"

CASES = (
    Case(
        "a hyphen in a column",
        "column-name",
        ERROR,
        FIRST,
        with_label(kamailio(SQL, db_url=POSTGRESQL), "user-agent"),
        with_label(kamailio(SQL, db_url=POSTGRESQL), "user_agent"),
    ),
    Case(
        "a hyphen in a column that Kamailio's driver for MySQL quotes",
        "column-name",
        WARNING,
        FIRST,
        with_label(kamailio(SQL, db_url=MYSQL), "user-agent"),
        with_label(kamailio(LOG), "user-agent"),
    ),
    Case(
        "a digit at the beginning",
        "column-name",
        ERROR,
        FIRST,
        with_label(opensips(SQL), "1st"),
        with_label(opensips(SQL), "first"),
    ),
    Case(
        "a core column",
        "column-name",
        ERROR,
        "options.acc_time_column",
        kamailio(SQL, acc_time_column="the time"),
        kamailio(SQL, acc_time_column="the_time"),
    ),
    Case(
        "a column of dialog records",
        "column-name",
        ERROR,
        "cdr_extras[0].labels.syslog",
        with_cdr(kamailio(LOG, SQL, cdr_enable=1, cdrs_table="acc_cdrs"), "$ci", "call-id"),
        with_cdr(kamailio(LOG, SQL, cdr_enable=1), "$ci", "call-id"),
    ),
    Case(
        "a word of PostgreSQL",
        "column-reserved",
        ERROR,
        FIRST,
        with_label(kamailio(SQL, db_url=POSTGRESQL), "User"),
        with_label(kamailio(SQL, db_url=SQLITE), "User"),
    ),
    Case(
        "a word of SQLite",
        "column-reserved",
        ERROR,
        FIRST,
        with_label(kamailio(SQL, db_url=SQLITE), "from"),
        with_label(kamailio(SQL, db_url=MYSQL), "from"),
    ),
    Case(
        "a word of MySQL in OpenSIPS",
        "column-reserved",
        ERROR,
        FIRST,
        with_label(opensips(SQL, db_url=MYSQL), "from"),
        with_label(opensips(SQL, db_url=MYSQL), "from_user"),
    ),
    Case(
        "a word of some database, where the database is not known",
        "column-reserved",
        WARNING,
        FIRST,
        with_label(kamailio(SQL), "user"),
        with_label(kamailio(SQL), "account"),
    ),
    Case(
        "a long name",
        "column-length",
        ERROR,
        FIRST,
        with_label(kamailio(SQL), "x" * 64),
        with_label(kamailio(SQL), "x" * 63),
    ),
    Case(
        "a long name, which PostgreSQL cuts",
        "column-length",
        WARNING,
        FIRST,
        with_label(kamailio(SQL, db_url=POSTGRESQL), "x" * 64),
        with_label(kamailio(SQL, db_url=POSTGRESQL), "x" * 63),
    ),
    Case(
        "capitals in PostgreSQL",
        "column-case",
        NOTE,
        FIRST,
        with_label(kamailio(SQL, db_url=POSTGRESQL), "UserAgent"),
        with_label(kamailio(SQL, db_url=MYSQL), "UserAgent"),
    ),
    Case(
        "two core columns of one name",
        "column-shared",
        ERROR,
        "options.acc_to_tag_column",
        kamailio(SQL, acc_to_tag_column="from_tag"),
        kamailio(LOG, acc_to_tag_column="from_tag"),
    ),
    Case(
        "a table with a blank",
        "table-name",
        ERROR,
        "options.db_table_acc",
        kamailio(SQL, db_table_acc="my calls"),
        kamailio(SQL, db_table_acc="sip.my_calls"),
    ),
    Case(
        "a long name of a table",
        "table-name",
        ERROR,
        "options.db_table_missed_calls",
        kamailio(SQL, db_table_missed_calls="m" * 64),
        kamailio(SQL, db_table_missed_calls="m" * 63),
    ),
    Case(
        "the table of do_accounting()",
        "table-name",
        ERROR,
        "do_accounting.table",
        asking(opensips(SQL), table="acc-2026"),
        asking(opensips(SQL), table="acc_2026"),
    ),
    Case(
        "variables in the name of a table",
        "table-variables",
        NOTE,
        "options.db_table_acc",
        kamailio(SQL, db_table_acc="acc_$time(year)"),
        kamailio(SQL, db_table_acc="acc_2026"),
    ),
    Case(
        "variables are nothing to OpenSIPS",
        "table-name",
        ERROR,
        "options.db_table_acc",
        opensips(SQL, db_table_acc="acc_$time(year)"),
        kamailio(SQL, db_table_acc="acc_$time(year)"),
    ),
    Case(
        "one table for accounted and missed calls",
        "table-shared",
        WARNING,
        "options.db_table_missed_calls",
        kamailio(SQL, db_table_missed_calls="acc"),
        kamailio(SQL, db_table_missed_calls="missed"),
    ),
)


@cases(*CASES)
def test_what_is_wrong_with_a_name_is_found_and_what_is_right_is_not(case: Case) -> None:
    case.holds()


@pytest.mark.parametrize("word", ["user", "order", "select", "table"])
def test_the_usual_suspects_are_words_of_postgresql(word: str) -> None:
    assert word in RESERVED[Dialect.POSTGRESQL]


def test_the_standard_columns_are_nowhere_reserved() -> None:
    profile = kamailio(SQL, time_mode=1, db_url=POSTGRESQL)
    assert (
        of_rule(replace(profile, options={**profile.options, "acc_method_column": "method"}), "column-reserved") == []
    )
