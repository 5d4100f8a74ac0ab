"""RADIUS: names, numbers, types, long values."""

from __future__ import annotations

from dataclasses import replace

from proxyconf.profile import AccountingProfile, ExtraDefinition, RadiusType
from tests.proxyconf.lint.cases import (
    DIAMETER,
    ERROR,
    LOG,
    NOTE,
    RADIUS,
    WARNING,
    Case,
    asking,
    cases,
    kamailio,
    of_rule,
    openser,
    opensips,
    with_extra,
    with_label,
    with_leg,
)

STRING, INTEGER = RadiusType.STRING, RadiusType.INTEGER
FIRST, TYPE, NUMBER = "extras[0].labels.radius", "extras[0].radius_type", "extras[0].radius_number"


def numbered(number: int | None, label: str = "UA-Attr", profile: AccountingProfile | None = None) -> AccountingProfile:
    one = ExtraDefinition("ua", "$si", {RADIUS: label}, radius_number=number)
    return replace(profile or kamailio(RADIUS), extras=(one,))


CASES = (
    Case(
        "no configuration of the client",
        "radius-config-missing",
        WARNING,
        "options.radius_config",
        kamailio(RADIUS),
        kamailio(RADIUS, radius_config="/etc/radiusclient.conf"),
    ),
    Case(
        "no configuration where the library has its own",
        "radius-config-missing",
        WARNING,
        "options.radius_config",
        kamailio(RADIUS),
        openser(RADIUS),
    ),
    Case(
        "no address in OpenSIPS",
        "radius-config-missing",
        WARNING,
        "options.aaa_url",
        opensips(RADIUS),
        opensips(RADIUS, aaa_url="radius:/etc/radius.conf"),
    ),
    Case(
        "no address for declared fields",
        "radius-config-missing",
        ERROR,
        "options.aaa_url",
        with_extra(opensips(RADIUS), "$si"),
        with_extra(opensips(LOG), "$si"),
    ),
    Case(
        "an address of something else",
        "radius-config-missing",
        ERROR,
        "options.aaa_url",
        opensips(RADIUS, aaa_url="diameter:freeDiameter.conf"),
        opensips(DIAMETER, aaa_url="diameter:freeDiameter.conf"),
    ),
    Case(
        "no address of Diameter in OpenSIPS",
        "aaa-url-diameter",
        WARNING,
        "options.aaa_url",
        opensips(DIAMETER),
        opensips(DIAMETER, aaa_url="diameter:freeDiameter.conf"),
    ),
    Case(
        "one address for two protocols",
        "aaa-url-diameter",
        ERROR,
        "options.aaa_url",
        opensips(RADIUS, DIAMETER, aaa_url="radius:x"),
        opensips(RADIUS, aaa_url="radius:x"),
    ),
    Case(
        "a long name",
        "radius-name",
        ERROR,
        FIRST,
        with_label(kamailio(RADIUS), "A" * 33),
        with_label(kamailio(RADIUS), "A" * 32),
    ),
    Case(
        "a name with a strange character",
        "radius-name",
        ERROR,
        FIRST,
        with_label(kamailio(RADIUS), "UA#1"),
        with_label(kamailio(RADIUS), "UA-1"),
    ),
    Case(
        "a leg that is an integer",
        "radius-leg-integer",
        ERROR,
        "legs[0].radius_type",
        with_leg(kamailio(RADIUS), radius_type=INTEGER),
        with_leg(kamailio(RADIUS), radius_type=STRING),
    ),
    Case(
        "a leg named like an integer",
        "radius-leg-integer",
        ERROR,
        "legs[0].radius_type",
        with_leg(kamailio(RADIUS), name="NAS-Port"),
        with_leg(kamailio(RADIUS), name="Filter-Id"),
    ),
    Case(
        "a number sent as a string",
        "radius-type",
        ERROR,
        TYPE,
        with_extra(kamailio(RADIUS), "$sp", "Port-Attr", radius_type=STRING),
        with_extra(kamailio(RADIUS), "$sp", "Port-Attr"),
    ),
    Case(
        "a number sent under the name of a string",
        "radius-type",
        ERROR,
        TYPE,
        with_extra(kamailio(RADIUS), "$rm", "Filter-Id"),
        with_extra(opensips(RADIUS, aaa_url="radius:x"), "$rm", "Filter-Id"),
    ),
    Case(
        "text sent as a number",
        "radius-type",
        ERROR,
        TYPE,
        with_extra(kamailio(RADIUS), "$ua", "UA-Attr", radius_type=INTEGER),
        with_extra(kamailio(RADIUS), "$ua", "UA-Attr"),
    ),
    Case(
        "everything is text in OpenSIPS",
        "radius-type",
        ERROR,
        TYPE,
        with_extra(opensips(RADIUS), "$sp", "Port-Attr", radius_type=INTEGER),
        with_extra(opensips(RADIUS), "$sp", "Port-Attr", radius_type=STRING),
    ),
    Case(
        "a variable that may hold either",
        "radius-type",
        NOTE,
        TYPE,
        with_extra(kamailio(RADIUS), "$avp(x)", "X-Attr"),
        with_extra(opensips(RADIUS), "$avp(x)", "X-Attr"),
    ),
    Case("a number of others", "radius-number", WARNING, NUMBER, numbered(110), numbered(231)),
    Case("a number that is assigned", "radius-number", WARNING, NUMBER, numbered(150), numbered(193)),
    Case("a number of the extended formats", "radius-number", ERROR, NUMBER, numbered(241), numbered(240)),
    Case("a vendor's number", "radius-number", ERROR, NUMBER, numbered(9 << 16 | 1), numbered(None)),
    Case("the number of all vendors", "radius-number", ERROR, NUMBER, numbered(26), numbered(225)),
    Case("a number of the standard", "radius-number", ERROR, NUMBER, numbered(44), numbered(226)),
    Case("a number that acc uses", "radius-number", ERROR, NUMBER, numbered(101), numbered(101, "Sip-Method")),
    Case(
        "a number that acc uses in OpenSIPS",
        "radius-number",
        ERROR,
        NUMBER,
        numbered(204, profile=opensips(RADIUS)),
        numbered(204, profile=kamailio(RADIUS)),
    ),
    Case(
        "two attributes of one number",
        "radius-number",
        ERROR,
        "extras[1].radius_number",
        replace(numbered(230), extras=(*numbered(230).extras, *numbered(230, "Other-Attr").extras)),
        replace(numbered(230), extras=(*numbered(230).extras, *numbered(231, "Other-Attr").extras)),
    ),
    Case(
        "another number for a well-known name",
        "radius-number",
        WARNING,
        NUMBER,
        numbered(230, "Sip-Src-IP"),
        numbered(108, "Sip-Src-IP"),
    ),
    Case(
        "more fields than free numbers",
        "radius-no-number",
        ERROR,
        "extras[59].labels.radius",
        with_label(kamailio(RADIUS), *(f"Attr-{at}" for at in range(60))),
        with_label(kamailio(RADIUS), *(f"Attr-{at}" for at in range(20))),
    ),
    Case("numbers that belong to others", "radius-shared-numbers", NOTE, "backends", kamailio(RADIUS), kamailio(LOG)),
    Case(
        "text of any length",
        "radius-long-text",
        WARNING,
        "extras[0].variable",
        with_extra(kamailio(RADIUS), "$hdr(User-Agent)", "UA-Attr"),
        with_extra(kamailio(RADIUS), "$(hdr(User-Agent){s.substr,0,253})", "UA-Attr"),
    ),
    Case(
        "text that is too long as a rule",
        "radius-long-text",
        ERROR,
        "extras[0].variable",
        with_extra(kamailio(RADIUS), "$rb", "Body-Attr"),
        with_extra(kamailio(LOG), "$rb", "body"),
    ),
    Case(
        "time as text",
        "radius-time-text",
        WARNING,
        "options.rad_time_mode",
        kamailio(RADIUS, rad_time_mode=1),
        kamailio(RADIUS, rad_time_mode=0),
    ),
    Case(
        "call records of OpenSIPS",
        "opensips-cdr-code",
        WARNING,
        "backends",
        asking(opensips(RADIUS), cdr=frozenset({RADIUS})),
        asking(opensips(RADIUS, LOG), cdr=frozenset({LOG})),
    ),
)


@cases(*CASES)
def test_what_is_wrong_with_radius_is_found_and_what_is_right_is_not(case: Case) -> None:
    case.holds()


def test_a_remedy_names_a_number_that_is_free() -> None:
    profile = numbered(110)
    (found,) = of_rule(profile, "radius-number")
    free = int(found.remedy.partition("such as ")[2].partition(",")[0])
    assert of_rule(numbered(free), "radius-number") == []
