"""What a release has and has not."""

from __future__ import annotations

from dataclasses import replace

from proxyconf.profile import AccountingProfile, LegDefinition, OtherParameter
from proxyconf.vocabulary.products import Product, Version
from tests.proxyconf.lint.cases import (
    ERROR,
    EVENTS,
    JSON,
    LOG,
    NOTE,
    SQL,
    WARNING,
    Case,
    asking,
    cases,
    flags,
    kamailio,
    of_rule,
    openser,
    opensips,
    with_cdr,
    with_flags,
)


def with_parameters(profile: AccountingProfile, *parameters: tuple[str, str, int | str]) -> AccountingProfile:
    return replace(profile, other_parameters=tuple(OtherParameter(*one) for one in parameters))


CASES = (
    Case(
        "a release of the future",
        "release-newer",
        NOTE,
        "version",
        kamailio(version=(9, 0)),
        kamailio(version=(6, 1)),
    ),
    Case(
        "a release that never was",
        "release-unknown",
        ERROR,
        "version",
        AccountingProfile(Product.OPENSER, Version(2, 0)),
        openser(),
    ),
    Case(
        "a backend that the release does not have yet",
        "backend-unknown",
        ERROR,
        "backends",
        replace(kamailio(version=(5, 1)), backends=(LOG, JSON)),
        kamailio(LOG, JSON, version=(5, 2)),
    ),
    Case(
        "a backend of another product",
        "backend-unknown",
        ERROR,
        "backends",
        replace(kamailio(), backends=(LOG, EVENTS)),
        opensips(LOG, EVENTS),
    ),
    Case("no backend", "backend-missing", ERROR, "backends", replace(kamailio(), backends=()), kamailio()),
    Case(
        "no backend but dialog records",
        "backend-missing",
        ERROR,
        "backends",
        replace(kamailio(), backends=()),
        replace(kamailio(cdr_enable=1), backends=()),
    ),
    Case(
        "legs in the first OpenSER",
        "fields-unknown",
        WARNING,
        "legs",
        replace(openser(version=(1, 1)), legs=(LegDefinition("src", "$avp(s:src)"),)),
        replace(openser(version=(1, 2)), legs=(LegDefinition("src", "$avp(s:src)"),)),
    ),
    Case(
        "fields of dialog records in a newer OpenSIPS",
        "fields-unknown",
        WARNING,
        "cdr_extras",
        with_cdr(opensips(), "$ci"),
        with_cdr(opensips(version=(2, 2)), "$ci"),
    ),
    Case(
        "a flag that the release does not have",
        "fields-unknown",
        WARNING,
        "flags.prepare",
        with_flags(kamailio(version=(3, 1)), prepare=9),
        with_flags(kamailio(version=(3, 2)), prepare=9),
    ),
    Case(
        "flags where there are none any more",
        "flags-unused",
        NOTE,
        "flags",
        replace(opensips(), flags=flags(account={LOG: 1})),
        opensips(),
    ),
    Case(
        "do_accounting() where there are flags",
        "flags-unused",
        NOTE,
        "do_accounting",
        asking(kamailio(), failed=frozenset({LOG})),
        kamailio(),
    ),
    Case(
        "a parameter that was dropped long ago",
        "parameter-unknown",
        ERROR,
        "other_parameters[0]",
        with_parameters(kamailio(), ("acc", "multi_leg_enabled", 1)),
        with_parameters(openser(version=(1, 1)), ("acc", "multi_leg_enabled", 1)),
    ),
    Case(
        "a parameter of a newer release",
        "parameter-unknown",
        ERROR,
        "other_parameters[1]",
        with_parameters(kamailio(version=(3, 2)), ("acc", "report_ack", 1), ("acc", "time_mode", 1)),
        with_parameters(kamailio(version=(4, 1)), ("acc", "report_ack", 1), ("acc", "time_mode", 1)),
    ),
    Case(
        "a parameter of another module",
        "parameter-unknown",
        ERROR,
        "other_parameters[0]",
        with_parameters(kamailio(), ("acc_radius", "log_flag", 1)),
        with_parameters(kamailio(), ("tm", "fr_timer", 30_000)),
    ),
    Case(
        "a text for a number",
        "parameter-type",
        ERROR,
        "other_parameters[0]",
        with_parameters(kamailio(), ("acc", "report_ack", "1")),
        with_parameters(kamailio(), ("acc", "report_ack", 1)),
    ),
    Case(
        "a parameter that is set twice",
        "parameter-repeated",
        WARNING,
        "other_parameters[1]",
        with_parameters(kamailio(), ("acc", "report_ack", 1), ("acc", "report_ack", 0)),
        with_parameters(kamailio(), ("acc", "report_ack", 1), ("acc", "early_media", 1)),
    ),
    Case(
        "an option that is set twice",
        "parameter-repeated",
        WARNING,
        "other_parameters[0]",
        with_parameters(kamailio(report_ack=1), ("acc", "report_ack", 0)),
        with_parameters(kamailio(report_ack=1), ("acc", "early_media", 0)),
    ),
    Case(
        "a declaration may be given again",
        "parameter-repeated",
        WARNING,
        "other_parameters[1]",
        with_parameters(opensips(), ("acc", "early_media", 0), ("acc", "early_media", 0)),
        with_parameters(opensips(), ("acc", "extra_fields", "log: a"), ("acc", "extra_fields", "log: b")),
    ),
    Case("events without reader", "event-subscriber", NOTE, "backends", opensips(EVENTS), opensips(SQL)),
)


@cases(*CASES)
def test_what_a_release_does_not_have_is_found_and_what_it_has_is_not(case: Case) -> None:
    case.holds()


def test_an_old_parameter_says_which_release_had_it_last() -> None:
    (found,) = of_rule(with_parameters(openser(), ("acc", "log_fmt", "x")), "parameter-unknown")
    assert "1.1" in found.what
