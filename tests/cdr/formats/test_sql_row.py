"""Rows of acc, missed_calls and acc_cdrs, of every product and schema, to events."""

from __future__ import annotations

import gzip
import io
import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import MICROSECOND, MILLISECOND, SECOND, AccEvent, Kind, Pairs, Unparsable, fingerprint
from cdr.formats import table_files
from cdr.formats.reading import Parsed, Reading, Rejection
from cdr.formats.sql_row import AccTable, RowReader, replay
from proxyconf.vocabulary.layout import Backend, CdrLayout, FieldLayout, Role, TimeLayout
from proxyconf.vocabulary.products import Product

RECORDED = Path(__file__).parents[2] / "recorded"
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")

CORE = ("id", "method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time")
INVITE = ("7", "INVITE", "ft", "tt", "a@x", "200", "OK", "2026-05-01 12:00:00")
BYE = ("8", "BYE", "tt", "ft", "a@x", "200", "OK", "2026-05-01 12:00:42")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
UTC_PROXY = Reading()
OPENSIPS = ("duration", "ms_duration", "setuptime", "created")
CDRS = ("id", "start_time", "end_time", "duration")


def event(
    columns: tuple[str, ...], row: tuple[object, ...], reading: Reading = UTC_PROXY, table: AccTable = AccTable.ACC
) -> AccEvent:
    found = RowReader(columns, table, reading).event(row)
    assert isinstance(found, AccEvent), found
    return found


def rejection(
    columns: tuple[str, ...], row: tuple[object, ...], reading: Reading = UTC_PROXY, table: AccTable = AccTable.ACC
) -> str:
    found = RowReader(columns, table, reading).event(row)
    assert isinstance(found, Rejection), found
    return found.reason


def reading(zone: ZoneInfo | None = None, product: Product = Product.KAMAILIO, **layout: object) -> Reading:
    return Reading(FieldLayout(**layout), zone or UTC, product)  # type: ignore[arg-type]


def with_cell(column: str, value: object) -> tuple[object, ...]:
    return tuple(value if name == column else cell for name, cell in zip(CORE, INVITE, strict=True))


# --- recorded ---------------------------------------------------------------------------------------------------------

SCENARIOS = sorted(path.parent for path in RECORDED.glob("*/acc.csv*"))
LOGGED = re.compile(
    rb"ACC: (transaction answered|call missed|request acknowledged|call ended): "
    rb"(?:timestamp|created)=(\d+)(?:;call_start_time=(\d+))?[^\n]*?"
    rb"method=(\w+);from_tag=([^;]*);to_tag=([^;]*);call_id=([^;]*);code=(\d+);reason=([^;\n]*)"
)
Seen = tuple[str, str, str, str, str, int, str]


def content(folder: Path, name: str) -> bytes:
    plain = folder / name
    return plain.read_bytes() if plain.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())


def zone_of(folder: Path) -> ZoneInfo:
    found = re.search(r"TZ=([\w/]+)", (folder / "scenario.md").read_text())
    assert found
    return ZoneInfo(found[1])


def parsed(folder: Path, name: str) -> list[AccEvent]:
    read = {
        "acc": table_files.read_acc,
        "missed_calls": table_files.read_missed_calls,
        "acc_cdrs": table_files.read_acc_cdrs,
    }
    found = list(read[name](io.BytesIO(content(folder, f"{name}.csv")), Reading(zone=zone_of(folder))))
    assert all(isinstance(one, AccEvent) for one in found)
    return [one for one in found if isinstance(one, AccEvent)]


def told(one: AccEvent) -> Seen:
    special = {Kind.MISSED: "call missed", Kind.ACK: "request acknowledged", Kind.CDR: "call ended"}
    words = special.get(one.kind, "transaction answered")
    return (words, one.method, one.from_tag, one.to_tag, one.call_id, one.code, one.reason)


def logged(folder: Path) -> dict[Seen, int]:
    """What the log of the same scenario tells of each event, and when."""
    log = content(folder, "syslog.txt" if list(folder.glob("syslog.txt*")) else "syslog_iso.txt")
    found = {}
    for one in LOGGED.findall(log):
        words, first, start, method, from_tag, to_tag, call_id, code, reason = (part.decode() for part in one)
        found[words, method, from_tag, to_tag, call_id, int(code), reason] = int(start or first)
    return found


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_recorded_rows_tell_what_the_log_tells(folder: Path) -> None:
    events = parsed(folder, "acc") + parsed(folder, "missed_calls")
    assert {told(one) for one in events} == logged(folder).keys()


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_recorded_rows_have_the_time_of_the_log_whatever_the_zone(folder: Path) -> None:
    times = logged(folder)
    for one in parsed(folder, "acc") + parsed(folder, "missed_calls"):
        assert abs(one.time.timestamp() - times[told(one)]) <= 1  # the clock is read anew for each backend
        assert one.flags == ()


def test_recorded_legs_stand_one_to_a_row_in_the_order_of_the_rows() -> None:
    rows = parsed(RECORDED / "11-multi-leg", "acc")
    assert [(one.method, one.position, one.legs) for one in rows] == [
        ("INVITE", 1, ((("src", "bob"), ("dst", "carol"), ("type", "1")),)),
        ("INVITE", 2, ((("src", "alice"), ("dst", "bob"), ("type", "0")),)),
        ("INVITE", 3, ((("src", "erin"), ("dst", "frank"), ("type", "0")),)),
        ("BYE", 4, ()),
        ("BYE", 5, ()),
    ]
    assert {one.extra for one in rows} == {()}


def test_recorded_extras_keep_hostile_text() -> None:
    rows = parsed(RECORDED / "12-extra-accounting", "acc")
    assert [label for label, _ in rows[0].extra] == ["ua", "uuid", "ruser", "src_ip", "notes"]
    agents = {dict(one.extra)["ua"] for one in rows}
    assert 'Acme "Turbo, 3000" phone\'s UA, v1' in agents
    assert "x;code=486;reason=Busy Here ACC: call missed: timestamp=1;method=INVITE" in agents
    assert "Téléphone-Ünï/☎ 日本" in agents
    assert "" in agents


def test_recorded_dialog_records_of_kamailio() -> None:
    rows = parsed(RECORDED / "18-dialog-cdrs", "acc_cdrs")
    start = datetime(2026, 11, 22, 23, 23, 45, tzinfo=UTC)
    assert [(one.call_id, one.ended_at, one.duration_us) for one in rows] == [
        ("1-1904-2@127.0.0.1", start, 0),
        ("1-1902-0@127.0.0.1", start + timedelta(seconds=2), 2_303_000),
        ("1-1903-1@127.0.0.1", start + timedelta(seconds=3), 2_504_000),
    ]
    assert {(one.kind, one.method, one.code, one.time, one.precision) for one in rows} == {
        (Kind.CDR, "INVITE", 0, start, SECOND)
    }
    assert rows[0].extra == (("caller", "erin"), ("callee", "frank"), ("callid", "1-1904-2@127.0.0.1"))


def test_recorded_dialog_records_of_opensips() -> None:
    busy, first, second = parsed(RECORDED / "opensips-18-cdr", "acc")
    start = datetime(2026, 11, 22, 23, 59, 26, tzinfo=UTC)
    assert (busy.kind, busy.duration_us, busy.ended_at) == (Kind.FAILED, None, None)
    assert (first.kind, first.time, first.duration_us) == (Kind.CDR, start, 2_303_000)
    assert first.ended_at == start + timedelta(milliseconds=2303)
    assert (second.kind, second.duration_us) == (Kind.CDR, 2_504_000)
    assert {one.created_at for one in (busy, first, second)} == {start - timedelta(seconds=1)}


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
        Kind.ANSWERED, "INVITE", "ft", "tt", "a@x", 200, "OK", NOON, SECOND, Backend.SQL, position=position
    )


@pytest.mark.parametrize("columns", [(), ("setuptime", "created")], ids=["Kamailio", "OpenSIPS 2.1 and newer"])
def test_every_schema_of_missed_calls_gives_missed_events(columns: tuple[str, ...]) -> None:
    row = with_cell("sip_code", "486") + ("1777636800", "1970-01-01 00:00:00")[: len(columns)]
    found = event(CORE + columns, row, table=AccTable.MISSED_CALLS)
    assert (found.kind, found.code, found.extra, found.created_at) == (Kind.MISSED, 486, (), None)


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
    assert (found.kind, found.precision, found.position) == (Kind.CDR, precision, 3)
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
        ((1, "2026-05-01 12:00:00", "2026-05-01 12:00:00", "nan"), "duration is 'nan': no number of seconds"),
        ((1, "9999-12-31 23:59:59", "", "9999999999"), "a call cannot last"),
    ],
)
def test_a_dialog_with_a_wrong_value_is_rejected(row: tuple[object, ...], reason: str) -> None:
    assert reason in rejection(CDRS, row, table=AccTable.ACC_CDRS)


# --- kinds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "code", "kind"),
    [
        ("INVITE", "200", Kind.ANSWERED),
        ("INVITE", "486", Kind.FAILED),
        ("INVITE", "183", Kind.EARLY),
        ("BYE", "481", Kind.BYE),
        ("CANCEL", "200", Kind.CANCEL),
        ("ACK", "200", Kind.ACK),
        ("INVITE", "", Kind.MANUAL),
        ("INVITE", None, Kind.MANUAL),
        ("INVITE", "000", Kind.MANUAL),
    ],
)
def test_the_kind_comes_from_method_and_code(method: str, code: str | None, kind: Kind) -> None:
    row = (1, method, "ft", "tt", "a@x", code, "", "2026-05-01 12:00:00")
    assert event(CORE, row).kind is kind


def test_a_manual_row_of_opensips_has_no_call_times() -> None:
    found = event(CORE + OPENSIPS, (*INVITE[:5], "", "checked", INVITE[7], 0, 0, 0, None))
    assert (found.kind, found.code, found.duration_us) == (Kind.MANUAL, 0, None)


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
    assert (found.kind, found.created_at, found.duration_us, found.ended_at) == (Kind.ANSWERED, None, None, None)


def test_ms_duration_is_exact_and_duration_its_rounding_up() -> None:
    found = event(CORE + OPENSIPS, (*INVITE, 3, 2303, 1, datetime(2026, 5, 1, 11, 59, 59)))
    assert (found.kind, found.duration_us) == (Kind.CDR, 2_303_000)
    assert found.ended_at == NOON + timedelta(milliseconds=2303)
    assert found.created_at == NOON - timedelta(seconds=1)


def test_before_ms_duration_the_duration_is_in_seconds() -> None:
    found = event((*CORE, "duration", "setuptime", "created"), (*INVITE, 3, 1, "2026-05-01 11:59:59"))
    assert (found.kind, found.duration_us, found.ended_at) == (Kind.CDR, 3_000_000, NOON + timedelta(seconds=3))


def test_a_call_of_0_ms_is_told_by_its_created() -> None:
    found = event(CORE + OPENSIPS, (*INVITE, 0, 0, 1, "2026-05-01 11:59:59"))
    assert (found.kind, found.duration_us, found.ended_at) == (Kind.CDR, 0, NOON)


def test_a_failed_call_of_the_cdr_mode_is_a_failed_event() -> None:
    found = event(CORE + OPENSIPS, (*with_cell("sip_code", "486"), 0, 0, 1, "2026-05-01 11:59:59"))
    assert (found.kind, found.created_at) == (Kind.FAILED, NOON - timedelta(seconds=1))


def test_a_missed_row_keeps_its_created() -> None:
    columns, row = (*CORE, "setuptime", "created"), (*with_cell("sip_code", "486"), 1, "2026-05-01 11:59:59")
    found = event(columns, row, table=AccTable.MISSED_CALLS)
    assert (found.kind, found.created_at) == (Kind.MISSED, NOON - timedelta(seconds=1))


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


# --- times ------------------------------------------------------------------------------------------------------------


@given(st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)))
def test_a_julian_day_tells_the_second_that_was_written(wall: datetime) -> None:
    wall = wall.replace(microsecond=0)
    day = 2440587.5 + (wall - datetime(1970, 1, 1)) / timedelta(days=1)
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE acc (time TIMESTAMP WITHOUT TIME ZONE)")
        database.execute("INSERT INTO acc VALUES (?)", [day])
        ((number, text),) = database.execute("SELECT time, CAST(time AS text) FROM acc")
    for cell in (number, text):
        assert event(CORE, with_cell("time", cell)).time == wall.replace(tzinfo=UTC)


def test_a_julian_day_in_the_hour_that_comes_twice_is_flagged() -> None:
    row = with_cell("time", "2461338.60416667")  # 2026-10-25 02:30:00
    assert event(CORE, row, Reading(zone=BERLIN)).flags == ("ambiguous_time",)


def test_a_dialogs_times_may_be_julian_days() -> None:
    found = event(CDRS, (1, "2461162.0", 2461162.0005, "42.5"), table=AccTable.ACC_CDRS)
    assert (found.time, found.ended_at) == (NOON, NOON + timedelta(seconds=43))


@pytest.mark.parametrize(
    ("wall", "moment", "precision"),
    [
        ("2026-05-01 14:00:00", NOON, SECOND),
        ("2026-05-01T14:00:00", NOON, SECOND),
        (b"2026-05-01 14:00:00", NOON, SECOND),
        (datetime(2026, 5, 1, 14), NOON, SECOND),
        ("2026-05-01 14:00:00.5", NOON + timedelta(seconds=0.5), 100_000),
        (datetime(2026, 5, 1, 14, 0, 0, 250), NOON + timedelta(microseconds=250), MICROSECOND),
        ("2026-05-01 12:00:00+00", NOON, SECOND),
        ("2026-05-01 12:00:00Z", NOON, SECOND),
        (datetime(2026, 5, 1, 8, tzinfo=timezone(timedelta(hours=-4))), NOON, SECOND),
        (1777636800, NOON, SECOND),
        (2461162.0833333333, NOON, SECOND),  # Kamailio's db_sqlite: a Julian day of local time
        ("2461162.08333333", NOON, SECOND),
    ],
)
def test_time_is_the_proxys_wall_clock_unless_it_has_an_offset(wall: object, moment: datetime, precision: int) -> None:
    found = event(CORE, with_cell("time", wall), Reading(zone=BERLIN))
    assert (found.time, found.precision, found.flags) == (moment, precision, ())


@pytest.mark.parametrize(
    ("wall", "moment"),
    [
        ("2026-10-25 02:30:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-03-29 02:30:00", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_the_doubtful_hours_of_a_dst_change_are_flagged(wall: str, moment: datetime) -> None:
    found = event(CORE, with_cell("time", wall), Reading(zone=BERLIN))
    assert (found.time, found.flags) == (moment, ("ambiguous_time",))


def test_a_dialog_that_ends_in_a_doubtful_hour_is_flagged() -> None:
    row = (1, "2026-10-25 01:59:00", "2026-10-25 02:01:00", "120")
    assert event(CDRS, row, Reading(zone=BERLIN), AccTable.ACC_CDRS).flags == ("ambiguous_time",)


@pytest.mark.parametrize(
    ("mode", "attr", "exten", "moment", "precision"),
    [
        (1, 1792888200, 5, "2026-10-25 00:30:00.000005", MICROSECOND),
        (1, "1792891800", "500000", "2026-10-25 01:30:00.5", MICROSECOND),
        (2, 1792891800.334719, None, "2026-10-25 01:30:00.334719", MICROSECOND),
        (2, "1792891800.3347192", "77", "2026-10-25 01:30:00.334719", MICROSECOND),
        (4, "2026-10-25 01:30:00", "", "2026-10-25 01:30:00", SECOND),
        (0, "1792891800", "500000", "2026-10-25 01:30:00.5", MICROSECOND),  # found without being configured
        (0, "1792891800.25", None, "2026-10-25 01:30:00.25", MICROSECOND),
    ],
)
def test_the_time_columns_of_kamailio_settle_what_the_wall_clock_leaves_open(
    mode: int, attr: object, exten: object, moment: str, precision: int
) -> None:
    row = (*with_cell("time", "2026-10-25 02:30:00"), attr, exten)
    found = event((*CORE, "time_attr", "time_exten"), row, reading(BERLIN, time=TimeLayout(mode=mode)))
    assert (found.time, found.precision) == (datetime.fromisoformat(moment).replace(tzinfo=UTC), precision)
    assert (found.flags, found.extra) == ((), ())


@pytest.mark.parametrize(
    ("mode", "attr"), [(3, "2026-05-01 14:00:00"), (0, "2026-05-01 12:00:00"), (1, None), (2, 0), (4, "")]
)
def test_time_stands_where_the_time_columns_tell_nothing_better(mode: int, attr: object) -> None:
    zoned = reading(BERLIN, time=TimeLayout(mode=mode))
    found = event((*CORE, "time_attr"), (*with_cell("time", "2026-05-01 14:00:00"), attr), zoned)
    assert (found.time, found.precision, found.extra) == (NOON, SECOND, ())


def test_the_time_columns_may_have_other_names_and_forms() -> None:
    times = TimeLayout(mode=4, attr="at", format="%d.%m.%Y %H:%M:%S %z")
    found = event((*CORE, "at"), (*INVITE, "01.05.2026 13:00:00 +0100"), reading(time=times))
    assert found.time == NOON


def test_a_table_without_the_configured_time_columns_has_its_time() -> None:
    assert event(CORE, INVITE, reading(time=TimeLayout(mode=1))).time == NOON


@pytest.mark.parametrize(
    ("layout", "attr", "remedy"),
    [
        (TimeLayout(mode=1), "2026-05-01 12:00:00", "correct the time mode"),
        (TimeLayout(mode=2), "12", "correct the time mode"),
        (TimeLayout(mode=4), "1777636800", "correct the time format"),
        (TimeLayout(mode=4, format="%H:%M:%S"), "12:00:00", "correct the time format"),
        (TimeLayout(mode=4, format="%"), "12:00:00", "correct the time format"),
    ],
)
def test_time_columns_against_the_layout_reject_the_row(layout: TimeLayout, attr: str, remedy: str) -> None:
    assert remedy in rejection((*CORE, "time_attr"), (*INVITE, attr), reading(time=layout))


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
    with pytest.raises(Unparsable, match=r"no column callid, time \(there are: id, .*acc_\*_column.*layout"):
        RowReader(("id", "method", "from_tag", "to_tag", "sip_code", "sip_reason"), AccTable.ACC, Reading())


def test_a_column_that_two_names_lead_to_is_missing_for_the_second() -> None:
    with pytest.raises(Unparsable, match="no column from_tag"):
        RowReader(CORE, AccTable.ACC, reading(columns={"to_tag": "from_tag"}))


def test_a_column_that_stands_twice_is_named() -> None:
    with pytest.raises(Unparsable, match="'method' stands twice"):
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
        ("sip_code", "2x0", "sip_code is '2x0': no SIP reply code"),
        ("sip_code", "1000", "no SIP reply code"),
        ("sip_code", -1, "no SIP reply code"),
    ],
)
def test_a_wrong_value_rejects_its_row_and_says_why(column: str, value: object, reason: str) -> None:
    assert reason in rejection(CORE, with_cell(column, value), Reading(zone=BERLIN))


@pytest.mark.parametrize("row", [INVITE[:-1], (*INVITE, "more")])
def test_a_row_of_another_width_is_rejected(row: tuple[str, ...]) -> None:
    assert rejection(CORE, row) == f"the row has {len(row)} cells, its table 8 columns"


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


# --- files ------------------------------------------------------------------------------------------------------------

HEADER = ",".join(CORE).encode() + b"\n"


def read(data: bytes) -> list[Parsed]:
    return list(table_files.read_acc(io.BytesIO(data), Reading()))


def line(row: tuple[str, ...]) -> bytes:
    return ",".join(row).encode() + b"\n"


@pytest.mark.parametrize("data", [b"", b"\n", HEADER, HEADER.rstrip()])
def test_a_file_without_rows_yields_nothing(data: bytes) -> None:
    assert read(data) == []


@pytest.mark.parametrize("data", [line(INVITE), b"\0\xff\x01" * 1000, b"\xff\xfei\0d\0", b"some log line\n", b'"'])
def test_a_file_without_a_header_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(Unparsable, match=r"^line 1, which must name the columns of acc: there is no column") as caught:
        read(data)
    assert len(str(caught.value)) < 500


def test_a_rejection_names_its_line_and_the_others_are_kept() -> None:
    found = read(HEADER + line(INVITE) + b"\n" + b"junk\xff\n" + line((*INVITE[:7], "soon")) + line(BYE))
    assert [one.kind for one in found if isinstance(one, AccEvent)] == [Kind.ANSWERED, Kind.BYE]
    assert [one.reason.split(":")[0] for one in found if isinstance(one, Rejection)] == ["line 4", "line 5"]


def test_a_rejected_line_is_kept_as_it_was() -> None:
    assert [one.raw for one in read(HEADER + b"junk\xff,\n") if isinstance(one, Rejection)] == [b"junk\xff,\n"]


def test_a_call_id_of_10000_characters_is_fine_quoted_or_not() -> None:
    call_id = "x" * 10_000
    found = read(HEADER + line((*INVITE[:4], call_id, *INVITE[5:])) + line((*BYE[:4], f'"{call_id}"', *BYE[5:])))
    assert [one.call_id for one in found if isinstance(one, AccEvent)] == [call_id] * 2


def test_mysql_batch_output_gives_the_same_events() -> None:
    tabs = "\n".join("\t".join(row) for row in (CORE, INVITE, BYE)).encode()
    assert read(tabs) == read(HEADER + line(INVITE) + line(BYE))


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
WALL = st.datetimes(datetime(1980, 1, 1), datetime(2037, 1, 1))
CELL = st.one_of(st.none(), st.text(max_size=8), st.binary(max_size=8), st.integers(), st.floats(), WALL)


@given(TEXT, TEXT, TEXT.filter(bool), st.integers(0, 999), TEXT, WALL, TEXT, st.integers(0, 2**31))
def test_what_a_row_holds_comes_back(
    from_tag: str, to_tag: str, call_id: str, code: int, reason: str, wall: datetime, ua: str, position: int
) -> None:
    row = (position, "INVITE", from_tag, to_tag, call_id, str(code), reason, wall, ua)
    found = event((*CORE, "ua"), row, Reading(zone=NEW_YORK))
    assert (found.from_tag, found.to_tag, found.call_id, found.reason) == (from_tag, to_tag, call_id, reason)
    assert (found.code, found.position, found.extra) == (code, position, (("ua", ua),))
    assert found.flags or found.time.astimezone(NEW_YORK).replace(tzinfo=None, fold=0) == wall


@given(st.sampled_from(AccTable), st.lists(CELL, min_size=12, max_size=12), st.sampled_from([0, 1, 2, 3, 4]))
def test_any_row_is_an_event_or_rejected_and_replays_alike(table: AccTable, cells: list[object], mode: int) -> None:
    columns = (*CORE, *OPENSIPS) if table is not AccTable.ACC_CDRS else (*CDRS, *CORE[1:], "created")
    zoned = reading(BERLIN, time=TimeLayout(mode=mode, attr="created"))
    found = RowReader(columns, table, zoned).event(cells)
    replayed = replay(found.raw, table, zoned)
    assert replayed == found
    assert isinstance(found, Rejection) or fingerprint(found) == fingerprint(replayed)  # type: ignore[arg-type]


@given(st.binary(max_size=400))
def test_any_bytes_below_a_header_are_events_or_rejections(junk: bytes) -> None:
    assert all(isinstance(one, Rejection) for one in read(HEADER + line(INVITE) + junk)[1:])
