"""Make a patch that changes a user's own configuration to match a profile, and changes no other lines.

Macros, conditions, comments, order and line ends are preserved. Changes that cannot be placed are described in words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from proxyconf.parse import read_for_patch
from proxyconf.parse.files import ConfigFile, JoinedConfig, join_files
from proxyconf.patch.edits import Edit, Editor, apply_edits
from proxyconf.patch.parameters import Key, change_parameters, keyed_parameters
from proxyconf.patch.script import change_script
from proxyconf.patch.unified import unified_diff
from proxyconf.profile import AccountingProfile, DoAccounting, MessageFlag
from proxyconf.render.modparams import Modparam
from proxyconf.vocabulary.messages import message as _
from proxyconf.vocabulary.parameters import ParameterKind, find_parameter

__all__ = ["ConfigFile", "ConfigPatch", "make_patch", "remaining_differences"]


class ConfigPatch(NamedTuple):
    """A patch: ``text`` is the unified diff, ``files`` are the patched files.

    ``problems`` describes changes that could not be placed, and remaining differences from the profile.
    """

    text: str
    files: tuple[ConfigFile, ...]
    problems: tuple[str, ...]


def make_patch(files: Sequence[ConfigFile], target: AccountingProfile, defines: Iterable[str] = ()) -> ConfigPatch:
    """Return the patch that changes the files to match ``target``; ``defines`` are assumed to be defined."""
    defines = tuple(defines)
    joined = join_files(files)
    before, statements = read_for_patch(joined.text, target.product, target.version, defines)
    editor = Editor(joined.text)
    change_parameters(editor, statements, before, target)
    change_script(editor, statements, before, target)
    by_file = _edits_by_file(joined, files, editor.edits())
    patched = tuple(ConfigFile(one.name, apply_edits(one.text, by_file.get(one.name, []))) for one in files)
    diffs = [unified_diff(one.name, one.text, by_file.get(one.name, [])) for one in files]
    after, _ = read_for_patch(join_files(patched).text, target.product, target.version, defines)
    problems = [*editor.problems, *remaining_differences(after, target)]
    return ConfigPatch("".join(diffs), patched, tuple(dict.fromkeys(problems)))


def remaining_differences(actual: AccountingProfile, target: AccountingProfile) -> list[str]:
    """Describe how the accounting of a configuration differs from a profile."""
    differences: list[str] = []
    actual_values, target_values = _compared(actual), _compared(target)
    for key in dict.fromkeys([*actual_values, *target_values]):
        actual_value, target_value = actual_values.get(key), target_values.get(key)
        if actual_value != target_value:
            name = f"{key[0]} {key[1]}"
            differences.append(
                _(
                    "{name} is not as in the profile: it is {found}, it should be {wanted}",
                    name=name,
                    found=_shown(actual_value),
                    wanted=_shown(target_value),
                )
            )
    if actual.backends != target.backends:
        lists = [", ".join(map(str, profile.backends)) or _("nothing") for profile in (actual, target)]
        differences.append(
            _("the configuration writes to {found}, the profile to {wanted}", found=lists[0], wanted=lists[1])
        )
    if _requested(actual) != _requested(target):
        differences.append(_("do_accounting() does not request the accounting of the profile"))
    differences += [
        _(
            "${variable}({tag}) is {found} in the script and {wanted} in the profile",
            variable=variable,
            tag=tag,
            found=_shown(old),
            wanted=_shown(new),
        )
        for variable, tag, old, new in _assignment_differences(actual, target)
    ]
    return differences


def _edits_by_file(joined: JoinedConfig, files: Sequence[ConfigFile], edits: Iterable[Edit]) -> dict[str, list[Edit]]:
    texts = {file.name: file.text for file in files}
    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        anchor = edit.start - 1 if edit.after and edit.start else edit.start
        name, offset = joined.place(anchor)
        offset += edit.start - anchor
        moved = edit._replace(start=offset, end=offset + edit.end - edit.start)
        text = texts[name]
        if moved.start > len(text):  # after the line end that joining added to the last line
            ends = "\r\n" if "\r\n" in text else "\n"
            moved = moved._replace(start=len(text), text=ends + moved.text.removesuffix("\n").removesuffix("\r"))
        moved = moved._replace(end=max(moved.start, min(moved.end, len(text))))
        by_file.setdefault(name, []).append(moved)
    return {name: sorted(moved, key=lambda edit: (edit.start, edit.end)) for name, moved in by_file.items()}


def _compared(profile: AccountingProfile) -> dict[Key, object]:
    bare = replace(profile, macros={})
    return {
        key: _value(bare, parameter)
        for key, parameter in keyed_parameters(bare).items()
        if key[0].startswith("acc") or key[0] == "mqueue"
    }


def _value(profile: AccountingProfile, modparam: Modparam) -> object:
    if modparam.flag is not None:
        return _number_or_name(modparam.flag)
    parameter = find_parameter(profile.product, profile.version, modparam.name, modparam.module)
    if parameter is not None and parameter.kind in (ParameterKind.EXTRAS, ParameterKind.LEGS, ParameterKind.FIELDS):
        return str(modparam.value).strip()
    return modparam.value


def _number_or_name(flag: MessageFlag) -> int | str:
    return flag.number if flag.number is not None else flag.name


def _requested(profile: AccountingProfile) -> DoAccounting | None:
    if not profile.uses_do_accounting:
        return None
    used, requested = frozenset(profile.backends), profile.do_accounting
    return DoAccounting(
        missed=requested.missed & used,
        failed=used if requested.failed & used else frozenset(),
        cdr=used if requested.cdr & used else frozenset(),
        table=requested.table,
    )


def _assignment_differences(actual: AccountingProfile, target: AccountingProfile) -> list[tuple[str, str, str, str]]:
    if not target.uses_field_declarations:
        return []
    differences = []
    for variable, name in (("acc_extra", "extras"), ("acc_leg", "legs")):
        old = {field.name: " ".join(field.variable.split()) for field in reversed(getattr(actual, name))}
        declared = _declared(target, name)
        new = {
            field.name: " ".join(field.variable.split())
            for field in reversed(getattr(target, name))
            if field.name in declared
        }
        differences += [(variable, tag, old.get(tag, ""), text) for tag, text in new.items() if old.get(tag) != text]
    return differences


def _declared(profile: AccountingProfile, name: str) -> set[str]:
    labels = profile.extra_labels if name == "extras" else profile.leg_labels
    return {field.name for backend in profile.backends for _label, field in labels(backend)}


def _shown(value: object) -> str:
    return _("not set") if value in (None, "") else repr(value)
