"""Rules about the number of fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxyconf.lint.fixes import set_option, set_options
from proxyconf.lint.places import Field, fields, labels, number_of, option_place
from proxyconf.lint.registry import Problem, error, rule
from proxyconf.profile import AccountingProfile
from proxyconf.vocabulary.messages import all_of
from proxyconf.vocabulary.messages import message as _

MOST_EXTRAS = 64  # MAX_ACC_EXTRA of acc.h
MOST_LEGS = 16  # MAX_ACC_LEG


@rule("too-many-extras", _("The lists have a fixed size; the proxy does not start with one that is longer."))
def too_many_extras(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.uses_field_declarations:
        return
    sizes = {key: size for key in ("acc_extra_size", "cdr_extra_size") if (size := number_of(profile, key)) is not None}
    yield from _longer(profile, "extras", {key: sizes[key] for key in sizes if key == "acc_extra_size"})
    # seen live on Kamailio 5.6: the list of dialog records is read with the size of the other one
    yield from _longer(profile, "cdr_extras", sizes)
    legs = [field for field in fields(profile) if field.kind == "legs"]
    size = sizes.get("acc_extra_size")
    if size is not None and size < len(legs) <= MOST_LEGS:
        yield error(
            option_place("acc_extra_size"),
            _("{size} is less than the {count} leg fields.", size=size, count=len(legs)),
            _("Set acc_extra_size to {most}.", most=MOST_EXTRAS),
        ).fixed_by(set_option("acc_extra_size", MOST_EXTRAS))


def _longer(profile: AccountingProfile, kind: str, sizes: Mapping[str, int]) -> Iterator[Problem]:
    """Yield the problem of a list that is longer than the options ``sizes`` allow, or than the release does."""
    limit = max(min(sizes.values(), default=MOST_EXTRAS), 0)
    counts: dict[str, list[Field]] = {}
    for label in labels(profile, kind):
        counts.setdefault(label.record, []).append(label.field)
    logged = max(counts.values(), key=len, default=[])
    if len(logged) > limit:
        yield error(
            logged[limit].place(),
            _(
                "This is field {number} of {count}; the list takes {limit}.",
                number=limit + 1,
                count=len(logged),
                limit=limit,
            ),
            _("Set {options} to {count} or more.", options=all_of(sizes), count=len(logged))
            if sizes
            else _("Log {limit} fields at most.", limit=limit),
        ).fixed_by(set_options({key: max(size, len(logged)) for key, size in sizes.items()}) if sizes else None)


@rule("too-many-legs", _("The list of leg fields has a fixed size; the proxy does not start with one that is longer."))
def too_many_legs(profile: AccountingProfile) -> Iterator[Problem]:
    if profile.uses_field_declarations:
        return
    for kind in ("legs", "cdr_legs"):
        legs = [field for field in fields(profile) if field.kind == kind]
        if len(legs) > MOST_LEGS:
            yield error(
                legs[MOST_LEGS].place(),
                _("There are {count} leg fields; the list takes {most}.", count=len(legs), most=MOST_LEGS),
                _("Keep {most} of them.", most=MOST_LEGS),
            )
