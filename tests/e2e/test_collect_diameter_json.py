"""A real Kamailio accounts real calls through acc_diameter and through acc_json; accweb collects them.

acc_json has two outputs: syslog(3), from where a daemon sends each object on, and a message queue, from which a route
of the script posts it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

from cdr.correlation.record import CallRecord
from cdr.models import Source
from proxyconf.profile import AccountingProfile, ExtraDefinition
from proxyconf.render.syslog_rule import Transport, syslog_rule
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.conftest import Manage
from tests.e2e import service, sip
from tests.e2e.exchange import exchange
from tests.rsyslog import rsyslog

TOKEN = "a-token-of-the-proxy"
ANSWERED = [
    ("caller_hangs_up", "answers"),
    ("caller_waits", "hangs-up"),
    ("caller_hangs_up", "next"),
    ("caller_vanishes", "answers"),
]
FAILED = [("caller_fails", "busy"), ("caller_cancels", "rings"), ("caller_fails", "rings")]
OBJECTS = replace(
    AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), [Backend.JSON]),
    extras=(
        ExtraDefinition("caller", "$fU", {Backend.JSON: "src_user"}),
        ExtraDefinition("ua", "$ua", {Backend.JSON: "ua"}),
    ),
)
ARRIVAL = timedelta(seconds=1)  # from the proxy to us

# What a script needs besides, to post the objects: one process empties the queue, and what could not be posted goes
# back there. A single quote or anything else that a phone sends stays data: nothing of it reaches a shell.
POSTING = """
loadmodule "xlog.so"
loadmodule "rtimer.so"
loadmodule "http_client.so"
modparam("rtimer", "timer", "name=accounting;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=accounting;route=POST_ACCOUNTING")
route[POST_ACCOUNTING] {{
    while (mq_fetch("acc")) {{
        http_client_query("{url}", "$mqv(acc)", "Authorization: Bearer {token}", "$var(answer)");
        if ($rc != 200) {{
            xlog("L_ERR", "accounting not posted: $rc $var(answer)\\n");
            mq_add("acc", "$mqk(acc)", "$mqv(acc)");
            return;
        }}
    }}
}}
"""


def test_the_answered_calls_of_acc_diameter_are_those_that_the_phones_saw(
    database_url: str, manage: Manage, tmp_path: Path
) -> None:
    """acc_diameter sends neither failed and missed calls nor a reason: of those nothing can be known."""
    port = service.free_tcp_port()
    wanted = replace(
        AccountingProfile.suggested(Product.KAMAILIO, Version(5, 6), [Backend.DIAMETER]),
        options={"diameter_client_host": "127.0.0.1", "diameter_client_port": port},
        extras=(ExtraDefinition("caller", "$fU", {Backend.DIAMETER: "1001"}),),
    )
    service.add_proxy(manage, wanted, tmp_path)
    service.add_source(manage, "diameter", listen=f"127.0.0.1:{port}", senders="127.0.0.1")
    with service.running(database_url, tmp_path, "collect") as log:
        service.wait_until(lambda: service.accepts(port), log)
        with exchange(wanted, tmp_path) as proxy:
            seen = service.make_calls([*ANSWERED, *FAILED], proxy, tmp_path)
            answered = [one for one in seen if one.answered_at]
            assert (len(seen), len(answered)) == (2 * 7, 2 * 4)
            told = (Backend.DIAMETER,)
            service.wait_until_same(partial(service.differences, answered, told, _compared_with_diameter), log)
            service.wait_until(lambda: service.published() == service.identities(answered, told), log)
    assert Source.objects.filter(rejected__gt=0).count() == 0


def _compared_with_diameter(one: sip.Seen, call: CallRecord) -> Iterator[tuple[str, bool]]:
    """acc_diameter sends no time: an event has that of its arrival."""
    yield from service.compared(one, call, timedelta(0), ARRIVAL)
    yield "to_tag", call.to_tag == one.to_tag


def test_the_calls_of_acc_json_over_http_are_those_that_the_phones_saw(
    database_url: str, manage: Manage, tmp_path: Path
) -> None:
    wanted = replace(OBJECTS, options={"acc_json.acc_output_mqueue": "acc", "acc_json.acc_output_syslog": 0})
    service.add_proxy(manage, wanted, tmp_path)
    service.add_source(manage, "http", token=TOKEN)
    web = service.free_tcp_port()
    with service.running(database_url, tmp_path, "up", "--port", str(web)) as log:
        service.wait_until(lambda: service.accepts(web), log)
        posting = POSTING.format(url=f"http://127.0.0.1:{web}/api/v1/events/", token=TOKEN)
        with exchange(wanted, tmp_path, more=posting) as proxy:
            _all_calls_of_acc_json_arrive(proxy, tmp_path, log)
    assert Source.objects.filter(rejected__gt=0).count() == 0


def test_the_calls_of_acc_json_through_a_syslog_daemon_are_those_that_the_phones_saw(
    database_url: str, manage: Manage, tmp_path: Path
) -> None:
    """The daemon sends datagrams here; where the accounting lines of acc go, it is TCP."""
    port = service.free_tcp_port()
    service.add_proxy(manage, OBJECTS, tmp_path)
    service.add_source(manage, "syslog", listen=f"127.0.0.1:{port}", senders="127.0.0.1")
    rule = syslog_rule(OBJECTS, port=port, transport=Transport.UDP)
    with (
        service.running(database_url, tmp_path, "collect") as log,
        rsyslog(rule, tmp_path / "proxy.log") as to_daemon,
    ):
        service.wait_until(lambda: service.accepts(port), log)  # it listens to datagrams first
        with exchange(OBJECTS, tmp_path, log=to_daemon) as proxy:
            _all_calls_of_acc_json_arrive(proxy, tmp_path, log)
    source = Source.objects.get()
    assert (source.rejected, source.ignored) == (0, 0), "rsyslog sends accounting alone"


def _all_calls_of_acc_json_arrive(proxy: int, folder: Path, log: Path) -> None:
    seen = service.make_calls([*ANSWERED, *FAILED], proxy, folder)
    told = (Backend.JSON,)
    service.wait_until_same(partial(service.differences, seen, told, _compared_with_json), log)
    service.wait_until(lambda: service.published() == service.identities(seen, told), log)


def _compared_with_json(one: sip.Seen, call: CallRecord) -> Iterator[tuple[str, bool]]:
    yield from service.compared(one, call, timedelta(seconds=1))
    yield "to_tag", call.to_tag == one.to_tag
    yield "user agent", call.user_agent == service.USER_AGENT
