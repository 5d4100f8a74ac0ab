"""Change the ``modparam`` and ``loadmodule`` lines of a configuration to match a profile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from proxyconf.parse.detection import ACC_MODULES, modules_meant
from proxyconf.parse.lists import split_declaration
from proxyconf.parse.statements import Argument, Loaded, Statements, WrittenParameter
from proxyconf.parse.tokens import Token, TokenKind
from proxyconf.patch.edits import Editor
from proxyconf.patch.lists import change_list, is_editable, parts_of
from proxyconf.profile import AccountingProfile, MessageFlag
from proxyconf.render.modparams import Modparam, effective_parameters, modules_needed, quoted
from proxyconf.render.script import has_preprocessor, literal, named_flags
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.parameters import ParameterKind, find_parameter

Key = tuple[str, str, str]
"""Module, name and, for repeatable parameters, a part that identifies the setting."""

_LISTS = (ParameterKind.EXTRAS, ParameterKind.LEGS, ParameterKind.FIELDS)
_NUMBER = re.compile(r"\d+(?=\s*(?:\Z|#|//|/\*))")


def change_parameters(
    editor: Editor, statements: Statements, before: AccountingProfile, after: AccountingProfile
) -> None:
    """Change, add and remove parameters, and load the modules that new parameters and variables need."""
    _Parameters(editor, statements, before, after).change()


def keyed_parameters(profile: AccountingProfile) -> dict[Key, Modparam]:
    """Return the parameters of a profile by key."""
    parameters = effective_parameters(profile)
    return {key_of(profile, parameter.module, parameter.name, parameter.value): parameter for parameter in parameters}


def key_of(profile: AccountingProfile, module: str, name: str, value: object) -> Key:
    """Return the key of a parameter, by which settings are compared."""
    parameter = find_parameter(profile.product, profile.version, name, module)
    module = parameter.module if parameter else module
    if module == "mqueue":
        return module, name, str(value)
    if parameter is None or parameter.kind is not ParameterKind.FIELDS:
        return module, name, ""
    try:
        return module, name, split_declaration(str(value))[0].lower()
    except ValueError:
        return module, name, str(value)


class _Parameters:
    def __init__(
        self, editor: Editor, statements: Statements, before: AccountingProfile, after: AccountingProfile
    ) -> None:
        self.editor, self.statements = editor, statements
        self.before, self.after = before, after
        self.new = keyed_parameters(after)
        self.written = self._written()
        self._definitions_changed: set[str] = set()

    def _written(self) -> dict[Key, list[WrittenParameter]]:
        written: dict[Key, list[WrittenParameter]] = {}
        for modparam in self.statements.modparams:
            for module in modules_meant(modparam.module) or [modparam.module]:
                key = key_of(self.after, module, modparam.name, modparam.argument.value)
                written.setdefault(key, []).append(modparam)
        return written

    def change(self) -> None:
        old, new = keyed_parameters(self.before), self.new
        unloaded = self._unload()
        self._load()
        for key in dict.fromkeys([*old, *new]):
            if key[0] in unloaded or old.get(key) == new.get(key):
                continue
            if key in new:
                self._set(key, new[key])
            elif key[0] in ACC_MODULES or key[0] == "mqueue":  # a parameter of another module may serve others
                self._unset(key)

    # --- one parameter

    def _set(self, key: Key, target: Modparam) -> None:
        written = [one for one in self.written.get(key, []) if self._is_changeable(one)]
        if not written:
            self._add(key, target)
        elif self._kind(key) in _LISTS and all(is_editable(self.editor, one.argument) for one in written):
            self._set_list(key, written, str(target.value))
        elif self._kind(key) in _LISTS and self._change_defined_list(written[-1].argument, str(target.value)):
            pass
        else:
            last = written[-1]
            text = self._text(target)
            if last.argument.value != target.value or text != last.argument.text:
                self._set_value(last, target, text)

    def _set_value(self, last: WrittenParameter, target: Modparam, text: str) -> None:
        name = last.argument.word
        if target.flag is not None and name and name == target.flag.name and self._define(name, target.flag):
            return
        if last.argument.value == target.value and target.flag is None and not target.macro and not name:
            return
        self.editor.replace(last.argument.start, last.argument.end, text)

    def _define(self, name: str, flag: MessageFlag) -> bool:
        """Change the number in the ``#!define`` of a flag's name, if all flags of that name get the same number."""
        flags = self.after.flags.by_parameter(self.after.product, self.after.version).values()
        if any(one.name == name and one.number != flag.number for one in flags):
            return False
        places = [one for one in self.statements.definitions if one.name == name]
        number = _NUMBER.match(self.editor.text[places[0].start : places[0].end]) if len(places) == 1 else None
        if number is None:
            return False
        if name not in self._definitions_changed:
            self._definitions_changed.add(name)
            self.editor.replace(places[0].start, places[0].start + number.end(), str(flag.number))
        return True

    def _change_defined_list(self, argument: Argument, value: str) -> bool:
        """Change a list in the ``#!define`` that gives it, if that serves lists alone that all get this value."""
        name = argument.word
        places = [one for one in self.statements.definitions if name and one.name == name]
        if len(places) != 1 or ":" in str(argument.value).partition("=")[0]:
            return False
        written = self.editor.text[places[0].start : places[0].end]
        keys = [key for key, uses in self.written.items() if any(one.argument.word == name for one in uses)]
        values = {str(self.new[key].value) if key in self.new else "" for key in keys}
        uses = len(re.findall(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", self.editor.text)) - 1
        is_lists_alone = uses == sum(one.argument.word == name for one in self.statements.modparams)
        if written != f'"{argument.value}"' or values != {value} or not is_lists_alone:
            return False
        if name not in self._definitions_changed:
            self._definitions_changed.add(name)
            token = Token(TokenKind.TEXT, str(argument.value), 0, places[0].start, places[0].end)
            wanted = [one.text for one in parts_of(value, declared=False)]
            change_list(self.editor, argument._replace(strings=(token,)), wanted, declared=False)
        return True

    def _set_list(self, key: Key, written: list[WrittenParameter], value: str) -> None:
        declared = self._kind(key) is ParameterKind.FIELDS
        wanted = [one.text for one in parts_of(value, declared=declared)]
        if not declared:
            change_list(self.editor, written[-1].argument, wanted, declared=False)
            return
        # several declarations of a backend add up: each keeps its fields, and new fields are added to the last
        left = list(wanted)
        shares: list[list[str]] = []
        for one in written:
            own = [part.text for part in parts_of(str(one.argument.value), declared=True)]
            taken = left if one is written[-1] else [part for part in left[: len(own)] if part in own]
            left = left[len(taken) :]
            shares.append(taken)
        for one, share in zip(written, shares, strict=True):
            if share:
                change_list(self.editor, one.argument, share, declared=True)
            else:
                self.editor.remove(one)

    def _unset(self, key: Key) -> None:
        parameter = find_parameter(self.after.product, self.after.version, key[1], key[0])
        for one in self.written.get(key, []):
            if not self.editor.stands_in_text(one, "modparam"):
                self.editor.problems.append(
                    _("line {line}: {text} comes from a #!define; remove it there", line=one.line, text=one.text)
                )
            elif not self._is_changeable(one):
                self.editor.problems.append(
                    _("line {line}: {text} is for several modules; change it by hand", line=one.line, text=one.text)
                )
            elif (
                parameter is not None
                and parameter.kind in (ParameterKind.SWITCH, ParameterKind.INTEGER)
                and parameter.default != -1
            ):
                self.editor.replace(one.argument.start, one.argument.end, str(parameter.default))
            else:
                self.editor.remove(one)

    def _is_changeable(self, one: WrittenParameter) -> bool:
        return self.editor.stands_in_text(one, "modparam") and len(modules_meant(one.module)) < 2

    def _kind(self, key: Key) -> ParameterKind | None:
        parameter = find_parameter(self.after.product, self.after.version, key[1], key[0])
        return parameter.kind if parameter else None

    # --- new lines

    def _text(self, target: Modparam) -> str:
        if target.macro and target.macro in self.statements.defines:
            return target.macro
        if target.flag is not None and has_preprocessor(self.after):
            name, number = target.flag.name, target.flag.number
            flags = self.after.flags.by_parameter(self.after.product, self.after.version).values()
            if number is not None and named_flags(flags).get(name) == number and self._has_define(name, number):
                return name
            return str(number)
        return literal(target.value)

    def _has_define(self, name: str, number: int) -> bool:
        """Return whether the name is defined as the number; add the definition if there is none."""
        value = self.statements.defines.get(name)
        if value is not None:
            stands = _NUMBER.match(value)
            is_same = stands is not None and stands[0] == str(number)
            return is_same or name in self._definitions_changed or self._define(name, MessageFlag(number, name))
        if name in self._definitions_changed:
            return True
        anchor = self._last_definition()
        if anchor is None:
            return False
        self._definitions_changed.add(name)
        self.editor.add_line_after(anchor, f"#!define {name} {number}")
        return True

    def _last_definition(self) -> _Line | None:
        used = {flag.name for flag in self.before.flags.by_parameter(self.before.product, self.before.version).values()}
        places = [one for one in self.statements.definitions if one.name in used]
        return _Line(places[-1].end, places[-1].end) if places else None

    def _add(self, key: Key, target: Modparam) -> None:
        line = f"modparam({quoted(target.module)}, {quoted(target.name)}, {self._text(target)})"
        anchor = self._anchor(key)
        if anchor is None:
            self.editor.problems.append(
                _(
                    "{line} could not be placed: put it after loadmodule {module}",
                    line=line,
                    module=quoted(target.module),
                )
            )
        else:
            self.editor.add_line_after(anchor, line)

    def _anchor(self, key: Key) -> WrittenParameter | Loaded | None:
        """Return the line after which to add a parameter: a related parameter, else the last one of its module."""
        own = [one for one in self.statements.modparams if key[0] in (modules_meant(one.module) or [one.module])]
        own = [one for one in own if self.editor.stands_in_text(one, "modparam")]
        family = key[1].partition("_")[0]
        related = [one for one in own if one.name.partition("_")[0] == family]
        for group in (related, own):
            if group:
                depth = min(one.depth for one in group)
                return [one for one in group if one.depth == depth][-1]
        loaded: list[Loaded] = [one for one in self.statements.loaded if one.module == key[0]]
        others = [one for one in self.statements.modparams if modules_meant(one.module)]
        return loaded[-1] if loaded else others[-1] if others else self._after_modules()

    def _after_modules(self) -> Loaded | None:
        return self.statements.loaded[-1] if self.statements.loaded else None

    # --- modules

    def _load(self) -> None:
        lacking = [one for one in modules_needed(self.after) if one not in self.statements.modules]
        needed_before = set(modules_needed(self.before))
        loaded = [one for one in self.statements.loaded if self.editor.stands_in_text(one, "loadmodule")]
        acc = next((one for one in loaded if one.module == "acc"), None)
        for module in lacking:
            if module in needed_before:
                continue
            if not loaded:
                self.editor.problems.append(
                    _('this text loads no module: add loadmodule "{module}.so" where others are', module=module)
                )
            elif acc is not None and not module.startswith("acc"):
                self.editor.add_line_before(acc, self._load_lines(acc, module))
            else:
                anchor = acc or loaded[-1]
                self.editor.add_line_after(anchor, self._load_lines(anchor, module))

    def _load_lines(self, like: Loaded, module: str) -> str:
        """Return the lines that load a module, with a condition if an inactive branch loads it too."""
        line = _load_line(like, module)
        if has_preprocessor(self.after) and re.search(
            rf'loadmodulex?[ \t(]+"[^"]*\b{module}(\.so)?"', self.editor.text
        ):
            return self.editor.newline.join([f"#!ifndef MOD_{module}", line, "#!endif"])
        return line

    def _unload(self) -> set[str]:
        """Remove the modules of backends that are no longer in use, which account as soon as they are loaded."""
        needed = {*modules_needed(self.after), "acc"}
        gone = {one for one in ACC_MODULES if one in modules_needed(self.before) and one not in needed}
        for loaded in self.statements.loaded:
            if loaded.module in gone:
                self.editor.remove(loaded)
        for one in _of_modules(self.statements.modparams, gone):
            self.editor.remove(one)
        return gone


class _Line:
    """A place in the text that is not a statement."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end


def _of_modules(modparams: Iterable[WrittenParameter], modules: set[str]) -> Iterator[WrittenParameter]:
    return (one for one in modparams if modules_meant(one.module) and set(modules_meant(one.module)) <= modules)


def _load_line(like: Loaded, module: str) -> str:
    """Return a ``loadmodule`` line with a path in the style of ``like``."""
    path = like.written
    for ending in (f"{like.module}.so", like.module):
        if path.endswith(ending):
            return f"loadmodule {quoted(path.removesuffix(ending) + module + ending.removeprefix(like.module))}"
    return f"loadmodule {quoted(module + '.so')}"
