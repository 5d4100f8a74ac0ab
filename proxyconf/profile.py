"""The accounting that a proxy should do, as one value: what checks, rendering and the parser of configurations share.

A profile can hold what is wrong (a flag of 77, a label with a blank): the checks find that, so a profile must be able
to carry it. It is immutable; ``dataclasses.replace`` makes a changed copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple, Self

from proxyconf.vocabulary.layout import Backend, Role
from proxyconf.vocabulary.parameters import (
    BackendNames,
    Parameter,
    ParameterKind,
    Value,
    backends_of,
    parameters_of,
    uses_do_accounting,
)
from proxyconf.vocabulary.products import Product, Version

FLAG_NUMBERS = range(32)
"""The message flags that a script can set, in every product that uses flags."""

_SUGGESTED_FIRST = 20  # scripts number their own flags from the bottom

USUAL_VERSION = Version(5, 6)
"""The Kamailio that most installations of today run; what a profile is for unless it says otherwise."""

SECRET_OPTIONS = frozenset({"db_url"})
"""Options whose value may hold a password."""

_AAA = frozenset({Backend.RADIUS, Backend.DIAMETER})
_BACKENDS_OF_MODULE: Mapping[str, frozenset[Backend]] = {
    "acc_radius": frozenset({Backend.RADIUS}),
    "acc_diameter": frozenset({Backend.DIAMETER}),
    "acc_json": frozenset({Backend.JSON}),
}
_BACKENDS_OF_OPTION: Mapping[str, frozenset[Backend]] = {
    "radius_config": frozenset({Backend.RADIUS}),
    "aaa_url": _AAA,
    "service_type": _AAA,
    "diameter_client_host": frozenset({Backend.DIAMETER}),
    "diameter_client_port": frozenset({Backend.DIAMETER}),
}
"""Options of ``acc`` that exist only if it was compiled for a backend, or that need its module."""


class SqlType(StrEnum):
    """The type of an extra column. All extras are inserted as text, so a number column refuses an absent value."""

    VARCHAR = "varchar"
    TEXT = "text"
    INTEGER = "integer"


class RadiusType(StrEnum):
    """The type of an attribute in the RADIUS dictionary; it must fit what the variable holds."""

    STRING = "string"
    INTEGER = "integer"


class MessageFlag(NamedTuple):
    """A message flag: by number (0 to 31), by name (OpenSIPS 1.9 to 2.1), or a number with a name in the script
    (Kamailio ``#!define``).
    """

    number: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Field:
    """What extra fields and leg fields have in common."""

    name: str
    variable: str
    labels: Mapping[Backend, str] = field(default_factory=dict)
    role: Role | None = None
    sql_type: SqlType = SqlType.VARCHAR
    sql_width: int = 128
    radius_number: int | None = None
    radius_type: RadiusType | None = None  # None: as the variable's value asks for


@dataclass(frozen=True, slots=True)
class ExtraDefinition(_Field):
    """One extra value: ``labels`` holds its name per backend, and says so which backends log it.

    ``name`` is the tag in ``$acc_extra(name)`` of OpenSIPS 2.3 and later; elsewhere it only names the field to people.
    ``variable`` is the pseudo-variable as written (``$hdr(User-Agent)``). In a Kamailio dialog CDR the log and the SQL
    label are the same parameter: use equal ones.
    """


@dataclass(frozen=True, slots=True)
class LegDefinition(_Field):
    """One value of each leg. ``variable`` is the ``$avp(...)`` that the script pushes (for OpenSIPS 2.3 and later: what
    it assigns to ``$acc_leg(name)``).

    Before OpenSIPS 2.3 one parameter, ``multi_leg_info``, names the legs of all backends: there ``name`` is the label
    everywhere. From it on ``labels`` says which backends log the field and how they call it.
    """


@dataclass(frozen=True, slots=True)
class Flags:
    """The message flags by which the script asks for accounting (every release before OpenSIPS 2.2).

    ``account`` and ``missed`` hold one flag per backend, ``failed`` is ``failed_transaction_flag``, ``prepare``
    Kamailio's ``acc_prepare_flag``, ``cdr`` OpenSIPS' ``cdr_flag``. What is absent is not set.
    """

    account: Mapping[Backend, MessageFlag] = field(default_factory=dict)
    missed: Mapping[Backend, MessageFlag] = field(default_factory=dict)
    failed: MessageFlag | None = None
    prepare: MessageFlag | None = None
    cdr: MessageFlag | None = None

    def by_parameter(self, product: Product, version: Version) -> dict[str, MessageFlag]:
        """Return the flags by the key of the parameter that sets them in a release, in the release's backend order."""
        found: dict[str, MessageFlag] = {}
        for backend, names in backends_of(product, version).items():
            for key, flags in ((names.flag_key, self.account), (names.missed_key, self.missed)):
                if key and backend in flags:
                    found[key] = flags[backend]
        for name, flag in (
            ("failed_transaction_flag", self.failed),
            ("acc_prepare_flag", self.prepare),
            ("cdr_flag", self.cdr),
        ):
            known = parameters_of(product, version).get(name)
            if flag is not None and known is not None and known.kind is ParameterKind.FLAG:
                found[name] = flag
        return found

    def numbers(self) -> frozenset[int]:
        """Return the flag numbers in use."""
        single = [flag for flag in (self.failed, self.prepare, self.cdr) if flag]
        flags = [*self.account.values(), *self.missed.values(), *single]
        return frozenset(flag.number for flag in flags if flag.number is not None)


@dataclass(frozen=True, slots=True)
class DoAccounting:
    """What the script's ``do_accounting()`` asks for, per backend (OpenSIPS 2.2 and later).

    ``cdr``: one record at the end of the dialog instead of START and STOP. ``table`` replaces the table of ``acc``
    rows.
    """

    missed: frozenset[Backend] = frozenset()
    failed: frozenset[Backend] = frozenset()
    cdr: frozenset[Backend] = frozenset()
    table: str = ""


class OtherParameter(NamedTuple):
    """A ``modparam`` that the profile does not model, kept as it was."""

    module: str
    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class AccountingProfile:
    """The accounting of one proxy.

    ``backends`` are those in use; flags, labels and options of others are kept but not rendered. ``options`` holds the
    values of all scalar parameters (``early_media``, ``db_url``, ``time_mode``, ``acc_time_column``, ``cdr_enable``…)
    by ``Parameter.key``: those of acc_json carry its name (``acc_json.acc_time_mode``). An option that is absent has
    the release's default. ``macros`` names the ``#!define`` of the script that gives an option its value: it is
    rendered in the value's place. ``cdr_extras`` are the extra fields of dialog CDRs: Kamailio's ``cdr_extra``, in
    OpenSIPS 1.8 to 2.2 the ``…_extra_bye`` fields that come after the others. ``cdr_legs`` is ``multi_leg_bye_info``
    (OpenSIPS 1.9 to 2.2).
    """

    product: Product = Product.KAMAILIO
    version: Version = USUAL_VERSION
    backends: tuple[Backend, ...] = (Backend.SYSLOG,)
    flags: Flags = field(default_factory=Flags)
    do_accounting: DoAccounting = field(default_factory=DoAccounting)
    options: Mapping[str, Value] = field(default_factory=dict)
    extras: tuple[ExtraDefinition, ...] = ()
    legs: tuple[LegDefinition, ...] = ()
    cdr_extras: tuple[ExtraDefinition, ...] = ()
    cdr_legs: tuple[LegDefinition, ...] = ()
    other_parameters: tuple[OtherParameter, ...] = ()
    macros: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def suggested(
        cls,
        product: Product,
        version: Version,
        backends: Iterable[Backend] = (Backend.SYSLOG, Backend.SQL),
        flags_elsewhere: Iterable[int] = (),
    ) -> Self:
        """Return a profile to start from: a flag of its own for each backend and its missed calls, and failed calls.

        ``flags_elsewhere`` are numbers that the script uses already.
        """
        wanted = tuple(backend for backend in backends if backend in backends_of(product, version))
        if uses_do_accounting(product, version):
            every = frozenset(wanted)
            return cls(product, version, wanted, do_accounting=DoAccounting(missed=every, failed=every))
        named = takes_flag_names(product, version)
        account, missed = {}, {}
        free = iter(free_numbers(flags_elsewhere))
        for backend in wanted:
            word = backends_of(product, version)[backend].flag.removesuffix("_flag").upper()
            account[backend] = MessageFlag(None, f"ACC_{word}") if named else MessageFlag(next(free))
            missed[backend] = MessageFlag(None, f"ACC_{word}_MISSED") if named else MessageFlag(next(free))
        failed = MessageFlag(None, "ACC_FAILED") if named else MessageFlag(next(free))
        return cls(product, version, wanted, Flags(account, missed, failed))

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters that this release has, by key."""
        return parameters_of(self.product, self.version)

    @property
    def known_backends(self) -> Mapping[Backend, BackendNames]:
        """The backends that this release can account to."""
        return backends_of(self.product, self.version)

    @property
    def uses_do_accounting(self) -> bool:
        """Whether the script calls ``do_accounting()`` instead of setting flags (OpenSIPS 2.2 and later)."""
        return uses_do_accounting(self.product, self.version)

    @property
    def uses_field_declarations(self) -> bool:
        """Whether extras are declared with ``extra_fields`` and assigned in the script (OpenSIPS 2.3 and later)."""
        return "extra_fields" in self.parameters

    @property
    def uses_dialog(self) -> bool:
        """Whether records of whole dialogs are asked for, which the dialog module must track."""
        asked = self.flags.cdr is not None and "cdr_flag" in self.parameters
        if self.uses_do_accounting:
            asked = bool(self.do_accounting.cdr)
        return asked or self.is_on("cdr_enable") or self.is_on("acc_json.cdr_enable")

    @property
    def has_legs(self) -> bool:
        """Whether the release has leg fields (OpenSER 1.1 has two fixed leg attributes instead)."""
        return "multi_leg_info" in self.parameters or "leg_fields" in self.parameters

    def option(self, key: str) -> Value | None:
        """Return the effective value of an option: as set, else the release's default; None if it has none such."""
        parameter = self.parameters.get(key)
        return None if parameter is None else self.options.get(key, parameter.default)

    def sets_other(self, module: str, name: str) -> bool:
        """Return whether ``other_parameters`` sets a parameter."""
        return any(one[:2] == (module, name) for one in self.other_parameters)

    def is_on(self, key: str) -> bool:
        """Return whether a switch of this release is on (anything but 0, absent or empty)."""
        return self.option(key) not in (None, 0, "", "0")

    def applicable_options(self) -> dict[str, Parameter]:
        """Return the options that this release has and that its backends in use can take, in the order of its table.

        A parameter of a module that is not loaded stops the proxy.
        """
        return {
            key: parameter
            for key, parameter in self.parameters.items()
            if parameter.kind
            not in (ParameterKind.FLAG, ParameterKind.EXTRAS, ParameterKind.LEGS, ParameterKind.FIELDS)
            and self._has_backend_for(parameter)
        }

    def set_options(self) -> dict[str, Value]:
        """Return the applicable options that differ from the release's default."""
        return {
            key: self.options[key]
            for key, parameter in self.applicable_options().items()
            if key in self.options and self.options[key] != parameter.default
        }

    def _has_backend_for(self, parameter: Parameter) -> bool:
        wanted = _BACKENDS_OF_MODULE.get(parameter.module) or _BACKENDS_OF_OPTION.get(parameter.name)
        return wanted is None or bool(wanted & set(self.backends))

    def extra_labels(self, backend: Backend) -> tuple[tuple[str, ExtraDefinition], ...]:
        """Return the labels of a backend's extras in configured order, each with its field."""
        return tuple((one.labels[backend], one) for one in self.extras if one.labels.get(backend))

    def leg_labels(self, backend: Backend) -> tuple[tuple[str, LegDefinition], ...]:
        """Return the labels of a backend's leg fields in configured order, each with its field."""
        if not self.has_legs:
            return ()
        if self.uses_field_declarations:
            return tuple((one.labels[backend], one) for one in self.legs if one.labels.get(backend))
        return tuple((one.name, one) for one in self.legs)

    def cdr_labels(self, backend: Backend) -> tuple[tuple[str, ExtraDefinition], ...]:
        """Return the labels of a backend's extra fields of dialog CDRs in configured order, each with its field."""
        if self.product is Product.KAMAILIO and backend in (Backend.SYSLOG, Backend.SQL):
            labels = ((one.labels.get(Backend.SYSLOG) or one.labels.get(Backend.SQL), one) for one in self.cdr_extras)
            return tuple((label, one) for label, one in labels if label)
        return tuple((one.labels[backend], one) for one in self.cdr_extras if one.labels.get(backend))

    def free_flags(self, elsewhere: Iterable[int] = ()) -> tuple[int, ...]:
        """Return the free flag numbers, the best first; the script uses those of ``elsewhere`` for other things."""
        return free_numbers(self.flags.numbers() | frozenset(elsewhere))

    def masked(self) -> Self:
        """Return the profile with the passwords in its options and parameters replaced by asterisks, for pages and
        logs.
        """
        hidden = {key: mask_password(str(self.options[key])) for key in SECRET_OPTIONS if key in self.options}
        others = tuple(
            one._replace(value=mask_password(one.value)) if isinstance(one.value, str) else one
            for one in self.other_parameters
        )
        return replace(self, options={**self.options, **hidden}, other_parameters=others)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data that ``from_json`` reads back to an equal profile."""
        return {
            "product": str(self.product),
            "version": str(self.version),
            "backends": [str(backend) for backend in self.backends],
            "flags": {
                "account": {str(backend): list(flag) for backend, flag in self.flags.account.items()},
                "missed": {str(backend): list(flag) for backend, flag in self.flags.missed.items()},
                "failed": list(self.flags.failed) if self.flags.failed else None,
                "prepare": list(self.flags.prepare) if self.flags.prepare else None,
                "cdr": list(self.flags.cdr) if self.flags.cdr else None,
            },
            "do_accounting": {
                "missed": sorted(self.do_accounting.missed),
                "failed": sorted(self.do_accounting.failed),
                "cdr": sorted(self.do_accounting.cdr),
                "table": self.do_accounting.table,
            },
            "options": dict(self.options),
            "extras": [_field_to_json(one) for one in self.extras],
            "legs": [_field_to_json(one) for one in self.legs],
            "cdr_extras": [_field_to_json(one) for one in self.cdr_extras],
            "cdr_legs": [_field_to_json(one) for one in self.cdr_legs],
            "other_parameters": [list(one) for one in self.other_parameters],
            "macros": dict(self.macros),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` wrote; absent members take their defaults. Raise ``ValueError`` for a wrong value."""
        try:
            flags, asked = data.get("flags", {}), data.get("do_accounting", {})
            return cls(
                product=Product(data.get("product", Product.KAMAILIO)),
                version=Version.parse(data.get("version", str(USUAL_VERSION))),
                backends=tuple(Backend(one) for one in data.get("backends", ())),
                flags=Flags(
                    account={Backend(one): _flag(flag) for one, flag in flags.get("account", {}).items()},
                    missed={Backend(one): _flag(flag) for one, flag in flags.get("missed", {}).items()},
                    failed=_flag(flags["failed"]) if flags.get("failed") else None,
                    prepare=_flag(flags["prepare"]) if flags.get("prepare") else None,
                    cdr=_flag(flags["cdr"]) if flags.get("cdr") else None,
                ),
                do_accounting=DoAccounting(
                    missed=frozenset(Backend(one) for one in asked.get("missed", ())),
                    failed=frozenset(Backend(one) for one in asked.get("failed", ())),
                    cdr=frozenset(Backend(one) for one in asked.get("cdr", ())),
                    table=str(asked.get("table", "")),
                ),
                options={str(key): _value(value) for key, value in data.get("options", {}).items()},
                extras=tuple(ExtraDefinition(**_field_from_json(one)) for one in data.get("extras", ())),
                legs=tuple(LegDefinition(**_field_from_json(one)) for one in data.get("legs", ())),
                cdr_extras=tuple(ExtraDefinition(**_field_from_json(one)) for one in data.get("cdr_extras", ())),
                cdr_legs=tuple(LegDefinition(**_field_from_json(one)) for one in data.get("cdr_legs", ())),
                other_parameters=tuple(
                    OtherParameter(str(module), str(name), _value(value))
                    for module, name, value in data.get("other_parameters", ())
                ),
                macros={str(key): str(name) for key, name in data.get("macros", {}).items()},
            )
        except (TypeError, AttributeError, KeyError) as error:
            raise ValueError(f"the profile cannot be read: {error}") from error


def free_numbers(used: Iterable[int]) -> tuple[int, ...]:
    """Return the flag numbers that are not in ``used``: from 20 on first, then from 1 on.

    0 is last: the engines of acc_radius, acc_diameter and acc_json read an unset flag as flag 0.
    """
    taken = frozenset(used)
    order = [*FLAG_NUMBERS[_SUGGESTED_FIRST:], *FLAG_NUMBERS[1:_SUGGESTED_FIRST], 0]
    return tuple(number for number in order if number not in taken)


def takes_flag_names(product: Product, version: Version) -> bool:
    """Return whether flag parameters take names instead of numbers (OpenSIPS 1.9 to 2.1)."""
    parameter = parameters_of(product, version).get("log_flag")
    return parameter is not None and not parameter.is_integer


def mask_password(url: str) -> str:
    """Return a database URL with its password replaced by asterisks."""
    scheme, mark, rest = url.partition("://")
    login, at, host = rest.rpartition("@")
    user, colon, _password = login.partition(":")
    return f"{scheme}{mark}{user}:********{at}{host}" if mark and at and colon else url


def _flag(data: Any) -> MessageFlag:
    number, name = data
    if not (number is None or isinstance(number, int)):
        raise TypeError(f"{number!r} is not a valid flag number")
    return MessageFlag(number, str(name))


def _value(data: Any) -> Value:
    if not isinstance(data, int | str):
        raise TypeError(f"{data!r} is neither a number nor a text")
    return data


def _field_to_json(one: ExtraDefinition | LegDefinition) -> dict[str, Any]:
    return {
        "name": one.name,
        "variable": one.variable,
        "labels": {str(backend): label for backend, label in one.labels.items()},
        "role": str(one.role) if one.role else None,
        "sql_type": str(one.sql_type),
        "sql_width": one.sql_width,
        "radius_number": one.radius_number,
        "radius_type": str(one.radius_type) if one.radius_type else None,
    }


def _field_from_json(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **data,
        "labels": {Backend(backend): str(label) for backend, label in data.get("labels", {}).items()},
        "role": Role(data["role"]) if data.get("role") else None,
        "sql_type": SqlType(data.get("sql_type", SqlType.VARCHAR)),
        "radius_type": RadiusType(data["radius_type"]) if data.get("radius_type") else None,
    }
