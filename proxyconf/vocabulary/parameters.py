"""Every parameter of the accounting modules, by product and version.

The table ``parameters.csv`` was extracted from the export tables of the modules ``acc``, ``acc_radius``,
``acc_diameter`` and ``acc_json``: one line per range of releases in which type and default are the same. ``X+`` means
up to the newest release read, ``X-Y`` both included. Kamailio 1.4 and 1.5 are not in it: they are near OpenSER 1.3 and
are read as that.
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
"""The releases known, oldest first."""

Value = int | str
"""What a parameter is set to."""

_FIRST_OWN_KAMAILIO = Version(3, 0)
_OPENSER_KIN = Version(1, 3)
_INTEGER_RANGE = re.compile(r"(-?\d+)(?:\.\.|-)(\d+)")
_INTEGER_CHOICES = re.compile(r"-?\d+(?:\|-?\d+)+")


class ParameterKind(StrEnum):
    """What a parameter holds, as far as a form or a check must treat it differently."""

    SWITCH = "switch"  # 0 or 1
    INTEGER = "integer"
    TEXT = "text"
    FLAG = "flag"  # number of a message flag; a name in OpenSIPS 1.9 to 2.1
    EXTRAS = "extras"  # name=$pv;name=$pv
    FIELDS = "fields"  # backend: tag->name;tag
    LEGS = "legs"  # name=$avp(x);name=$avp(x)


class VersionRange(NamedTuple):
    """Releases from ``since`` to ``until``, both included and to the minor number; ``until`` None is the newest."""

    since: Version
    until: Version | None

    @classmethod
    def parse(cls, text: str) -> VersionRange:
        """Read ``3.0+``, ``5.2-5.3`` or ``1.1``; raise ``ValueError`` naming what was read."""
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

    ``allowed`` and ``meaning`` are sentences for the reader. ``repeatable``: given twice, both count (else the last).
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
        """How the value is to be treated."""
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
        """The integers allowed where they are few, else empty."""
        if self.is_integer and _INTEGER_CHOICES.fullmatch(self.allowed):
            return tuple(int(one) for one in self.allowed.split("|"))
        bounds = self.bounds
        return tuple(range(bounds[0], bounds[1] + 1)) if bounds and bounds[1] - bounds[0] < 16 else ()

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The smallest and the largest integer allowed, if the table gives them."""
        match = _INTEGER_RANGE.match(self.allowed) if self.is_integer else None
        return (int(match[1]), int(match[2])) if match else None


@dataclass(frozen=True, slots=True)
class BackendNames:
    """How a backend is addressed in the configuration of one product and version.

    ``module`` holds the parameters; ``flag``, ``missed_flag``, ``extra`` and ``extra_bye`` are parameter names, empty
    where the version has none; ``type`` is the word of ``do_accounting()`` and of ``extra_fields`` (OpenSIPS 2.2 and
    later), else empty.
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
        """``Parameter.key`` of the list of extras that are taken at the BYE."""
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
    """Return whether the script asks for accounting with ``do_accounting()`` instead of flags (OpenSIPS 2.2)."""
    return product is Product.OPENSIPS and version >= _DO_ACCOUNTING


def is_known(product: Product, version: Version) -> bool:
    """Return whether the table says something about this release."""
    return bool(parameters_of(product, version))


@cache
def parameters_of(product: Product, version: Version) -> Mapping[str, Parameter]:
    """Return the parameters of a release by ``Parameter.key``, in the order of the table.

    A name that two modules of one release have in common (``radius_flag`` in Kamailio 3.1 to 4.4, whose ``acc`` had a
    copy behind a compile option) is that of the module of its own, ``acc_radius``.
    """
    product, version = _read_as(product, version)
    found: dict[str, Parameter] = {}
    for parameter in _table():
        if parameter.product is product and version in parameter.versions:
            found[parameter.key] = parameter
    return found


def find_parameter(product: Product, version: Version, name: str, module: str = "acc") -> Parameter | None:
    """Return the parameter ``name`` of ``module`` in a release, or None if that release has none."""
    known = parameters_of(product, version)
    parameter = known.get(f"{module}.{name}") if module == "acc_json" else known.get(name)
    # acc's own copy of the RADIUS parameters counts as that of acc_radius
    return parameter if parameter and module in (parameter.module, "acc") else None


def why_absent(product: Product, version: Version, key: str) -> str:
    """Return one sentence that says why a release does not have a parameter; empty if it has."""
    if key in parameters_of(product, version):
        return ""
    title = f"{product.label} {version}"
    asked_product, asked_version = _read_as(product, version)
    rows = [one for one in _table() if one.key == key]
    own = [one.versions for one in rows if one.product is asked_product]
    if own:
        earlier = [one for one in own if one.until is not None and one.until[:2] < asked_version[:2]]
        if earlier:
            last = max(one.until for one in earlier if one.until is not None)
            return _("{title} has no {key}: its last release with it is {last}.", title=title, key=key, last=last)
        return _(
            "{title} has no {key}: it came with {release}.", title=title, key=key, release=min(one.since for one in own)
        )
    others = sorted({one.product.label for one in rows})
    if others:
        return _("{title} has no {key}: it belongs to {others}.", title=title, key=key, others=all_of(others))
    return _("No release known here has a parameter {key}.", key=key)


@cache
def backends_of(product: Product, version: Version) -> Mapping[Backend, BackendNames]:
    """Return the backends that a release can account to, and how its configuration addresses them."""
    known = parameters_of(product, version)
    if uses_do_accounting(product, version):
        found = {backend: _names(known, backend, word) for backend, word in _TYPES.items()}
        if version >= _AAA_DIAMETER:
            found[Backend.DIAMETER] = found[Backend.RADIUS]  # aaa_url says which of the two it is
        return found
    return {backend: names for backend in Backend if (names := _names(known, backend, "")).flag}


def why_no_backend(product: Product, version: Version, backend: Backend) -> str:
    """Return one sentence that says why a release cannot account to a backend; empty if it can."""
    if backend in backends_of(product, version):
        return ""
    title = f"{product.label} {version}"
    own = [one for one in RELEASES[product] if backend in backends_of(product, Version.parse(one))]
    if not own:
        others = [one.label for one in Product if one is not product and _has_backend(one, backend)]
        return _(
            "{title} has no accounting to {backend}: that is known from {others} only.",
            title=title,
            backend=backend,
            others=all_of(others),
        )
    if Version.parse(own[0]) > version:
        return _(
            "{title} has no accounting to {backend}: it came with {release}.",
            title=title,
            backend=backend,
            release=own[0],
        )
    later = [one for one in own if Version.parse(one) > version]
    last = [one for one in own if Version.parse(one) < version][-1]
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


def _has_backend(product: Product, backend: Backend) -> bool:
    return any(backend in backends_of(product, Version.parse(one)) for one in RELEASES[product])


def _names(known: Mapping[str, Parameter], backend: Backend, word: str) -> BackendNames:
    for prefix in _PREFIXES[backend]:
        rows = [known.get(f"{prefix}{suffix}") for suffix in ("_flag", "_missed_flag", "_extra", "_extra_bye")]
        module = next((one.module for one in rows if one), "")
        if module:
            flag, missed, extra, bye = (one.name if one else "" for one in rows)
            return BackendNames(module, flag, missed, extra, bye, word)
    return BackendNames("acc", type=word)


def _read_as(product: Product, version: Version) -> tuple[Product, Version]:
    if product is Product.KAMAILIO and version < _FIRST_OWN_KAMAILIO:
        return Product.OPENSER, _OPENSER_KIN
    return product, version


@cache
def _table() -> tuple[Parameter, ...]:
    text = (files(__package__) / "parameters.csv").read_text(encoding="utf-8")
    return tuple(_parameter(row) for row in csv.DictReader(text.splitlines()))


_DESCRIBED = {"client library default": "", "built-in": ""}  # a description of the default is no value


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
