"""Rows of acc, missed_calls and acc_cdrs, of every product and schema, to events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cdr.events import MICROSECOND, MILLISECOND, SECOND, AccEvent, EventKind, Pairs, Unparsable, fingerprint
from cdr.formats.reading import Reading, Rejection
from cdr.formats.sql_row import AccTable, RowReader, replay
from proxyconf.vocabulary.layout import Backend, CdrLayout, Role, TimeLayout
from proxyconf.vocabulary.products import Product
from tests.cdr.formats.table_rows import (
    BERLIN,
    CDRS,
    CORE,
    INVITE,
    NEW_YORK,
    NOON,
    OPENSIPS,
    event,
    reading,
    rejection,
    with_cell,
)

# --- schemas ----------------------------------------------------------------------------------------------------------

OPENSIPS_UNSET = ("0", "0", "1777636800", "1970-01-01 00:00:00")


SCHEMAS = {
    "OpenSER 1.3, OpenSIPS 1.4 and 1.5, Kamailio": (CORE, INVITE),
    "OpenSIPS 1.6 to 2.1": ((*CORE, "duration", "setuptime", "created"), (*INVITE, 0, 0, None)),
    "OpenSIPS 2.2 to 4.0": (CORE + OPENSIPS, INVITE + OPENSIPS_UNSET),
    "OpenSIPS 2.2 to 4.0, acc_db_request without context": (CORE + OPENSIPS, (*INVITE, 0, 0, 0, None)),
    "without an id": (CORE[1:], INVITE[1:]),
    "with another order": (CORE[::-1], INVITE[::-1]),
    "in capitals": (tuple(name.upper() for name in CORE), INVITE),
    "with what a stored procedure adds": ((*CORE, "cdr_id"), (*INVITE, 815)),
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_schema_of_acc_gives_the_same_event(schema: str) -> None:
    found = event(*SCHEMAS[schema])
    position = 0 if schema == "without an id" else 7
    assert found._replace(raw=b"") == AccEvent(
        EventKind.ANSWERED, "INVITE", "ft", "tt", "a@x", 200, "OK", NOON, SECOND, Backend.SQL, position=position
    )


@pytest.mark.parametrize("columns", [(), ("setuptime", "created")], ids=["Kamailio", "OpenSIPS 2.1 and newer"])
def test_every_schema_of_missed_calls_gives_missed_events(columns: tuple[str, ...]) -> None:
    row = with_cell("sip_code", "486") + ("1777636800", "1970-01-01 00:00:00")[: len(columns)]
    found = event(CORE + columns, row, table=AccTable.MISSED_CALLS)
    assert (found.kind, found.code, found.extra, found.created_at) == (EventKind.MISSED, 486, (), None)


@pytest.mark.parametrize(
    ("start", "end", "duration", "precision"),
    [
        ("1777636800.250", "1777636803.500", "3.250", MILLISECOND),  # version 1, text
        ("1777636800.250001", "1777636803.500001", "3.250000", MICROSECOND),
        ("1777636800.0", "1777636803.0", "3.0", SECOND),  # cdr_duration_mode 0
        ("2026-05-01 14:00:00", "2026-05-01 14:00:03", "3.250", SECOND),  # version 2
        (datetime(2026, 5, 1, 14), datetime(2026, 5, 1, 14, 0, 3), 3.25, SECOND),
        (datetime(2026, 5, 1, 14), datetime(2026, 5, 1, 14, 0, 3), Decimal("3.250000"), SECOND),  # version 3
    ],
)
def test_every_schema_of_acc_cdrs_gives_a_dialog(start: object, end: object, duration: object, precision: int) -> None:
    found = event(CDRS, (3, start, end, duration), Reading(zone=BERLIN), AccTable.ACC_CDRS)
    assert (found.kind, found.precision, found.position) == (EventKind.CDR, precision, 3)
    assert found.time.replace(microsecond=0) == NOON
    assert found.ended_at is not None
    assert found.ended_at.replace(microsecond=0) == NOON + timedelta(seconds=3)
    assert found.duration_us == (3_000_000 if duration == "3.0" else 3_250_000)
    assert (found.call_id, found.from_tag, found.to_tag, found.extra) == ("", "", "", ())


def test_a_dialogs_times_are_utc_with_time_mode_4() -> None:
    utc = reading(BERLIN, time=TimeLayout(mode=4))
    found = event(CDRS, (1, "2026-05-01 12:00:00", "2026-05-01 12:00:03", "3"), utc, AccTable.ACC_CDRS)
    assert found.time == NOON


def test_a_dialogs_call_id_and_tags_come_from_extras_by_their_role() -> None:
    layout = reading(roles={"ci": Role.CALL_ID, "f": Role.FROM_TAG, "t": Role.TO_TAG}, cdr=CdrLayout("st", "et", "d"))
    columns = ("st", "et", "d", "ci", "f", "t", "caller")
    row = ("2026-05-01 12:00:00", "2026-05-01 12:00:00", "0", "a@x", "ft", None, "alice")
    found = event(columns, row, layout, AccTable.ACC_CDRS)
    assert (found.call_id, found.from_tag, found.to_tag) == ("a@x", "ft", "")
    assert found.extra == (("ci", "a@x"), ("f", "ft"), ("t", ""), ("caller", "alice"))
    assert (found.duration_us, found.ended_at) == (0, found.time)


def test_a_dialogs_missing_end_follows_from_its_duration() -> None:
    found = event(CDRS, (1, "2026-05-01 12:00:00", None, "3.5"), table=AccTable.ACC_CDRS)
    assert found.ended_at == NOON + timedelta(seconds=3.5)
    assert event(CDRS, (1, "2026-05-01 12:00:00", "", ""), table=AccTable.ACC_CDRS).ended_at is None


def test_a_clock_set_back_within_a_dialog_stays_visible() -> None:
    row = (1, "2026-05-01 12:00:00", "2026-05-01 11:59:58", "-2.250")
    assert event(CDRS, row, table=AccTable.ACC_CDRS).duration_us == -2_250_000


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((1, None, "2026-05-01 12:00:00", "0"), "start_time is empty"),
        ((1, "2026-05-01 12:00:00", "later", "0"), "end_time is 'later'"),
        ((1, "2026-05-01 12:00:00", "2026-05-01 12:00:00", "nan"), "duration is 'nan', which is not a number"),
        ((1, "9999-12-31 23:59:59", "", "9999999999"), "a call cannot last"),
    ],
)
def test_a_dialog_with_a_wrong_value_is_rejected(row: tuple[object, ...], reason: str) -> None:
    assert reason in rejection(CDRS, row, table=AccTable.ACC_CDRS)


# --- kinds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "code", "kind"),
    [
        ("INVITE", "200", EventKind.ANSWERED),
        ("INVITE", "486", EventKind.FAILED),
        ("INVITE", "183", EventKind.EARLY),
        ("BYE", "481", EventKind.BYE),
        ("CANCEL", "200", EventKind.CANCEL),
        ("ACK", "200", EventKind.ACK),
        ("INVITE", "", EventKind.MANUAL),
        ("INVITE", None, EventKind.MANUAL),
        ("INVITE", "000", EventKind.MANUAL),
    ],
)
def test_the_kind_comes_from_method_and_code(method: str, code: str | None, kind: EventKind) -> None:
    row = (1, method, "ft", "tt", "a@x", code, "", "2026-05-01 12:00:00")
    assert event(CORE, row).kind is kind


def test_a_manual_row_of_opensips_has_no_call_times() -> None:
    found = event(CORE + OPENSIPS, (*INVITE[:5], "", "checked", INVITE[7], 0, 0, 0, None))
    assert (found.kind, found.code, found.duration_us) == (EventKind.MANUAL, 0, None)


# --- OpenSIPS ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "unset"),
    [
        (UTC, "1970-01-01 00:00:00"),
        (NEW_YORK, "1969-12-31 19:00:00"),
        (ZoneInfo("Pacific/Auckland"), "1970-01-01 12:00:00"),
        (UTC, "0000-00-00 00:00:00"),
        (UTC, 0),
        (UTC, None),
    ],
)
def test_an_unset_created_makes_no_call_of_an_answer(zone: ZoneInfo, unset: object) -> None:
    found = event(CORE + OPENSIPS, (*INVITE, "0", "0", "1777636800", unset), Reading(zone=zone))
    assert (found.kind, found.created_at, found.duration_us, found.ended_at) == (EventKind.ANSWERED, None, None, None)


def test_ms_duration_is_exact_and_duration_its_rounding_up() -> None:
    found = event(CORE + OPENSIPS, (*INVITE, 3, 2303, 1, datetime(2026, 5, 1, 11, 59, 59)))
    assert (found.kind, found.duration_us) == (EventKind.CDR, 2_303_000)
    assert found.ended_at == NOON + timedelta(milliseconds=2303)
    assert found.created_at == NOON - timedelta(seconds=1)


def test_before_ms_duration_the_duration_is_in_seconds() -> None:
    found = event((*CORE, "duration", "setuptime", "created"), (*INVITE, 3, 1, "2026-05-01 11:59:59"))
    assert (found.kind, found.duration_us, found.ended_at) == (EventKind.CDR, 3_000_000, NOON + timedelta(seconds=3))


def test_a_call_of_0_ms_is_told_by_its_created() -> None:
    found = event(CORE + OPENSIPS, (*INVITE, 0, 0, 1, "2026-05-01 11:59:59"))
    assert (found.kind, found.duration_us, found.ended_at) == (EventKind.CDR, 0, NOON)


def test_a_failed_call_of_the_cdr_mode_is_a_failed_event() -> None:
    found = event(CORE + OPENSIPS, (*with_cell("sip_code", "486"), 0, 0, 1, "2026-05-01 11:59:59"))
    assert (found.kind, found.created_at) == (EventKind.FAILED, NOON - timedelta(seconds=1))


def test_a_missed_row_keeps_its_created() -> None:
    columns, row = (*CORE, "setuptime", "created"), (*with_cell("sip_code", "486"), 1, "2026-05-01 11:59:59")
    found = event(columns, row, table=AccTable.MISSED_CALLS)
    assert (found.kind, found.created_at) == (EventKind.MISSED, NOON - timedelta(seconds=1))


def test_a_duration_alone_is_an_extra_unless_the_proxy_is_an_opensips() -> None:
    columns, row = (*CORE, "duration"), (*INVITE, "42")
    assert event(columns, row).extra == (("duration", "42"),)
    assert event(columns, row, reading(product=Product.OPENSIPS)).duration_us == 42_000_000


def test_a_configured_extra_is_one_whatever_its_name() -> None:
    layout = reading(extras={Backend.SQL: ("created", "time_attr", "cdr_id")})
    columns = (*CORE, "setuptime", "created", "time_attr", "cdr_id")
    found = event(columns, (*INVITE, 1, "yesterday", "1777636800.5", "5"), layout)
    assert found.extra == (("created", "yesterday"), ("time_attr", "1777636800.5"), ("cdr_id", "5"))
    assert found.precision == SECOND


@pytest.mark.parametrize("column", ["duration", "ms_duration", "created"])
@pytest.mark.parametrize("value", ["x", "-1", "1e12"])
def test_a_wrong_value_of_opensips_rejects_its_row(column: str, value: str) -> None:
    cells = tuple(value if name == column else None for name in OPENSIPS)
    assert f"{column} is '{value}'" in rejection(CORE + OPENSIPS, INVITE + cells)


# --- extras and legs --------------------------------------------------------------------------------------------------


def extra_and_legs(columns: tuple[str, ...], cells: tuple[object, ...], **layout: object) -> tuple[Pairs, object]:
    found = event(CORE + columns, INVITE + cells, reading(**layout))
    return found.extra, found.legs


def test_other_columns_are_extras_in_their_order_and_null_is_no_value() -> None:
    assert extra_and_legs(("ua", "src_ip", "note"), ("Acme", None, "")) == (
        (("ua", "Acme"), ("src_ip", ""), ("note", "")),
        (),
    )


def test_known_leg_columns_come_in_configured_order() -> None:
    found = extra_and_legs(("b", "ua", "a"), ("2", "Acme", "1"), legs={Backend.SQL: ("a", "b", "absent")})
    assert found == ((("ua", "Acme"),), ((("a", "1"), ("b", "2")),))


def test_a_layout_known_to_have_no_legs_has_none() -> None:
    assert extra_and_legs(("src", "dst"), ("1", "2"), legs={Backend.SQL: ()}) == ((("src", "1"), ("dst", "2")), ())


def test_unknown_legs_need_a_source_and_a_destination() -> None:
    assert extra_and_legs(("src", "dst", "type"), ("1", "2", "0"))[1] == ((("src", "1"), ("dst", "2"), ("type", "0")),)
    assert extra_and_legs(("source", "type"), ("1", "0")) == ((("source", "1"), ("type", "0")), ())


def test_roles_of_the_layout_tell_leg_columns_too() -> None:
    roles = {"hop_a": Role.LEG_SOURCE, "hop_b": Role.LEG_DESTINATION, "type": Role.GATEWAY}
    found = extra_and_legs(("hop_a", "hop_b", "type"), ("1", "2", "0"), roles=roles)
    assert found == ((("type", "0"),), ((("hop_a", "1"), ("hop_b", "2")),))


def test_configured_extras_are_never_taken_for_legs() -> None:
    found = extra_and_legs(("src", "dst"), ("1", "2"), extras={Backend.SQL: ("src",)})
    assert found == ((("src", "1"), ("dst", "2")), ())


@pytest.mark.parametrize("empty", ["", None])
def test_a_row_whose_leg_cells_are_all_empty_has_no_leg(empty: str | None) -> None:
    assert extra_and_legs(("src", "dst"), (empty, empty))[1] == ()


# --- cells and columns ------------------------------------------------------------------------------------------------


def test_cells_of_any_driver_give_the_same_event() -> None:
    columns = (*CORE, "ua", "cost")
    text = event(columns, (*INVITE, "Ünï", "1.5"))
    binary = event(columns, (*tuple(cell.encode() for cell in INVITE), memoryview("Ünï".encode()), Decimal("1.5")))
    typed = event(columns, (7, *INVITE[1:5], 200, "OK", NOON.replace(tzinfo=None), "Ünï", 1.5))
    assert text == binary == typed
    assert fingerprint(text) == fingerprint(typed)


def test_what_no_database_holds_stays_visible() -> None:
    found = event((*CORE, "ua", "ub"), (*INVITE, "a\x00b", b"\xff\x00"))
    assert found.extra == (("ua", "a\\x00b"), ("ub", "\\xff\\x00"))


def test_renamed_core_columns_are_found() -> None:
    names = {"callid": "the_call", "sip_code": "status", "id": "row"}
    columns = tuple(names.get(name, name) for name in CORE)
    found = event(columns, INVITE, reading(columns=names))
    assert (found.call_id, found.code, found.position, found.extra) == ("a@x", 200, 7, ())


def test_a_missing_column_is_named_with_the_remedy() -> None:
    with pytest.raises(Unparsable, match=r"no column callid, time \(present: id, .*acc_\*_column.*layout"):
        RowReader(("id", "method", "from_tag", "to_tag", "sip_code", "sip_reason"), AccTable.ACC, Reading())


def test_a_column_that_two_names_lead_to_is_missing_for_the_second() -> None:
    with pytest.raises(Unparsable, match="no column from_tag"):
        RowReader(CORE, AccTable.ACC, reading(columns={"to_tag": "from_tag"}))


def test_a_column_that_stands_twice_is_named() -> None:
    with pytest.raises(Unparsable, match="'method' occurs twice"):
        RowReader((*CORE, "method"), AccTable.ACC, Reading())


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("method", None, "no value in method"),
        ("callid", "", "no value in callid"),
        ("time", None, "no value in time"),
        ("time", "0000-00-00 00:00:00", "time is '0000-00-00 00:00:00': year 0"),
        ("time", "2026-02-30 12:00:00", "time is '2026-02-30 12:00:00': day"),
        ("time", "0001-01-01 00:00:00", "outside of the years"),
        ("time", "9999-12-31 23:59:59-12", "outside of the years"),
        ("time", "infinity", "neither a date"),
        ("sip_code", "2x0", "sip_code is '2x0', which is not a SIP response code"),
        ("sip_code", "1000", "not a SIP response code"),
        ("sip_code", -1, "not a SIP response code"),
    ],
)
def test_a_wrong_value_rejects_its_row_and_says_why(column: str, value: object, reason: str) -> None:
    assert reason in rejection(CORE, with_cell(column, value), Reading(zone=BERLIN))


@pytest.mark.parametrize("row", [INVITE[:-1], (*INVITE, "more")])
def test_a_row_of_another_width_is_rejected(row: tuple[str, ...]) -> None:
    assert rejection(CORE, row) == f"the row has {len(row)} cells, but its table 8 columns"


def test_an_id_that_is_no_number_tells_rows_apart() -> None:
    ids = ["6f1c2f8e-0000-4000-8000-000000000001", "6f1c2f8e-0000-4000-8000-000000000002", "-5", "9" * 30]
    positions = {event(CORE, with_cell("id", one)).position for one in ids}
    assert len(positions) == 4
    assert all(0 < one < 2**63 for one in positions)


def test_raw_is_the_row_as_json() -> None:
    found = event((*CORE, 'odd "%s"', "none"), (*INVITE, 'x"\n', None))
    assert b"\n" not in found.raw
    assert json.loads(found.raw) == {**dict(zip(CORE, INVITE, strict=True)), 'odd "%s"': 'x"\n', "none": None}


def test_a_rejected_row_can_be_replayed_with_a_corrected_layout() -> None:
    rejected = RowReader((*CORE, "time_attr"), AccTable.ACC, reading(time=TimeLayout(mode=2))).event((*INVITE, "noon"))
    replayed = replay(rejected.raw, AccTable.ACC, reading(time=TimeLayout(mode=3)))
    assert isinstance(replayed, AccEvent)
    assert replayed.time == NOON


@pytest.mark.parametrize("raw", [b"", b"1,INVITE", b"[1]", b"[" * 100_000, b'{"method":"INVITE"}', b"\xff"])
def test_what_is_no_row_is_not_replayed(raw: bytes) -> None:
    assert isinstance(replay(raw, AccTable.ACC, Reading()), Rejection)
