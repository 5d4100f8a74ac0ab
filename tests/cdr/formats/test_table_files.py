"""One table in every form that database clients and proxies write gives the same events."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent
from cdr.formats import sql_dump, table_files
from cdr.formats.raw_reader import reader_of
from cdr.formats.reading import IGNORED, Parsed, Reading, Rejection
from cdr.formats.registry import FORMATS, detect
from proxyconf.vocabulary.layout import Backend, FieldLayout
from proxyconf.vocabulary.products import Product

HEADING = ["id", "method", "from_tag", "to_tag", "callid", "sip_code", "sip_reason", "time", "ua"]
ROWS = [
    ["1", "INVITE", "a", "b", "c@x", "200", "OK", "2026-05-01 10:00:00", "x (y; z)"],
    ["2", "BYE", "b", "a", "c@x", "200", "OK", "2026-05-01 10:00:42", ""],
]
BORDER = "+" + "+".join("-" * 21 for _ in HEADING) + "+"


def framed(cells: list[str]) -> str:
    return "| " + " | ".join(cell.ljust(19) for cell in cells) + " |"


def between(separator: str, *rows: list[str]) -> str:
    return "".join(separator.join(row) + "\n" for row in rows)


def values(row: list[str]) -> str:
    return f"({row[0]}, " + ", ".join(f"'{cell}'" for cell in row[1:]) + ")"


NAMES = ", ".join(HEADING)
FORMS = {
    "commas": between(",", HEADING, *ROWS),
    "semicolons": between(";", HEADING, *[[f'"{cell}"' for cell in row] for row in ROWS]),
    "tabs": between("\t", HEADING, *ROWS),
    "psql unaligned": between("|", HEADING, *ROWS) + "(2 rows)\n",
    "mysql": "\n".join(
        ["mysql> select * from acc;", BORDER, framed(HEADING), BORDER, *map(framed, ROWS), BORDER, "2 rows in set"]
    ),
    "psql": " " + " | ".join(cell.ljust(19) for cell in HEADING) + "\n"
    + "+".join("-" * 21 for _ in HEADING) + "\n"
    + "".join(" " + " | ".join(cell.ljust(19) for cell in row) + "\n" for row in ROWS)
    + "(2 rows)\n",
    "markdown": f"|{'|'.join(HEADING)}|\n|{'---|' * len(HEADING)}\n" + "".join(f"|{'|'.join(row)}|\n" for row in ROWS),
    "mysql \\G": "".join(
        f"*************************** {number}. row ***************************\n"
        + "".join(f"{name:>10}: {cell}\n" for name, cell in zip(HEADING, row, strict=True))
        for number, row in enumerate(ROWS, 1)
    )
    + "2 rows in set (0.00 sec)\n",
    "psql \\x": "".join(
        f"-[ RECORD {number} ]----\n"
        + "".join(f"{name:<10} | {cell}\n" for name, cell in zip(HEADING, row, strict=True))
        for number, row in enumerate(ROWS, 1)
    ),
    "one INSERT": f"INSERT INTO `acc` ({NAMES}) VALUES\n" + ",\n".join(map(values, ROWS)) + ";\n",
    "INSERT each": "".join(f"INSERT INTO public.acc ({NAMES}) VALUES {values(row)};\n" for row in ROWS),
    "definition": f"CREATE TABLE acc (id int, {', '.join(f'{name} text' for name in HEADING[1:])}, PRIMARY KEY (id));\n"
    + "".join(f"INSERT INTO acc VALUES {values(row)};\n" for row in ROWS),
    "COPY": f"COPY public.acc ({NAMES}) FROM stdin;\n" + between("\t", *ROWS) + "\\.\n",
}  # fmt: skip


def read(data: bytes, name: str = "") -> list[Parsed]:
    return list(FORMATS[detect(data[:8192], name)](io.BytesIO(data), Reading()))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_events(form: str, newline: str) -> None:
    expected = [event for event in read(FORMS["commas"].encode()) if isinstance(event, AccEvent)]
    assert len(expected) == 2
    assert read(FORMS[form].replace("\n", newline).encode()) == expected


def test_a_bar_within_a_value_is_told_by_the_border() -> None:
    row = [*ROWS[0][:-1], "a | b"]
    (event,) = read("\n".join([BORDER, framed(HEADING), BORDER, framed(row), BORDER]).encode())
    assert isinstance(event, AccEvent)
    assert event.extra == (("ua", "a | b"),)


def test_a_bar_that_makes_a_row_doubtful_rejects_it_alone() -> None:
    good, bad = framed(ROWS[0]), framed(ROWS[1]).replace("| BYE ", "|| BYE ")
    kinds = list(map(type, read("\n".join([BORDER, framed(HEADING), BORDER, bad, good, BORDER]).encode())))
    assert kinds == [Rejection, AccEvent]


def test_a_line_of_a_value_cannot_forge_a_cell() -> None:
    records = FORMS["mysql \\G"].replace("ua: x (y; z)", "ua: x\n  sip_code: 486")
    first, second = read(records.encode())
    assert isinstance(first, Rejection)
    assert isinstance(second, AccEvent)


def test_rows_of_other_tables_in_a_dump_are_no_accounting() -> None:
    dump = "INSERT INTO `subscriber` VALUES (1,'alice'),(2,'bob');\n" + FORMS["one INSERT"]
    assert [record is IGNORED for record in read(dump.encode())] == [True, True, False, False]


def test_a_rejected_row_of_a_dump_is_kept_as_a_statement_that_can_be_read_again() -> None:
    for form in ("one INSERT", "COPY", "definition"):
        (rejection,) = [
            record for record in read(FORMS[form].replace("200", "2x0", 1).encode()) if isinstance(record, Rejection)
        ]
        corrected = rejection.raw.replace(b"2x0", b"200")
        assert reader_of("sql-dump", Reading())(corrected) == read(FORMS["commas"].encode())[:1]


def test_a_dump_without_columns_has_those_of_the_published_schema() -> None:
    row = values(ROWS[0][:-1])
    (event,) = read(f"INSERT INTO acc VALUES {row};\n".encode())
    assert isinstance(event, AccEvent)
    (rejection,) = read(f"INSERT INTO acc VALUES {values(ROWS[0])};\n".encode())
    assert isinstance(rejection, Rejection)
    assert "--complete-insert" in rejection.reason


@pytest.mark.parametrize("escaped", [r"x\x7Cy", r"x\|y"])
def test_an_escaped_separator_is_part_of_its_cell(escaped: str) -> None:
    (event,) = read(f"INVITE|a|b|c@x|200|OK|1777636800|{escaped}|z\n".encode())
    assert isinstance(event, AccEvent)
    assert event.extra == (("extra_1", "x|y"), ("extra_2", "z"))


def test_a_row_without_heading_is_read_again_with_the_layout_of_today() -> None:
    (event,) = read(b"INVITE|a|b|c@x|200|OK|1777636800|alice\n")
    assert isinstance(event, AccEvent)
    layout = FieldLayout(extras={Backend.SQL: ("src_user",)}, legs={Backend.SQL: ()})
    (again,) = reader_of("sql:acc", Reading(layout))(event.raw)
    assert isinstance(again, AccEvent)
    assert again.extra == (("src_user", "alice"),)


def test_a_row_whose_width_the_layout_does_not_explain_is_rejected_with_the_remedy() -> None:
    layout = FieldLayout(extras={Backend.SQL: ("src_user",)}, legs={Backend.SQL: ()})
    (rejection,) = table_files.read_acc(io.BytesIO(b"INVITE|a|b|c@x|200|OK|1777636800|x|y\n"), Reading(layout))
    assert isinstance(rejection, Rejection)
    assert "insert a first line with the names of the columns" in rejection.reason


def test_the_columns_of_an_opensips_context_end_a_row() -> None:
    reading = Reading(product=Product.OPENSIPS)
    (event,) = table_files.read_acc(io.BytesIO(b"INVITE,a,b,c@x,200,OK,1777636800,alice,0,0,0,0\n"), reading)
    assert isinstance(event, AccEvent)
    assert (event.extra, event.created_at, event.duration_us) == ((("extra_1", "alice"),), None, None)


@given(st.lists(st.sampled_from([*FORMS.values(), "(", "'", ",", "|", "\t", ";\n", "\\", "INVITE|"])).map("".join))
def test_no_text_raises_where_a_dump_is_read(text: str) -> None:
    for _ in sql_dump.read(io.BytesIO(text.encode()), Reading()):
        pass
