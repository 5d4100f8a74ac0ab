"""How many fields a release takes."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.lint.places import Field, fields, labels, number_of, option_place
from proxyconf.lint.registry import Place, Problem, error, rule
from proxyconf.profile import Profile

MOST_EXTRAS = 64  # MAX_ACC_EXTRA of acc.h
MOST_LEGS = 16  # MAX_ACC_LEG


@rule("too-many-extras", "The lists have a fixed size; the proxy does not start with one that is longer.")
def too_many_extras(profile: Profile) -> Iterator[Problem]:
    if profile.uses_field_declarations:
        return
    for kind, option in (("extras", "acc_extra_size"), ("cdr_extras", "cdr_extra_size")):
        yield from _longer(profile, kind, option)
    most = number_of(profile, "acc_extra_size")
    legs = [found for found in fields(profile) if found.kind == "legs"]
    if most is not None and most < len(legs) <= MOST_LEGS:
        yield error(
            option_place("acc_extra_size"),
            f"{most} is less than the {len(legs)} leg fields.",
            f"Set acc_extra_size to {max(len(legs), MOST_EXTRAS)}.",
        )


def _longer(profile: Profile, kind: str, option: str) -> Iterator[Problem]:
    most = number_of(profile, option)
    limit = MOST_EXTRAS if most is None else most
    counts: dict[str, list[Field]] = {}
    for label in labels(profile, kind):
        counts.setdefault(label.record, []).append(label.field)
    found = max(counts.values(), key=len, default=[])
    if len(found) > limit:
        yield error(
            found[limit].at() if limit >= 0 else option_place(option),
            f"This is field {limit + 1} of {len(found)}; the list takes {limit}.",
            f"Set {option} to {len(found)} or more." if most is not None else f"Log {limit} fields at most.",
        )


@rule("too-many-legs", "The list of leg fields has a fixed size; the proxy does not start with one that is longer.")
def too_many_legs(profile: Profile) -> Iterator[Problem]:
    if profile.uses_field_declarations:
        return
    for kind in ("legs", "cdr_legs"):
        found = [one for one in fields(profile) if one.kind == kind]
        if len(found) > MOST_LEGS:
            yield error(
                found[MOST_LEGS].at(),
                f"There are {len(found)} leg fields; the list takes {MOST_LEGS}.",
                f"Keep {MOST_LEGS} of them.",
            )


@rule("list-size", "Without room for a single field the list cannot be read: the proxy does not start.")
def list_size(profile: Profile) -> Iterator[Problem]:
    for option in ("acc_extra_size", "cdr_extra_size"):
        size = number_of(profile, option)
        if size is not None and size < 1:
            yield error(Place(*option_place(option)), f"{option} is {size}.", f"Set it to {MOST_EXTRAS}.")
