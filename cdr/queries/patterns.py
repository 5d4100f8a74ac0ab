"""How a condition on text meets a column: the whole, any part, a pattern with ``*``, a network, an extra field.

Every condition here is true or false for each row, never unknown, so that its negation gives all the other rows.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import BooleanField, F, Func, Q, TextField, Value
from django.db.models.functions import StrIndex, Upper
from django.db.models.lookups import Exact, GreaterThan
from django.dispatch import receiver

from cdr.models.fields import Beginning

EXACTLY, ANY = "=", "*"
"""Text that begins with ``=`` is meant exactly, with whatever stands after it; elsewhere ``*`` is any text."""
Network = IPv4Network | IPv6Network

_PARTIES = ("caller", "callee")
_TELLING = 7
"""So many characters at the end of a party tell it from most others."""

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = rf"{_OCTET}(\.{_OCTET}){{3}}"
_GROUP = "[0-9A-Fa-f]{1,4}"
_V6 = "|".join(
    [
        f"({_GROUP}:){{7}}{_GROUP}",
        f"({_GROUP}:){{1,7}}:",
        *(f"({_GROUP}:){{1,{7 - n}}}(:{_GROUP}){{1,{n}}}" for n in range(1, 7)),
        f":(:{_GROUP}){{1,7}}",
        "::",
    ]
)
ADDRESS = rf"^({_V4}|{_V6}|\[({_V6})\])$"
"""An IP address as proxies write it, IPv6 in brackets or not: what may be cast to PostgreSQL's ``inet``."""


def text(field: str, value: str, *, part: bool, ignore_case: bool = False) -> Q:
    """Match a column with ``=text`` exactly; else the whole with ``*`` for any text; without ``*`` any ``part`` of it,
    or the whole.
    """
    case = "i" if ignore_case else ""
    if value.startswith(EXACTLY):
        known = _exactly(field, value[1:])
    elif ANY in value:
        known = _like(field, value, case)
    elif part and ignore_case:
        known = _holding(field, value)
    elif part:
        known = Q(**{f"{field}__contains": value})
    else:
        known = Q(**{f"{field}__{case}exact": value})
    return known & Q(**{f"{field}__isnull": False})


def _exactly(field: str, value: str) -> Q:
    """Match the whole; parties are looked up in the index of their beginnings, which a short one is all of."""
    whole = Q(**{field: value})
    if field not in _PARTIES:
        return whole
    beginning = Q(Exact(Beginning(F(field)), value[: Beginning.LENGTH]))
    return beginning if len(value) < Beginning.LENGTH else beginning & whole


def _holding(field: str, value: str) -> Q:
    """Match any part, whatever its case. An index of trigrams looks for the end of a long party alone: numbers of one
    country begin alike, and what nearly all calls have in common takes it longest.
    """
    if field not in _PARTIES or len(value) <= _TELLING:
        return Q(**{f"{field}__icontains": value})
    whole = GreaterThan(StrIndex(Upper(field), Upper(Value(value))), 0)
    return Q(**{f"{field}__icontains": value[-_TELLING:]}) & Q(whole)


def _like(field: str, pattern: str, case: str) -> Q:
    """Match text by its known parts: its beginning, its end, and what it contains."""
    first, *middle, last = pattern.split(ANY)
    known = Q(**{f"{field}__{case}startswith": first}) if first else Q()
    for between in filter(None, middle):
        known &= Q(**{f"{field}__{case}contains": between})
    return known & Q(**{f"{field}__{case}endswith": last}) if last else known


def word(field: str, value: str) -> Q:
    """Match a ``WordsField`` that holds ``value``."""
    return Q(**{f"{field}__contains": f" {value} "})


def address(field: str, network: Network) -> Q:
    """Match a column of text that is an address within ``network``, however the address is written."""
    if network.version == 4 and network.num_addresses == 1:
        return Q(**{field: str(network.network_address)}, **{f"{field}__isnull": False})
    return Q(_InNetwork(F(field), Value(str(network))))


def read_network(written: str) -> Network:
    """Read an address or a network in CIDR notation; host bits are cut off. Raise ``ValueError`` for anything else."""
    if "%" in written:  # a zone (RFC 4007) means something on one host alone, and PostgreSQL knows none
        raise ValueError(f"{written!r} has a zone")
    return ip_network(written.strip().removeprefix("[").removesuffix("]"), strict=False)


class ExtraText(Func):
    """The value of one extra field of a call: ``ExtraText("extra", Value(label))``; null where it was not logged.

    Django's own key transform takes labels of digits for places in an array, and SQLite's paths know no quotes.
    """

    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s::text)", arg_joiner=" ->> ", **context)

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        template = "(SELECT value FROM json_each(%(expressions)s LIMIT 1)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=") WHERE key = ", **context)


class AnyExtra(Func):
    """Whether one of the extra fields of a call has a value: ``AnyExtra("extra", Value(text))``."""

    output_field = BooleanField()
    function = "json_each"

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="jsonb_each_text", **context)

    template = "EXISTS (SELECT 1 FROM %(function)s(%(expressions)s)"
    arg_joiner = ") WHERE value = "


class _InNetwork(Func):
    """Whether text is an address within a network; text that is no address is not."""

    output_field = BooleanField()

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        column, column_parameters = compiler.compile(self.source_expressions[0])
        network, network_parameters = compiler.compile(self.source_expressions[1])
        is_within = f"btrim({column}, '[]')::inet <<= ({network})::inet"
        sql = f"(CASE WHEN {column} ~ %s THEN {is_within} ELSE false END)"  # CASE: cast nothing that is no address
        return sql, [*column_parameters, ADDRESS, *column_parameters, *network_parameters]

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="accweb_in_network", **context)


@receiver(connection_created)
def _teach_sqlite(sender: Any, connection: BaseDatabaseWrapper, **_later: Any) -> None:
    """Give SQLite what PostgreSQL has in its ``inet``."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("accweb_in_network", 2, _in_network, deterministic=True)


def _in_network(written: str | None, network: str) -> bool:
    if written is None or not _IS_ADDRESS(written):
        return False
    return ip_address(written.strip("[]")) in _network(network)


_IS_ADDRESS = re.compile(ADDRESS.removesuffix("$") + r"\Z", re.ASCII).match
_network = lru_cache(maxsize=64)(ip_network)
