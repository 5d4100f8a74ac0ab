"""A small telephone exchange: a real Kamailio that accounts as a profile says, between SIPp's phones.

Whom it connects follows from the number dialled: ``answers``, ``hangs-up``, ``busy``, ``rings`` reach one phone;
``next`` is busy and the exchange tries a second phone, which answers; ``forwarded`` is passed on to another number, so
the call has two legs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from proxyconf.profile import AccountingProfile
from proxyconf.render.acc_section import acc_section
from proxyconf.render.hints import routing_hints
from tests.e2e import sip
from tests.kamailio.proxy import PACKAGES
from tests.rsyslog import logging_to
from tests.servers import program

ZONE = "America/Phoenix"
"""Of the proxy's clock: far from UTC, so that a local time taken for UTC is found out, and without an hour that comes
twice a year."""

NO_ANSWER_AFTER = 4  # seconds; well after the caller who cancels
PHONES = {
    "answers": "callee_answers",
    "hangs-up": "callee_hangs_up",
    "busy": "callee_is_busy",
    "rings": "callee_rings",
}

_SCRIPT = """\
#!KAMAILIO
debug=2
log_stderror={to_stderr}
children=2
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "tmx.so"
modparam("tm", "fr_timer", 5000)
modparam("tm", "fr_inv_timer", {no_answer})
include_file "{folder}/acc.cfg"
include_file "{folder}/routing.cfg"
{more}

request_route {{
    if ($rm == "OPTIONS") {{
        sl_send_reply("200", "Here");
        exit;
    }}
    if ($rm == "CANCEL") {{
        if (t_check_trans()) {{
{cancel}
            t_relay();
        }}
        exit;
    }}
    if ($tt != $null) {{
        if (loose_route()) {{
            route(ACC_WITHIN_DIALOG);
            t_relay();
        }} else if ($rm == "ACK" && t_check_trans()) {{
            t_relay();
        }}
        exit;
    }}
    t_check_trans();
    route(ACC_INVITE);
{legs}
    t_on_failure("NEXT");
    if ($rU == "next") $du = "sip:127.0.0.1:{busy}";
    else if ($rU == "busy") $du = "sip:127.0.0.1:{busy}";
    else if ($rU == "hangs-up") $du = "sip:127.0.0.1:{hangs_up}";
    else if ($rU == "rings") $du = "sip:127.0.0.1:{rings}";
    else $du = "sip:127.0.0.1:{answers}";
    t_relay();
}}

failure_route[NEXT] {{
    if (t_is_canceled() || $rU != "next" || $T_reply_code != 486) exit;
    route(ACC_NEXT_ATTEMPT);
    $du = "sip:127.0.0.1:{answers}";
    t_relay();
}}
"""
_LEGS = """\
    $avp(src) = $fU;
    $avp(dst) = $rU;
    $avp(type) = "0";
    if ($rU == "forwarded") {
        $avp(src) = "forwarded";
        $avp(dst) = "answers";
        $avp(type) = "1";
        $rU = "answers";
    }
"""


@contextmanager
def exchange(
    profile: AccountingProfile, folder: Path, *, more: str = "", log: Path | None = None, **environment: str
) -> Iterator[int]:
    """Run the phones and the proxy; give the proxy's port.

    It logs to the socket ``log`` of a syslog daemon, if there is one. ``more`` is what its script has besides.
    """
    with ExitStack() as stack:
        phones = {name: stack.enter_context(sip.callee(scenario, folder)) for name, scenario in PHONES.items()}
        port = sip.free_port()
        (folder / "acc.cfg").write_text(acc_section(profile))
        (folder / "routing.cfg").write_text(routing_hints(profile))
        (folder / "kamailio.cfg").write_text(
            _SCRIPT.format(
                port=port,
                folder=folder,
                more=more,
                to_stderr="no" if log else "yes",
                no_answer=NO_ANSWER_AFTER * 1000,
                cancel="            route(ACC_CANCEL);" if profile.is_on("report_cancels") else "",
                legs=_LEGS if profile.legs else "",
                **{name.replace("-", "_"): number for name, number in phones.items()},
            )
        )
        logging = logging_to(log, folder) if log else {}
        stack.enter_context(_kamailio(folder, environment | logging))
        _wait_for(port, folder)
        yield port


@contextmanager
def _kamailio(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    kamailio, script = program("kamailio", PACKAGES), folder / "kamailio.cfg"
    with (folder / "exchange.log").open("wb") as errors:
        process = subprocess.Popen(
            [kamailio, "-DD", "-f", script, "-Y", folder, "-w", folder, "-m", "32", "-M", "8"],
            cwd=folder,  # where it logs to until it has read that it works there
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, "TZ": ZONE, **environment},
            start_new_session=True,
        )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(port: int, folder: Path) -> None:
    """Wait until the proxy answers; fail with what was logged if it does not."""
    end = time.monotonic() + sip.PATIENCE
    while not sip.is_there(port):
        assert time.monotonic() < end, "\n".join(one.read_text() for one in folder.glob("*.log"))
