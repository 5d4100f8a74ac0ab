"""How many fields a release takes."""

from __future__ import annotations

from collections.abc import Iterator

from proxyconf.lint.places import Field, fields, labels, number_of, option_place
from proxyconf.lint.registry import Problem, error, rule
from proxyconf.profile import AccountingProfile
from proxyconf.vocabulary.messages import message as _

MOST_EXTRAS = 64  # MAX_ACC_EXTRA of acc.h
MOST_LEGS = 16  # MAX_ACC_LEG


@rule("too-many-extras", _("The lists have a fixed size; the proxy does not start with one that is longer."))
def too_many_extras(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.uses_field_declarations:
        return
    size, cdr_size = number_of(profile, "acc_extra_size"), number_of(profile, "cdr_extra_size")
    yield from _longer(profile, "extras", "acc_extra_size" if size is not None else "", size)
    # seen live on Kamailio 5.6: the list of dialog records is read with the size of the other one
    sizes = [one for one in (size, cdr_size) if one is not None]
    yield from _longer(
        profile, "cdr_extras", _("acc_extra_size and cdr_extra_size") if sizes else "", min(sizes, default=None)
    )
    legs = [found for found in fields(profile) if found.kind == "legs"]
    if size is not None and size < len(legs) <= MOST_LEGS:
        yield error(
            option_place("acc_extra_size"),
            _("{size} is less than the {count} leg fields.", size=size, count=len(legs)),
            _("Set acc_extra_size to {most}.", most=MOST_EXTRAS),
        )


def _longer(profile: AccountingProfile, kind: str, options: str, size: int | None) -> Iterator[Problem]:
    limit = MOST_EXTRAS if size is None else max(size, 0)
    counts: dict[str, list[Field]] = {}
    for label in labels(profile, kind):
        counts.setdefault(label.record, []).append(label.field)
    found = max(counts.values(), key=len, default=[])
    if len(found) > limit:
        yield error(
            found[limit].at(),
            _(
                "This is field {number} of {count}; the list takes {limit}.",
                number=limit + 1,
                count=len(found),
                limit=limit,
            ),
            _("Set {options} to {count} or more.", options=options, count=len(found))
            if options
            else _("Log {limit} fields at most.", limit=limit),
        )


@rule("too-many-legs", _("The list of leg fields has a fixed size; the proxy does not start with one that is longer."))
def too_many_legs(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.uses_field_declarations:
        return
    for kind in ("legs", "cdr_legs"):
        found = [one for one in fields(profile) if one.kind == kind]
        if len(found) > MOST_LEGS:
            yield error(
                found[MOST_LEGS].at(),
                _("There are {count} leg fields; the list takes {most}.", count=len(found), most=MOST_LEGS),
                _("Keep {most} of them.", most=MOST_LEGS),
            )
