"""Options of the accounting modules."""

from __future__ import annotations

from dataclasses import replace

from proxyconf.profile import AccountingProfile, OtherParameter
from tests.proxyconf.lint.cases import (
    DIAMETER,
    ERROR,
    JSON,
    LOG,
    MYSQL,
    NOTE,
    POSTGRESQL,
    RADIUS,
    SQL,
    WARNING,
    Case,
    cases,
    kamailio,
    of_rule,
    openser,
    opensips,
    with_flags,
    with_label,
)


def append_fromtag(value: int) -> AccountingProfile:
    return replace(kamailio(detect_direction=1), other_parameters=(OtherParameter("rr", "append_fromtag", value),))


CASES = (
    Case(
        "an option of an older release",
        "option-unknown",
        WARNING,
        "options.log_fmt",
        kamailio(log_fmt="x"),
        openser(version=(1, 1), log_fmt="x"),
    ),
    Case(
        "an option of a newer release",
        "option-unknown",
        WARNING,
        "options.acc_extra_nullable",
        kamailio(version=(5, 4), acc_extra_nullable=1),
        kamailio(version=(5, 5), acc_extra_nullable=1),
    ),
    Case(
        "a text for a number",
        "option-type",
        ERROR,
        "options.early_media",
        kamailio(early_media="1"),
        kamailio(early_media=1),
    ),
    Case(
        "a number for a text",
        "option-type",
        ERROR,
        "options.time_format",
        kamailio(time_format=5),
        kamailio(time_format="%s"),
    ),
    Case(
        "a switch that is neither on nor off",
        "option-value",
        WARNING,
        "options.report_cancels",
        kamailio(report_cancels=2),
        kamailio(report_cancels=1),
    ),
    Case(
        "a mode that does not exist",
        "option-value",
        WARNING,
        "options.time_mode",
        kamailio(time_mode=5),
        kamailio(time_mode=4),
    ),
    Case(
        "a switch that the module looks at when it starts",
        "option-value",
        ERROR,
        "options.cdr_enable",
        kamailio(cdr_enable=2),
        kamailio(cdr_enable=1),
    ),
    *(
        Case(
            f"a failed_filter of {title}",
            "failed-filter-form",
            ERROR,
            "options.failed_filter",
            kamailio(failed_filter=value),
            kamailio(failed_filter="404,486"),
        )
        for title, value in (
            ("codes with a blank", "404, 486"),
            ("two digits", "44"),
            ("an answer", "200"),
            ("a comma too many", "404,"),
            ("semicolons", "404;486"),
            ("16 codes", ",".join(["404"] * 16)),
        )
    ),
    Case(
        "a failed_filter of a code that does not exist",
        "failed-filter-form",
        WARNING,
        "options.failed_filter",
        kamailio(failed_filter="700"),
        kamailio(failed_filter="699"),
    ),
    Case(
        "a failed_filter that filters nothing",
        "failed-filter-effect",
        NOTE,
        "options.failed_filter",
        with_flags(kamailio(failed_filter="404"), failed=None),
        with_flags(kamailio(failed_filter="404"), missed={}),
    ),
    Case(
        "a failed_filter beside missed calls",
        "failed-filter-effect",
        NOTE,
        "options.failed_filter",
        kamailio(failed_filter="404"),
        kamailio(),
    ),
    Case(
        "lines that are printed for debugging only",
        "log-level",
        WARNING,
        "options.log_level",
        kamailio(log_level=3),
        kamailio(log_level=-1),
    ),
    Case(
        "lines of OpenSIPS that are printed for debugging only",
        "log-level",
        WARNING,
        "options.log_level",
        opensips(log_level=4),
        opensips(),
    ),
    Case("the core's own level", "log-level", NOTE, "options.log_level", kamailio(), kamailio(SQL)),
    Case(
        "a facility that does not exist",
        "log-facility",
        ERROR,
        "options.log_facility",
        kamailio(log_facility="local0"),
        kamailio(log_facility="LOG_LOCAL0"),
    ),
    Case(
        "ACKs",
        "report-ack",
        WARNING,
        "options.report_ack",
        kamailio(report_ack=1),
        kamailio(report_ack=0),
    ),
    Case(
        "ACKs, which the first OpenSER reports unless told not to",
        "report-ack",
        WARNING,
        "options.report_ack",
        openser(version=(1, 1)),
        openser(version=(1, 1), report_ack=0),
    ),
    Case(
        "ACKs in RADIUS, which looks at their own flag",
        "report-ack",
        NOTE,
        "options.report_ack",
        kamailio(RADIUS, report_ack=1),
        kamailio(RADIUS),
    ),
    Case(
        "early media, by which OpenSIPS counts the ringing",
        "early-media",
        ERROR,
        "options.early_media",
        opensips(early_media=1),
        opensips(),
    ),
    Case(
        "early media elsewhere",
        "early-media",
        NOTE,
        "options.early_media",
        kamailio(early_media=1),
        kamailio(early_media=0),
    ),
    Case(
        "early media in an OpenSIPS that takes the current time",
        "early-media",
        NOTE,
        "options.early_media",
        opensips(version=(3, 1), early_media=1),
        opensips(version=(3, 1)),
    ),
    Case(
        "detect_direction without its companion",
        "detect-direction-rr",
        ERROR,
        "other_parameters[0]",
        append_fromtag(0),
        append_fromtag(1),
    ),
    Case(
        "detect_direction",
        "detect-direction-who",
        NOTE,
        "options.detect_direction",
        kamailio(detect_direction=1),
        kamailio(),
    ),
    Case("local time", "local-time", NOTE, "options.time_mode", kamailio(SQL), kamailio(SQL, time_mode=1)),
    Case(
        "more local time",
        "local-time",
        NOTE,
        "options.time_mode",
        kamailio(SQL, time_mode=3),
        kamailio(SQL, time_mode=4),
    ),
    Case(
        "a long format of the time",
        "time-format",
        WARNING,
        "options.time_format",
        kamailio(time_mode=4, time_format="x" * 128),
        kamailio(time_mode=2, time_format="x" * 128),
    ),
    Case(
        "INSERT DELAYED",
        "insert-mode",
        WARNING,
        "options.db_insert_mode",
        kamailio(SQL, db_insert_mode=1),
        kamailio(LOG, db_insert_mode=1),
    ),
    Case(
        "INSERT DELAYED in MySQL or MariaDB",
        "insert-mode",
        ERROR,
        "options.db_insert_mode",
        kamailio(SQL, db_insert_mode=1, db_url=MYSQL),
        kamailio(SQL, db_insert_mode=0, db_url=MYSQL),
    ),
    Case(
        "INSERT DELAYED outside MySQL",
        "insert-mode",
        WARNING,
        "options.db_insert_mode",
        kamailio(SQL, db_insert_mode=1, db_url=POSTGRESQL),
        kamailio(SQL, db_insert_mode=0, db_url=POSTGRESQL),
    ),
    Case(
        "rows written by others",
        "insert-mode",
        NOTE,
        "options.db_insert_mode",
        kamailio(SQL, db_insert_mode=2),
        kamailio(SQL),
    ),
    Case(
        "the reason of a header in the log",
        "reason-from-header",
        NOTE,
        "options.reason_from_hf",
        kamailio(reason_from_hf=1),
        kamailio(SQL, reason_from_hf=1),
    ),
    Case("acc_request() and SQL", "acc-request", NOTE, "backends", kamailio(SQL), kamailio(LOG)),
    Case(
        "acc_request() where there is none",
        "acc-request",
        NOTE,
        "backends",
        kamailio(SQL),
        kamailio(SQL, version=(5, 0)),
    ),
    Case(
        "JSON that goes nowhere",
        "json-output",
        WARNING,
        "options.acc_json.acc_output_syslog",
        kamailio(JSON, **{"acc_json.acc_output_syslog": 0}),
        kamailio(JSON, **{"acc_json.acc_output_syslog": 0, "acc_json.acc_output_mqueue": "acc"}),
    ),
    Case(
        "JSON that goes nowhere, by the older names",
        "json-output",
        WARNING,
        "options.acc_json.output_syslog",
        kamailio(JSON, version=(5, 3), **{"acc_json.output_syslog": 0}),
        kamailio(JSON, version=(5, 3), **{"acc_json.output_syslog": 0, "acc_json.output_mqueue": "acc"}),
    ),
    Case(
        "JSON as an alert",
        "json-output",
        NOTE,
        "options.acc_json.acc_log_level",
        kamailio(JSON),
        kamailio(JSON, **{"acc_json.acc_log_level": 5}),
    ),
    Case(
        "missed calls in JSON",
        "json-kind",
        NOTE,
        "flags.missed.json",
        kamailio(JSON),
        with_flags(kamailio(JSON), missed={}),
    ),
    Case(
        "a label that promises JSON",
        "json-encoded",
        NOTE,
        "extras[0].labels.json",
        with_label(kamailio(JSON, **{"acc_json.acc_pre_encoded_prefix": "j_"}), "j_data"),
        with_label(kamailio(JSON, **{"acc_json.acc_pre_encoded_prefix": "j_"}), "data"),
    ),
)


@cases(*CASES)
def test_what_is_wrong_with_an_option_is_found_and_what_is_right_is_not(case: Case) -> None:
    case.holds()


def test_an_unknown_option_says_when_it_was_there() -> None:
    (found,) = of_rule(kamailio(version=(5, 4), acc_extra_nullable=1), "option-unknown")
    assert "came with 5.5" in found.what


def test_the_filter_is_nothing_to_releases_that_have_none() -> None:
    assert of_rule(opensips(DIAMETER, failed_filter="x"), "failed-filter-form") == []
