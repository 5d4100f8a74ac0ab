"""A real Kamailio starts with what is generated, and accounts with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings

from proxyconf.parse import parse_config
from proxyconf.profile import AccountingProfile, ExtraDefinition, Flags, LegDefinition, MessageFlag
from proxyconf.render.acc_section import acc_section
from proxyconf.render.hints import routing_hints
from proxyconf.render.sql_ddl import sql_ddl
from proxyconf.render.sql_schema import Dialect
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.conftest import RECORDED
from tests.kamailio.proxy import CALLEE_TAG, Answer, DidNotStart, raw, running
from tests.proxyconf.strategies import names, profiles

pytestmark = pytest.mark.kamailio

RELEASE = (Product.KAMAILIO, Version(5, 6))  # the one that Debian 12 has
USER_AGENT = ExtraDefinition(
    "ua", "$hdr(User-Agent)", {Backend.SYSLOG: "ua", Backend.SQL: "ua", Backend.RADIUS: "UA-Attr"}
)
CALLER = ExtraDefinition("src_user", "$fU", {Backend.SYSLOG: "src_user", Backend.SQL: "src_user"})
LEGS = (LegDefinition("src", "$avp(src)"), LegDefinition("dst", "$avp(dst)"))


def suggested(*backends: Backend, **options: int | str) -> AccountingProfile:
    return replace(AccountingProfile.suggested(*RELEASE, backends), options=options)


PROFILES = {
    "the log": suggested(Backend.SYSLOG),
    "flags by name": replace(
        suggested(Backend.SYSLOG),
        flags=replace(
            suggested(Backend.SYSLOG).flags, failed=MessageFlag(9, "FLT_FAILED"), prepare=MessageFlag(10, "FLT_LATER")
        ),
    ),
    "every backend": replace(suggested(*Backend), extras=(USER_AGENT, CALLER)),
    "legs": replace(suggested(Backend.SYSLOG, Backend.SQL, Backend.RADIUS), legs=LEGS),
    "direction detected": suggested(Backend.SYSLOG, detect_direction=1, report_ack=1, report_cancels=1),
    "records of dialogs": replace(
        suggested(Backend.SYSLOG, cdr_enable=1, cdr_start_on_confirmed=1),
        cdr_extras=(ExtraDefinition("callid", "$dlg_var(call_id)", {Backend.SYSLOG: "callid", Backend.SQL: "callid"}),),
    ),
    "records of dialogs alone": replace(
        AccountingProfile(*RELEASE, (Backend.SYSLOG,), options={"cdr_enable": 1}),
        cdr_extras=(ExtraDefinition("callid", "$dlg_var(call_id)", {Backend.SYSLOG: "callid", Backend.SQL: "callid"}),),
    ),
    "missed calls alone": AccountingProfile(
        *RELEASE, (Backend.SYSLOG,), flags=Flags(missed={Backend.SYSLOG: MessageFlag(2)})
    ),
    "objects in a queue": suggested(Backend.SYSLOG, Backend.JSON, **{"acc_json.acc_output_mqueue": "acc_events"}),
    "a variable of a transaction": replace(
        suggested(Backend.SYSLOG), extras=(ExtraDefinition("code", "$T_reply_code", {Backend.SYSLOG: "final"}),)
    ),
    "a value of replies": replace(
        suggested(Backend.SYSLOG), extras=(ExtraDefinition("why", "$rr", {Backend.SYSLOG: "why"}),)
    ),
}


@pytest.mark.parametrize("title", PROFILES)
def test_kamailio_starts_with_a_profile_of(title: str, tmp_path: Path) -> None:
    with running(PROFILES[title], tmp_path) as proxy:
        assert " ERROR: " not in proxy.log()


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(profiles([RELEASE], texts=names).map(lambda one: replace(one, other_parameters=(), options=_local(one))))
def test_kamailio_starts_with_any_profile(profile: AccountingProfile) -> None:
    if Backend.JSON in profile.backends:
        profile = replace(profile, legs=())  # together they end the proxy at the first leg
    if Backend.DIAMETER in profile.backends:
        profile = replace(profile, legs=tuple(replace(one, name=str(n)) for n, one in enumerate(profile.legs, 9000)))
    with TemporaryDirectory() as folder, running(profile, Path(folder)) as proxy:
        assert " ERROR: " not in proxy.log()


def _local(profile: AccountingProfile) -> dict[str, int | str]:
    """The options without a database that is not there."""
    return {key: value for key, value in profile.options.items() if key != "db_url"}


@pytest.mark.parametrize(
    "scenario", ["12-extra-accounting", "11-multi-leg", "18-dialog-cdrs", "02b-callee-hangup-detect-direction"]
)
def test_kamailio_starts_with_a_recorded_configuration_after_import_and_rendering(
    scenario: str, tmp_path: Path
) -> None:
    profile = parse_config((RECORDED / scenario / "acc.cfg").read_text()).profile
    with running(profile, tmp_path) as proxy:
        assert " ERROR: " not in proxy.log()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ('modparam("acc", "log_flag", 77)', 'modparam("acc", "log_flag", 7)'),
        ('modparam("acc", "log_extra", "a=$fU;")', 'modparam("acc", "log_extra", "a=$fU")'),
        ('modparam("acc", "multi_leg_info", "a=$var(a)")', 'modparam("acc", "multi_leg_info", "a=$avp(a)")'),
    ],
)
def test_the_start_shows_what_the_syntax_check_of_the_program_does_not(wrong: str, right: str, tmp_path: Path) -> None:
    profile = suggested(Backend.SYSLOG)
    section = acc_section(profile).replace('modparam("acc", "log_flag", 1)', "")
    with raw(section + right, routing_hints(profile), tmp_path):
        pass
    with pytest.raises(DidNotStart), raw(section + wrong, routing_hints(profile), tmp_path):
        pass


@pytest.fixture
def accounting(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A reader of the tables that the profile's SQL makes in an SQLite file.

    It is there before the proxy: the first to read the file locks it for a moment, to make its log, and Kamailio does
    not wait.
    """
    file = tmp_path / "accounting.sqlite3"
    with closing(sqlite3.connect(file)) as made:
        made.executescript(sql_ddl(accounted_in(file), Dialect.SQLITE))
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)) as reader:
        assert _rows(reader) == []
        yield reader


def accounted_in(file: Path) -> AccountingProfile:
    """Return a profile that accounts to the log and to an SQLite file."""
    given = suggested(Backend.SYSLOG, Backend.SQL, db_url=f"sqlite:///{file}", time_mode=2)
    return replace(given, extras=(USER_AGENT, CALLER))


def test_a_call_leaves_its_events_with_all_extras_in_the_log_and_in_the_database(
    accounting: sqlite3.Connection, tmp_path: Path
) -> None:
    with running(accounted_in(tmp_path / "accounting.sqlite3"), tmp_path) as proxy:
        proxy.send("INVITE", "call-1", headers="User-Agent: phone; v=1")
        proxy.send("BYE", "call-1", to_tag=CALLEE_TAG)
        proxy.wait_for(lambda: len(_rows(accounting)) >= 2)
        lines = [line for line in proxy.log().splitlines() if "ACC: transaction answered: " in line]
    assert [line.partition(";method=")[2].partition(";")[0] for line in lines] == ["INVITE", "BYE"]
    assert lines[0].endswith(";ua=phone; v=1;src_user=alice")
    assert _rows(accounting) == [
        ("INVITE", "call-1", "from-alice", CALLEE_TAG, "200", "phone; v=1", "alice"),
        ("BYE", "call-1", "from-alice", CALLEE_TAG, "200", None, "alice"),
    ]


def test_a_callee_without_a_tag_costs_no_row(accounting: sqlite3.Connection, tmp_path: Path) -> None:
    with running(accounted_in(tmp_path / "accounting.sqlite3"), tmp_path) as proxy:
        proxy.send("INVITE", "call-1", callee=Answer("486 Busy Here", to_tag=""))
        proxy.send("OPTIONS", "the-only-worker-is-through")
    for table in ("acc", "missed_calls"):
        assert accounting.execute(f"SELECT callid, to_tag, sip_code FROM {table}").fetchall() == [("call-1", "", "486")]


def test_nothing_is_lost_while_somebody_reads_the_database(accounting: sqlite3.Connection, tmp_path: Path) -> None:
    with running(accounted_in(tmp_path / "accounting.sqlite3"), tmp_path) as proxy:
        accounting.execute("BEGIN")
        assert _rows(accounting) == []
        for call_id in ("call-1", "call-2"):
            proxy.send("INVITE", call_id)
            proxy.send("BYE", call_id, to_tag=CALLEE_TAG)
        proxy.send("OPTIONS", "the-only-worker-is-through")
        assert _rows(accounting) == []  # what was there when the transaction began
        accounting.execute("COMMIT")
        assert " ERROR: " not in proxy.log()
    assert [row[:2] for row in _rows(accounting)] == [
        ("INVITE", "call-1"),
        ("BYE", "call-1"),
        ("INVITE", "call-2"),
        ("BYE", "call-2"),
    ]


def _rows(reader: sqlite3.Connection) -> list[tuple[str | None, ...]]:
    columns = "method, callid, from_tag, to_tag, sip_code, ua, src_user"
    return reader.execute(f"SELECT {columns} FROM acc ORDER BY id").fetchall()
