"""Build a profile from the statements of a configuration. Anything that a profile cannot express becomes a remark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from proxyconf.parse.asking import RequestedAccounting, read_calls
from proxyconf.parse.detection import modules_meant
from proxyconf.parse.lists import Declared, Pair, split_declaration, split_pairs
from proxyconf.parse.merging import declared_extras, declared_legs, listed_legs, merge_pairs
from proxyconf.parse.statements import FLAG_FUNCTIONS, Argument, Assignment, Statements, WrittenParameter
from proxyconf.parse.tokens import Remark
from proxyconf.profile import AccountingProfile, ExtraDefinition, Flags, MessageFlag, OtherParameter
from proxyconf.render.sql_schema import Dialect, dialect_of
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.parameters import (
    BackendNames,
    Parameter,
    ParameterKind,
    Value,
    backends_of,
    find_parameter,
    parameters_of,
    uses_do_accounting,
    why_absent,
)
from proxyconf.vocabulary.products import Product, Version

_COMPANIONS: Mapping[str, frozenset[str]] = {
    "rr": frozenset({"append_fromtag"}),
    "dialog": frozenset({"dlg_flag", "default_timeout", "timeout_avp"}),
    "db_sqlite": frozenset({"db_set_busy_timeout"}),
}
"""Parameters of other modules on which accounting depends."""

_ENGINE_MODULES: Mapping[str, Backend] = {
    "acc_radius": Backend.RADIUS,
    "acc_diameter": Backend.DIAMETER,
    "acc_json": Backend.JSON,
}
_INTEGER = re.compile(r"[+-]?\d{1,10}")
_SWITCH_WORDS: Mapping[str, int] = {
    **dict.fromkeys(("yes", "on", "true", "enabled"), 1),
    **dict.fromkeys(("no", "off", "false", "disabled"), 0),
}


class _AccParameter(NamedTuple):
    module: str
    parameter: Parameter
    argument: Argument
    line: int
    text: str


@dataclass(slots=True)
class Assembly:
    """Builds a profile for one product and version."""

    product: Product
    version: Version
    statements: Statements
    remarks: list[Remark] = field(default_factory=list)
    options: dict[str, Value] = field(default_factory=dict)
    macros: dict[str, str] = field(default_factory=dict)
    flags: dict[str, MessageFlag] = field(default_factory=dict)
    lists: dict[str, list[Pair]] = field(default_factory=dict)
    declared: dict[str, dict[str, list[Declared]]] = field(default_factory=dict)
    others: list[OtherParameter] = field(default_factory=list)

    def profile(self) -> AccountingProfile:
        """Return the profile; afterwards ``remarks`` lists everything that was not understood."""
        known, companions = self._sorted_modparams()
        for written in known:
            self._take(written)
        requested = RequestedAccounting()
        if uses_do_accounting(self.product, self.version):
            requested = read_calls(self.statements.calls, self._backend_of_word)
            self.remarks += requested.remarks
        backends = self._backends_in_use(requested, known)
        profile = AccountingProfile(
            product=self.product,
            version=self.version,
            backends=backends,
            flags=self._flags(),
            do_accounting=requested.do_accounting,
            options=self._options(),
            extras=self._listed_extras(),
            legs=listed_legs(self.lists.get("multi_leg_info", ())),
            cdr_extras=self._cdr_extras(),
            cdr_legs=listed_legs(self.lists.get("multi_leg_bye_info", ())),
        )
        if profile.uses_field_declarations:
            extras = self._declarations("extra_fields", backends)
            legs = self._declarations("leg_fields", backends)
            profile = replace(
                profile,
                extras=declared_extras(extras, self._assigned("acc_extra"), self._assigned_to_replies()),
                legs=declared_legs(legs, self._assigned("acc_leg")),
            )
        self._set_aside(profile)
        others = (*self.others, *_needed_companions(companions, profile))
        options = self._options()
        macros = {key: name for key, name in self.macros.items() if key in options}
        return replace(profile, options=options, other_parameters=others, macros=macros)

    def _set_aside(self, profile: AccountingProfile) -> None:
        """Move the options of backends that are not in use to the other parameters."""
        applicable = profile.applicable_options()
        for key, value in self._options().items():
            if key not in applicable:
                parameter = profile.parameters[key]
                self._remark(0, f"{parameter.name} = {value}", _("its output is not in use; kept as it is"))
                self.others.append(OtherParameter(parameter.module, parameter.name, value))
                del self.options[key]

    def _options(self) -> dict[str, Value]:
        known = parameters_of(self.product, self.version)
        return {key: value for key, value in self.options.items() if value != known[key].default}

    def flags_elsewhere(self, profile: AccountingProfile) -> tuple[int, ...]:
        """Return the flag numbers that the script uses for purposes other than accounting."""
        used = set(self.statements.flag_numbers.values())
        for modparam in self.statements.modparams:
            value = modparam.argument.value
            if modparam.name.endswith("_flag") and isinstance(value, int) and not modules_meant(modparam.module):
                used.add(value)
        for call in self.statements.calls:
            if call.name in FLAG_FUNCTIONS and call.arguments:
                flag = self._flag(call.arguments[0])
                if flag is not None and flag.number is not None:
                    used.add(flag.number)
        return tuple(sorted(used - profile.flags.numbers()))

    @property
    def _names(self) -> Mapping[Backend, BackendNames]:
        return backends_of(self.product, self.version)

    def _remark(self, line: int, text: str, why: str) -> None:
        self.remarks.append(Remark(line, text, why))

    # --- the module of each modparam

    def _sorted_modparams(self) -> tuple[list[_AccParameter], list[WrittenParameter]]:
        """Return the last setting of each accounting parameter of the release, and the companions' parameters."""
        last: dict[tuple[str, str, int], _AccParameter] = {}
        companions = []
        for position, modparam in enumerate(self.statements.modparams):
            for module in modules_meant(modparam.module):
                written = self._known(modparam, module)
                if written is None:
                    continue
                key = (*written.parameter[2:4], position if written.parameter.repeatable else -1)
                before = last.pop(key, None)
                if before is not None and before.argument.value != written.argument.value:
                    self._remark(
                        before.line, before.text, _("replaced by line {line}: the last one counts", line=modparam.line)
                    )
                last[key] = written
            if modparam.name in _COMPANIONS.get(modparam.module, ()):
                companions.append(modparam)
            elif "acc" in modparam.module and not modules_meant(modparam.module):
                why = _("{module!r} matches no accounting module", module=modparam.module)
                self._remark(modparam.line, modparam.text, why)
        return list(last.values()), companions

    def _known(self, modparam: WrittenParameter, module: str) -> _AccParameter | None:
        """Return ``modparam`` as a parameter of the release; None, with a remark, if the release lacks it."""
        parameter = find_parameter(self.product, self.version, modparam.name, module)
        if parameter is None:
            key = f"{module}.{modparam.name}" if module == "acc_json" else modparam.name
            why = why_absent(self.product, self.version, key) or _(
                "{module} has no parameter {name}", module=module, name=modparam.name
            )
            self._keep(
                module,
                modparam.name,
                modparam.argument,
                modparam.line,
                modparam.text,
                _("{why}; kept as it is", why=why),
            )
            return None
        if parameter.module != module:
            why = _(
                "{name} is a parameter of {module} in this version: read as such",
                name=modparam.name,
                module=parameter.module,
            )
            self._remark(modparam.line, modparam.text, why)
        return _AccParameter(module, parameter, modparam.argument, modparam.line, modparam.text)

    def _keep(self, module: str, name: str, argument: Argument, line: int, text: str, why: str) -> None:
        self._remark(line, text, why)
        if argument.value is not None:
            self.others.append(OtherParameter(module, name, argument.value))

    # --- values

    def _take(self, written: _AccParameter) -> None:
        key, parameter, argument = written.parameter.key, written.parameter, written.argument
        match parameter.kind:
            case ParameterKind.FLAG:
                self._take_flag(key, written)
            case ParameterKind.EXTRAS | ParameterKind.LEGS:
                self._take_list(key, written)
            case ParameterKind.FIELDS:
                self._take_declaration(key, written)
            case _:
                value = _typed(parameter, argument)
                if value is None:
                    why = _(
                        "not a valid value of {parameter}; allowed: {allowed}",
                        parameter=parameter.name,
                        allowed=_(parameter.allowed),
                    )
                    self._keep(written.module, parameter.name, argument, written.line, written.text, why)
                    return
                if parameter.is_integer and isinstance(argument.value, str):
                    why = _("a number in quotes, with which the proxy does not start: read as a number")
                    self._remark(written.line, written.text, why)
                self.options[key] = value
                self.macros.pop(key, None)
                if argument.word and argument.value is not None:
                    self.macros[key] = argument.word

    def _take_flag(self, key: str, written: _AccParameter) -> None:
        flag = self._flag(written.argument)
        if flag is not None:
            self.flags[key] = flag
        elif written.argument.value not in (-1, ""):
            why = _("{text} is not a valid flag, and this text does not define it", text=written.argument.text)
            self._keep(written.module, written.parameter.name, written.argument, written.line, written.text, why)

    def _flag(self, argument: Argument) -> MessageFlag | None:
        value, word = argument.value, argument.word
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if isinstance(value, int):
            # the word is the #!define of the number; of nested definitions the outermost
            return MessageFlag(value, word) if value >= 0 else None
        name = value or word
        if name in self.statements.flag_numbers:
            return MessageFlag(self.statements.flag_numbers[name], name)
        takes_names = any(
            parameter.kind is ParameterKind.FLAG and not parameter.is_integer
            for parameter in parameters_of(self.product, self.version).values()
        )
        return MessageFlag(None, name) if name and takes_names else None

    def _take_list(self, key: str, written: _AccParameter) -> None:
        value = written.argument.value
        backend_of_list = {names.extra_key for names in self._names.values()}
        bye = {names.extra_bye_key for names in self._names.values()}
        legs = {"multi_leg_info", "multi_leg_bye_info", "cdr_extra", "acc_json.cdr_extra"}
        if not isinstance(value, str) or key not in backend_of_list | bye | legs:
            why = (
                _("a constant string is needed")
                if not isinstance(value, str)
                else _("no output of this version uses it")
            )
            self._keep(written.module, written.parameter.name, written.argument, written.line, written.text, why)
            return
        pairs, wrong = split_pairs(value)
        for part in wrong:
            why = (
                _("an empty part, with which the proxy does not start")
                if part == ";"
                else _("not of the form name=$variable: left out")
            )
            self._remark(written.line, part, _("{parameter}: {why}", parameter=written.parameter.name, why=why))
        self.lists[key] = pairs

    def _take_declaration(self, key: str, written: _AccParameter) -> None:
        try:
            word, fields = split_declaration(str(written.argument.value))
        except ValueError as error:
            self._keep("acc", key, written.argument, written.line, written.text, str(error))
            return
        if word not in {names.type for names in self._names.values()}:
            why = _("{word!r} is not a valid output; use log, db, aaa or evi", word=word)
            self._keep("acc", key, written.argument, written.line, written.text, why)
            return
        self.declared.setdefault(key, {}).setdefault(word, []).extend(fields)

    # --- backends

    def _flags(self) -> Flags:
        account = {one: self.flags[n.flag_key] for one, n in self._names.items() if n.flag_key in self.flags}
        missed = {one: self.flags[n.missed_key] for one, n in self._names.items() if n.missed_key in self.flags}
        return Flags(
            account,
            missed,
            failed=self.flags.get("failed_transaction_flag"),
            prepare=self.flags.get("acc_prepare_flag"),
            cdr=self.flags.get("cdr_flag"),
        )

    def _backends_in_use(self, requested: RequestedAccounting, known: Sequence[_AccParameter]) -> tuple[Backend, ...]:
        if uses_do_accounting(self.product, self.version):
            used = set(requested.backends) or self._backends_declared()
        else:
            keys = self._names.items()
            flagged = {one for one, names in keys if {names.flag_key, names.missed_key} & set(self.flags)}
            listed = {one for one, names in keys if {names.extra_key, names.extra_bye_key} & set(self.lists)}
            used = flagged | listed | (set() if flagged else self._backends_of_dialogs())
            modules = {*self.statements.modules, *(one.parameter.module for one in known)}
            used |= {backend for module, backend in _ENGINE_MODULES.items() if module in modules}
        return tuple(one for one in Backend if one in used and one in self._names)

    def _backends_of_dialogs(self) -> set[Backend]:
        """Return the backends of Kamailio's dialog CDRs when no flag requests events (``cdr_write()`` in acc_cdr.c)."""
        if not self.options.get("cdr_enable"):
            return set()
        to_sql = self.options.get("db_url") and self.options.get("cdrs_table")
        to_log = self.options.get("cdr_log_enable", 1)
        return {one for one, is_used in ((Backend.SYSLOG, to_log), (Backend.SQL, to_sql)) if is_used}

    def _backends_declared(self) -> set[Backend]:
        words = {word for fields in self.declared.values() for word in fields}
        words |= {"db"} if self.options.get("db_url") else set()
        words |= {"aaa"} if self.options.get("aaa_url") else set()
        lists = {one for one, names in self._names.items() if names.extra and names.extra_key in self.lists}
        return lists | {self._backend_of_word(word) for word in words}

    def _backend_of_word(self, word: str) -> Backend:
        if word == "aaa" and str(self.options.get("aaa_url", "")).startswith("diameter"):
            return Backend.DIAMETER
        return next(backend for backend, names in self._names.items() if names.type == word)

    # --- extra and leg fields

    def _listed_extras(self) -> tuple[ExtraDefinition, ...]:
        return merge_pairs({one: self.lists.get(names.extra_key, []) for one, names in self._names.items()})

    def _cdr_extras(self) -> tuple[ExtraDefinition, ...]:
        lists = {one: self.lists.get(names.extra_bye_key, []) for one, names in self._names.items()}
        if "cdr_extra" in self.lists:  # one list for both the log and SQL
            lists[Backend.SYSLOG] = lists[Backend.SQL] = self.lists["cdr_extra"]
        if "acc_json.cdr_extra" in self.lists:
            lists[Backend.JSON] = self.lists["acc_json.cdr_extra"]
        return merge_pairs(lists)

    def _assigned(self, variable: str) -> dict[str, str]:
        """Return the first expression that the script assigns to each tag, with a remark for any other."""
        first: dict[str, Assignment] = {}
        for assignment in self.statements.assignments:
            if assignment.variable != variable:
                continue
            kept = first.setdefault(assignment.tag, assignment)
            if kept.expression != assignment.expression:
                why = _(
                    "line {line} assigns {expression}: that one is kept", line=kept.line, expression=kept.expression
                )
                self._remark(assignment.line, assignment.text, why)
        return {tag: assignment.expression for tag, assignment in first.items()}

    def _assigned_to_replies(self) -> frozenset[str]:
        """Return the tags that a reply route assigns, with a remark for each: the values are those of the reply."""
        tags: set[str] = set()
        for assignment in self.statements.assignments:
            before = [route for route in self.statements.routes if route.start <= assignment.start]
            if assignment.variable == "acc_extra" and before and before[-1].kind == "onreply_route":
                tags.add(assignment.tag)
                why = _("assigned in a reply route: the value is that of the reply, from the callee's side")
                self._remark(assignment.line, assignment.text, why)
        return frozenset(tags)

    def _declarations(self, key: str, backends: Iterable[Backend]) -> dict[Backend, list[Declared]]:
        """Return the declared fields of the backends in use; those of others become other parameters."""
        in_use = {self._names[backend].type: backend for backend in backends}
        declared: dict[Backend, list[Declared]] = {}
        for word, fields in self.declared.get(key, {}).items():
            if word in in_use:
                declared[in_use[word]] = fields
                continue
            value = f"{word}: " + ";".join(f"{field.tag}->{field.name}" for field in fields)
            self._remark(0, f'{key} "{value}"', _("no do_accounting() asks for {word}; kept as it is", word=word))
            self.others.append(OtherParameter("acc", key, value))
        return declared


def _typed(parameter: Parameter, argument: Argument) -> Value | None:
    """Return the value in the parameter's type, or None if it cannot be converted."""
    value = argument.value
    if not parameter.is_integer:
        return None if value is None else str(value)
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value) else None
    return _SWITCH_WORDS.get(argument.word.lower()) if value is None else value


def _needed_companions(companions: Iterable[WrittenParameter], profile: AccountingProfile) -> list[OtherParameter]:
    """Return the parameters of other modules on which this profile depends and which the renderer does not write."""
    needed: dict[tuple[str, str], OtherParameter] = {}
    for modparam in companions:
        value = modparam.argument.value
        match modparam.module:
            case "rr":
                is_needed = profile.is_on("detect_direction") and value != 1
            case "db_sqlite":
                is_needed = dialect_of(str(profile.option("db_url") or "")) is Dialect.SQLITE
            case _:
                is_needed = profile.uses_dialog
        if is_needed and value is not None:
            needed[modparam.module, modparam.name] = OtherParameter(modparam.module, modparam.name, value)
    return list(needed.values())
