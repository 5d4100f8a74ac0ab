"""The SQL tables and columns that a proxy writes with a profile.

The standard columns are those of the ``acc-create.sql`` script of each release; the written columns are those of the
modules' ``acc.c`` (``acc_db_init_keys``) and ``acc_cdr.c``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, SqlType
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version

_KAMAILIO_3 = (3, 0)
_TIME_TEXT_WIDTH = 128  # time_format gives 127 bytes at most


class Dialect(StrEnum):
    """The supported databases."""

    MYSQL = "mysql"  # and MariaDB
    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


_SCHEMES = {
    "mysql": Dialect.MYSQL,
    "postgres": Dialect.POSTGRESQL,
    "postgresql": Dialect.POSTGRESQL,
    "sqlite": Dialect.SQLITE,
    "sqlite3": Dialect.SQLITE,
}


def dialect_of(db_url: str) -> Dialect | None:
    """Return the database of a proxy's ``db_url``; None for other databases (ODBC, text files) or if it is empty."""
    return _SCHEMES.get(db_url.partition(":")[0].strip().lower())


def folded(name: str) -> str:
    """Return a name for comparison as in SQL, which ignores the case of ASCII letters."""
    return "".join(character.lower() if character.isascii() else character for character in name)


class Holds(StrEnum):
    """The content of a column, for which each dialect has its own type."""

    TEXT = "text"  # of limited length
    PADDED_TEXT = "padded text"  # CHAR: OpenSIPS' scripts
    LONG_TEXT = "long text"
    MOMENT = "moment"  # local date and time, to the second
    INTEGER = "integer"
    COUNT = "count"  # an integer that is never negative
    SECONDS = "seconds"  # with milliseconds, in single precision
    FINE_SECONDS = "fine seconds"  # with microseconds, as Kamailio 6.1 declares them
    REAL = "real"  # double precision


class SqlColumn(NamedTuple):
    """A column. A value is required if ``default`` is None and ``nullable`` is False."""

    name: str
    holds: Holds
    width: int = 0
    nullable: bool = False
    default: str | int | None = None


@dataclass(frozen=True, slots=True)
class SqlTable:
    """A table. ``columns`` are those of the first release (without ``id``).

    ``added`` are columns that an existing table may lack: columns of later releases, time columns, extras, legs.
    ``schema_version`` is its row in the table ``version``, None if the release has none. ``pattern`` is the configured
    name if it contains variables, which the proxy replaces for each event.
    """

    name: str
    columns: tuple[SqlColumn, ...]
    added: tuple[SqlColumn, ...]
    indexed: str
    schema_version: int | None = None
    pattern: str = ""


def tables_of(profile: AccountingProfile) -> tuple[SqlTable, ...]:
    tables = []
    if Backend.SQL in profile.backends and Backend.SQL in profile.known_backends:
        tables += [_acc(profile, name) for name in _acc_names(profile)]
        tables.append(_missed_calls(profile))
    if profile.is_on("cdr_enable") and profile.is_on("cdrs_table"):
        tables.append(_acc_cdrs(profile))
    names = [table.name for table in tables]
    return tuple(table for position, table in enumerate(tables) if table.name not in names[:position])


def core_columns(profile: AccountingProfile) -> frozenset[str]:
    """Return the columns of ``acc`` and ``missed_calls`` apart from the profile's fields, in lower case."""
    added = (*_opensips_columns(profile), *_time_columns(profile))
    core = _core_1_1(profile) if _is_first(profile) else _core(profile)
    return frozenset({"id", *(folded(column.name) for column in (*core, *added))})


# --- acc and missed_calls

_CORE = ("method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time")
_CORE_1_1 = (
    *("i_uri", "o_uri", "sip_from", "from_uri", "sip_to", "to_uri", "fromtag", "totag"),
    *("sip_method", "sip_callid", "sip_status", "username", "domain", "time"),
)
_PARAMETER_OF = {"username": "acc_user_column"}


def _acc_names(profile: AccountingProfile) -> tuple[str, ...]:
    configured = str(profile.option("db_table_acc") or "acc")
    requested = profile.do_accounting.table if profile.uses_do_accounting else ""
    return (configured, requested) if requested else (configured,)


def _acc(profile: AccountingProfile, name: str) -> SqlTable:
    added = [
        *_opensips_columns(profile),
        *_time_columns(profile),
        *_fields(profile.extra_labels(Backend.SQL)),
    ]
    added += _fields(profile.cdr_labels(Backend.SQL)) if "db_extra_bye" in profile.parameters else ()
    added += _legs(profile)
    added += _fields((one.name, one) for one in profile.cdr_legs) if "multi_leg_bye_info" in profile.parameters else ()
    return _event_table(profile, name, "acc", added)


def _opensips_columns(profile: AccountingProfile) -> tuple[SqlColumn, ...]:
    return (
        *_if(profile, (1, 6), SqlColumn("duration", Holds.COUNT, default=0)),
        *_if(profile, (2, 2), SqlColumn("ms_duration", Holds.COUNT, default=0)),
        *_if(profile, (1, 6), *_SETUP),
    )


def _missed_calls(profile: AccountingProfile) -> SqlTable:
    name = str(profile.option("db_table_missed_calls") or "missed_calls")
    added = [
        *_if(profile, (2, 1), *_SETUP),
        *_time_columns(profile),
        *_fields(profile.extra_labels(Backend.SQL)),
        *_legs(profile),
    ]
    return _event_table(profile, name, "missed_calls", added)


_SETUP = (SqlColumn("setuptime", Holds.COUNT, default=0), SqlColumn("created", Holds.MOMENT, nullable=True))


def _if(profile: AccountingProfile, since: tuple[int, int], *columns: SqlColumn) -> tuple[SqlColumn, ...]:
    return columns if profile.product is Product.OPENSIPS and profile.version >= since else ()


def _event_table(profile: AccountingProfile, configured: str, standard: str, added: Iterable[SqlColumn]) -> SqlTable:
    columns = _core_1_1(profile) if _is_first(profile) else _core(profile)
    has_variable = profile.product is Product.KAMAILIO and "$" in configured
    return SqlTable(
        name=standard if has_variable else configured,
        columns=columns,
        added=_without_repeats(columns, added),
        indexed=_renamed(profile, "sip_callid" if _is_first(profile) else "callid"),
        schema_version=_schema_version(profile, standard),
        pattern=configured if has_variable else "",
    )


def _core(profile: AccountingProfile) -> tuple[SqlColumn, ...]:
    width = _widths(profile.product, profile.version)
    padded = profile.product is Product.OPENSIPS and profile.version >= (1, 5)
    text = Holds.PADDED_TEXT if padded else Holds.TEXT
    widths = (16, width.tag, width.tag, width.call_id, 3, width.reason)
    names = [_renamed(profile, name) for name in _CORE]
    return (
        *(SqlColumn(name, text, wide, default="") for name, wide in zip(names, widths, strict=False)),
        SqlColumn(names[-1], Holds.MOMENT),
    )


class _Widths(NamedTuple):
    tag: int
    call_id: int
    reason: int


def _widths(product: Product, version: Version) -> _Widths:
    if product is not Product.KAMAILIO or version < _KAMAILIO_3:
        return _Widths(64, 128 if (product, version[:2]) == (Product.OPENSER, (1, 2)) else 64, 32)
    return _Widths(
        tag=128 if version >= (5, 3) else 64,
        call_id=255 if version >= (3, 2) else 64,
        reason=128 if version >= (4, 2) else 32,
    )


def _schema_version(profile: AccountingProfile, table: str) -> int | None:
    version = profile.version
    if profile.product is Product.OPENSIPS:
        acc, missed = next(
            pair
            for since, pair in (
                ((2, 2), (7, 5)),
                ((2, 1), (6, 5)),
                ((1, 6), (6, 4)),
                ((1, 5), (5, 4)),
                ((0, 0), (4, 3)),
            )
            if version >= since
        )
    elif _is_first(profile):
        return None
    else:
        acc, missed = (5, 4) if profile.product is Product.KAMAILIO and version >= (4, 2) else (4, 3)
    return acc if table == "acc" else missed


def _is_first(profile: AccountingProfile) -> bool:
    """Return whether the release is OpenSER 1.1, whose table is that of SER, from which it was forked."""
    return profile.product is Product.OPENSER and profile.version < (1, 2)


def _core_1_1(profile: AccountingProfile) -> tuple[SqlColumn, ...]:
    widths = {"sip_method": 16, "username": 64}
    names = _CORE_1_1[:-1]
    texts = (SqlColumn(_renamed(profile, name), Holds.TEXT, widths.get(name, 128), default="") for name in names)
    return (*texts, SqlColumn(_renamed(profile, "time"), Holds.MOMENT))


def _renamed(profile: AccountingProfile, column: str) -> str:
    """Return the configured name of a core column (``acc_…_column``)."""
    names = [_PARAMETER_OF.get(column, f"acc_{column}_column")]
    if column == "to_tag":
        names.append("acc_totag_column")  # its name in OpenSER 1.2
    return next((str(value) for name in names if (value := profile.option(name))), column)


def _time_columns(profile: AccountingProfile) -> tuple[SqlColumn, ...]:
    mode = profile.option("time_mode")
    attr, exten = str(profile.option("time_attr")), str(profile.option("time_exten"))
    match mode:
        case 1:
            return (
                SqlColumn(attr, Holds.INTEGER, nullable=True),
                SqlColumn(exten, Holds.INTEGER, nullable=True),
            )
        case 2:
            return (SqlColumn(attr, Holds.REAL, nullable=True),)
        case 3 | 4:
            return (SqlColumn(attr, Holds.TEXT, _TIME_TEXT_WIDTH, nullable=True, default=""),)
    return ()


def _legs(profile: AccountingProfile) -> tuple[SqlColumn, ...]:
    if not profile.has_legs and profile.is_on("multi_leg_enabled"):
        names = [str(profile.option(f"acc_{name}_column")) for name in ("src_leg", "dst_leg")]
        return tuple(SqlColumn(name, Holds.TEXT, 128, nullable=True, default="") for name in names)
    return tuple(_fields(profile.leg_labels(Backend.SQL)))


def _fields(labels: Iterable[tuple[str, ExtraDefinition | LegDefinition]]) -> Iterable[SqlColumn]:
    """Yield the columns of extra and leg fields. All are nullable: a missing value is '' or NULL, as configured."""
    for label, field in labels:
        match field.sql_type:
            case SqlType.INTEGER:
                yield SqlColumn(label, Holds.INTEGER, nullable=True)
            case SqlType.VARCHAR if field.sql_width > 0:
                yield SqlColumn(label, Holds.TEXT, field.sql_width, nullable=True, default="")
            case _:
                yield SqlColumn(label, Holds.LONG_TEXT, nullable=True)


def _without_repeats(columns: Iterable[SqlColumn], added: Iterable[SqlColumn]) -> tuple[SqlColumn, ...]:
    """Return the added columns without duplicates and standard columns; SQL ignores the case of names."""
    seen = {"id", *(folded(column.name) for column in columns)}
    new_columns = []
    for column in added:
        if folded(column.name) not in seen:
            seen.add(folded(column.name))
            new_columns.append(column)
    return tuple(new_columns)


# --- Kamailio's acc_cdrs

_EPOCH = "2000-01-01 00:00:00"  # the default in the proxy's own script


def _acc_cdrs(profile: AccountingProfile) -> SqlTable:
    version = profile.version
    start, end, duration = (str(profile.option(f"cdr_{name}_id")) for name in ("start", "end", "duration"))
    if version < (4, 3):  # all three as text: seconds since 1970 with a fraction
        columns = tuple(SqlColumn(name, Holds.TEXT, 32, default="") for name in (start, end, duration))
    else:
        precise = Holds.FINE_SECONDS if version >= (6, 1) else Holds.SECONDS
        columns = (
            SqlColumn(start, Holds.MOMENT, default=_EPOCH),
            SqlColumn(end, Holds.MOMENT, default=_EPOCH),
            SqlColumn(duration, precise, default=0),
        )
    return SqlTable(
        name=str(profile.option("cdrs_table")),
        columns=columns,
        added=_without_repeats(columns, _fields(profile.cdr_labels(Backend.SQL))),
        indexed=start,
        schema_version=3 if version >= (6, 1) else 2 if version >= (4, 3) else 1,
    )
