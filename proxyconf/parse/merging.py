"""Merge the lists of labels of several backends to one list of fields that keeps the order of each."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable, Mapping, Sequence

from proxyconf.parse.lists import Declared, Pair
from proxyconf.profile import ExtraDefinition, LegDefinition
from proxyconf.vocabulary.layout import Backend, Role, leg_role_of_variable, suggest_leg_role, suggest_role

_Labels = dict[Backend, str]
_MOST_MATCHED = 200  # no proxy takes more fields, and matching takes quadratic time


def merge_pairs(lists: Mapping[Backend, Sequence[Pair]]) -> tuple[ExtraDefinition, ...]:
    """Return the fields of lists of ``name=$variable``.

    Pairs of two backends with the same variable become one field, unless the order of the lists forbids it.
    """
    merged = _merged({backend: [(pair.value, pair.name) for pair in pairs] for backend, pairs in lists.items()})
    fields = []
    for variable, labels in merged:
        name = next(iter(labels.values()))
        fields.append(ExtraDefinition(name, variable, labels, _extra_role(variable, labels.values())))
    return tuple(fields)


def declared_extras(
    lists: Mapping[Backend, Sequence[Declared]], values: Mapping[str, str], reply_tags: Container[str] = ()
) -> tuple[ExtraDefinition, ...]:
    """Return the fields of ``extra_fields``; ``values`` are the expressions that the script assigns to the tags.

    Expressions assigned in a reply route (``reply_tags``) are ignored: ``$si`` is the callee there, so it does not
    suggest a role, and the generated routes must not assign it to the INVITE.
    """
    at_the_invite = {tag: value for tag, value in values.items() if tag not in reply_tags}
    return tuple(
        ExtraDefinition(
            tag,
            at_the_invite.get(tag, ""),
            labels,
            _extra_role(at_the_invite.get(tag, ""), [*labels.values(), tag]),
        )
        for tag, labels in _merged_declarations(lists)
    )


def declared_legs(lists: Mapping[Backend, Sequence[Declared]], values: Mapping[str, str]) -> tuple[LegDefinition, ...]:
    """Return the fields of ``leg_fields``; ``values`` are the expressions that the script assigns to the tags."""
    return tuple(
        LegDefinition(tag, values.get(tag, ""), labels, _leg_role([*labels.values(), tag]))
        for tag, labels in _merged_declarations(lists)
    )


def listed_legs(pairs: Iterable[Pair]) -> tuple[LegDefinition, ...]:
    """Return the fields of ``multi_leg_info``, whose names are the labels of all backends."""
    return tuple(
        LegDefinition(pair.name, pair.value, role=suggest_leg_role(pair.name) or leg_role_of_variable(pair.value))
        for pair in pairs
    )


def _extra_role(variable: str, labels: Iterable[str]) -> Role | None:
    return next((role for label in labels if (role := suggest_role(label, variable))), None)


def _leg_role(labels: Iterable[str]) -> Role | None:
    return next((role for label in labels if (role := suggest_leg_role(label))), None)


def _merged_declarations(lists: Mapping[Backend, Sequence[Declared]]) -> list[tuple[str, _Labels]]:
    return _merged({backend: [(one.tag, one.name) for one in fields] for backend, fields in lists.items()})


def _merged(lists: Mapping[Backend, Sequence[tuple[str, str]]]) -> list[tuple[str, _Labels]]:
    """Merge lists of (identity, label) into one list of (identity, labels per backend)."""
    merged: list[tuple[str, _Labels]] = []
    for backend in Backend:  # the order of the mapping must not matter
        pairs = lists.get(backend, ())
        if len(merged) + len(pairs) > _MOST_MATCHED:
            merged += [(identity, {backend: label}) for identity, label in pairs]
            continue
        matcher = difflib.SequenceMatcher(None, [one[0] for one in merged], [one[0] for one in pairs], autojunk=False)
        longer: list[tuple[str, _Labels]] = []
        for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
            old, new = merged[old_from:old_to], pairs[new_from:new_to]
            if tag == "equal":
                both = zip(old, new, strict=True)
                longer += [(identity, {**labels, backend: label}) for (identity, labels), (_same, label) in both]
            else:
                longer += old
                longer += [(identity, {backend: label}) for identity, label in new]
        merged = longer
    return merged
