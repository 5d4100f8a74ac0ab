"""What a real Kamailio writes of a call flow is what the simulator foresees, field by field."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pyrad.dictionary import Dictionary
from pyrad.packet import AcctPacket

from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition, MessageFlag, OtherParameter
from proxyconf.render.acc_section import acc_section
from proxyconf.render.hints import routing_hints
from proxyconf.render.radius_dictionary import (
    CLIENT_DICTIONARY,
    CLIENT_SERVERS,
    client_configuration,
    client_dictionary,
)
from proxyconf.render.sql_ddl import sql_ddl
from proxyconf.render.sql_schema import Dialect
from proxyconf.simulate.event import SimulatedKind
from proxyconf.simulate.script import Marks, Script
from proxyconf.simulate.simulation import Simulation, simulate
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.kamailio.flows import ALL_FLOWS
from tests.kamailio.player import Player
from tests.kamailio.proxy import free_port, started
from tests.kamailio.radius_server import RadiusServer

pytestmark = pytest.mark.kamailio

SYSLOG, SQL, RADIUS, JSON = Backend.SYSLOG, Backend.SQL, Backend.RADIUS, Backend.JSON
Pairs = tuple[tuple[str, str], ...]
Written = dict[str, list[Pairs]]
_MADE_TAG = re.compile(r"\b[0-9a-f]{32}-[0-9a-f]{8}\b")
_TIMES = frozenset({"timestamp", "time", "time_attr", "time_exten", "Event-Timestamp", "start_time", "end_time"})
_OF_CLIENT = frozenset({"NAS-Port", "Acct-Delay-Time", "NAS-IP-Address", "NAS-Identifier"})
SCRIPT = """\
#!KAMAILIO
debug=2
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "tmx.so"
loadmodule "corex.so"
modparam("tm", "fr_timer", 700)
modparam("tm", "fr_inv_timer", 700)
modparam("tm", "retr_timer1", 5000)
include_file "acc.cfg"
include_file "routing.cfg"
request_route {{
    if ($rm == "OPTIONS") {{ sl_send_reply("200", "Here"); exit; }}
    if ($rm == "CANCEL") {{
        if (t_check_trans()) {{
            {cancel}
            t_relay();
        }}
        exit;
    }}
    if ($tt != $null) {{
        if (loose_route()) {{
            {within}
            {reinvite}
            t_relay();
        }} else if ($rm == "ACK" && t_check_trans()) {{
            t_relay();
        }}
        exit;
    }}
    if ($hdr(X-Challenge) != $null) {{ sl_send_reply("407", "Proxy Authentication Required"); exit; }}
    t_check_trans();
    route(ACC_INVITE);
    {dialog}
    {legs}
    $avp(attempt) = 0;
    t_on_failure("NEXT");
    $ru = "sip:b0-0@127.0.0.1:" + $hdr(X-Port);
    if ($hdr(X-Parallel) == "2") append_branch("sip:b0-1@127.0.0.1:$hdr(X-Port)");
    t_relay();
}}
failure_route[NEXT] {{
    {again}
    if (t_is_canceled() || $hdr(X-Attempts) != "2" || $avp(attempt) != 0) exit;
    $avp(attempt) = 1;
    {next_attempt}
    t_on_failure("NEXT");
    $ru = "sip:b1-0@127.0.0.1:" + $hdr(X-Port);
    t_relay();
}}
"""
QUEUE = """
loadmodule "rtimer.so"
loadmodule "xlog.so"
modparam("rtimer", "timer", "name=queue;interval=100000u;mode=1")
modparam("rtimer", "exec", "timer=queue;route=QUEUE")
route[QUEUE] {
    while (mq_fetch("objects")) { xlog("L_NOTICE", "OBJECT $mqv(objects)\n"); }
}
"""
"""Writes the objects of the queue into the log."""
LEGS = """
    $avp(src) = $hdr(X-Src0); $avp(dst) = $hdr(X-Dst0); $avp(type) = $hdr(X-Type0);
    if ($hdr(X-Src1) != $null) {
        $avp(src) = $hdr(X-Src1); $avp(dst) = $hdr(X-Dst1); $avp(type) = $hdr(X-Type1);
    }
"""
DIALOG = "$dlg_var(caller) = $fU; $dlg_var(callee) = $oU; $dlg_var(call_id) = $ci;"


def suggested(*backends: Backend, **options: int | str) -> AccountingProfile:
    return replace(AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), backends), options=options)


def field(variable: str, label: str) -> ExtraDefinition:
    return ExtraDefinition(label, variable, {SYSLOG: label, SQL: label, RADIUS: f"X-{label.title()}"})


FIELDS = (
    field("$ua", "ua"),
    field("$fU", "caller"),
    field("$rU", "ruser"),
    field("$oU", "dialled"),
    field("$tU", "callee"),
)
NUMBERS = (field("$si", "source"), field("$rm", "what"), field("$hdr(X-None)", "absent"), field("$tt", "remote"))

TRANSFORMED = (
    field("$(ua{s.substr,2,5})", "part"),
    field("$(ua{s.substr,0,4})", "begin"),
    field("$(ua{s.select,1, })", "word"),
    field("$(ua{s.strip,3})", "tail"),
    field("$(ua{s.striptail,3})", "head"),
    field("$(ua{s.rm,e})", "without"),
    field("$(fU{s.md5})", "digest"),
    field("$(ua{s.escape.common})", "escaped"),
    field("$(ru{uri.user})", "user"),
    field("$(ou{uri.host})", "host"),
    field("$(fU{s.toupper})", "upper"),
)
"""None that is null where the variable is: RADIUS and SQL tell the two apart."""

OF_DIALOG = tuple(
    ExtraDefinition(label, f"$dlg_var({label})", {SYSLOG: label, SQL: label})
    for label in ("caller", "callee", "call_id")
)
LEG_FIELDS = tuple(LegDefinition(name, f"$avp({name})") for name in ("src", "dst", "type"))
PLAIN = suggested(SYSLOG, SQL, RADIUS)


@dataclass(frozen=True)
class Case:
    """A profile, what the script lacks, and what it does besides: ``reinvite`` accounts the re-INVITE, ``again`` asks
    for missed calls where no attempt follows.
    """

    profile: AccountingProfile
    lacks: frozenset[str] = frozenset()
    adds: frozenset[str] = frozenset()

    @property
    def script(self) -> Script:
        script = Script.generated(self.profile)
        changes: dict[str, Any] = {name: Marks() for name in self.lacks}
        if "reinvite" in self.adds:
            changes["reinvite"] = Marks(script.invite.account)
        return replace(script, missed_again_without_attempt="again" in self.adds, **changes)


CASES: Mapping[str, Case] = {
    "suggested": Case(PLAIN),
    "every option": Case(
        suggested(SYSLOG, SQL, RADIUS, early_media=1, report_ack=1, report_cancels=1, detect_direction=1)
    ),
    "extras and milliseconds": Case(replace(suggested(SYSLOG, SQL, RADIUS, time_mode=1), extras=FIELDS)),
    "other extras, null allowed": Case(replace(suggested(SYSLOG, SQL, RADIUS, acc_extra_nullable=1), extras=NUMBERS)),
    "transformed extras": Case(replace(suggested(SYSLOG, SQL), extras=TRANSFORMED)),
    "legs": Case(replace(PLAIN, legs=LEG_FIELDS)),
    "missed calls alone": Case(replace(PLAIN, flags=replace(PLAIN.flags, account={}, failed=None))),
    "no missed calls": Case(replace(PLAIN, flags=replace(PLAIN.flags, missed={}))),
    "no failed calls, a filter": Case(
        replace(suggested(SYSLOG, SQL, RADIUS, failed_filter="486,481"), flags=replace(PLAIN.flags, missed={}))
    ),
    "one flag for all": Case(
        replace(
            PLAIN,
            flags=replace(
                PLAIN.flags,
                account=dict.fromkeys((SYSLOG, SQL, RADIUS), MessageFlag(1)),
                missed=dict.fromkeys((SYSLOG, SQL), MessageFlag(2)),
            ),
        )
    ),
    "a script that lacks the next attempt": Case(PLAIN, frozenset({"next_attempt"})),
    "a script that lacks the BYE": Case(PLAIN, frozenset({"bye"})),
    "a script that accounts the re-INVITE": Case(replace(PLAIN, extras=FIELDS), adds=frozenset({"reinvite"})),
    "a script that asks again where no attempt follows": Case(PLAIN, adds=frozenset({"again"})),
    "the reason's header, all at once": Case(
        replace(suggested(SYSLOG, SQL, RADIUS, reason_from_hf=1, early_media=1), extras=FIELDS, legs=LEG_FIELDS)
    ),
    "seconds with a fraction, names of columns": Case(
        suggested(SYSLOG, SQL, time_mode=2, acc_callid_column="callid", acc_sip_code_column="answer")
    ),
    "text of the time in UTC": Case(suggested(SYSLOG, SQL, time_mode=4)),
    "records of dialogs": Case(
        replace(
            suggested(SYSLOG, SQL, cdr_enable=1, cdrs_table="acc_cdrs", cdr_start_on_confirmed=1), cdr_extras=OF_DIALOG
        )
    ),
    "objects of a queue": Case(
        replace(
            suggested(SYSLOG, SQL, JSON, **{"acc_json.acc_output_mqueue": "objects", "acc_json.acc_output_syslog": 0}),
            extras=tuple(replace(one, labels={**one.labels, JSON: one.name}) for one in (*FIELDS, *NUMBERS)),
        )
    ),
    "records of dialogs that expire": Case(
        replace(
            suggested(
                *(SYSLOG, SQL),
                cdr_enable=1,
                cdrs_table="acc_cdrs",
                cdr_start_on_confirmed=1,
                cdr_expired_dlg_enable=1,
            ),
            cdr_extras=OF_DIALOG,
            other_parameters=(OtherParameter("dialog", "default_timeout", 2),),  # longer than any call that is played
        )
    ),
}


@pytest.mark.parametrize("title", CASES)
def test_every_flow_leaves_what_is_foreseen(title: str, tmp_path: Path) -> None:
    case = CASES[title]
    with RadiusServer() as server:
        profile = _here(case.profile, tmp_path, server.port)
        with closing(_database(profile, tmp_path)) as reader, _proxy(profile, case, tmp_path) as port:
            played = [
                Player(replace(flow, call_id=f"{name}@127.0.0.1", domain="lab.example"), port).play()
                for name, flow in ALL_FLOWS.items()
            ]
            foreseen, is_stale = {}, False
            for flow in played:
                simulation = simulate(profile, flow, case.script)
                foreseen[flow.name] = _foreseen(simulation, is_stale=is_stale)
                is_stale |= any(event.is_tag_made for event in simulation.events)
            _settle(lambda: _count(_written(profile, reader, server, tmp_path)) >= _count(_all(foreseen)))
            written = _written(profile, reader, server, tmp_path)
    for name, records in foreseen.items():
        own = {key: rows for key, rows in written.items() if key.endswith(f" of {name}@127.0.0.1")}
        assert own == records, name
    assert _count(written) == _count(_all(foreseen))


# --- what is foreseen


def _foreseen(simulation: Simulation, *, is_stale: bool) -> Written:
    """Return what is to be written. ``is_stale``: a call before made the proxy keep a To tag, which it writes for
    timeouts of other calls too.
    """
    flow = simulation.flow
    found: Written = {}
    for record in simulation.records:
        output = _output(simulation, record)
        pairs = tuple((name, "NULL" if value is None else str(value)) for name, value in record.fields)
        if record.backend is SYSLOG:  # cut at each semicolon, those in values too: both sides alike
            _output_name, pairs = next(iter(_line(record.text)))
        if is_stale and record.event.code == 408 and record.event.method == "INVITE" and not record.event.to_tag:
            pairs = tuple((name, "proxy-tag-1" if name == "to_tag" else value) for name, value in pairs)
        pairs = tuple(pair for pair in pairs if pair[0] not in _OF_CLIENT)
        found.setdefault(f"{output} of {flow.call_id}", []).append(_plain(pairs, record.backend))
    return {key: sorted(rows) for key, rows in found.items()}


def _output(simulation: Simulation, record) -> str:  # type: ignore[no-untyped-def]
    if record.backend is SQL:
        return str(record.table)
    return "dialogs" if record.event.kind is SimulatedKind.DIALOG else str(record.backend)


def _plain(pairs: Pairs, backend: Backend) -> Pairs:
    plain = tuple((name, "time" if name in _TIMES else _length(name, value, backend)) for name, value in pairs)
    return plain if backend is SYSLOG else tuple(sorted(plain))


def _length(name: str, value: str, backend: Backend) -> str:
    if name == "duration":  # of calls of some milliseconds: a failed one has a 0 without fraction in the log
        return "0" if value == "0" and backend is SYSLOG else "a length"
    return _MADE_TAG.sub("proxy-tag-1", value)


def _all(foreseen: Mapping[str, Written]) -> Written:
    return {key: rows for written in foreseen.values() for key, rows in written.items()}


def _count(written: Written) -> int:
    return sum(len(rows) for rows in written.values())


# --- what is written


def _written(profile: AccountingProfile, reader: sqlite3.Connection, server: RadiusServer, folder: Path) -> Written:
    found: Written = {}
    for output, call_id, pairs in [*_lines(folder), *_rows(profile, reader), *_packets(server, folder)]:
        backend = SYSLOG if output in ("syslog", "dialogs") else SQL
        found.setdefault(f"{output} of {call_id}", []).append(_plain(pairs, backend))
    return {key: sorted(rows) for key, rows in found.items()}


def _lines(folder: Path) -> Iterator[tuple[str, str, Pairs]]:
    for line in (folder / "log.txt").read_text().splitlines():
        for output, pairs in _line(line):
            yield output, dict(pairs)["callid" if output == "json" else "call_id"], pairs


def _line(line: str) -> Iterator[tuple[str, Pairs]]:
    if match := re.search(r"ACC: ([a-z ]+): (timestamp=.*)", line):
        yield "syslog", (("prefix", match[1]), *(_pair(one) for one in match[2].split(";")))
    elif match := re.search(r"OBJECT (\{.*\})", line):
        yield "json", tuple((name, str(value)) for name, value in json.loads(match[1]).items())
    elif match := re.search(r"(start_time=\d+\..*)", line):
        yield "dialogs", tuple(_pair(one) for one in match[1].split("; "))


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _rows(
    profile: AccountingProfile, reader: sqlite3.Connection
) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...]]]:
    for table in ("acc", "missed_calls", *(["acc_cdrs"] if profile.is_on("cdr_enable") else [])):
        cursor = reader.execute(f"SELECT * FROM {table} ORDER BY id")
        names = [column[0] for column in cursor.description]
        for row in cursor.fetchall():
            pairs = tuple((n, "NULL" if v is None else str(v)) for n, v in zip(names, row, strict=True) if n != "id")
            yield table, dict(pairs)["call_id" if table == "acc_cdrs" else "callid"], pairs


def _packets(server: RadiusServer, folder: Path) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...]]]:
    if not server.packets:
        return
    names = Dictionary(str(folder / CLIENT_DICTIONARY))
    for data in server.packets:
        packet = AcctPacket(dict=names, packet=data, secret=b"testing123")
        pairs = [(name, str(value)) for name in packet.keys() if name not in _OF_CLIENT for value in packet[name]]  # noqa: SIM118
        yield "radius", packet["Acct-Session-Id"][0], tuple(_by_kamailio(name, value) for name, value in pairs)


def _by_kamailio(name: str, value: str) -> tuple[str, str]:
    return (name, value.capitalize()) if name == "Sip-Method" else (name, value)


# --- the proxy and what it writes to


def _here(profile: AccountingProfile, folder: Path, radius_port: int) -> AccountingProfile:
    options = {**profile.options, "db_url": f"sqlite:///{folder / 'accounting.sqlite3'}"}
    if RADIUS in profile.backends:
        options["radius_config"] = str(folder / "radiusclient.conf")
        profile = replace(profile, options=options)
        (folder / "radiusclient.conf").write_text(client_configuration(profile, port=radius_port))
        (folder / CLIENT_DICTIONARY).write_text(client_dictionary(profile))
        (folder / CLIENT_SERVERS).write_text("127.0.0.1 testing123\n")
    return replace(profile, options=options)


def _database(profile: AccountingProfile, folder: Path) -> sqlite3.Connection:
    file = folder / "accounting.sqlite3"
    with closing(sqlite3.connect(file)) as made:
        made.executescript(sql_ddl(profile, Dialect.SQLITE))
    reader = sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)
    reader.execute("SELECT * FROM acc").fetchall()
    return reader


@contextmanager
def _proxy(profile: AccountingProfile, case: Case, folder: Path) -> Iterator[int]:
    port = free_port()
    (folder / "acc.cfg").write_text(acc_section(profile))
    (folder / "routing.cfg").write_text(routing_hints(profile))
    (folder / "kamailio.cfg").write_text(
        SCRIPT.format(
            port=port,
            cancel="route(ACC_CANCEL);" if profile.is_on("report_cancels") else "",
            within="" if "bye" in case.lacks else "route(ACC_WITHIN_DIALOG);",
            reinvite=_setflags(profile) if "reinvite" in case.adds else "",
            next_attempt="" if "next_attempt" in case.lacks else "route(ACC_NEXT_ATTEMPT);",
            again="route(ACC_NEXT_ATTEMPT);" if "again" in case.adds else "",
            dialog=DIALOG if profile.cdr_extras else "",
            legs=LEGS if profile.legs else "",
        )
    )
    if JSON in profile.backends:
        with (folder / "kamailio.cfg").open("a") as script:
            script.write(QUEUE)
    with started(folder, port):
        yield port


def _setflags(profile: AccountingProfile) -> str:
    flags = " ".join(f"setflag({flag.number});" for flag in profile.flags.account.values())
    return f'if ($rm == "INVITE") {{ {flags} }}'


def _settle(is_done) -> None:  # type: ignore[no-untyped-def]
    """Wait until all is written that should be; what else comes in that time is seen too."""
    end = time.monotonic() + 5
    while not is_done() and time.monotonic() < end:
        time.sleep(0.05)
