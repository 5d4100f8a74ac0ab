from __future__ import annotations

import gzip
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from cdr.models import Event, Pending, Rejected, Source
from tests.conftest import Manage
from tests.factories import make_proxy

LINE = (
    "ACC: transaction answered: "
    "timestamp={time};method={method};from_tag=f;to_tag=t;call_id={call_id};code=200;reason=OK\n"
)
MAY = 1780228800


def log(*call_ids: str, start: int = MAY) -> str:
    """Return the log of one answered call of two seconds per Call-ID."""
    return "".join(
        LINE.format(time=start + 2 * later, method=method, call_id=call_id)
        for call_id in call_ids
        for later, method in enumerate(("INVITE", "BYE"))
    )


class Ended:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def counts(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self.out.splitlines()[-1])
        return found


def ingest(*arguments: object, proxy: str = "kam1") -> Ended:
    make_proxy()
    out, err = StringIO(), StringIO()
    try:
        call_command("ingest", "--proxy", proxy, "--json", *map(str, arguments), stdout=out, stderr=err)
    except SystemExit as end:
        return Ended(int(str(end.code)), out.getvalue(), err.getvalue())
    return Ended(0, out.getvalue(), err.getvalue())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "acc.log"
    made.write_text(log("a@x", "b@x") + "Oct  1 12:00:00 host cron[1]: nothing to do with calls\n")
    return made


@pytest.mark.django_db
def test_the_last_line_counts_what_became_of_the_records(file: Path) -> None:
    ended = ingest(file)
    assert ended.out.splitlines()[-1] == '{"read": 5, "events": 4, "duplicates": 0, "rejected": 0, "ignored": 1}'
    assert (ended.status, ended.err) == (0, "")
    assert Event.objects.count() == 4


@pytest.mark.django_db
def test_loading_a_file_again_changes_nothing_and_says_so(file: Path) -> None:
    ingest(file)
    assert ingest(file).counts == {"read": 5, "events": 0, "duplicates": 4, "rejected": 0, "ignored": 1}
    assert Event.objects.count() == 4


@pytest.mark.django_db
def test_the_events_wait_for_correlation(file: Path) -> None:
    ingest(file)
    assert Pending.objects.count() == 2


@pytest.mark.django_db
def test_without_json_the_last_line_is_a_sentence_that_says_what_to_do_next(file: Path) -> None:
    make_proxy()
    out = StringIO()
    call_command("ingest", "--proxy", "kam1", str(file), stdout=out)
    assert out.getvalue() == (
        "read 5 records: 4 new events, 0 duplicates, 0 rejected, 1 not accounting; "
        "`manage.py correlate` creates their calls (`up` and `collect` do it automatically)\n"
    )


@pytest.mark.django_db
def test_packed_and_plain_files_are_taken_together(file: Path, tmp_path: Path) -> None:
    packed = tmp_path / "acc.log.1.gz"
    packed.write_bytes(gzip.compress(log("c@x").encode()))
    assert ingest(file, packed).counts["events"] == 6


@pytest.mark.django_db
def test_the_source_counts_what_came_through_it(file: Path) -> None:
    ingest(file)
    source = Source.objects.get()
    assert (source.kind, source.events, source.ignored) == (Source.Kind.IMPORT, 4, 1)


@pytest.mark.django_db
def test_an_unknown_proxy_is_named_with_what_to_do(file: Path) -> None:
    with pytest.raises(
        CommandError, match=r"unknown proxy 'kam9' \(known: kam1\); add it: manage.py proxy add kam9"
    ) as refusal:
        ingest(file, proxy="kam9")
    assert refusal.value.returncode == 2


@pytest.mark.django_db
def test_an_unknown_format_is_named_with_those_there_are(file: Path) -> None:
    with pytest.raises(CommandError, match=r"unknown format 'pcap'; use auto or one of syslog, acc-csv,") as refusal:
        ingest(file, "--format", "pcap")
    assert refusal.value.returncode == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda bad: None, "No such file or directory; nothing was stored"),
        (lambda bad: bad.mkdir(), "Is a directory; nothing was stored"),
        (lambda bad: bad.touch(), "the file is empty"),
        (lambda bad: bad.write_bytes(gzip.compress(b"")), "the file is empty"),
        (lambda bad: bad.write_bytes(bytes(range(256)) * 100), "binary data without accounting"),
        (lambda bad: bad.symlink_to(bad), "Too many levels of symbolic links; nothing was stored"),
    ],
    ids=["missing", "directory", "empty", "empty-gzip", "binary", "loop"],
)
def test_a_bad_file_gets_one_line_and_the_others_are_taken(
    make: object, message: str, file: Path, tmp_path: Path
) -> None:
    assert callable(make)
    bad = tmp_path / "bad"
    make(bad)
    ended = ingest(bad, file)
    assert ended.err.startswith(f"{bad}: {message}")
    assert ended.err.count("\n") == 1
    assert ended.counts["events"] == 4
    assert ended.status == 1


@pytest.mark.django_db
def test_a_table_whose_heading_lacks_a_column_gets_one_line_and_the_others_are_taken(
    file: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "acc.csv"
    bad.write_text("id,method,from_tag,callid,sip_code,sip_reason,time\n1,BYE,a,c@h,200,OK,2026-05-01\n")
    ended = ingest(bad, file)
    assert ended.err.startswith(f"{bad}: line 1")
    assert "there is no column to_tag" in ended.err
    assert ended.err.count("\n") == 1
    assert (ended.counts["events"], ended.status) == (4, 1)


@pytest.mark.django_db
def test_a_file_without_accounting_is_no_failure_and_is_said(tmp_path: Path) -> None:
    (tmp_path / "quiet.log").write_text("May  1 12:00:00 host kamailio[1]: INFO: nothing happens\n")
    ended = ingest(tmp_path / "quiet.log")
    assert "no accounting found" in ended.err
    assert (ended.counts["ignored"], ended.status) == (1, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("1,INVITE,a,b,c@x,200,OK,2026-05-01 10:00:00\n", "the first line of this table does not name the columns"),
        ("callid,time,caller,callee\nc@x,2026-05-01,a,b\n", "this table lacks the columns method, from_tag, to_tag"),
    ],
    ids=["no heading", "columns missing"],
)
def test_a_table_that_gives_nothing_is_a_failure_and_says_what_it_lacks(
    text: str, missing: str, tmp_path: Path
) -> None:
    table = tmp_path / "acc.csv"
    table.write_text(text)
    ended = ingest(table)
    assert ended.err.startswith(f"{table}: {missing}")
    assert ended.err.count("\n") == 1
    assert ended.status == 1


@pytest.mark.django_db
def test_nothing_that_can_be_read_is_a_usage_error(tmp_path: Path) -> None:
    ended = ingest(tmp_path / "one", tmp_path / "two")
    assert ended.status == 2
    assert ended.err.count("\n") == 2


@pytest.mark.django_db
def test_what_precedes_the_cut_of_a_packed_file_is_taken(tmp_path: Path) -> None:
    lines = log(*(f"{number}@x" for number in range(2000)))
    packed = tmp_path / "cut.gz"
    packed.write_bytes(gzip.compress(lines.encode())[:-2000])
    ended = ingest(packed)
    assert ended.status == 1
    assert ended.err.count("damaged or cut off after") == 1
    assert 0 < ended.counts["events"] < 4000
    assert Event.objects.count() == ended.counts["events"]


@pytest.mark.django_db
def test_a_row_with_a_missing_column_is_kept_as_rejected_and_costs_no_other(tmp_path: Path, recorded: Path) -> None:
    header, first, second, *_ = (recorded / "01-answered-caller-hangup" / "acc.csv").read_text().splitlines()
    table = tmp_path / "acc.csv"
    table.write_text("\n".join([header, first.rpartition(",")[0].rpartition(",")[0], second]) + "\n")
    ended = ingest(table)
    assert (ended.counts["events"], ended.counts["rejected"]) == (1, 1)
    assert ended.status == 1
    assert Rejected.objects.count() == 1


@pytest.mark.django_db
def test_reasons_of_rejections_are_grouped_with_an_example_each(tmp_path: Path) -> None:
    table = tmp_path / "acc.csv"
    rows = [f"INVITE,a,b,{number}@x,2x{number},OK,2026-05-01 10:00:00" for number in range(3)]
    table.write_text("\n".join(["method,from_tag,to_tag,callid,sip_code,sip_reason,time", *rows, "BYE\x1b[2J"]) + "\n")
    ended = ingest(table)
    assert ended.err.splitlines() == [
        f"{table}: 3 rejected: line 2: sip_code is '2x0', which is not a SIP response code",
        f'{table}:     for example: {{"method":"INVITE","from_tag":"a","to_tag":"b","callid":"0@x","sip_code":"2x0",'
        '"sip_reason":"OK","time":"2026-05-01 10:00:00"}',
        f"{table}: 1 rejected: line 5: 1 cells under a header of 7 columns",
        rf"{table}:     for example: BYE\x1b[2J\n",
    ]
    assert ended.status == 1


@pytest.mark.django_db
def test_a_file_of_which_nobody_can_tell_what_it_is_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir,\n\nyour invoice is wrong.\n")
    ended = ingest(tmp_path / "letter.txt")
    assert "in an unknown format" in ended.err
    assert (ended.counts["events"], ended.status) == (0, 1)


@pytest.mark.django_db
def test_a_call_id_of_ten_thousand_characters_is_an_event_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "long.log").write_text(log("x" * 10_000, "a@x"))
    ended = ingest(tmp_path / "long.log")
    assert ended.counts["events"] == 4
    assert Event.objects.filter(call_id="x" * 10_000).count() == 2


@pytest.mark.django_db
def test_every_recorded_file_is_recognised_by_itself(recorded: Path) -> None:
    folder = recorded / "01-answered-caller-hangup"
    for name in ("syslog.txt", "acc.csv", "radius.jsonl"):
        assert ingest(folder / name).counts["events"] == 4, name


def test_standard_input_is_taken_and_nothing_but_the_counts_is_written(manage: Manage) -> None:
    make_proxy()
    ended = manage("ingest", "--proxy", "kam1", "--json", "-", input=log("a@x"))
    assert ended.stdout == '{"read": 2, "events": 2, "duplicates": 0, "rejected": 0, "ignored": 0}\n'
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_missing_argument_ends_with_status_2(manage: Manage) -> None:
    assert manage("ingest", "--proxy", "kam1").returncode == 2


@pytest.mark.parametrize("command", ["up", "proxy", "ingest", "correlate", "export", "source", "collect"])
def test_every_command_explains_itself(command: str, manage: Manage) -> None:
    ended = manage(command, "--help")
    assert ended.returncode == 0
    assert ended.stdout.startswith(f"usage: manage.py {command}")
