from __future__ import annotations

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from proxyconf.models import Proxy
from proxyconf.models.profile import profile_of
from proxyconf.vocabulary.layout import Backend

pytestmark = pytest.mark.django_db

CONFIGURATION = """\
modparam("acc", "log_flag", 1)
modparam("acc", "db_flag", 1)
modparam("acc", "db_url", "mysql://kam:secret@host/kam")
modparam("acc", "no_such_parameter", 1)
request_route { setflag(7); }
"""


def test_a_proxy_needs_no_more_than_a_name() -> None:
    call_command("proxy", "add", "kam1", stdout=StringIO())
    proxy = Proxy.objects.get()
    assert (proxy.name, proxy.product, proxy.version, proxy.timezone) == ("kam1", "kamailio", "5.6", "UTC")
    assert proxy.max_call == timedelta(hours=4)


def test_a_proxy_takes_all_that_is_said_of_it() -> None:
    said = "--product opensips --version 3.6 --timezone Europe/Berlin --cluster west --max-call 1h30m"
    call_command("proxy", "add", "os1", *said.split(), stdout=StringIO())
    proxy = Proxy.objects.get()
    assert (proxy.product, proxy.version, proxy.timezone, proxy.cluster) == ("opensips", "3.6", "Europe/Berlin", "west")
    assert proxy.max_call == timedelta(minutes=90)


def test_the_configuration_of_the_proxy_tells_what_it_logs(recorded: Path) -> None:
    call_command("proxy", "add", "kam1", "--acc-cfg", recorded / "11-multi-leg" / "acc.cfg", stdout=StringIO())
    assert Proxy.objects.get().field_layout.legs[Backend.SYSLOG] == ("src", "dst", "type")


def test_the_configuration_of_the_proxy_is_its_draft(tmp_path: Path) -> None:
    file = tmp_path / "kamailio.cfg"
    file.write_text(CONFIGURATION)
    out = StringIO()
    call_command("proxy", "add", "kam1", "--acc-cfg", file, stdout=out)
    draft = Proxy.objects.get().profile
    assert profile_of(draft).option("db_url") == "mysql://kam:secret@host/kam"
    assert draft.flags_elsewhere == [7]
    assert "secret" not in str(draft.options)
    assert "draft, under Configuration" in out.getvalue()
    assert out.getvalue().endswith(f"parts of it are unclear; see: manage.py proxyconf import kam1 {file} --dry-run\n")


def test_the_configuration_tells_which_proxy_it_is_for_where_nobody_says(recorded: Path) -> None:
    file = recorded / "opensips-01-answered-caller-hangup" / "acc.cfg"
    call_command("proxy", "add", "os1", "--acc-cfg", file, stdout=StringIO())
    call_command(
        "proxy", "add", "os2", "--product", "opensips", "--version", "3.6", "--acc-cfg", file, stdout=StringIO()
    )
    first, second = Proxy.objects.order_by("name")
    assert first.product == second.product == "opensips"
    assert second.version == "3.6"
    assert profile_of(second.profile).uses_do_accounting


def test_a_configuration_without_accounting_adds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "kamailio.cfg"
    file.write_text("request_route { exit; }")
    with pytest.raises(CommandError, match="this configuration sets up no accounting") as refusal:
        call_command("proxy", "add", "kam1", "--acc-cfg", file)
    assert refusal.value.returncode == 2
    assert not Proxy.objects.exists()


def test_a_proxy_without_its_configuration_has_a_layout_that_is_not_known() -> None:
    call_command("proxy", "add", "kam1", stdout=StringIO())
    assert Proxy.objects.get().field_layout.extras == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["kam1", "--timezone", "Mars/Olympus"],
            "'Mars/Olympus' is not a valid time zone; use a name like Europe/Berlin",
        ),
        (["kam1", "--timezone", "../../etc/passwd"], "is not a valid time zone"),
        (["kam1", "--version", "newest"], "'newest' is not a version; write it like 5.6"),
        (["kam1", "--product", "asterisk"], "'asterisk' is not a valid choice"),
        (["kam1", "--max-call", "long"], "'long' is not a valid time span; write it like 4h"),
        (["kam1", "--max-call", "0h"], "'0h' is not a valid duration; use a span like 4h"),
        (["kam 1"], "Use letters, digits, dot, dash, underscore."),
        (["kam1", "--acc-cfg", "/no/such/file"], "No such file or directory: '/no/such/file'"),
        (["kam1", "--acc-cfg", "/"], "Is a directory: '/'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line_and_nothing_is_added(options: list[str], message: str) -> None:
    with pytest.raises(CommandError) as refusal:
        call_command("proxy", "add", *options)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert refusal.value.returncode == 2
    assert not Proxy.objects.exists()


def test_a_name_that_is_taken_is_refused_and_the_proxy_stays_as_it_is() -> None:
    call_command("proxy", "add", "kam1", "--timezone", "Europe/Berlin", stdout=StringIO())
    with pytest.raises(CommandError, match="proxy 'kam1' already exists"):
        call_command("proxy", "add", "kam1")
    assert Proxy.objects.get().timezone == "Europe/Berlin"


def test_the_list_shows_one_proxy_per_line(recorded: Path) -> None:
    call_command("proxy", "add", "kam1", "--acc-cfg", recorded / "11-multi-leg" / "acc.cfg", stdout=StringIO())
    call_command("proxy", "add", "os1", "--product", "opensips", "--cluster", "west", stdout=StringIO())
    out = StringIO()
    call_command("proxy", "list", stdout=out)
    first, second = out.getvalue().splitlines()
    assert first.startswith("kam1  kamailio 5.6  UTC  calls up to 4h  ")
    assert "syslog legs src,dst,type" in first
    assert second.startswith("os1  opensips 5.6  UTC  cluster west")
