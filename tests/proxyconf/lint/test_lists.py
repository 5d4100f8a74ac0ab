"""How many fields a release takes."""

from __future__ import annotations

from dataclasses import replace

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from tests.proxyconf.lint.cases import ERROR, LOG, SQL, Case, cases, kamailio, of_rule, openser, opensips


def extras(profile: AccountingProfile, count: int, kind: str = "extras") -> AccountingProfile:
    labels = (LOG, SQL)
    made = tuple(ExtraDefinition(f"e{at}", "$si", dict.fromkeys(labels, f"e{at}")) for at in range(count))
    return replace(profile, **{kind: made})


def legs(profile: AccountingProfile, count: int, kind: str = "legs") -> AccountingProfile:
    return replace(
        profile, **{kind: tuple(LegDefinition(f"l{at}", f"$avp(l{at})", {LOG: f"l{at}"}) for at in range(count))}
    )


CASES = (
    Case(
        "more extras than a release takes",
        "too-many-extras",
        ERROR,
        "extras[64]",
        extras(kamailio(version=(5, 5)), 65),
        extras(kamailio(version=(5, 5)), 64),
    ),
    Case(
        "more extras than Kamailio is told to take",
        "too-many-extras",
        ERROR,
        "extras[64]",
        extras(kamailio(), 65),
        extras(kamailio(acc_extra_size=65), 65),
    ),
    Case(
        "more extras than OpenSER takes",
        "too-many-extras",
        ERROR,
        "extras[64]",
        extras(openser(), 65),
        extras(opensips(), 65),
    ),
    Case(
        "more fields of dialog records than Kamailio is told to take",
        "too-many-extras",
        ERROR,
        "cdr_extras[64]",
        extras(kamailio(cdr_enable=1, cdr_extra_size=80), 65, "cdr_extras"),
        extras(kamailio(cdr_enable=1, cdr_extra_size=80, acc_extra_size=80), 65, "cdr_extras"),
    ),
    Case(
        "more legs than the smaller list takes",
        "too-many-extras",
        ERROR,
        "options.acc_extra_size",
        legs(kamailio(acc_extra_size=2), 3),
        legs(kamailio(acc_extra_size=3), 3),
    ),
    Case(
        "more legs than a release takes", "too-many-legs", ERROR, "legs[16]", legs(kamailio(), 17), legs(kamailio(), 16)
    ),
    Case(
        "more legs of dialog records",
        "too-many-legs",
        ERROR,
        "cdr_legs[16]",
        legs(opensips(version=(2, 1)), 17, "cdr_legs"),
        legs(opensips(version=(2, 1)), 16, "cdr_legs"),
    ),
    Case(
        "more legs than a release that declares them",
        "too-many-legs",
        ERROR,
        "legs[16]",
        legs(opensips(version=(2, 2)), 17),
        legs(opensips(version=(2, 3)), 17),
    ),
    Case(
        "a list without room",
        "too-many-extras",
        ERROR,
        "extras[0]",
        extras(kamailio(acc_extra_size=0), 1),
        extras(kamailio(acc_extra_size=0), 0),
    ),
)


@cases(*CASES)
def test_what_is_too_long_is_found_and_what_is_not_is_not(case: Case) -> None:
    case.holds()


def test_each_backend_has_a_list_of_its_own() -> None:
    one = extras(kamailio(LOG, SQL), 80)
    half = tuple(replace(e, labels={LOG if at < 40 else SQL: f"e{at}"}) for at, e in enumerate(one.extras))
    assert of_rule(replace(one, extras=half), "too-many-extras") == []
