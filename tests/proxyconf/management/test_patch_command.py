from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from proxyconf.models import Profile, Proxy
from proxyconf.models.profile import profile_of, save_profile
from proxyconf.profile import ExtraDefinition
from proxyconf.vocabulary.layout import Backend
from tests.factories import make_proxy
from tests.proxyconf.patch.configurations import CONFIGURATIONS

pytestmark = pytest.mark.django_db

SEVERAL = CONFIGURATIONS["kamailio of several files"]


@pytest.fixture
def main_file(tmp_path: Path) -> Path:
    """A configuration of several files on disk; one of them stands outside the folder."""
    folder = tmp_path / "kamailio"
    for file in SEVERAL.files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
    (tmp_path / "outside.cfg").write_text('modparam("acc", "early_media", 1)\n')
    return folder / "kamailio.cfg"


@pytest.fixture
def imported(main_file: Path) -> Proxy:
    proxy = make_proxy("edge")
    call_command("proxyconf", "import", "edge", str(main_file), "--define", "WITH_ACCDB")
    return proxy


def test_included_files_of_the_folder_are_followed(imported: Proxy) -> None:
    assert profile_of(Profile.objects.get()).backends == (Backend.SYSLOG, Backend.SQL)


def test_a_file_outside_the_folder_is_not_read_and_is_named(
    main_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main_file.write_text('include_file "../outside.cfg"\n' + main_file.read_text())
    make_proxy("edge")
    call_command("proxyconf", "import", "edge", str(main_file), "--dry-run")
    out = capsys.readouterr().out
    assert "kamailio.cfg line 1: include_file ../outside.cfg: this file is missing" in out
    assert "early_media" not in out


def test_the_patch_is_for_the_file_that_holds_the_line(imported: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    value = profile_of(Profile.objects.get())
    field = ExtraDefinition("ua", "$ua", {Backend.SQL: "ua"})
    save_profile(imported, replace(value, extras=(*value.extras, field)))
    capsys.readouterr()
    call_command("proxyconf", "patch", "edge")
    assert capsys.readouterr().out.startswith("--- a/conf.d/acc-db.cfg\n+++ b/conf.d/acc-db.cfg\n")


def test_a_file_can_be_named_instead(imported: Proxy, main_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main_file.write_text(main_file.read_text().replace('"early_media", 0', '"early_media", 1'))
    capsys.readouterr()
    call_command("proxyconf", "patch", "edge", str(main_file), "--define", "WITH_ACCDB")
    assert '+modparam("acc", "early_media", 0)' in capsys.readouterr().out


def test_what_could_not_be_placed_is_said_and_exits_1(
    imported: Proxy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "bare.cfg"
    bare.write_text('loadmodule "acc.so"\n')
    with pytest.raises(SystemExit) as ended:
        call_command("proxyconf", "patch", "edge", str(bare))
    assert ended.value.code == 1
    assert "could not be placed" in capsys.readouterr().err


def test_without_a_configuration_the_way_to_one_is_named() -> None:
    proxy = make_proxy("edge")
    save_profile(proxy, SEVERAL.profile)
    with pytest.raises(CommandError, match="no configuration of edge was imported"):
        call_command("proxyconf", "patch", "edge")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("options", "is_shown"), [([], False), (["--show-secrets"], True)])
@pytest.mark.parametrize("command", [["patch"], ["render", "--artefact", "acc.cfg"]])
def test_a_terminal_shows_passwords_only_if_asked_for(
    imported: Proxy, command: list[str], options: list[str], is_shown: bool
) -> None:
    value = profile_of(Profile.objects.get())
    save_profile(imported, replace(value, options={"db_url": "mysql://u:new-secret@h/d"}, macros={}))
    action, *rest = command
    terminal = Terminal()
    call_command("proxyconf", action, "edge", *rest, *options, stdout=terminal)
    assert ("new-secret" in terminal.getvalue()) == is_shown
