"""Differences between two profiles, in the terms of the form; passwords never appear."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from proxyconf.profile import AccountingProfile
from proxyconf.vocabulary.messages import message as _

_HEADING = 2  # lines of a unified diff that name the two files
_MEMBERS = ("product", "version", "backends", "flags", "do_accounting", "options")
_LISTS = {
    "extras": (_("extra field"), _("order of the extra fields")),
    "legs": (_("leg field"), _("order of the leg fields")),
    "cdr_extras": (_("dialog extra field"), _("order of the dialog extra fields")),
    "cdr_legs": (_("dialog leg"), _("order of the dialog legs")),
}


class ProfileChange(NamedTuple):
    """A difference between two profiles: the text ``before`` and ``after``, empty if there is none."""

    what: str
    before: str
    after: str


class DiffLine(NamedTuple):
    """A line of a diff: ``kind`` is ``+``, ``-``, `` `` or, for omitted lines, ``@``."""

    kind: str
    text: str


def changes(before: AccountingProfile, after: AccountingProfile) -> list[ProfileChange]:
    """Return the differences in the order of the form."""
    old, new = before.masked().to_json(), after.masked().to_json()
    differences = [*_members(old, new)]
    differences += [
        ProfileChange(f"options: {key}", _("a password"), _("another password"))
        for key in before.options.keys() & after.options.keys()
        if before.options[key] != after.options[key] and old["options"][key] == new["options"][key]
    ]
    for name, (title, order) in _LISTS.items():
        differences += _rows(title, order, old[name], new[name])
    if old["other_parameters"] != new["other_parameters"]:
        differences.append(
            ProfileChange(_("other parameters"), _text(old["other_parameters"]), _text(new["other_parameters"]))
        )
    return differences


def compared(before: str, after: str, context: int = 3) -> list[DiffLine]:
    """Return the differing lines of two texts with ``context`` lines around them; empty if the texts are equal."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=context)
    return [DiffLine(line[0], "" if line[0] == "@" else line[1:]) for line in islice(lines, _HEADING, None)]


def _members(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ProfileChange]:
    for member in _MEMBERS:
        before, after = dict(_flat(old[member])), dict(_flat(new[member]))
        for key in dict.fromkeys([*before, *after]):
            if before.get(key) != after.get(key):
                yield ProfileChange(
                    ": ".join(filter(None, [member, key])), _text(before.get(key)), _text(after.get(key))
                )


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix} {key}".strip())
    else:
        yield prefix, value


def _rows(title: str, order: str, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[ProfileChange]:
    before, after = _by_name(old), _by_name(new)
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            old_row, new_row = dict(_flat(before.get(name) or {})), dict(_flat(after.get(name) or {}))
            keys = [key for key in dict.fromkeys([*old_row, *new_row]) if old_row.get(key) != new_row.get(key)]
            yield ProfileChange(
                _("{field} {name}", field=title, name=name), _members_text(old_row, keys), _members_text(new_row, keys)
            )
    common = [name for name in before if name in after]
    if common != [name for name in after if name in before]:
        yield ProfileChange(order, ", ".join(before), ", ".join(after))


def _by_name(rows: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    rows_by_name: dict[str, dict[str, Any]] = {}
    for row in rows:
        name, number = row["name"], 2
        while name in rows_by_name:
            name, number = f"{row['name']} ({number})", number + 1
        rows_by_name[name] = row
    return rows_by_name


def _members_text(row: Mapping[str, Any], keys: Iterable[str]) -> str:
    return ", ".join(f"{key} {_text(row[key])}" for key in keys if row.get(key) not in (None, ""))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        # a flag is a number and a name
        return " ".join(_text(one) for one in value if one not in (None, ""))
    return str(value)
