"""Rules about the names of columns and tables, which most proxies write without quotes.

Seen with Kamailio 5.6: the drivers for PostgreSQL and SQLite do not quote names, the one for MySQL does. The drivers of
OpenSIPS, OpenSER and older Kamailio releases are assumed not to quote any.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from proxyconf.lint.finding import Fix
from proxyconf.lint.fixes import change_do_accounting, rename, rename_option, set_option, use_default
from proxyconf.lint.naming import bad_characters, plain
from proxyconf.lint.places import labels, option_place, used_backends
from proxyconf.lint.registry import Place, Problem, error, note, rule, warning
from proxyconf.lint.sql_words import RESERVED
from proxyconf.profile import AccountingProfile
from proxyconf.render.sql_schema import Dialect, dialect_of, folded
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import all_of
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
LONGEST_NAME = 63  # PostgreSQL; MySQL takes 64; Kamailio's table argument 63


def dialect(profile: AccountingProfile) -> Dialect | None:
    """Return the database of the profile's ``db_url``, if it is known."""
    return dialect_of(str(profile.option("db_url") or ""))


def writes_sql(profile: AccountingProfile) -> bool:
    """Return whether events go to SQL."""
    return Backend.SQL in used_backends(profile)


def writes_cdr_table(profile: AccountingProfile) -> bool:
    """Return whether dialog records go to SQL (Kamailio)."""
    return profile.is_on("cdr_enable") and profile.is_on("cdrs_table")


@rule(
    "column-name",
    _(
        "The proxy writes column names without quotes, so such a name is a syntax error and the database refuses "
        "every row. Only the proxy's log reports it."
    ),
)
def column_name(profile: AccountingProfile) -> Iterator[Problem]:
    for text, place, fix in _column_names(profile):
        reported = bad_characters(text) and not place.path.startswith("options.")  # as a label, to all its backends
        if not _NAME.fullmatch(text) and not reported:
            yield (warning if _quotes(profile) else error)(
                place,
                _("{text!r} is not a valid column name.", text=text),
                _("Use letters, digits and underscores: {plain}.", plain=plain(text)),
            ).fixed_by(fix)


@rule(
    "column-reserved",
    _(
        "The proxy writes column names without quotes, so a reserved word is a syntax error and every row is lost. "
        "Only the proxy's log reports it."
    ),
)
def column_reserved(profile: AccountingProfile) -> Iterator[Problem]:
    if _quotes(profile):
        return
    known = dialect(profile)
    for text, place, fix in _column_names(profile):
        dialects = [other for other in ([known] if known else Dialect) if folded(text) in RESERVED[other]]
        if dialects:
            where = all_of(_TITLES[other] for other in dialects)
            yield (error if known else warning)(
                place,
                _("{text!r} is a reserved word in {where}.", text=text, where=where),
                _("Choose another name, such as x_{text}.", text=text),
            ).fixed_by(fix)


@rule("column-length", _("MySQL refuses names of more than 64 characters; PostgreSQL cuts them to 63."))
def column_length(profile: AccountingProfile) -> Iterator[Problem]:
    for text, place, fix in _column_names(profile):
        if len(text) > LONGEST_NAME:
            # PostgreSQL cuts the name in the table and in each INSERT alike
            severity = warning if dialect(profile) is Dialect.POSTGRESQL else error
            yield severity(
                place,
                _("The name has {count} characters.", count=len(text)),
                _("Use {most} at most.", most=LONGEST_NAME),
            ).fixed_by(fix)


@rule("column-case", _("PostgreSQL folds names without quotes to lower case."))
def column_case(profile: AccountingProfile) -> Iterator[Problem]:
    if dialect(profile) is Dialect.POSTGRESQL:
        for text, place, fix in _column_names(profile):
            if text != folded(text):
                yield note(
                    place,
                    _("The column will be {folded!r}, not {text!r}.", folded=folded(text), text=text),
                    _("Write it in lower case."),
                ).fixed_by(fix)


@rule("column-shared", _("The INSERT names the column twice, so the database refuses every row."))
def column_shared(profile: AccountingProfile) -> Iterator[Problem]:
    if not writes_sql(profile):
        return
    seen: dict[str, str] = {}
    for key in profile.parameters:
        if key.startswith("acc_") and key.endswith("_column"):
            name = folded(str(profile.option(key)))
            first = seen.setdefault(name, key)
            if first != key:
                yield error(
                    option_place(key),
                    _("{key} and {first} name the same column.", key=key, first=first),
                    _("Give each its own name."),
                ).fixed_by(use_default(*(one for one in (key, first) if one in profile.options)))


@rule("table-name", _("The proxy writes names of tables without quotes, and Kamailio takes 63 characters at most."))
def table_name(profile: AccountingProfile) -> Iterator[Problem]:
    for text, place in _tables(profile):
        if profile.product is Product.KAMAILIO and "$" in text:
            continue
        if not _TABLE.fullmatch(text) or len(text) > LONGEST_NAME:
            yield error(
                place,
                _("{text!r} is not a valid table name.", text=text),
                _("Use letters, digits and underscores, {most} characters at most.", most=LONGEST_NAME),
            ).fixed_by(_default_table(place))


@rule(
    "table-variables",
    _(
        "The proxy replaces the variables for each event and does not create the table: a row for a table that does "
        "not exist is lost."
    ),
)
def table_variables(profile: AccountingProfile) -> Iterator[Problem]:
    for text, place in _tables(profile):
        if profile.product is Product.KAMAILIO and "$" in text:
            yield note(
                place,
                _("The name {text!r} contains variables.", text=text),
                _("Create each table before its first event, like the one in the generated SQL."),
            )


@rule("table-shared", _("Missed and accounted calls would be in one table, and nothing in a row distinguishes them."))
def table_shared(profile: AccountingProfile) -> Iterator[Problem]:
    accounted, missed = (str(profile.option(f"db_table_{one}") or "") for one in ("acc", "missed_calls"))
    if writes_sql(profile) and accounted and folded(accounted) == folded(missed):
        yield warning(
            option_place("db_table_missed_calls"),
            _("Accounted and missed calls are written to the same table, {missed!r}.", missed=missed),
            _("Use a separate table, such as missed_calls."),
        ).fixed_by(_own_table(accounted))


def _default_table(place: Place) -> Fix:
    if place.path == "do_accounting.table":
        return change_do_accounting(_("Use the table acc"), table="")
    return use_default(place.path.removeprefix("options."))


def _own_table(accounted: str) -> Fix:
    usual = "missed_calls"
    return set_option("db_table_missed_calls", usual if folded(accounted) != usual else f"{usual}_2")


_TITLES = {Dialect.MYSQL: "MySQL", Dialect.POSTGRESQL: "PostgreSQL", Dialect.SQLITE: "SQLite"}


def _quotes(profile: AccountingProfile) -> bool:
    return profile.product is Product.KAMAILIO and profile.version >= (5, 0) and dialect(profile) is Dialect.MYSQL


class _ColumnName(NamedTuple):
    text: str
    place: Place
    fix: Fix | None


def _column_names(profile: AccountingProfile) -> Iterator[_ColumnName]:
    """Yield the names of columns that the profile chooses, each with the fix that changes it."""
    for label in labels(profile):
        is_cdr = label.record != str(label.backend)
        if label.backend is Backend.SQL and (not is_cdr or writes_cdr_table(profile)):
            yield _ColumnName(label.text, label.place, rename(profile, label))
    options: list[str] = []
    if writes_sql(profile):
        options += [key for key in profile.parameters if key.startswith("acc_") and key.endswith("_column")]
        options += ["time_attr", "time_exten"] if profile.is_on("time_mode") else []
    if writes_cdr_table(profile):
        options += ["cdr_start_id", "cdr_end_id", "cdr_duration_id"]
    for key in options:
        if key in profile.options:
            yield _ColumnName(str(profile.options[key]), option_place(key), rename_option(key))


def _tables(profile: AccountingProfile) -> Iterator[tuple[str, Place]]:
    """Yield the table names that the profile sets."""
    options = ["db_table_acc", "db_table_missed_calls"] if writes_sql(profile) else []
    options += ["cdrs_table"] if writes_cdr_table(profile) else []
    for key in options:
        if key in profile.options and key in profile.parameters:
            yield str(profile.options[key]), option_place(key)
    if writes_sql(profile) and profile.uses_do_accounting and profile.do_accounting.table:
        yield profile.do_accounting.table, Place("do_accounting.table", _("table of do_accounting()"))
