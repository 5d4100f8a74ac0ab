"""Files as they come: line ends of Windows, a byte order mark, Latin-1, tabs, substitutions, very long lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from proxyconf.models import Profile
from proxyconf.models.profile import profile_of, save_profile
from proxyconf.parse.files import ConfigFile
from proxyconf.profile import AccountingProfile, ExtraDefinition
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_proxy
from tests.proxyconf.patch.applying import applied

pytestmark = pytest.mark.django_db
TEXT = """\
#!KAMAILIO
#!define FLT_ACC 1
loadmodule "tm.so"
loadmodule "acc.so"
modparam("acc", "log_flag", FLT_ACC)
modparam("acc",\t"log_extra",\t"src=$fU")
request_route {
\tsetflag(FLT_ACC);
\tt_relay();
}
"""
FILES: dict[str, Callable[[], bytes]] = {
    "plain": lambda: TEXT.encode(),
    "line ends of Windows": lambda: TEXT.replace("\n", "\r\n").encode(),
    "a byte order mark": lambda: b"\xef\xbb\xbf" + TEXT.encode(),
    "Latin-1": lambda: TEXT.replace("#!define", "# Gr\u00fc\u00dfe\n#!define").encode("latin-1"),
    "a substitution": lambda: TEXT.replace("#!define FLT_ACC 1", '#!substdef "!FLT_ACC!1!g"').encode(),
    "very long lines": lambda: (TEXT + "# " + "x" * 300_000 + '\nxlog("' + "y" * 100_000 + '");\n').encode(),
    "no line end": lambda: TEXT.rstrip("\n").encode(),
    "tabs at the ends": lambda: TEXT.replace("\n", "\t \n").encode(),
    "a NUL": lambda: TEXT.encode() + b"# \0\n",
}


def imported(path: Path) -> AccountingProfile:
    call_command("proxyconf", "import", "edge", str(path))
    return profile_of(Profile.objects.get())


@pytest.mark.parametrize("name", FILES)
def test_a_field_is_one_changed_line_and_the_rest_keeps_its_bytes(
    name: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    proxy = make_proxy("edge")
    path = tmp_path / "kamailio.cfg"
    path.write_bytes(FILES[name]())
    value = imported(path)
    assert value.backends == (Backend.SYSLOG,)
    field = ExtraDefinition("ua", "$ua", {Backend.SYSLOG: "ua"})
    save_profile(proxy, replace(value, extras=(*value.extras, field)))
    capfdbinary.readouterr()
    call_command("proxyconf", "patch", "edge", str(path))
    patch = capfdbinary.readouterr().out.decode("latin-1")
    (after,) = applied(patch, [ConfigFile("kamailio.cfg", FILES[name]().decode("latin-1"))])
    changed = after.text.encode("latin-1")
    assert changed.replace(b"src=$fU;ua=$ua", b"src=$fU") == FILES[name]()
    path.write_bytes(changed)
    assert imported(path).extra_labels(Backend.SYSLOG)[-1][0] == "ua"


NOTHING = {"empty": b"", "UTF-16": TEXT.encode("utf-16"), "bytes": b"\xff\xfe\x00" * 30, "NULs": b"\0" * 100}


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_no_configuration_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    make_proxy("edge")
    path = tmp_path / "kamailio.cfg"
    path.write_bytes(NOTHING[name])
    with pytest.raises(CommandError, match=r"kamailio\.cfg: [^\n]*sets up no accounting; nothing was changed$"):
        call_command("proxyconf", "import", "edge", str(path))
    with pytest.raises(SystemExit):
        call_command("proxyconf", "check", "--file", str(path))
    assert not Profile.objects.exists()
