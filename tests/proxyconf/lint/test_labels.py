"""What a label may hold, and which are taken."""

from __future__ import annotations

from dataclasses import replace

from proxyconf.lint.labels import plain
from proxyconf.profile import ExtraDefinition, OtherParameter
from tests.proxyconf.lint.cases import (
    DIAMETER,
    ERROR,
    EVENTS,
    JSON,
    LOG,
    RADIUS,
    SQL,
    WARNING,
    Case,
    cases,
    kamailio,
    of_rule,
    openser,
    opensips,
    with_cdr,
    with_extra,
    with_label,
    with_leg,
)

CASES = (
    *(
        Case(
            f"{title} in a label",
            "label-characters",
            ERROR,
            "extras[0].labels.syslog",
            with_label(kamailio(), label),
            with_label(kamailio(), "a_b"),
        )
        for title, label in (
            ("a semicolon", "a;b"),
            ("an equals sign", "a=b"),
            ("a blank", "a b"),
            ("a line break", "a\nb"),
            ("a quote", 'a"b'),
            ("an apostrophe", "a'b"),
        )
    ),
    Case(
        "a semicolon in the label of an older OpenSIPS",
        "label-characters",
        ERROR,
        "extras[0].labels.sql",
        with_label(opensips(SQL, version=(1, 8)), "a;"),
        with_label(opensips(SQL, version=(1, 8)), "a"),
    ),
    Case(
        "a blank in the name of a leg",
        "label-characters",
        ERROR,
        "legs[0].name",
        with_leg(kamailio(), name="a b"),
        with_leg(kamailio(), name="ab"),
    ),
    Case(
        "a semicolon after a variable",
        "trailing-separator",
        ERROR,
        "extras[0].variable",
        with_extra(kamailio(), "$ua; "),
        with_extra(kamailio(), "$ua"),
    ),
    Case(
        "a semicolon at the end of a list that was kept as it was",
        "trailing-separator",
        ERROR,
        "other_parameters[0]",
        replace(kamailio(), other_parameters=(OtherParameter("acc", "log_extra", "a=$ua;"),)),
        replace(kamailio(), other_parameters=(OtherParameter("acc", "log_extra", "a=$ua"),)),
    ),
    Case(
        "a field without a label for a backend in use",
        "field-unused",
        WARNING,
        "extras[0]",
        with_label(kamailio(LOG), "src_ip", backend=SQL),
        with_label(kamailio(SQL), "src_ip"),
    ),
    Case(
        "a tag that OpenSIPS cannot read",
        "tag-form",
        ERROR,
        "extras[0].name",
        replace(opensips(), extras=(ExtraDefinition("user(agent", "$ua", {LOG: "ua"}),)),
        replace(opensips(), extras=(ExtraDefinition("user agent", "$ua", {LOG: "ua"}),)),
    ),
    Case(
        "two fields of one tag",
        "tag-form",
        ERROR,
        "extras[1].name",
        replace(
            opensips(), extras=(ExtraDefinition("a", "$ua", {LOG: "ua"}), ExtraDefinition("a", "$si", {LOG: "ip"}))
        ),
        replace(
            opensips(), extras=(ExtraDefinition("a", "$ua", {LOG: "ua"}), ExtraDefinition("b", "$si", {LOG: "ip"}))
        ),
    ),
    Case(
        "a tag is nothing to older releases",
        "tag-form",
        ERROR,
        "extras[0].name",
        replace(opensips(), extras=(ExtraDefinition("user(agent", "$ua", {LOG: "ua"}),)),
        replace(opensips(version=(2, 2)), extras=(ExtraDefinition("user(agent", "$ua", {LOG: "ua"}),)),
    ),
    Case(
        "two columns of one name",
        "label-repeated",
        ERROR,
        "extras[1].labels.sql",
        with_label(kamailio(SQL), "ua", "UA"),
        with_label(kamailio(SQL), "ua", "ub"),
    ),
    Case(
        "two names in the log",
        "label-repeated",
        WARNING,
        "extras[1].labels.syslog",
        with_label(kamailio(), "ua", "ua"),
        with_label(kamailio(), "ua", "UA"),
    ),
    Case(
        "a leg named like an extra field",
        "label-repeated",
        ERROR,
        "legs[0].name",
        with_leg(with_label(kamailio(SQL), "src"), name="src"),
        with_leg(with_label(kamailio(SQL), "src"), name="leg_src"),
    ),
    Case(
        "two fields of a dialog record",
        "label-repeated",
        WARNING,
        "cdr_extras[1].labels.syslog",
        with_cdr(with_cdr(kamailio(cdr_enable=1), "$ci", "a"), "$ft", "a"),
        with_cdr(with_extra(kamailio(cdr_enable=1), "$ci", "a"), "$ft", "a"),
    ),
    Case(
        "a column of the table",
        "label-core-name",
        ERROR,
        "extras[0].labels.sql",
        with_label(kamailio(SQL), "CallID"),
        with_label(kamailio(SQL), "call_id"),
    ),
    Case(
        "a core column that was renamed",
        "label-core-name",
        ERROR,
        "extras[0].labels.sql",
        with_label(kamailio(SQL, acc_callid_column="cid"), "cid"),
        with_label(kamailio(SQL, acc_callid_column="cid"), "callid"),
    ),
    Case(
        "a column that only OpenSIPS has",
        "label-core-name",
        ERROR,
        "extras[0].labels.sql",
        with_label(opensips(SQL), "setuptime"),
        with_label(kamailio(SQL), "setuptime"),
    ),
    Case(
        "the column of the time",
        "label-core-name",
        ERROR,
        "extras[0].labels.sql",
        with_label(kamailio(SQL, time_mode=2), "time_attr"),
        with_label(kamailio(SQL, time_mode=0), "time_attr"),
    ),
    Case(
        "a name of the log line",
        "label-core-name",
        WARNING,
        "extras[0].labels.syslog",
        with_label(kamailio(), "call_id"),
        with_label(kamailio(), "callid"),
    ),
    Case(
        "a name of the log line that only OpenSIPS has",
        "label-core-name",
        WARNING,
        "extras[0].labels.syslog",
        with_label(opensips(), "duration"),
        with_label(openser(), "duration"),
    ),
    Case(
        "an attribute that the module sends",
        "label-core-name",
        ERROR,
        "extras[0].labels.radius",
        with_label(kamailio(RADIUS), "acct-session-id"),
        with_label(kamailio(RADIUS), "Acct-Multi-Session-Id"),
    ),
    Case(
        "an AVP code that the module sends",
        "label-core-name",
        ERROR,
        "extras[0].labels.diameter",
        with_label(kamailio(DIAMETER), "550"),
        with_label(kamailio(DIAMETER), "1550"),
    ),
    Case(
        "a member of the JSON object",
        "label-core-name",
        ERROR,
        "extras[0].labels.json",
        with_label(kamailio(JSON), "sip_code"),
        with_label(kamailio(JSON), "code"),
    ),
    Case(
        "a parameter of the event",
        "label-core-name",
        WARNING,
        "extras[0].labels.events",
        with_label(opensips(EVENTS), "created"),
        with_label(opensips(EVENTS), "created_at"),
    ),
    Case(
        "the start of a dialog record",
        "label-core-name",
        WARNING,
        "cdr_extras[0].labels.syslog",
        with_cdr(kamailio(cdr_enable=1), "$Ts", "start_time"),
        with_cdr(kamailio(cdr_enable=1, cdr_start_id="begin"), "$Ts", "start_time"),
    ),
)


@cases(*CASES)
def test_what_is_wrong_with_a_label_is_found_and_what_is_right_is_not(case: Case) -> None:
    case.holds()


def test_a_remedy_is_a_label_that_has_none_of_it() -> None:
    for text in ("a;b", "1 x", "Größe", "==", ""):
        label = plain(text)
        assert of_rule(with_label(kamailio(SQL), label), "label-characters") == []
        assert of_rule(with_label(kamailio(SQL), label), "column-name") == []


def test_labels_of_backends_that_are_not_in_use_are_left_alone() -> None:
    assert of_rule(with_label(kamailio(LOG), "a;b", backend=SQL), "label-characters") == []
