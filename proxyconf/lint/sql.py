"""Rules about SQL rows: whether they are written, and whether the database accepts them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from proxyconf.lint.columns import dialect, writes_cdr_table, writes_sql
from proxyconf.lint.finding import Fix
from proxyconf.lint.fixes import change_field, set_variable
from proxyconf.lint.kinds import expression_of, is_number, is_set_by_the_script, may_be_empty, may_be_long
from proxyconf.lint.places import BACKENDS, Field, labels, option_place
from proxyconf.lint.registry import Problem, error, note, rule, warning
from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, SqlType
from proxyconf.render.sql_schema import Dialect, Holds, tables_of
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product

FieldOfAny = TypeVar("FieldOfAny", ExtraDefinition, LegDefinition)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9_]*:.+", re.DOTALL)
_MYSQL_ROW = 65_535  # bytes, without TEXT
_MYSQL_CHARACTER = 4  # utf8mb4
_WIDEST = 16_383
_SHORT = 128  # characters, of which the 64 fields of a list fit into a row
_BUSY_TIMEOUT = "db_set_busy_timeout"
_WAITING_SQLITE = (6, 0)  # the parameter came late in 2024, after 5.8


def sql_fields(profile: AccountingProfile) -> Iterator[Field]:
    """Yield the fields that have a column."""
    seen = set()
    for label in labels(profile):
        is_cdr = label.record != str(label.backend)
        if label.backend is Backend.SQL and label.place.path not in seen and (not is_cdr or writes_cdr_table(profile)):
            seen.add(label.place.path)
            yield label.field


@rule("db-url-missing", _("Without a database the flags for SQL have no effect, and no error is reported."))
def db_url_missing(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.is_on("db_url") or "db_url" not in profile.parameters:
        return
    remedy = _('Set it: modparam("acc", "db_url", "mysql://user:password@host/database").')
    if writes_sql(profile):
        if profile.uses_field_declarations and any(profile.extra_labels(Backend.SQL) + profile.leg_labels(Backend.SQL)):
            yield error(
                option_place("db_url"),
                _("db_url is not set, but there are fields for SQL."),
                remedy,
                _("The proxy does not start with fields for a database that it does not have."),
            )
        else:
            yield warning(option_place("db_url"), _("db_url is not set."), remedy)
    elif writes_cdr_table(profile):
        yield warning(
            option_place("db_url"),
            _("cdrs_table is set and db_url is not."),
            remedy,
            _("The proxy starts, and writes no dialog record to the table."),
        )


@rule("db-url-form", _("The part before the colon names the driver's module; the proxy does not start without it."))
def db_url_form(profile: AccountingProfile) -> Iterator[Problem]:
    url = profile.option("db_url")
    if isinstance(url, str) and url.strip() and not _URL.fullmatch(url.strip()):
        yield error(
            option_place("db_url"),
            _("The address of the database does not begin with a driver."),
            _("Write it like mysql://user:password@host/database or postgres://… or sqlite:///file."),
        )


@rule(
    "sqlite-workers",
    _(
        "Seen live on Kamailio 5.6: db_sqlite does not wait while another process writes; the row is "
        "lost, and only the proxy's log tells. Four workers stored 51 of 160 rows with a write-ahead "
        "log, and 22 of 160 without."
    ),
)
def sqlite_workers(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.product is not Product.KAMAILIO or dialect(profile) is not Dialect.SQLITE:
        return
    if not (writes_sql(profile) or writes_cdr_table(profile)) or profile.sets_other("db_sqlite", _BUSY_TIMEOUT):
        return
    wait = (
        _(", or set {parameter} of db_sqlite if it has that", parameter=_BUSY_TIMEOUT)
        if profile.version >= _WAITING_SQLITE
        else ""
    )
    yield warning(
        option_place("db_url"),
        _("Several workers cannot write to an SQLite file at the same time."),
        _("Use PostgreSQL or MySQL. If it must be SQLite, let one process write (children=1){wait}.", wait=wait),
    )


@rule(
    "column-integer",
    _(
        "All values are inserted as text: if the value is missing or not a number the database refuses the row, and "
        "the event is lost."
    ),
)
def column_integer(profile: AccountingProfile) -> Iterator[Problem]:
    if dialect(profile) is Dialect.SQLITE:  # takes any text
        return
    for field in sql_fields(profile):
        expression = expression_of(field.definition.variable)
        if field.definition.sql_type is not SqlType.INTEGER or expression is None or is_number(expression):
            continue
        nulls = profile.is_on("cdr_extra_nullable" if field.kind == "cdr_extras" else "acc_extra_nullable")
        if nulls and (isinstance(field.definition, LegDefinition) or is_set_by_the_script(expression)):
            continue
        how = _("may be empty") if may_be_empty(expression) else _("is not a number")
        yield error(
            field.place("sql_type", _("type of the column")),
            _("The column is an integer, and {variable} {how}.", variable=expression.text, how=how),
            _("Make it varchar or text."),
        ).fixed_by(change_field(field, _("Make it varchar"), sql_type=SqlType.VARCHAR))


@rule("column-width", _("A column takes text of one character at least; MySQL takes 16 383 at most."))
def column_width(profile: AccountingProfile) -> Iterator[Problem]:
    for field in sql_fields(profile):
        width = field.definition.sql_width
        if field.definition.sql_type is SqlType.VARCHAR and not 0 < width <= _WIDEST:
            yield warning(
                field.place("sql_width", _("width of the column")),
                _("A width of {width} is not possible everywhere.", width=width),
                _("Choose the type text for long values; the generated SQL does."),
            ).fixed_by(change_field(field, _("Make it text"), sql_type=SqlType.TEXT))


@rule(
    "column-foreign-text",
    _(
        "PostgreSQL and strict MySQL refuse a row with a value that is longer than its column: who sends "
        "a long enough text is not accounted."
    ),
)
def column_foreign_text(profile: AccountingProfile) -> Iterator[Problem]:
    if dialect(profile) is Dialect.SQLITE:  # looks at no width
        return
    for field in sql_fields(profile):
        expression = expression_of(field.definition.variable)
        if field.definition.sql_type is SqlType.VARCHAR and expression is not None and may_be_long(expression):
            cut = shortened(expression.text, field.definition.sql_width)
            yield note(
                field.place("sql_width", _("width of the column")),
                _(
                    "The length of {variable} is not limited; the column holds {width} characters.",
                    variable=expression.text,
                    width=field.definition.sql_width,
                ),
                _("Choose the type text, or cut the value: {cut}.", cut=cut),
            ).fixed_by(change_field(field, _("Make it text"), sql_type=SqlType.TEXT), set_variable(field, cut))


def _with_long_as_text(profile: AccountingProfile) -> AccountingProfile:
    def as_text(fields: Iterable[FieldOfAny]) -> tuple[FieldOfAny, ...]:
        return tuple(
            replace(one, sql_type=SqlType.TEXT) if one.sql_type is SqlType.VARCHAR and one.sql_width > _SHORT else one
            for one in fields
        )

    return replace(
        profile, extras=as_text(profile.extras), legs=as_text(profile.legs), cdr_extras=as_text(profile.cdr_extras)
    )


_LONG_AS_TEXT = Fix(_("Make long ones text"), _with_long_as_text)


@rule("row-size", _("A row of MySQL has 65 535 bytes at most, 4 for each character: ALTER TABLE fails."))
def row_size(profile: AccountingProfile) -> Iterator[Problem]:
    if dialect(profile) not in (Dialect.MYSQL, None):
        return
    for table in tables_of(profile):
        columns = (*table.columns, *table.added)
        size = sum(one.width * _MYSQL_CHARACTER for one in columns if one.holds is Holds.TEXT and one.width <= _WIDEST)
        if size > _MYSQL_ROW:
            yield (error if dialect(profile) else note)(
                BACKENDS,
                _("The columns of {table} add up to {size} bytes.", table=table.name, size=size),
                _("Make some of them narrower, or of type text."),
            ).fixed_by(_LONG_AS_TEXT)


@rule("call-id-width", _("Longer ones are cut or refused: events of such a call cannot be joined, or are lost."))
def call_id_width(profile: AccountingProfile) -> Iterator[Problem]:
    if not writes_sql(profile):
        return
    for table in tables_of(profile)[:1]:
        width = next((one.width for one in table.columns if one.name == table.indexed), 255)
        if width < 128 and profile.product is Product.OPENSIPS:
            yield note(
                BACKENDS,
                _("The standard table takes Call-IDs of {width} characters; RFC 3261 sets no limit.", width=width),
                _("Widen {column}, from_tag and to_tag to 255 in both tables.", column=table.indexed),
            )


def shortened(variable: str, width: int) -> str:
    """Return a variable with a transformation that truncates it to ``width``."""
    inner = variable[2:-1] if variable.startswith("$(") else variable[1:]
    return f"$({inner}{{s.substr,0,{max(width, 1)}}})"
