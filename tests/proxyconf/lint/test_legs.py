"""Leg fields."""

from __future__ import annotations

from tests.proxyconf.lint.cases import (
    DIAMETER,
    ERROR,
    JSON,
    LOG,
    RADIUS,
    SQL,
    WARNING,
    Case,
    asking,
    cases,
    kamailio,
    opensips,
    with_leg,
)

RADIUS_ONLY = frozenset({RADIUS})

CASES = (
    Case(
        "a leg that is no AVP",
        "leg-avp",
        ERROR,
        "legs[0].variable",
        with_leg(kamailio(), "$var(src)"),
        with_leg(kamailio()),
    ),
    Case(
        "a leg that is another kind of AVP",
        "leg-avp",
        ERROR,
        "legs[0].variable",
        with_leg(kamailio(), "$xavp(src)"),
        with_leg(opensips(), "$var(src)"),
    ),
    Case(
        "an index",
        "leg-index",
        WARNING,
        "legs[0].variable",
        with_leg(kamailio(), "$(avp(src)[0])"),
        with_leg(opensips(), "$(avp(src)[0])"),
    ),
    Case(
        "a transformation",
        "leg-index",
        WARNING,
        "legs[0].variable",
        with_leg(kamailio(), "$(avp(src){s.len})"),
        with_leg(kamailio(), "$(avp(src))"),
    ),
    Case("a leg without name", "legs-name", ERROR, "legs[0].name", with_leg(kamailio(), name=""), with_leg(kamailio())),
    Case("legs in JSON", "legs-json", ERROR, "legs", with_leg(kamailio(LOG, JSON)), kamailio(LOG, JSON)),
    Case(
        "legs beside JSON that is not in use",
        "legs-json",
        ERROR,
        "legs",
        with_leg(kamailio(JSON)),
        with_leg(kamailio(LOG)),
    ),
    Case(
        "legs in Diameter and another backend",
        "legs-diameter",
        ERROR,
        "legs",
        with_leg(kamailio(SQL, DIAMETER), name="9001"),
        with_leg(kamailio(SQL)),
    ),
    Case(
        "legs in Diameter alone",
        "legs-diameter",
        WARNING,
        "legs",
        with_leg(kamailio(DIAMETER), name="9001"),
        kamailio(DIAMETER),
    ),
    Case(
        "legs in START and STOP of OpenSIPS",
        "legs-radius-names",
        ERROR,
        "legs",
        with_leg(opensips(RADIUS)),
        with_leg(asking(opensips(RADIUS), cdr=RADIUS_ONLY)),
    ),
    Case(
        "legs in failed calls of OpenSIPS",
        "legs-radius-names",
        WARNING,
        "legs",
        with_leg(asking(opensips(RADIUS), cdr=RADIUS_ONLY, failed=RADIUS_ONLY)),
        with_leg(opensips(RADIUS, version=(2, 2))),
    ),
)


@cases(*CASES)
def test_what_is_wrong_with_legs_is_found_and_what_is_right_is_not(case: Case) -> None:
    case.holds()
