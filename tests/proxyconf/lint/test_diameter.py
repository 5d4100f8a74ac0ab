"""The private Diameter dialect."""

from __future__ import annotations

import pytest

from tests.proxyconf.lint.cases import (
    DIAMETER,
    ERROR,
    LOG,
    NOTE,
    SQL,
    WARNING,
    Case,
    cases,
    kamailio,
    of_rule,
    openser,
    opensips,
    with_extra,
    with_flags,
    with_label,
    with_leg,
)

CASES = (
    Case(
        "a name",
        "diameter-code",
        ERROR,
        "extras[0].labels.diameter",
        with_label(kamailio(DIAMETER), "ua"),
        with_label(kamailio(DIAMETER), "1234"),
    ),
    Case(
        "a number that is no code",
        "diameter-code",
        ERROR,
        "extras[0].labels.diameter",
        with_label(openser(DIAMETER), "4294967296"),
        with_label(openser(DIAMETER), "4294967295"),
    ),
    Case(
        "a name where names are right",
        "diameter-code",
        ERROR,
        "extras[0].labels.diameter",
        with_label(opensips(DIAMETER, version=(1, 8)), "ua"),
        with_label(opensips(DIAMETER), "ua"),
    ),
    Case(
        "a value that a BYE may be without",
        "diameter-empty",
        ERROR,
        "extras[0].variable",
        with_extra(kamailio(DIAMETER), "$rU"),
        with_extra(kamailio(DIAMETER), "$fu"),
    ),
    Case(
        "an AVP",
        "diameter-empty",
        ERROR,
        "extras[0].variable",
        with_extra(kamailio(DIAMETER), "$avp(account)"),
        with_extra(kamailio(DIAMETER), "$si"),
    ),
    Case(
        "a header in another backend",
        "diameter-empty",
        ERROR,
        "extras[0].variable",
        with_extra(kamailio(DIAMETER), "$hdr(X-Account)"),
        with_label(with_extra(kamailio(LOG), "$hdr(X-Account)"), "a", backend=LOG),
    ),
    Case(
        "a leg",
        "diameter-empty",
        ERROR,
        "legs[0].name",
        with_leg(kamailio(DIAMETER), name="1234"),
        with_leg(kamailio(SQL), name="src"),
    ),
    Case(
        "failed and missed calls",
        "diameter-failed",
        WARNING,
        "backends",
        kamailio(DIAMETER),
        with_flags(kamailio(DIAMETER), failed=None, missed={}),
    ),
    Case(
        "CANCELs",
        "diameter-cancel",
        NOTE,
        "backends",
        kamailio(DIAMETER, report_cancels=1),
        kamailio(DIAMETER),
    ),
    Case("the dialect", "diameter-peer", NOTE, "backends", kamailio(DIAMETER), opensips(DIAMETER)),
)


@cases(*CASES)
def test_what_loses_messages_is_found_and_what_does_not_is_not(case: Case) -> None:
    case.holds()


@pytest.mark.parametrize("label", ["0", "01", "١٢٣", "1" * 5000, "-1", ""])
def test_what_only_looks_like_a_code_is_none(label: str) -> None:
    profile = with_leg(kamailio(DIAMETER), name=label)
    assert of_rule(profile, "diameter-code")
