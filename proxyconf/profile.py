"""The accounting of a proxy as one value, shared by the checks, the renderers and the parser of configurations.

A profile may contain mistakes (a flag 77, a label with a space), because the checks are there to find them. It is
immutable; ``dataclasses.replace`` makes a changed copy.
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

_SUGGESTED_FIRST = 20  # scripts usually number their own flags from 0 up

USUAL_VERSION = Version(5, 6)
"""The default Kamailio release of a profile."""

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
    """The type of an extra column. All extras are inserted as text, so an integer column refuses an empty value."""

    VARCHAR = "varchar"
    TEXT = "text"
    INTEGER = "integer"


class RadiusType(StrEnum):
    """The type of an attribute in the RADIUS dictionary; it must match the variable's value."""

    STRING = "string"
    INTEGER = "integer"


class MessageFlag(NamedTuple):
    """A message flag: a number (0 to 31), a name (OpenSIPS 1.9 to 2.1), or both (Kamailio ``#!define``)."""

    number: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    variable: str
    labels: Mapping[Backend, str] = field(default_factory=dict)
    role: Role | None = None
    sql_type: SqlType = SqlType.VARCHAR
    sql_width: int = 128
    radius_number: int | None = None
    radius_type: RadiusType | None = None  # None: derived from the variable


@dataclass(frozen=True, slots=True)
class ExtraDefinition(_Field):
    """An extra field. ``labels`` holds its label per backend; a backend without a label does not log it.

    ``name`` is the tag in ``$acc_extra(name)`` of OpenSIPS 2.3 and later; elsewhere it is only for display.
    ``variable`` is the source text of the pseudo-variable (``$hdr(User-Agent)``). Kamailio sets the log and SQL labels
    of dialog CDRs with one parameter, so they must be equal.
    """


@dataclass(frozen=True, slots=True)
class LegDefinition(_Field):
    """A field of each call leg. ``variable`` is the ``$avp(...)`` that the script pushes (OpenSIPS 2.3 and later: the
    expression that it assigns to ``$acc_leg(name)``).

    Before OpenSIPS 2.3 one parameter, ``multi_leg_info``, sets the leg fields of all backends, so ``name`` is the label
    everywhere. Since then ``labels`` holds the label per backend.
    """


@dataclass(frozen=True, slots=True)
class Flags:
    """The message flags with which the script requests accounting (all releases before OpenSIPS 2.2).

    ``account`` and ``missed`` hold one flag per backend, ``failed`` is ``failed_transaction_flag``, ``prepare``
    Kamailio's ``acc_prepare_flag``, ``cdr`` OpenSIPS' ``cdr_flag``. Absent flags are not set.
    """

    account: Mapping[Backend, MessageFlag] = field(default_factory=dict)
    missed: Mapping[Backend, MessageFlag] = field(default_factory=dict)
    failed: MessageFlag | None = None
    prepare: MessageFlag | None = None
    cdr: MessageFlag | None = None

    def by_parameter(self, product: Product, version: Version) -> dict[str, MessageFlag]:
        """Return the flags by the key of the parameter that sets them in a release, in the release's backend order."""
        by_key: dict[str, MessageFlag] = {}
        for backend, names in backends_of(product, version).items():
            for key, flags in ((names.flag_key, self.account), (names.missed_key, self.missed)):
                if key and backend in flags:
                    by_key[key] = flags[backend]
        for name, flag in (
            ("failed_transaction_flag", self.failed),
            ("acc_prepare_flag", self.prepare),
            ("cdr_flag", self.cdr),
        ):
            parameter = parameters_of(product, version).get(name)
            if flag is not None and parameter is not None and parameter.kind is ParameterKind.FLAG:
                by_key[name] = flag
        return by_key

    def numbers(self) -> frozenset[int]:
        """Return the flag numbers in use."""
        single = [flag for flag in (self.failed, self.prepare, self.cdr) if flag]
        flags = [*self.account.values(), *self.missed.values(), *single]
        return frozenset(flag.number for flag in flags if flag.number is not None)


@dataclass(frozen=True, slots=True)
class DoAccounting:
    """The accounting that the script requests with ``do_accounting()``, per backend (OpenSIPS 2.2 and later).

    ``cdr``: one record at the end of the dialog instead of START and STOP. ``table`` replaces the table ``acc``.
    """

    missed: frozenset[Backend] = frozenset()
    failed: frozenset[Backend] = frozenset()
    cdr: frozenset[Backend] = frozenset()
    table: str = ""


class OtherParameter(NamedTuple):
    """A ``modparam`` that the profile does not model, kept unchanged."""

    module: str
    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class AccountingProfile:
    """The accounting of one proxy.

    ``backends`` are those in use; flags, labels and options of others are kept but not rendered. ``options`` holds the
    values of all scalar parameters (``early_media``, ``db_url``, ``time_mode``, ``acc_time_column``, ``cdr_enable``…)
    by ``Parameter.key``: the keys of acc_json begin with its name (``acc_json.acc_time_mode``). An absent option has
    the release's default. ``macros`` maps an option to the ``#!define`` that sets its value in the script; the name of
    the macro is rendered instead of the value. ``cdr_extras`` are the extra fields of dialog CDRs: Kamailio's
    ``cdr_extra``; in OpenSIPS 1.8 to 2.2 the ``…_extra_bye`` fields, which follow the others. ``cdr_legs`` is
    ``multi_leg_bye_info`` (OpenSIPS 1.9 to 2.2).
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
        """Return an initial profile: a separate flag for each backend, for its missed calls, and for failed calls.

        ``flags_elsewhere`` are the numbers that the script already uses.
        """
        available = tuple(backend for backend in backends if backend in backends_of(product, version))
        if uses_do_accounting(product, version):
            every = frozenset(available)
            return cls(product, version, available, do_accounting=DoAccounting(missed=every, failed=every))
        named = takes_flag_names(product, version)
        account, missed = {}, {}
        free = iter(free_numbers(flags_elsewhere))
        for backend in available:
            word = backends_of(product, version)[backend].flag.removesuffix("_flag").upper()
            account[backend] = MessageFlag(None, f"ACC_{word}") if named else MessageFlag(next(free))
            missed[backend] = MessageFlag(None, f"ACC_{word}_MISSED") if named else MessageFlag(next(free))
        failed = MessageFlag(None, "ACC_FAILED") if named else MessageFlag(next(free))
        return cls(product, version, available, Flags(account, missed, failed))

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters of this release, by key."""
        return parameters_of(self.product, self.version)

    @property
    def known_backends(self) -> Mapping[Backend, BackendNames]:
        """The backends of this release, with their names in its configuration."""
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
        """Whether dialog CDRs are requested, for which the dialog module must track the calls."""
        is_requested = self.flags.cdr is not None and "cdr_flag" in self.parameters
        if self.uses_do_accounting:
            is_requested = bool(self.do_accounting.cdr)
        return is_requested or self.is_on("cdr_enable") or self.is_on("acc_json.cdr_enable")

    @property
    def has_legs(self) -> bool:
        """Whether the release has leg fields (OpenSER 1.1 has two fixed leg attributes instead)."""
        return "multi_leg_info" in self.parameters or "leg_fields" in self.parameters

    def option(self, key: str) -> Value | None:
        """Return the effective value of an option, set or default; None if the release does not have the option."""
        parameter = self.parameters.get(key)
        return None if parameter is None else self.options.get(key, parameter.default)

    def sets_other(self, module: str, name: str) -> bool:
        return any(one[:2] == (module, name) for one in self.other_parameters)

    def is_on(self, key: str) -> bool:
        """Return whether an option of this release has a value other than 0 and empty."""
        return self.option(key) not in (None, 0, "", "0")

    def applicable_options(self) -> dict[str, Parameter]:
        """Return the options of this release that its backends in use can take, in table order.

        The proxy does not start if a parameter of a module that is not loaded is set.
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
        backends = _BACKENDS_OF_MODULE.get(parameter.module) or _BACKENDS_OF_OPTION.get(parameter.name)
        return backends is None or bool(backends & set(self.backends))

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
        """Return the free flag numbers, the best first; ``elsewhere`` are used by the script for other purposes."""
        return free_numbers(self.flags.numbers() | frozenset(elsewhere))

    def masked(self) -> Self:
        """Return the profile with its passwords replaced by asterisks, for pages and logs."""
        hidden = {key: mask_password(str(self.options[key])) for key in SECRET_OPTIONS if key in self.options}
        others = tuple(
            one._replace(value=mask_password(one.value)) if isinstance(one.value, str) else one
            for one in self.other_parameters
        )
        return replace(self, options={**self.options, **hidden}, other_parameters=others)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data from which ``from_json`` builds an equal profile."""
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
        """Build a profile from the data of ``to_json``; absent members take their defaults.

        Raise ``ValueError`` for an invalid value.
        """
        try:
            flags, do_accounting = data.get("flags", {}), data.get("do_accounting", {})
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
                    missed=frozenset(Backend(one) for one in do_accounting.get("missed", ())),
                    failed=frozenset(Backend(one) for one in do_accounting.get("failed", ())),
                    cdr=frozenset(Backend(one) for one in do_accounting.get("cdr", ())),
                    table=str(do_accounting.get("table", "")),
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
    """Return the flag numbers that are not in ``used``: first those from 20, then those from 1, then 0.

    0 comes last because acc_radius, acc_diameter and acc_json treat an unset flag as flag 0.
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


def _field_to_json(definition: ExtraDefinition | LegDefinition) -> dict[str, Any]:
    return {
        "name": definition.name,
        "variable": definition.variable,
        "labels": {str(backend): label for backend, label in definition.labels.items()},
        "role": str(definition.role) if definition.role else None,
        "sql_type": str(definition.sql_type),
        "sql_width": definition.sql_width,
        "radius_number": definition.radius_number,
        "radius_type": str(definition.radius_type) if definition.radius_type else None,
    }


def _field_from_json(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **data,
        "labels": {Backend(backend): str(label) for backend, label in data.get("labels", {}).items()},
        "role": Role(data["role"]) if data.get("role") else None,
        "sql_type": SqlType(data.get("sql_type", SqlType.VARCHAR)),
        "radius_type": RadiusType(data["radius_type"]) if data.get("radius_type") else None,
    }
