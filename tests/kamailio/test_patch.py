"""A real Kamailio starts with its configuration after a patch, and accounts what the patch adds."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from proxyconf.parse import parse_config
from proxyconf.parse.files import ConfigFile
from proxyconf.patch import make_patch
from proxyconf.profile import AccountingProfile, ExtraDefinition, MessageFlag
from proxyconf.vocabulary.layout import Backend
from proxyconf.vocabulary.products import Product, Version
from tests.kamailio.proxy import Kamailio, free_port, started
from tests.proxyconf.patch.configurations import KAMAILIO_TEXT

pytestmark = pytest.mark.kamailio

RELEASE = (Product.KAMAILIO, Version(5, 6))
PACKAGED = Path("/etc/kamailio/kamailio.cfg")
LOG, SQL = Backend.SYSLOG, Backend.SQL
UA = ExtraDefinition("ua", "$ua", {LOG: "ua"})


def install(text: str, target: AccountingProfile, folder: Path) -> str:
    """Apply the patch for ``target`` with the program patch; return the patch."""
    (folder / "kamailio.cfg").write_text(text)
    made = make_patch([ConfigFile("kamailio.cfg", text)], target)
    assert made.problems == ()
    subprocess.run(["patch", "-p1", "--fuzz=0"], cwd=folder, input=made.text.encode(), check=True, capture_output=True)
    return made.text


def own(port: int) -> tuple[str, AccountingProfile]:
    """A configuration that sends everything back to the sender, and what it accounts."""
    text = KAMAILIO_TEXT.replace(":5060", f":{port}").replace("t_relay();", '$du = "sip:127.0.0.1:" + $sp; t_relay();')
    text = text.replace("#!KAMAILIO\n", "#!KAMAILIO\ndebug=2\nlog_stderror=yes\nchildren=1\ndisable_tcp=yes\n")
    text = text.replace(
        "request_route {\n", 'request_route {\n\tif ($rm == "OPTIONS") { sl_send_reply("200", "OK"); exit; }\n'
    )
    return text, parse_config(text, product=RELEASE[0], version=RELEASE[1]).profile


def lines_of(proxy: Kamailio) -> list[str]:
    return [line for line in proxy.log().splitlines() if "ACC: transaction answered: " in line]


def test_a_new_field_is_logged_after_the_patch(tmp_path: Path) -> None:
    port = free_port()
    text, profile = own(port)
    install(text, replace(profile, extras=(*profile.extras, UA)), tmp_path)
    with started(tmp_path, port) as proxy:
        proxy.send("INVITE", "call-1", headers="User-Agent: phone")
        proxy.wait_for(lambda: bool(lines_of(proxy)))
        assert ";ua=phone" in lines_of(proxy)[0]


@pytest.mark.parametrize("name", ["another backend", "dialog records", "flags by name", "direction"])
def test_kamailio_starts_after_a_patch_for(name: str, tmp_path: Path) -> None:
    port = free_port()
    text, profile = own(port)
    flags = profile.flags
    field = ExtraDefinition("callid", "$dlg_var(call_id)", {LOG: "callid", SQL: "callid"})
    targets = {
        "another backend": replace(
            profile,
            backends=(LOG, SQL),
            flags=replace(
                flags, account={**flags.account, SQL: MessageFlag(20)}, missed={**flags.missed, SQL: MessageFlag(21)}
            ),
            options={"db_url": f"sqlite:///{tmp_path}/accounting.sqlite3"},
        ),
        "dialog records": replace(profile, options={"cdr_enable": 1}, cdr_extras=(field,)),
        "flags by name": replace(profile, flags=replace(flags, prepare=MessageFlag(22, "FLT_PREPARE"), failed=None)),
        "direction": replace(profile, options={"detect_direction": 1, "early_media": 1}),
    }
    install(text, targets[name], tmp_path)
    with started(tmp_path, port) as proxy:
        assert " ERROR: " not in proxy.log() or name == "another backend"  # its tables are not there


def test_a_field_is_a_patch_of_one_line_to_the_packaged_configuration(tmp_path: Path) -> None:
    port = free_port()
    head = f"#!KAMAILIO\nlisten=udp:127.0.0.1:{port}\n"
    text = PACKAGED.read_text().replace("#!KAMAILIO\n", head, 1)
    profile = parse_config(text, product=RELEASE[0], version=RELEASE[1]).profile
    patch = install(text, replace(profile, extras=(*profile.extras, UA)), tmp_path)
    assert [line[0] for line in patch.splitlines() if line[0] in "+-"][2:] == ["-", "+"]
    with started(tmp_path, port, ready="io_listen_loop") as proxy:  # its last process is up
        assert " CRITICAL: " not in proxy.log()


def test_flags_without_numbers_get_those_that_the_import_gives_them(tmp_path: Path) -> None:
    port = free_port()
    declared = "flags OTHER:1, FIRST, SECOND, THIRD;\n"
    text, _profile = own(port)
    text = text.replace("listen=", f"{declared}listen=", 1).replace("setflag(FLT_ACC);", "setflag(SECOND);")
    found = parse_config(f'{declared}modparam("acc", "log_flag", "SECOND")', product=RELEASE[0], version=RELEASE[1])
    number = found.profile.flags.account[LOG].number
    (tmp_path / "kamailio.cfg").write_text(text.replace("#!define FLT_ACC 1", f"#!define FLT_ACC {number}"))
    with started(tmp_path, port) as proxy:
        proxy.send("INVITE", "call-1")
        proxy.wait_for(lambda: bool(lines_of(proxy)))
