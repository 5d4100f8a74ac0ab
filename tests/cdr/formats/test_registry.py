"""What a file holds is told by its beginning."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdr.events import AccEvent, Unparsable
from cdr.formats.reading import Reading
from cdr.formats.registry import FORMATS, detect

RECORDED = Path(__file__).parents[2] / "recorded"
HEAD = 4096
FORMAT_OF_FILE = {
    "acc.csv": "acc-csv",
    "missed_calls.csv": "missed-csv",
    "acc_cdrs.csv": "acc-cdrs-csv",
    "radius.jsonl": "radius-jsonl",
    "freeradius_detail.txt": "radius-detail",
    "diameter.jsonl": "diameter-jsonl",
    "acc_json.jsonl": "acc-json",
    "events.jsonl": "opensips-events",
    "acc_json_syslog.txt": "syslog",
    "syslog.txt": "syslog",
    "syslog_traditional.txt": "syslog",
    "syslog_iso.txt": "syslog",
    "syslog_rfc5424.txt": "syslog",
}
INPUTS = sorted(  # nothing marks an empty file
    path for path in RECORDED.rglob("*") if path.name.removesuffix(".gz") in FORMAT_OF_FILE and path.stat().st_size
)

ACC = b"id,method,from_tag,to_tag,callid,sip_code,sip_reason,time"


def content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: str(path.relative_to(RECORDED)))
def test_every_recorded_file_is_recognised(path: Path) -> None:
    name = path.name.removesuffix(".gz")
    assert detect(content(path)[:HEAD], name) == FORMAT_OF_FILE[name]


def test_the_recorded_files_hold_every_format_but_dumps() -> None:
    assert {FORMAT_OF_FILE[path.name.removesuffix(".gz")] for path in INPUTS} == set(FORMATS) - {"sql-dump"}


@pytest.mark.parametrize("size", [300, HEAD])
@pytest.mark.parametrize("name", ["radius.jsonl", "acc_json.jsonl", "events.jsonl", "freeradius_detail.txt", "acc.csv"])
def test_a_record_that_the_head_cuts_is_recognised(name: str, size: int) -> None:
    head = content(next(path for path in INPUTS if path.name == name))[:size]
    assert detect(head) == FORMAT_OF_FILE[name]


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"sql-dump"}))
def test_each_format_reads_the_recorded_files_detected_as_it(name: str) -> None:
    streams = [content(path) for path in INPUTS if FORMAT_OF_FILE[path.name.removesuffix(".gz")] == name]
    parsed = [one for stream in streams for one in FORMATS[name](io.BytesIO(stream), Reading())]
    assert any(isinstance(one, AccEvent) for one in parsed)


def test_the_file_name_tells_kamailios_missed_calls_from_acc() -> None:
    assert detect(ACC, "kamailio_Missed_calls-2026.csv") == "missed-csv"
    assert detect(ACC, "acc.csv") == detect(ACC) == "acc-csv"


@pytest.mark.parametrize("folder", ["/var/missed_calls/", "missed and acc/", "C:\\missed\\"])
def test_the_folder_that_a_file_lies_in_says_nothing(folder: str) -> None:
    assert detect(ACC, folder + "acc.csv") == "acc-csv"


def test_opensips_missed_calls_are_told_by_their_columns() -> None:
    assert detect(ACC + b",setuptime,created\n") == "missed-csv"
    assert detect(ACC + b",duration,ms_duration,setuptime,created\n") == "acc-csv"


@pytest.mark.parametrize(
    "header",
    [
        b"\xef\xbb\xbf" + ACC,
        ACC.replace(b",", b"\t"),
        b'"id","method","from_tag","to_tag","callid","sip_code","sip_reason","time"\r\n',
        ACC.upper(),
        b"\n\n" + ACC,
        ACC.replace(b"callid", b"the_call").replace(b"sip_code", b"status"),
    ],
)
def test_a_table_is_recognised_in_each_of_its_forms(header: bytes) -> None:
    assert detect(header + b"\n1,2,3") == "acc-csv"


def test_json_spread_over_lines_is_recognised() -> None:
    assert detect(b'[\n  {\n    "time": 1,\n    "method": "INVITE",\n    "from_tag": "a"\n') == "acc-json"


def test_a_dialogs_json_record_is_recognised() -> None:
    assert detect(b'{"start_time": "1795392173.518", "end_time": "1795392175.822", "duration": "2.304"}') == "acc-json"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0\x01\x02\xff" * 100,
        b'{"idx": 1, "level": "NOTICE", "module": "acc", "message": "ACC: transaction answered: timestamp=1"}',
        b'{"time": "2026-01-01", "method": "GET", "path": "/"}',
        b"name,street,town\n",
        b"Nov 22 23:29:42 proxy kamailio[1]: hello\n\tAcct-Status-Type = Start\n",
    ],
)
def test_whatever_bears_no_mark_is_held_for_a_log(head: bytes) -> None:
    assert detect(head) == "syslog"


def test_a_value_cannot_pretend_to_be_a_member() -> None:
    forged = rb'{"time": 1, "method": "INVITE", "from_tag": "\"avps\": \"command\":", "ua": "\"method\": \"E_ACC_CDR"}'
    assert detect(forged) == "acc-json"


@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_bytes_have_a_format(head: bytes, name: str) -> None:
    assert detect(head, name) in FORMATS


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(junk=st.binary(max_size=300))
def test_no_bytes_break_a_reader(name: str, junk: bytes) -> None:
    try:
        parsed = list(FORMATS[name](io.BytesIO(junk), Reading()))
    except Unparsable:  # a table without its header
        assert name.endswith("-csv")
    else:
        assert not any(isinstance(one, AccEvent) for one in parsed)
