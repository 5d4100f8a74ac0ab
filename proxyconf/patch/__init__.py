"""A change of a profile as a patch to the person's own configuration: the lines concerned change, and no others.

Macros, conditions, comments, order and line ends stay as they are. What the text gives no place for is said in words.
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
    """``text`` is the unified diff, ``files`` the files after it. ``problems`` says what it could not place, or what
    the files would still say otherwise.
    """

    text: str
    files: tuple[ConfigFile, ...]
    problems: tuple[str, ...]


def make_patch(files: Sequence[ConfigFile], target: AccountingProfile, defines: Iterable[str] = ()) -> ConfigPatch:
    """Return the patch after which the files say what ``target`` says. ``defines`` are defined from outside."""
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


def remaining_differences(found: AccountingProfile, target: AccountingProfile) -> list[str]:
    """Return in words where a configuration says something else than a profile, as far as accounting is concerned."""
    differences: list[str] = []
    is_values, should_be_values = _compared(found), _compared(target)
    for key in dict.fromkeys([*is_values, *should_be_values]):
        stands, wanted = is_values.get(key), should_be_values.get(key)
        if stands != wanted:
            name = f"{key[0]} {key[1]}"
            differences.append(
                _(
                    "{name} is not as in the profile: it is {found}, it should be {wanted}",
                    name=name,
                    found=_said(stands),
                    wanted=_said(wanted),
                )
            )
    if found.backends != target.backends:
        lists = [", ".join(map(str, one.backends)) or _("nothing") for one in (found, target)]
        differences.append(
            _("the configuration writes to {found}, the profile to {wanted}", found=lists[0], wanted=lists[1])
        )
    if _asked(found) != _asked(target):
        differences.append(_("do_accounting() does not ask for what the profile says"))
    differences += [
        _(
            "${variable}({tag}) is {found} in the script and {wanted} in the profile",
            variable=variable,
            tag=tag,
            found=_said(old),
            wanted=_said(new),
        )
        for variable, tag, old, new in _assignment_differences(found, target)
    ]
    return differences


def _edits_by_file(joined: JoinedConfig, files: Sequence[ConfigFile], edits: Iterable[Edit]) -> dict[str, list[Edit]]:
    texts = {one.name: one.text for one in files}
    found: dict[str, list[Edit]] = {}
    for edit in edits:
        anchor = edit.start - 1 if edit.after and edit.start else edit.start
        name, offset = joined.place(anchor)
        offset += edit.start - anchor
        moved = edit._replace(start=offset, end=offset + edit.end - edit.start)
        text = texts[name]
        if moved.start > len(text):  # the line end that joining added to the last line
            ends = "\r\n" if "\r\n" in text else "\n"
            moved = moved._replace(start=len(text), text=ends + moved.text.removesuffix("\n").removesuffix("\r"))
        moved = moved._replace(end=max(moved.start, min(moved.end, len(text))))
        found.setdefault(name, []).append(moved)
    return {name: sorted(one, key=lambda edit: (edit.start, edit.end)) for name, one in found.items()}


def _compared(profile: AccountingProfile) -> dict[Key, object]:
    bare = replace(profile, macros={})
    return {
        key: _value(bare, one)
        for key, one in keyed_parameters(bare).items()
        if key[0].startswith("acc") or key[0] == "mqueue"
    }


def _value(profile: AccountingProfile, one: Modparam) -> object:
    if one.flag is not None:
        return _number_or_name(one.flag)
    parameter = find_parameter(profile.product, profile.version, one.name, one.module)
    if parameter is not None and parameter.kind in (ParameterKind.EXTRAS, ParameterKind.LEGS, ParameterKind.FIELDS):
        return str(one.value).strip()
    return one.value


def _number_or_name(flag: MessageFlag) -> int | str:
    return flag.number if flag.number is not None else flag.name


def _asked(profile: AccountingProfile) -> DoAccounting | None:
    if not profile.uses_do_accounting:
        return None
    used, asked = frozenset(profile.backends), profile.do_accounting
    return DoAccounting(
        missed=asked.missed & used,
        failed=used if asked.failed & used else frozenset(),
        cdr=used if asked.cdr & used else frozenset(),
        table=asked.table,
    )


def _assignment_differences(found: AccountingProfile, target: AccountingProfile) -> list[tuple[str, str, str, str]]:
    if not target.uses_field_declarations:
        return []
    differences = []
    for variable, name in (("acc_extra", "extras"), ("acc_leg", "legs")):
        old = {one.name: " ".join(one.variable.split()) for one in reversed(getattr(found, name))}
        declared = _declared(target, name)
        new = {
            one.name: " ".join(one.variable.split()) for one in reversed(getattr(target, name)) if one.name in declared
        }
        differences += [(variable, tag, old.get(tag, ""), text) for tag, text in new.items() if old.get(tag) != text]
    return differences


def _declared(profile: AccountingProfile, name: str) -> set[str]:
    labels = profile.extra_labels if name == "extras" else profile.leg_labels
    return {field.name for backend in profile.backends for _label, field in labels(backend)}


def _said(value: object) -> str:
    return _("not set") if value in (None, "") else repr(value)
