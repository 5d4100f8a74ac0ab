"""Conditions on a text column: complete value, part, pattern with ``*``, network, extra field.

Each condition is true or false for every row, never NULL, so that its negation matches all other rows.
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
"""A value that starts with ``=`` is matched literally; in any other ``*`` stands for any text."""
Network = IPv4Network | IPv6Network

_PARTIES = ("caller", "callee")
_DISTINCTIVE_LENGTH = 7
"""The number of characters at the end of a party that distinguish it from most others."""

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
"""An IP address as proxies write it, IPv6 with or without brackets, which can be cast to PostgreSQL's ``inet``."""


def text(field: str, value: str, *, part: bool, ignore_case: bool = False) -> Q:
    """Match ``=text`` literally, and a pattern with ``*`` against the complete value.

    Without ``*``, match any ``part`` of the column or, if false, its complete value.
    """
    case = "i" if ignore_case else ""
    if value.startswith(EXACTLY):
        condition = _exactly(field, value[1:])
    elif ANY in value:
        condition = _like(field, value, case)
    elif part and ignore_case:
        condition = _containing(field, value)
    elif part:
        condition = Q(**{f"{field}__contains": value})
    else:
        condition = Q(**{f"{field}__{case}exact": value})
    return condition & Q(**{f"{field}__isnull": False})


def _exactly(field: str, value: str) -> Q:
    """Match the complete value; parties are found by the index on their first characters."""
    whole = Q(**{field: value})
    if field not in _PARTIES:
        return whole
    beginning = Q(Exact(Beginning(F(field)), value[: Beginning.LENGTH]))
    return beginning if len(value) < Beginning.LENGTH else beginning & whole


def _containing(field: str, value: str) -> Q:
    """Match any part, ignoring case.

    In the trigram index only the end of a long party is searched: numbers of one country start with the same digits,
    and a search for trigrams that nearly all calls contain is slow.
    """
    if field not in _PARTIES or len(value) <= _DISTINCTIVE_LENGTH:
        return Q(**{f"{field}__icontains": value})
    whole = GreaterThan(StrIndex(Upper(field), Upper(Value(value))), 0)
    return Q(**{f"{field}__icontains": value[-_DISTINCTIVE_LENGTH:]}) & Q(whole)


def _like(field: str, pattern: str, case: str) -> Q:
    """Match a pattern by its start, its end and the parts between."""
    first, *middle, last = pattern.split(ANY)
    condition = Q(**{f"{field}__{case}startswith": first}) if first else Q()
    for between in filter(None, middle):
        condition &= Q(**{f"{field}__{case}contains": between})
    return condition & Q(**{f"{field}__{case}endswith": last}) if last else condition


def word(field: str, value: str) -> Q:
    """Match a ``WordsField`` that contains ``value``."""
    return Q(**{f"{field}__contains": f" {value} "})


def address(field: str, network: Network) -> Q:
    """Match a text column with an address in ``network``, in any notation."""
    if network.version == 4 and network.num_addresses == 1:
        return Q(**{field: str(network.network_address)}, **{f"{field}__isnull": False})
    return Q(_InNetwork(F(field), Value(str(network))))


def read_network(written: str) -> Network:
    """Parse an address or a network in CIDR notation, ignoring host bits. Raise ``ValueError`` for anything else."""
    if "%" in written:  # a zone (RFC 4007) is local to a host, and PostgreSQL does not support it
        raise ValueError(f"{written!r} has a zone")
    return ip_network(written.strip().removeprefix("[").removesuffix("]"), strict=False)


class ExtraText(Func):
    """The value of one extra field of a call: ``ExtraText("extra", Value(label))``; null if it was not logged.

    Django's own key transform takes labels of digits for array indexes, and SQLite's paths have no quoting.
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
    """Whether text is an address in a network; false for other text."""

    output_field = BooleanField()

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        column, column_parameters = compiler.compile(self.source_expressions[0])
        network, network_parameters = compiler.compile(self.source_expressions[1])
        is_within = f"btrim({column}, '[]')::inet <<= ({network})::inet"
        sql = f"(CASE WHEN {column} ~ %s THEN {is_within} ELSE false END)"  # CASE prevents casting other text
        return sql, [*column_parameters, ADDRESS, *column_parameters, *network_parameters]

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="accweb_in_network", **context)


@receiver(connection_created)
def _add_sqlite_functions(sender: Any, connection: BaseDatabaseWrapper, **_later: Any) -> None:
    """Add to SQLite the network test of PostgreSQL's ``inet``."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("accweb_in_network", 2, _in_network, deterministic=True)


def _in_network(written: str | None, network: str) -> bool:
    if written is None or not _IS_ADDRESS(written):
        return False
    return ip_address(written.strip("[]")) in _network(network)


_IS_ADDRESS = re.compile(ADDRESS.removesuffix("$") + r"\Z", re.ASCII).match
_network = lru_cache(maxsize=64)(ip_network)
