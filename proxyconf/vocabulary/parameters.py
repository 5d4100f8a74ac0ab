"""Every parameter of the accounting modules, by product and version.

The table ``parameters.csv`` was extracted from the export tables of the modules ``acc``, ``acc_radius``,
``acc_diameter`` and ``acc_json``: one line per range of releases with the same type and default. ``X+`` means X and
all newer releases, ``X-Y`` includes both. Kamailio 1.4 and 1.5 are not in it: they are treated as OpenSER 1.3, which
they were forked from.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import all_of
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.products import Product, Version

RELEASES: Mapping[Product, tuple[str, ...]] = {
    Product.OPENSER: ("1.1", "1.2", "1.3"),
    Product.KAMAILIO: (
        *("1.4", "1.5", "3.0", "3.1", "3.2", "3.3", "4.0", "4.1", "4.2", "4.3", "4.4"),
        *("5.0", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "5.7", "5.8", "6.0", "6.1"),
    ),
    Product.OPENSIPS: (
        *("1.4", "1.5", "1.6", "1.7", "1.8", "1.9", "1.10", "1.11", "2.1", "2.2", "2.3", "2.4"),
        *("3.0", "3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "4.0"),
    ),
}
"""The known releases, oldest first."""

Value = int | str
"""The value of a parameter."""

_FIRST_KAMAILIO_IN_TABLE = Version(3, 0)
_OPENSER_OF_OLD_KAMAILIO = Version(1, 3)
_INTEGER_RANGE = re.compile(r"(-?\d+)(?:\.\.|-)(\d+)")
_INTEGER_CHOICES = re.compile(r"-?\d+(?:\|-?\d+)+")


class ParameterKind(StrEnum):
    """The kinds of values that a form or a check treats differently."""

    SWITCH = "switch"  # 0 or 1
    INTEGER = "integer"
    TEXT = "text"
    FLAG = "flag"  # number of a message flag; a name in OpenSIPS 1.9 to 2.1
    EXTRAS = "extras"  # name=$pv;name=$pv
    FIELDS = "fields"  # backend: tag->name;tag
    LEGS = "legs"  # name=$avp(x);name=$avp(x)


class VersionRange(NamedTuple):
    """Releases from ``since`` to ``until``, both included, compared by major and minor number; ``until`` None: open."""

    since: Version
    until: Version | None

    @classmethod
    def parse(cls, text: str) -> VersionRange:
        """Parse ``3.0+``, ``5.2-5.3`` or ``1.1``; raise ``ValueError`` that quotes the text."""
        first, dash, last = text.partition("-")
        if first.endswith("+") and not dash:
            return cls(Version.parse(first.removesuffix("+")), None)
        since = Version.parse(first)
        return cls(since, Version.parse(last) if dash else since)

    def __contains__(self, version: object) -> bool:
        if not isinstance(version, tuple):
            return False
        minor = tuple(version[:2])
        return self.since[:2] <= minor and (self.until is None or minor <= self.until[:2])


class Parameter(NamedTuple):
    """One module parameter in a range of releases. ``default`` of an integer is an ``int``; -1 means unset.

    ``allowed`` and ``meaning`` are sentences for the reader. ``repeatable``: several settings add up (else the last one
    counts).
    """

    product: Product
    versions: VersionRange
    module: str
    name: str
    is_integer: bool
    repeatable: bool
    default: Value
    allowed: str
    meaning: str

    @property
    def key(self) -> str:
        """The name that is unique among the four modules: ``acc_json`` repeats some names of ``acc``."""
        return f"{self.module}.{self.name}" if self.module == "acc_json" else self.name

    @property
    def kind(self) -> ParameterKind:
        if self.name.endswith("_flag"):
            return ParameterKind.FLAG
        if self.name.startswith("multi_leg") and not self.is_integer:
            return ParameterKind.LEGS
        if self.repeatable:
            return ParameterKind.FIELDS
        if "=$pv" in self.allowed:
            return ParameterKind.EXTRAS
        if self.allowed == "0|1":
            return ParameterKind.SWITCH
        return ParameterKind.INTEGER if self.is_integer else ParameterKind.TEXT

    @property
    def choices(self) -> tuple[int, ...]:
        """The allowed integers if there are few, else empty."""
        if self.is_integer and _INTEGER_CHOICES.fullmatch(self.allowed):
            return tuple(map(int, self.allowed.split("|")))
        bounds = self.bounds
        return tuple(range(bounds[0], bounds[1] + 1)) if bounds and bounds[1] - bounds[0] < 16 else ()

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The smallest and the largest allowed integer, if the table gives them."""
        match = _INTEGER_RANGE.match(self.allowed) if self.is_integer else None
        return (int(match[1]), int(match[2])) if match else None


@dataclass(frozen=True, slots=True)
class BackendNames:
    """The names of a backend in the configuration of one product and version.

    ``module`` holds the parameters; ``flag``, ``missed_flag``, ``extra`` and ``extra_bye`` are parameter names, empty
    if the version has none; ``type`` is the backend's name in ``do_accounting()`` and ``extra_fields`` (OpenSIPS 2.2
    and later), else empty.
    """

    module: str
    flag: str = ""
    missed_flag: str = ""
    extra: str = ""
    extra_bye: str = ""
    type: str = ""

    @property
    def flag_key(self) -> str:
        """``Parameter.key`` of the flag."""
        return self._key(self.flag)

    @property
    def missed_key(self) -> str:
        """``Parameter.key`` of the missed flag."""
        return self._key(self.missed_flag)

    @property
    def extra_key(self) -> str:
        """``Parameter.key`` of the list of extras."""
        return self._key(self.extra)

    @property
    def extra_bye_key(self) -> str:
        """``Parameter.key`` of the list of extras that are evaluated at the BYE."""
        return self._key(self.extra_bye)

    def _key(self, name: str) -> str:
        return f"{self.module}.{name}" if name and self.module == "acc_json" else name


_PREFIXES: Mapping[Backend, tuple[str, ...]] = {
    Backend.SYSLOG: ("log",),
    Backend.SQL: ("db",),
    Backend.RADIUS: ("radius", "aaa"),
    Backend.DIAMETER: ("diameter",),
    Backend.JSON: ("acc_json.acc",),
    Backend.EVENTS: ("evi",),
}
_TYPES = {Backend.SYSLOG: "log", Backend.SQL: "db", Backend.RADIUS: "aaa", Backend.EVENTS: "evi"}
_DO_ACCOUNTING = Version(2, 2)
_AAA_DIAMETER = Version(3, 2)


def uses_do_accounting(product: Product, version: Version) -> bool:
    """Return whether the script requests accounting with ``do_accounting()`` instead of flags (OpenSIPS 2.2)."""
    return product is Product.OPENSIPS and version >= _DO_ACCOUNTING


def is_known(product: Product, version: Version) -> bool:
    return bool(parameters_of(product, version))


@cache
def parameters_of(product: Product, version: Version) -> Mapping[str, Parameter]:
    """Return the parameters of a release by ``Parameter.key``, in the order of the table.

    If two modules of a release have a parameter of the same name (``radius_flag`` in Kamailio 3.1 to 4.4, whose ``acc``
    had a copy behind a compile option), the one of the separate module (``acc_radius``) is returned.
    """
    product, version = _table_release(product, version)
    return {
        parameter.key: parameter
        for parameter in _table()
        if parameter.product is product and version in parameter.versions
    }


def find_parameter(product: Product, version: Version, name: str, module: str = "acc") -> Parameter | None:
    parameters = parameters_of(product, version)
    parameter = parameters.get(f"{module}.{name}" if module == "acc_json" else name)
    # acc's own copy of the RADIUS parameters counts as that of acc_radius
    return parameter if parameter and module in (parameter.module, "acc") else None


def why_absent(product: Product, version: Version, key: str) -> str:
    """Return a sentence that explains why a release lacks a parameter; empty if it has it."""
    if key in parameters_of(product, version):
        return ""
    title = f"{product.label} {version}"
    table_product, table_version = _table_release(product, version)
    rows = [parameter for parameter in _table() if parameter.key == key]
    ranges = [parameter.versions for parameter in rows if parameter.product is table_product]
    if ranges:
        ends = [versions.until for versions in ranges if versions.until and versions.until[:2] < table_version[:2]]
        if ends:
            return _("{title} has no {key}: its last release with it is {last}.", title=title, key=key, last=max(ends))
        first = min(versions.since for versions in ranges)
        return _("{title} has no {key}: it came with {release}.", title=title, key=key, release=first)
    others = sorted({parameter.product.label for parameter in rows})
    if others:
        return _("{title} has no {key}: it belongs to {others}.", title=title, key=key, others=all_of(others))
    return _("No known release has a parameter {key}.", key=key)


@cache
def backends_of(product: Product, version: Version) -> Mapping[Backend, BackendNames]:
    """Return the backends of a release and their names in its configuration."""
    parameters = parameters_of(product, version)
    if uses_do_accounting(product, version):
        backends = {backend: _names(parameters, backend, type_name) for backend, type_name in _TYPES.items()}
        if version >= _AAA_DIAMETER:
            backends[Backend.DIAMETER] = backends[Backend.RADIUS]  # aaa_url says which of the two it is
        return backends
    return {backend: names for backend in Backend if (names := _names(parameters, backend, "")).flag}


def why_no_backend(product: Product, version: Version, backend: Backend) -> str:
    """Return a sentence that explains why a release cannot account to a backend; empty if it can."""
    if backend in backends_of(product, version):
        return ""
    title = f"{product.label} {version}"
    releases = _releases_with(product, backend)
    if not releases:
        others = [other.label for other in Product if other is not product and _releases_with(other, backend)]
        return _(
            "{title} has no accounting to {backend}: it belongs to {others}.",
            title=title,
            backend=backend,
            others=all_of(others),
        )
    if releases[0] > version:
        return _(
            "{title} has no accounting to {backend}: it came with {release}.",
            title=title,
            backend=backend,
            release=releases[0],
        )
    later = [release for release in releases if release > version]
    last = [release for release in releases if release < version][-1]
    if later:
        return _(
            "{title} has no accounting to {backend}: the last release before it that has is {last}, and {later} has it "
            "again.",
            title=title,
            backend=backend,
            last=last,
            later=later[0],
        )
    return _(
        "{title} has no accounting to {backend}: the last release before it that has is {last}.",
        title=title,
        backend=backend,
        last=last,
    )


def _releases_with(product: Product, backend: Backend) -> list[Version]:
    versions = map(Version.parse, RELEASES[product])
    return [version for version in versions if backend in backends_of(product, version)]


def _names(parameters: Mapping[str, Parameter], backend: Backend, type_name: str) -> BackendNames:
    for prefix in _PREFIXES[backend]:
        rows = [parameters.get(f"{prefix}{suffix}") for suffix in ("_flag", "_missed_flag", "_extra", "_extra_bye")]
        module = next((parameter.module for parameter in rows if parameter), "")
        if module:
            flag, missed, extra, bye = (parameter.name if parameter else "" for parameter in rows)
            return BackendNames(module, flag, missed, extra, bye, type_name)
    return BackendNames("acc", type=type_name)


def _table_release(product: Product, version: Version) -> tuple[Product, Version]:
    """Return the product and version under which the table lists a release."""
    if product is Product.KAMAILIO and version < _FIRST_KAMAILIO_IN_TABLE:
        return Product.OPENSER, _OPENSER_OF_OLD_KAMAILIO
    return product, version


@cache
def _table() -> tuple[Parameter, ...]:
    text = (files(__package__) / "parameters.csv").read_text(encoding="utf-8")
    return tuple(_parameter(row) for row in csv.DictReader(text.splitlines()))


_DESCRIBED = {"client library default": "", "built-in": ""}  # a description of the default is not a value


def _parameter(row: Mapping[str, str]) -> Parameter:
    is_integer = row["type"] == "integer"
    return Parameter(
        product=Product(row["product"]),
        versions=VersionRange.parse(row["versions"]),
        module=row["module"],
        name=row["parameter"],
        is_integer=is_integer,
        repeatable="repeatable" in row["type"],
        default=int(row["default"]) if is_integer else _DESCRIBED.get(row["default"], row["default"]),
        allowed=row["allowed"],
        meaning=row["meaning"],
    )
