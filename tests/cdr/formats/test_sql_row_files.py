"""Rows in files: headers, delimiters, bad lines, and promises about any row."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent, EventKind, Unparsable, fingerprint
from cdr.formats.reading import Reading, Rejection
from cdr.formats.sql_row import AccTable, RowReader, replay
from proxyconf.vocabulary.layout import TimeLayout
from tests.cdr.formats.table_rows import BERLIN, BYE, CDRS, CORE, INVITE, NEW_YORK, OPENSIPS, event, read, reading

# --- files ------------------------------------------------------------------------------------------------------------

HEADER = ",".join(CORE).encode() + b"\n"


def line(row: tuple[str, ...]) -> bytes:
    return ",".join(row).encode() + b"\n"


@pytest.mark.parametrize("data", [b"", b"\n", HEADER, HEADER.rstrip()])
def test_a_file_without_rows_yields_nothing(data: bytes) -> None:
    assert read(data) == []


@pytest.mark.parametrize("data", [line(INVITE), b"\0\xff\x01" * 1000, b"\xff\xfei\0d\0", b"some log line\n", b'"'])
def test_a_file_without_a_header_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(Unparsable, match=r"^line 1, the heading of acc: there is no column") as caught:
        read(data)
    assert len(str(caught.value)) < 500


def test_a_rejection_names_its_line_and_the_others_are_kept() -> None:
    found = read(HEADER + line(INVITE) + b"\n" + b"junk\xff\n" + line((*INVITE[:7], "soon")) + line(BYE))
    assert [one.kind for one in found if isinstance(one, AccEvent)] == [EventKind.ANSWERED, EventKind.BYE]
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
