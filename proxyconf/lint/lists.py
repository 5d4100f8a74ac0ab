"""How many fields a release takes."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.lint.places import Field, fields, labels, number_of, option_place
from proxyconf.lint.registry import Problem, error, rule
from proxyconf.profile import Profile

MOST_EXTRAS = 64  # MAX_ACC_EXTRA of acc.h
MOST_LEGS = 16  # MAX_ACC_LEG


@rule("too-many-extras", "The lists have a fixed size; the proxy does not start with one that is longer.")
def too_many_extras(profile: Profile) -> Iterator[Problem]:
    if profile.uses_field_declarations:
        return
    size, cdr_size = number_of(profile, "acc_extra_size"), number_of(profile, "cdr_extra_size")
    yield from _longer(profile, "extras", "acc_extra_size" if size is not None else "", size)
    # seen live on Kamailio 5.6: the list of dialog records is read with the size of the other one
    sizes = [one for one in (size, cdr_size) if one is not None]
    yield from _longer(
        profile, "cdr_extras", "acc_extra_size and cdr_extra_size" if sizes else "", min(sizes, default=None)
    )
    legs = [found for found in fields(profile) if found.kind == "legs"]
    if size is not None and size < len(legs) <= MOST_LEGS:
        yield error(
            option_place("acc_extra_size"),
            f"{size} is less than the {len(legs)} leg fields.",
            f"Set acc_extra_size to {MOST_EXTRAS}.",
        )


def _longer(profile: Profile, kind: str, options: str, size: int | None) -> Iterator[Problem]:
    limit = MOST_EXTRAS if size is None else max(size, 0)
    counts: dict[str, list[Field]] = {}
    for label in labels(profile, kind):
        counts.setdefault(label.record, []).append(label.field)
    found = max(counts.values(), key=len, default=[])
    if len(found) > limit:
        yield error(
            found[limit].at(),
            f"This is field {limit + 1} of {len(found)}; the list takes {limit}.",
            f"Set {options} to {len(found)} or more." if options else f"Log {limit} fields at most.",
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
