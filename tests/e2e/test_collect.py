"""A real Kamailio accounts real calls to syslog, to PostgreSQL and over RADIUS at once; accweb collects all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from cdr.correlation.record import CallRecord
from cdr.models import Source
from proxyconf.profile import AccountingProfile, ExtraDefinition, LegDefinition
from proxyconf.render.radius_dictionary import (
    CLIENT_DICTIONARY,
    CLIENT_SERVERS,
    client_configuration,
    client_dictionary,
)
from proxyconf.render.sql_ddl import Dialect, sql_ddl
from proxyconf.render.syslog_rule import syslog_rule
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests import servers
from tests.conftest import Manage
from tests.e2e import service, sip
from tests.e2e.exchange import exchange
from tests.rsyslog import rsyslog

SECRET = "shared-by-the-two"
SCENES = [
    ("caller_hangs_up", "answers"),
    ("caller_waits", "hangs-up"),
    ("caller_fails", "busy"),
    ("caller_cancels", "rings"),
    ("caller_fails", "rings"),
    ("caller_hangs_up", "next"),
    ("caller_hangs_up", "forwarded"),
    ("caller_vanishes", "answers"),
]
BACKENDS = (Backend.SYSLOG, Backend.SQL, Backend.RADIUS)
LABELS = {Backend.SYSLOG: "src_user", Backend.SQL: "src_user", Backend.RADIUS: "User-Name"}
AGENT_LABELS = {Backend.SYSLOG: "ua", Backend.SQL: "ua", Backend.RADIUS: "Sip-User-Agent"}


def everything_everywhere(database: str, folder: Path) -> AccountingProfile:
    """Return what the exchange shall account."""
    return replace(
        AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), BACKENDS),
        options={
            "report_cancels": 1,
            "db_url": f"postgres://postgres@/{database}",
            "radius_config": str(folder / "radiusclient.conf"),
        },
        extras=(ExtraDefinition("caller", "$fU", LABELS), ExtraDefinition("ua", "$ua", AGENT_LABELS)),
        legs=tuple(LegDefinition(name, f"$avp({name})") for name in ("src", "dst", "type")),
    )


def test_the_calls_are_those_that_the_phones_saw_per_backend_and_all_together(
    database_url: str, manage: Manage, tmp_path: Path
) -> None:
    server = servers.postgresql()
    socket_folder = parse_qs(urlsplit(server).query)["host"][0]
    wanted = everything_everywhere("postgres", tmp_path)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql_ddl(wanted, Dialect.POSTGRESQL).encode())
    radius = sip.free_port()
    (tmp_path / "radiusclient.conf").write_text(client_configuration(wanted, port=radius))
    (tmp_path / CLIENT_DICTIONARY).write_text(client_dictionary(wanted))
    (tmp_path / CLIENT_SERVERS).write_text(f"127.0.0.1 {SECRET}\n")
    service.add_proxy(manage, wanted, tmp_path)
    syslog = service.free_tcp_port()
    service.add_source(manage, "syslog", listen=f"127.0.0.1:{syslog}", transport="tcp", senders="127.0.0.1")
    service.add_source(manage, "database", server=socket_folder, database="postgres", user="postgres")
    service.add_source(
        manage,
        "radius",
        listen=f"127.0.0.1:{radius}",
        clients="127.0.0.1",
        secret=SECRET,
        dictionary=tmp_path / CLIENT_DICTIONARY,
    )
    with (
        service.running(database_url, tmp_path, "collect") as log,
        rsyslog(syslog_rule(wanted, port=syslog), tmp_path / "proxy.log") as to_daemon,
    ):
        service.wait_until(lambda: f"127.0.0.1:{radius}" in log.read_text() and service.accepts(syslog), log)
        with exchange(wanted, tmp_path, log=to_daemon, PGHOST=socket_folder) as port:
            seen = service.make_calls(SCENES, port, tmp_path)
            assert len(seen) == 2 * len(SCENES)
            for backends in ((Backend.SYSLOG,), (Backend.SQL,), (Backend.RADIUS,), BACKENDS):
                compare = partial(_compared, radius_alone=backends == (Backend.RADIUS,))
                service.wait_until_same(partial(service.differences, seen, backends, compare), log)
            service.wait_until(lambda: service.published() == service.identities(seen, BACKENDS), log)
    assert Source.objects.filter(rejected__gt=0).count() == 0
    assert Source.objects.get(kind=Source.Kind.SYSLOG).ignored == 0, "rsyslog sends accounting alone"


def test_the_calls_of_a_local_log_that_is_followed_are_those_that_the_phones_saw(
    database_url: str, manage: Manage, tmp_path: Path
) -> None:
    told = (Backend.SYSLOG,)
    wanted = replace(everything_everywhere("", tmp_path), backends=told, options={"report_cancels": 1})
    service.add_proxy(manage, wanted, tmp_path)
    service.add_source(manage, "file", path=tmp_path / "proxy.log")
    with (
        rsyslog("", tmp_path / "proxy.log") as to_daemon,
        service.running(database_url, tmp_path, "collect") as log,
        exchange(wanted, tmp_path, log=to_daemon) as port,
    ):
        seen = service.make_calls(SCENES, port, tmp_path)
        compare = partial(_compared, radius_alone=False)
        service.wait_until_same(partial(service.differences, seen, told, compare), log)
        service.wait_until(lambda: service.published() == service.identities(seen, told), log)
    assert Source.objects.filter(rejected__gt=0).count() == 0


def _compared(one: sip.Seen, call: CallRecord, *, radius_alone: bool) -> Iterator[tuple[str, bool]]:
    yield from service.compared(one, call, timedelta(seconds=1))
    # Kamailio's RADIUS leaves out the To tag that the proxy made for its own 408.
    yield "to_tag", call.to_tag == ("" if radius_alone and one.code == 408 else one.to_tag)
    yield "user agent", call.user_agent == service.USER_AGENT
    legs = [("alice", one.dialled, "0")] + ([("forwarded", "answers", "1")] if one.dialled == "forwarded" else [])
    yield "legs", [leg[:3] for leg in call.legs] == legs
    attempts = [486] if one.dialled == "next" else [] if one.answered_at else [one.code]
    yield "attempts", [attempt.code for attempt in call.attempts] == attempts
