"""What the ``do_accounting()`` calls of a script request, all together."""

from __future__ import annotations

import pytest

from proxyconf.parse.asking import RequestedAccounting, read_calls
from proxyconf.parse.statements import read_statements
from proxyconf.parse.tokens import Reader
from proxyconf.vocabulary.layout import Backend

BACKENDS = {"log": Backend.SYSLOG, "db": Backend.SQL, "aaa": Backend.RADIUS, "evi": Backend.EVENTS}
LOG, SQL = Backend.SYSLOG, Backend.SQL
BOTH = frozenset({LOG, SQL})


def requested(*calls: str) -> RequestedAccounting:
    text = "route {\n" + "".join(f"{call};\n" for call in calls) + "}"
    return read_calls(read_statements(Reader(text)).calls, BACKENDS.__getitem__)


def remarks(*calls: str) -> list[str]:
    return [str(remark.why) for remark in requested(*calls).remarks]


@pytest.mark.parametrize(
    ("types", "backends"),
    [("log", {LOG}), ("db|log", {LOG, SQL}), (" DB | Log ", {LOG, SQL}), ("aaa", {Backend.RADIUS}), ("", set())],
)
def test_types_are_read_as_the_module_reads_them(types: str, backends: set[Backend]) -> None:
    assert requested(f'do_accounting("{types}")').backends == backends


def test_calls_add_up() -> None:
    result = requested('do_accounting("log")', 'do_accounting("db", "missed")')
    assert result.backends == {LOG, SQL}
    assert result.do_accounting.missed == {SQL}


def test_missed_is_of_the_backends_of_its_call_and_cdr_of_all() -> None:
    result = requested('do_accounting("log", "cdr|failed")', 'do_accounting("db", "missed")').do_accounting
    assert [result.missed, result.cdr, result.failed] == [frozenset({SQL}), BOTH, BOTH]


def test_nothing_is_requested_without_a_call() -> None:
    result = requested("setflag(1)")
    assert (result.backends, result.remarks, result.do_accounting.table) == (set(), [], "")


def test_the_table_is_that_of_the_call() -> None:
    assert requested('do_accounting("db", "", "calls")').do_accounting.table == "calls"


def test_the_same_table_twice_is_one_table() -> None:
    calls = ('do_accounting("db", "", "calls")', 'do_accounting("db", "missed", "calls")')
    assert requested(*calls).do_accounting.table == "calls"
    assert remarks(*calls) == []


@pytest.mark.parametrize("table", ['"other"', '"$avp(table)"', "$avp(table)"])
def test_a_second_or_variable_table_is_omitted_with_a_remark(table: str) -> None:
    calls = ('do_accounting("db", "", "calls")', f'do_accounting("db", "", {table})')
    assert requested(*calls).do_accounting.table == "calls"
    assert remarks(*calls) == ["only one constant table is kept; this one is omitted"]


@pytest.mark.parametrize("argument", ["$avp(types)", '"$avp(types)"', '"db|$var(more)"'])
def test_a_type_from_a_variable_is_not_guessed(argument: str) -> None:
    assert requested(f"do_accounting({argument})").backends == set()
    assert remarks(f"do_accounting({argument})") == ["the value is only known at run time"]


def test_a_call_without_arguments_has_a_remark() -> None:
    assert remarks("do_accounting()") == ["the accounting output is missing"]


def test_an_unknown_word_has_a_remark_that_names_the_allowed_ones() -> None:
    assert requested('do_accounting("db|sql")').backends == {SQL}
    assert remarks('do_accounting("db|sql")') == ["'sql' is not one of aaa, db, evi, log"]
    assert remarks('do_accounting("db", "all")') == ["'all' is not one of cdr, failed, missed"]


def test_a_remark_has_the_line_and_text_of_its_call() -> None:
    (remark,) = requested('do_accounting("db")', "drop_accounting()").remarks
    assert (remark.line, remark.text, remark.why) == (3, "drop_accounting()", "drop_accounting() is not imported")


def test_failed_in_a_call_for_the_bye_does_not_concern_the_invite() -> None:
    result = requested('if (is_method("BYE")) { do_accounting("log", "failed"); }')
    assert result.backends == {LOG}
    assert result.do_accounting.failed == frozenset()
    assert requested('if (is_method("INVITE")) { do_accounting("log", "failed"); }').do_accounting.failed == {LOG}
