"""Records of whole dialogs."""

from __future__ import annotations

from dataclasses import replace

from proxyconf.profile import AccountingProfile, ExtraDefinition, OtherParameter
from proxyconf.vocabulary.layout import Role
from tests.proxyconf.lint.cases import (
    ERROR,
    JSON,
    LOG,
    NOTE,
    SQL,
    WARNING,
    Case,
    asking,
    cases,
    kamailio,
    of_rule,
    opensips,
    with_cdr,
    with_flags,
)

RECORDS = kamailio(cdr_enable=1)
IN_LOG = frozenset({LOG})


def limited(profile: AccountingProfile) -> AccountingProfile:
    return replace(profile, other_parameters=(OtherParameter("dialog", "default_timeout", 7200),))


CASES = (
    Case(
        "no Call-ID",
        "cdr-call-id",
        WARNING,
        "cdr_extras",
        with_cdr(RECORDS, "$dlg_var(caller)", "caller"),
        with_cdr(RECORDS, "$dlg_var(call_id)", "callid"),
    ),
    Case("no fields at all", "cdr-call-id", WARNING, "cdr_extras", RECORDS, with_cdr(RECORDS, "$ci", "cid")),
    Case(
        "a Call-ID that is known by its role",
        "cdr-call-id",
        WARNING,
        "cdr_extras",
        RECORDS,
        replace(RECORDS, cdr_extras=(ExtraDefinition("x", "$dlg_var(x)", {LOG: "x"}, Role.CALL_ID),)),
    ),
    Case(
        "two labels for one list",
        "cdr-label-shared",
        WARNING,
        "cdr_extras[0].labels.sql",
        with_cdr(RECORDS, "$ci", "callid", "call_id"),
        with_cdr(RECORDS, "$ci", "callid", "callid"),
    ),
    Case(
        "two labels for two lists",
        "cdr-label-shared",
        WARNING,
        "cdr_extras[0].labels.sql",
        with_cdr(RECORDS, "$ci", "callid", "call_id"),
        with_cdr(opensips(LOG, SQL, version=(2, 1)), "$ci", "callid", "call_id"),
    ),
    Case(
        "fields of records that are off",
        "cdr-fields-unused",
        WARNING,
        "cdr_extras",
        with_cdr(kamailio(), "$ci"),
        with_cdr(RECORDS, "$ci"),
    ),
    Case(
        "fields of records that OpenSIPS is not asked for",
        "cdr-fields-unused",
        WARNING,
        "cdr_extras",
        with_cdr(opensips(version=(1, 8)), "$ci"),
        with_flags(with_cdr(opensips(version=(1, 8)), "$ci"), cdr=9),
    ),
    Case(
        "records that go nowhere",
        "cdr-nowhere",
        WARNING,
        "options.cdr_log_enable",
        kamailio(cdr_enable=1, cdr_log_enable=0),
        kamailio(cdr_enable=1, cdr_log_enable=0, cdrs_table="acc_cdrs"),
    ),
    Case(
        "records in JSON without records",
        "cdr-json-needs-acc",
        WARNING,
        "options.acc_json.cdr_enable",
        kamailio(JSON, **{"acc_json.cdr_enable": 1}),
        kamailio(JSON, cdr_enable=1, **{"acc_json.cdr_enable": 1}),
    ),
    Case(
        "a field without name",
        "cdr-names",
        ERROR,
        "options.cdr_start_id",
        kamailio(cdr_enable=1, cdr_start_id=""),
        kamailio(cdr_start_id=""),
    ),
    Case(
        "two fields of one name",
        "cdr-names",
        ERROR,
        "options.cdr_end_id",
        kamailio(cdr_enable=1, cdr_end_id="start_time"),
        kamailio(cdr_enable=1, cdr_end_id="stop_time"),
    ),
    Case(
        "records that begin with the ringing",
        "cdr-start",
        WARNING,
        "options.cdr_start_on_confirmed",
        RECORDS,
        kamailio(cdr_enable=1, cdr_start_on_confirmed=1),
    ),
    Case(
        "dialogs that expire",
        "cdr-expired",
        WARNING,
        "options.cdr_expired_dlg_enable",
        RECORDS,
        kamailio(cdr_enable=1, cdr_expired_dlg_enable=1),
    ),
    Case(
        "values of a message that is not there",
        "cdr-expired",
        NOTE,
        "cdr_extras[0].variable",
        with_cdr(kamailio(cdr_enable=1, cdr_expired_dlg_enable=1), "$ci"),
        with_cdr(kamailio(cdr_enable=1, cdr_expired_dlg_enable=1), "$dlg_var(call_id)"),
    ),
    Case("dialogs that nobody tracks", "cdr-tracked", NOTE, "options.cdr_enable", RECORDS, kamailio()),
    Case(
        "microseconds",
        "cdr-duration-mode",
        NOTE,
        "options.cdr_duration_mode",
        kamailio(version=(6, 1), cdr_enable=1, cdrs_table="acc_cdrs", cdr_duration_mode=2),
        kamailio(version=(6, 1), cdr_enable=1, cdrs_table="acc_cdrs"),
    ),
    Case(
        "dialogs of OpenSIPS that expire",
        "opensips-cdr-expired",
        WARNING,
        "do_accounting.cdr",
        asking(opensips(), cdr=IN_LOG),
        asking(opensips()),
    ),
    Case(
        "dialogs of OpenSIPS that expire in time",
        "opensips-cdr-expired",
        NOTE,
        "do_accounting.cdr",
        limited(asking(opensips(), cdr=IN_LOG)),
        limited(opensips()),
    ),
    Case(
        "dialogs of OpenSIPS with flags",
        "opensips-cdr-expired",
        WARNING,
        "flags.cdr",
        with_flags(opensips(version=(1, 8)), cdr=9),
        opensips(version=(1, 8)),
    ),
    Case(
        "calls that go on",
        "opensips-cdr-start",
        NOTE,
        "do_accounting.cdr",
        asking(opensips(), cdr=IN_LOG),
        kamailio(cdr_enable=1),
    ),
)


@cases(*CASES)
def test_what_is_wrong_with_dialog_records_is_found_and_what_is_right_is_not(case: Case) -> None:
    case.holds()


def test_releases_without_dialog_records_have_no_findings_of_them() -> None:
    assert of_rule(with_cdr(kamailio(version=(3, 1), cdr_enable=1), "$ci"), "cdr-call-id") == []
